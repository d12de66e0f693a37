//! Faults on request: what goes wrong in the local cluster, so that people can see and tests can prove what happens then.
//!
//! A fault is ordered by the annotation `local-cluster/fault`, in any way an annotation can be set; [`Faults::order`] sets it
//! from within the program. [`table`] lists all faults and where they may stand, `grammar` reads orders and refuses wrong ones
//! at the door, and the decisions are pure (`pods`, `requests`). The kubelet and the API server carry them out. Nothing is
//! left to chance: what is to happen so many times is counted.
//!
//! - A pod meets the faults of the nearest of these that has the annotation: the Pod, its Job, its Namespace. They are looked
//!   up when a container starts and when it ends; the annotation of a Pod that runs counts at once.
//! - A request meets the faults of its Namespace, and of `kube-system` if it is outside of namespaces. Requests for a
//!   Namespace by its name meet none, so that every order can be taken back.

mod grammar;
mod pods;
mod requests;
pub mod table;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::kinds::Kind;
use super::object::{Key, Object, object_at};
use super::registry::Registry;
use super::status::{Cause, Status};
pub use grammar::{Order, check, parse};
use pods::Counts;
pub use pods::PodFaults;
pub use requests::{Asked, Cut, Hit};

/// The annotation that orders faults.
pub const ANNOTATION: &str = "local-cluster/fault";
/// The Namespace whose faults are met by requests outside of namespaces.
pub const OUTSIDE: &str = "kube-system";
/// The label that has a pod's completion index.
const INDEX_LABEL: &str = "batch.kubernetes.io/job-completion-index";

/// The faults of a cluster.
#[derive(Clone)]
pub struct Faults {
    registry: Registry,
    pods: Counts,
    requests: Arc<Mutex<HashMap<String, Used>>>,
}

/// How often the orders of a Namespace have happened, since it was changed.
#[derive(Debug, Default)]
struct Used {
    revision: u64,
    counts: Vec<u64>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Faults {
    /// Makes the faults of a cluster.
    pub fn new(registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            pods: Counts::default(),
            requests: Arc::default(),
        }
    }

    /// Orders faults on an object in place of those that it has, or takes them back with an empty text.
    pub fn order(&self, on: &Key, text: &str) -> Result<(), Status> {
        check(on.kind, text).map_err(Status::bad_request)?;
        let changed = self.registry.edit(on, |object| {
            let annotations = object_at(object, &["metadata", "annotations"]);
            if text.is_empty() {
                annotations.remove(ANNOTATION);
            } else {
                annotations.insert(ANNOTATION.into(), json!(text));
            }
        });
        changed.map(drop)
    }

    /// Returns the faults that a pod may meet.
    pub fn of_pod(&self, pod: &Object) -> PodFaults {
        let meta = &pod.head.metadata;
        let owner = meta.owner_references.iter().find(|o| o.controller && o.kind == "Job");
        let scope = owner.map_or(meta.uid.as_str(), |job| job.uid.as_str());
        let text = meta.fault().map(str::to_owned).or_else(|| {
            let job = owner.and_then(|o| self.fault_on(Kind::Job, &pod.key.namespace, &o.name));
            job.or_else(|| self.fault_on(Kind::Namespace, "", &pod.key.namespace))
        });
        let Some(text) = text else { return PodFaults::default() };
        let index = meta.labels.get(INDEX_LABEL).and_then(|index| index.parse().ok());
        // It was checked when it was written.
        PodFaults::new(parse(&text).unwrap_or_default(), scope, index, self.pods.clone())
    }

    /// Decides what a request meets, and counts it.
    pub fn of_request(&self, asked: &Asked<'_>) -> Hit {
        let Some((orders, revision)) = self.of_namespace(asked.namespace) else {
            return Hit::default();
        };
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let used = requests.entry(asked.namespace.to_owned()).or_default();
        if used.revision != revision {
            *used = Used {
                revision,
                counts: Vec::new(),
            };
        }
        requests::decide(&orders, asked, &mut used.counts)
    }

    /// Returns the revision of a Namespace, which tells a watch what was ordered before it began.
    pub fn revision(&self, namespace: &str) -> u64 {
        let key = Key::new(Kind::Namespace, "", namespace);
        self.registry.store().get(&key).map_or(0, |object| object.revision)
    }

    /// Tells how a running watch ends by what was ordered on its Namespace after a revision.
    pub fn cut(&self, namespace: &str, resource: &str, since: u64) -> Option<Cut> {
        let (orders, revision) = self.of_namespace(namespace)?;
        (revision > since).then(|| requests::cut(&orders, resource)).flatten()
    }

    fn of_namespace(&self, namespace: &str) -> Option<(Vec<Order>, u64)> {
        let object = self.registry.store().get(&Key::new(Kind::Namespace, "", namespace))?;
        let orders = parse(object.head.metadata.fault()?).ok()?;
        Some((orders, object.revision))
    }

