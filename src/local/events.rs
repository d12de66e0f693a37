//! Kubernetes Events: what the controllers tell people.
//!
//! Most components write them as upstream's do since ever ([`Recorder::record`]): counted up, combined and limited against floods.
//! The scheduler writes the newer form of `events.k8s.io/v1` ([`Recorder::record_action`]): one object for each, with an exact
//! time and an action.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

mod correlator;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::kinds::Kind;
use super::object::{Key, Object, micro_time, time};
use super::registry::Registry;
use super::store::Store;
use correlator::{Correlator, Observed};

/// How many Events are kept, as a cluster keeps them for an hour only.
const STORED_MAX: usize = 20_000;
/// How many names are tried for an Event: they tell the time in nanoseconds, and a clock may be coarser than that.
const NAME_TRIES_MAX: i64 = 1000;

/// Removes the oldest Events beyond the number that is kept. Called by the garbage collector.
pub(super) fn drop_oldest(store: &Store) {
    let (mut events, _) = store.list(Kind::Event, None, None);
    let Some(excess) = events.len().checked_sub(STORED_MAX).filter(|n| *n > 0) else {
        return;
    };
    events.sort_by_key(|e| e.revision);
    for event in events.iter().take(excess) {
        // A failure means that somebody removed or counted it up just now; the next round sees to it.
        store.remove(&event.key, event.revision).ok();
    }
}

/// An object that an Event is about.
#[derive(Clone, Debug)]
pub struct Involved {
    /// Its identity.
    pub key: Key,
    /// Its uid; empty if it is not known.
    pub uid: String,
    /// Its resourceVersion; 0 if it is not known.
    pub revision: u64,
    /// The part of it, such as `spec.containers{worker}`; empty for the whole.
    pub field_path: String,
}

impl Involved {
    /// Returns what an Event says of the object; an Event may name an object without knowing its uid or version.
    fn to_json(&self) -> Value {
        let spec = self.key.kind.spec();
        let mut involved = json!({"kind": spec.name, "name": self.key.name, "apiVersion": spec.api_version()});
        let revision = Some(self.revision).filter(|r| *r > 0).map(|r| r.to_string());
        for (field, value) in [
            ("namespace", self.key.namespace.as_str()),
            ("uid", self.uid.as_str()),
            ("resourceVersion", revision.as_deref().unwrap_or_default()),
            ("fieldPath", self.field_path.as_str()),
        ] {
            if !value.is_empty() {
                involved[field] = json!(value);
            }
        }
        involved
    }
}

impl From<&Object> for Involved {
    fn from(object: &Object) -> Self {
        Self {
            key: Key::clone(&object.key),
            uid: object.head.metadata.uid.clone(),
            revision: object.revision,
            field_path: String::new(),
        }
    }
}

/// The words of an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether its type is `Warning`.
    pub warning: bool,
    /// The reason.
    pub reason: &'static str,
    /// The words.
    pub message: String,
}

impl Told {
    /// Makes an Event of type `Normal`.
    pub fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            message: message.into(),
        }
    }

    /// Makes an Event of type `Warning`.
    pub fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason,
            message: message.into(),
        }
    }
}

/// Records Events for one component.
#[derive(Clone)]
pub struct Recorder {
    registry: Registry,
    component: &'static str,
    host: String,
    memory: Arc<Mutex<Correlator>>,
}

impl Recorder {
    /// Makes a recorder; `host` is the node for a kubelet, the instance for a component that records actions, else empty.
    pub fn new(registry: &Registry, component: &'static str, host: &str) -> Self {
        Self {
            registry: registry.clone(),
            component,
            host: host.to_owned(),
            memory: Arc::default(),
        }
    }

    /// Records an Event, or counts one up that says the same, or drops it when the object has had too many.
    pub fn record(&self, about: &Involved, told: &Told) {
        let now = self.registry.now();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((same, observed)) = memory.observe(about, told, now) else {
            return;
        };
        let message = if same.is_combined() {
            format!("(combined from similar events): {}", told.message)
        } else {
            told.message.clone()
        };
        if let Some(key) = &observed.stored
            && self.count_up(key, observed.count, &message, now)
        {
            return;
        }
        let mut event = self.event(about, told, &observed, now);
        event["message"] = json!(message);
        if same.is_combined() {
            // Upstream forgets who reported what it combines.
            event["reportingComponent"] = json!("");
            event["reportingInstance"] = json!("");
        }
        if let Some(key) = self.store(about, event, now) {
            memory.stored(&same, key.into());
        }
    }

