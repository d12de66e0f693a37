//! Ordering faults from everybody who makes them: the wire, the workers, and the local cluster, there by its annotation, as anybody
//! would.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::draw::{Class, Fault, Maker, Ordered, kind_of};
use super::wire::Wire;
use super::worker::Crew;

/// The namespace of every run.
pub(crate) const NAMESPACE: &str = "default";

/// The namespace whose faults hit requests outside of namespaces, such as those for nodes.
const OUTSIDE: &str = "kube-system";

/// The node that is lost.
const NODE: &str = "node-1";

/// The annotation that orders faults of the local cluster.
const FAULT: &str = "local-cluster/fault";

/// When a node is lost, after the start: the run's workers are there by then.
const NODE_LOST_AFTER: Duration = Duration::from_millis(500);

/// When running watches are cut, after the start: there are some by then.
const CUT_AFTER: Duration = Duration::from_millis(300);

/// Everybody who makes faults.
pub(crate) struct Orders {
    /// The program's way to the cluster.
    pub(crate) wire: Wire,
    pub(crate) crew: Crew,
    /// The way of everybody else.
    client: Client,
    /// What is ordered when the run is under way.
    later: Vec<JoinHandle<()>>,
}

impl Orders {
    /// Begins without faults.
    pub(crate) fn new(wire: Wire, crew: Crew, client: Client) -> Self {
        Self {
            wire,
            crew,
            client,
            later: Vec::new(),
        }
    }

    /// Orders faults in place of those before.
    pub(crate) async fn order(&mut self, faults: &[Ordered]) {
        for task in std::mem::take(&mut self.later) {
            task.abort();
            // It was told to end, so that is what it answers.
            task.await.ok();
        }
        self.wire.order(faults);
        self.crew.order(faults);
        for namespace in [NAMESPACE, OUTSIDE] {
            let (now, then) = (words(faults, namespace, false), words(faults, namespace, true));
            order_on_namespace(&self.client, namespace, &now).await;
            if then != now {
                let client = self.client.clone();
                self.later.push(spawn_local(async move {
                    sleep(CUT_AFTER).await;
                    order_on_namespace(&client, namespace, &then).await;
                }));
            }
        }
        let nodes = Api::<Node>::all(self.client.clone());
        // Before its kubelet has registered there is no node, and nothing to be taken back.
        nodes.patch(NODE, &PatchParams::default(), &annotate("")).await.ok();
        if let Some(lost) = faults.iter().find(|o| kind_of(o.fault).maker == Maker::Node) {
            let lost = order(lost);
            self.later.push(spawn_local(async move {
                sleep(NODE_LOST_AFTER).await;
                let patched = nodes.patch(NODE, &PatchParams::default(), &annotate(&lost)).await;
                patched.expect("the fault is one of the table");
            }));
        }
    }
}

async fn order_on_namespace(client: &Client, namespace: &str, words: &str) {
    let namespaces = Api::<Namespace>::all(client.clone());
    let (params, patch) = (PatchParams::default(), annotate(words));
    let patched = namespaces.patch(namespace, &params, &patch).await;
    patched.expect("the faults are of the table, and a namespace can be patched whatever is ordered on it");
}

/// Makes the patch that orders these faults; without words it takes back what is ordered.
fn annotate(words: &str) -> Patch<Value> {
    let value = if words.is_empty() { Value::Null } else { json!(words) };
    Patch::Merge(json!({"metadata": {"annotations": {(FAULT): value}}}))
}

/// Writes the annotation of a namespace. Cutting watches that run makes sense only once they do.
fn words(faults: &[Ordered], namespace: &str, with_cuts: bool) -> String {
    let is_cut = |o: &Ordered| matches!(o.fault, Fault::ApiWatchCut | Fault::ApiWatchReset);
    let here = faults.iter().filter(|o| place(o) == Some(namespace));
    let words: Vec<String> = here.filter(|o| with_cuts || !is_cut(o)).map(order).collect();
    words.join(";")
}

/// The namespace where a fault is ordered, if it is ordered on one.
fn place(ordered: &Ordered) -> Option<&'static str> {
    match kind_of(ordered.fault).maker {
        Maker::Namespace => Some(NAMESPACE),
        Maker::Api(_) => {
            // Of the requests of a run only those for nodes are outside of namespaces.
            let can_be_outside = matches!(ordered.class, Some(Class::List | Class::Watch));
            let is_outside = can_be_outside && ordered.index % 4 == 3;
            Some(if is_outside { OUTSIDE } else { NAMESPACE })
        }
        Maker::Worker | Maker::Node | Maker::Wire(_) => None,
    }
}

/// Writes a fault as the annotation has it.
fn order(ordered: &Ordered) -> String {
    let kind = kind_of(ordered.fault);
    let (name, index, times, seconds) = (kind.name, ordered.index, ordered.times, ordered.lasts.as_secs());
    match (name, ordered.class.map(verb)) {
        ("lost", _) => "lost:for=90s".to_owned(),
        ("evict", _) => format!("evict:index={index},times={times},after=100ms"),
        ("image-pull-failure", _) => format!("{name}:index={index},times={times},for={seconds}s"),
        ("log-gap", _) => format!("{name}:index={index},times={times},lines=2"),
        ("log-rotate", _) => format!("{name}:index={index},times={times},after=50ms"),
        ("watch-cut" | "watch-reset", _) => name.to_owned(),
        ("gone" | "http-gone", _) => format!("{name}:times={times}"),
        ("latency", Some(verb)) => format!("{name}:times={times},verb={verb},for={seconds}s"),
        ("too-many-requests", Some(verb)) => {
            format!("{name}:times={times},verb={verb},after={}s", ordered.after + 1)
        }
        (_, Some(verb)) => format!("{name}:times={times},verb={verb}"),
        (_, None) => format!("{name}:index={index},times={times}"),
    }
}

/// What the server calls requests of a class. People patch, delete and get: what they do must not fail.
fn verb(class: Class) -> &'static str {
    match class {
        Class::List => "list",
        Class::Watch => "watch",
        Class::Log => "log",
        Class::Write => "create",
        Class::Read => "get",
    }
}