    fn fault_on(&self, kind: Kind, namespace: &str, name: &str) -> Option<String> {
        let object = self.registry.store().get(&Key::new(kind, namespace, name))?;
        object.head.metadata.fault().map(str::to_owned)
    }
}

/// Tells what is wrong with the orders on an object, and on the pods that it is a template for.
pub(super) fn refusals(kind: Kind, object: &Value) -> Vec<Cause> {
    let mut places = vec![(kind, "/metadata/annotations", "metadata.annotations")];
    if kind == Kind::Job {
        let field = "spec.template.metadata.annotations";
        places.push((Kind::Pod, "/spec/template/metadata/annotations", field));
    }
    let refusal = |(kind, pointer, field): (Kind, &str, &str)| {
        let text = object.pointer(pointer)?.get(ANNOTATION)?.as_str()?;
        let why = check(kind, text).err()?;
        Some(Cause::invalid(field, text, &why))
    };
    places.into_iter().filter_map(refusal).collect()
}

#[cfg(test)]
mod tests {
    use super::table::Fault;
    use super::*;
    use crate::local::store::Store;

    fn cluster() -> (Registry, Faults) {
        let now = Arc::new(|| jiff::Timestamp::UNIX_EPOCH);
        let registry = Registry::new(Arc::new(Store::default()), now);
        for name in ["default", OUTSIDE] {
            let namespace = json!({"metadata": {"name": name}});
            registry.create(Kind::Namespace, "", namespace, false).unwrap();
        }
        let faults = Faults::new(&registry);
        (registry, faults)
    }

    fn pod(registry: &Registry, name: &str) -> Arc<Object> {
        let spec = json!({"containers": [{"name": "worker", "image": "played"}]});
        let pod = json!({"metadata": {"name": name}, "spec": spec});
        registry.create(Kind::Pod, "default", pod, false).unwrap()
    }

    #[test]
    fn the_nearest_order_counts() {
        let (registry, faults) = cluster();
        let namespace = Key::new(Kind::Namespace, "", "default");
        faults.order(&namespace, "crash").unwrap();
        let object = pod(&registry, "p");
        assert!(faults.of_pod(&object).take(Fault::Crash).is_some());
        faults.order(&object.key, "kill").unwrap();
        let object = registry.get(&object.key).unwrap();
        assert!(faults.of_pod(&object).take(Fault::Crash).is_none());
        assert_eq!(faults.of_pod(&object).while_running().len(), 1);
        faults.order(&object.key, "").unwrap();
        faults.order(&namespace, "").unwrap();
        let object = registry.get(&object.key).unwrap();
        assert!(faults.of_pod(&object).take(Fault::Crash).is_none());
        assert!(faults.order(&object.key, "gone").is_err());
    }

    #[test]
    fn requests_are_counted_anew_when_the_namespace_is_changed() {
        let (_, faults) = cluster();
        let on = Key::new(Kind::Namespace, "", OUTSIDE);
        let asked = Asked {
            namespace: OUTSIDE,
            verb: "list",
            resource: "nodes",
            goes_on: false,
        };
        let is_hit = || faults.of_request(&asked).order.is_some();
        assert!(!is_hit());
        faults.order(&on, "unavailable:times=1").unwrap();
        assert!(is_hit() && !is_hit());
        faults.order(&on, "unavailable:times=1;watch-cut").unwrap();
        assert!(is_hit() && !is_hit());
    }

    #[test]
    fn a_watch_is_cut_by_what_was_ordered_after_it_began() {
        let (_, faults) = cluster();
        let on = Key::new(Kind::Namespace, "", "default");
        let before = faults.revision("default");
        faults.order(&on, "watch-cut:kind=pods").unwrap();
        assert_eq!(faults.cut("default", "pods", before), Some(Cut::Clean));
        assert_eq!(faults.cut("default", "jobs", before), None);
        assert_eq!(faults.cut("default", "pods", faults.revision("default")), None);
    }

    #[test]
    fn wrong_orders_are_refused_at_the_door_also_in_a_template() {
        let annotated = json!({"annotations": {ANNOTATION: "explode"}});
        let fields =
            |kind, object: &Value| -> Vec<String> { refusals(kind, object).into_iter().map(|c| c.field).collect() };
        assert_eq!(
            fields(Kind::Pod, &json!({"metadata": annotated})),
            ["metadata.annotations"]
        );
        let job = json!({"metadata": {}, "spec": {"template": {"metadata": annotated}}});
        assert_eq!(fields(Kind::Job, &job), ["spec.template.metadata.annotations"]);
        assert!(fields(Kind::Pod, &json!({"metadata": {}})).is_empty());
    }
}