    /// Records an Event in the form of `events.k8s.io/v1`, with the action that was taken or tried.
    pub fn record_action(&self, about: &Involved, told: &Told, action: &str) {
        let now = self.registry.now();
        let event = json!({
            "metadata": {}, "involvedObject": about.to_json(), "reason": told.reason, "message": told.message,
            "source": {}, "type": told.kind(), "firstTimestamp": null, "lastTimestamp": null,
            "eventTime": micro_time(now), "action": action,
            "reportingComponent": self.component, "reportingInstance": self.host,
        });
        self.store(about, event, now);
    }

    fn count_up(&self, key: &Key, count: u64, message: &str, now: Timestamp) -> bool {
        let counted = self.registry.edit(key, |event| {
            event["count"] = json!(count);
            event["message"] = json!(message);
            event["lastTimestamp"] = time(now);
        });
        counted.is_ok()
    }

    fn event(&self, about: &Involved, told: &Told, observed: &Observed, now: Timestamp) -> Value {
        let mut source = json!({"component": self.component});
        if !self.host.is_empty() {
            source["host"] = json!(self.host);
        }
        json!({
            "metadata": {}, "involvedObject": about.to_json(), "reason": told.reason, "source": source, "type": told.kind(),
            "firstTimestamp": time(observed.first_at), "lastTimestamp": time(now), "count": observed.count,
            "eventTime": null, "reportingComponent": self.component, "reportingInstance": self.host,
        })
    }

    /// Stores an Event under the object's name and the time, and returns its key.
    ///
    /// An Event that cannot be stored (its namespace is ending) is not worth an error: Events are advisory.
    fn store(&self, about: &Involved, mut event: Value, now: Timestamp) -> Option<Key> {
        let namespace = Some(about.key.namespace.as_str()).filter(|n| !n.is_empty());
        for later_ns in 0..NAME_TRIES_MAX {
            let at = now.saturating_add(SignedDuration::from_nanos(later_ns)).unwrap_or(now);
            let name = format!("{}.{:x}", about.key.name, at.as_nanosecond());
            event["metadata"]["name"] = json!(name);
            let key = Key::new(Kind::Event, namespace.unwrap_or("default"), &name);
            if self.registry.store().get(&key).is_some() {
                continue;
            }
            let stored = self.registry.create_trusted(Kind::Event, &key.namespace, event, false);
            return stored.is_ok().then_some(key);
        }
        None
    }
}

impl Told {
    fn kind(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab() -> (Registry, Involved) {
        let now = Arc::new(|| Timestamp::from_second(1_000_000).unwrap());
        let registry = Registry::new(Arc::new(Store::default()), now);
        let job = json!({"metadata": {"name": "j"}});
        let object = registry.store().create(Key::new(Kind::Job, "lab", "j"), job).unwrap();
        let about = Involved::from(object.as_ref());
        registry
            .create(Kind::Namespace, "", json!({"metadata": {"name": "lab"}}), false)
            .unwrap();
        (registry, about)
    }

    fn events(registry: &Registry) -> Vec<Value> {
        let (events, _) = registry.store().list(Kind::Event, None, None);
        events.iter().map(|e| e.value()).collect()
    }

    #[test]
    fn an_event_that_comes_again_is_counted_up() {
        let (registry, about) = lab();
        let recorder = Recorder::new(&registry, "job-controller", "");
        for _ in 0..3 {
            recorder.record(&about, &Told::normal("Suspended", "Job suspended"));
        }
        recorder.record(&about, &Told::warning("FailedCreate", "Error creating: x"));
        let events = events(&registry);
        assert_eq!(events.len(), 2, "names differ though the clock stands still");
        assert_eq!((&events[0]["count"], &events[1]["count"]), (&json!(3), &json!(1)));
        assert_eq!(events[0]["source"], json!({"component": "job-controller"}));
        assert_eq!(events[1]["type"], "Warning");
    }

    #[test]
    fn similar_events_end_in_one() {
        let (registry, about) = lab();
        let recorder = Recorder::new(&registry, "job-controller", "");
        for number in 0..12 {
            recorder.record(
                &about,
                &Told::normal("SuccessfulCreate", format!("Created pod: {number}")),
            );
        }
        let events = events(&registry);
        assert_eq!(events.len(), 10);
        let last = events.last().unwrap();
        assert_eq!(last["message"], "(combined from similar events): Created pod: 11");
        assert_eq!((&last["count"], &last["reportingComponent"]), (&json!(3), &json!("")));
    }

    #[test]
    fn an_action_has_a_time_and_no_count() {
        let (registry, about) = lab();
        let recorder = Recorder::new(&registry, "default-scheduler", "default-scheduler-local");
        recorder.record_action(&about, &Told::normal("Scheduled", "…"), "Binding");
        let event = &events(&registry)[0];
        assert_eq!(event["action"], "Binding");
        assert_eq!(event["source"], json!({}));
        assert_eq!(event["eventTime"], "1970-01-12T13:46:40.000000Z");
        assert!(event["count"].is_null() && event["lastTimestamp"].is_null());
    }
}
