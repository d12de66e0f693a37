//! Kubernetes Events: what the controllers tell people, with upstream's counting and its limit against floods.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::Kind;
use super::object::{Key, Object, time};
use super::registry::Registry;
use super::store::Store;

/// Upstream's spam filter: this many events at once for each source and object …
const BURST: f64 = 25.0;
/// … and one more in so many seconds.
const REFILL_SECONDS: f64 = 300.0;
/// How many different sources and objects are remembered; then the memory begins anew, as upstream's bounded cache does.
const REMEMBERED_MAX: usize = 4096;
/// How many Events are kept, as a cluster keeps them for an hour only.
const STORED_MAX: usize = 20_000;

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
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub revision: u64,
    /// The part of it, such as `spec.containers{worker}`; empty for the whole.
    pub field_path: String,
}

impl From<&Object> for Involved {
    fn from(object: &Object) -> Self {
        Self {
            key: object.key.clone(),
            uid: object.head.metadata.uid.clone(),
            revision: object.revision,
            field_path: String::new(),
        }
    }
}

/// The words of an Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// By object uid: how many more Events it may have, and when that was.
    allowance: HashMap<String, (f64, Timestamp)>,
    /// By object uid and words: the Event to count up.
    told: HashMap<(String, Told), Key>,
}

impl Recorder {
    /// Makes a recorder; `host` is the node for a kubelet, else empty.
    pub fn new(registry: &Registry, component: &'static str, host: &str) -> Self {
        let memory = Arc::new(Mutex::new(Memory::default()));
        Self {
            registry: registry.clone(),
            component,
            host: host.to_owned(),
            memory,
        }
    }

    /// Records an Event, or counts one up that says the same, or drops it when the object has had too many.
    pub fn record(&self, about: &Involved, told: &Told) {
        let now = self.registry.now();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if !memory.allow(&about.uid, now) {
            return;
        }
        let same = (about.uid.clone(), told.clone());
        if let Some(key) = memory.told.get(&same)
            && self.count_up(key, now)
        {
            return;
        }
        let name = format!(
            "{}.{:x}{:03x}",
            about.key.name,
            now.as_nanosecond(),
            rand::random::<u16>() & 0xfff
        );
        let namespace = if about.key.namespace.is_empty() {
            "default"
        } else {
            &about.key.namespace
        };
        let event = self.event(about, told, &name, now);
        // An Event that cannot be stored (its namespace is ending) is not worth an error: Events are advisory.
        if let Ok(object) = self.registry.create_trusted(Kind::Event, namespace, event, false) {
            memory.remember(same, object.key.clone());
        }
    }

    fn count_up(&self, key: &Key, now: Timestamp) -> bool {
        let counted = self.registry.edit(key, |event| {
            event["count"] = json!(event["count"].as_i64().unwrap_or(1) + 1);
            event["lastTimestamp"] = time(now);
        });
        counted.is_ok()
    }

    fn event(&self, about: &Involved, told: &Told, name: &str, now: Timestamp) -> Value {
        let spec = about.key.kind.spec();
        let mut involved = json!({
            "kind": spec.name, "name": about.key.name, "uid": about.uid, "apiVersion": spec.api_version(),
            "resourceVersion": about.revision.to_string(),
        });
        if !about.key.namespace.is_empty() {
            involved["namespace"] = json!(about.key.namespace);
        }
        if !about.field_path.is_empty() {
            involved["fieldPath"] = json!(about.field_path);
        }
        let mut source = json!({"component": self.component});
        if !self.host.is_empty() {
            source["host"] = json!(self.host);
        }
        json!({
            "metadata": {"name": name}, "involvedObject": involved, "reason": told.reason, "message": told.message,
            "source": source, "type": if told.warning { "Warning" } else { "Normal" },
            "firstTimestamp": time(now), "lastTimestamp": time(now), "count": 1, "eventTime": null,
            "reportingComponent": self.component, "reportingInstance": self.host,
        })
    }
}

impl Memory {
    fn allow(&mut self, uid: &str, now: Timestamp) -> bool {
        if self.allowance.len() >= REMEMBERED_MAX {
            self.allowance.clear();
        }
        let (left, since) = self.allowance.entry(uid.to_owned()).or_insert((BURST, now));
        let elapsed_s = now.duration_since(*since).as_secs_f64().max(0.0);
        *left = (*left + elapsed_s / REFILL_SECONDS).min(BURST);
        *since = now;
        let allowed = *left >= 1.0;
        if allowed {
            *left -= 1.0;
        }
        allowed
    }

    fn remember(&mut self, same: (String, Told), key: Key) {
        if self.told.len() >= REMEMBERED_MAX {
            self.told.clear();
        }
        self.told.insert(same, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_gets_a_burst_and_then_one_event_in_five_minutes() {
        let mut memory = Memory::default();
        let start = Timestamp::UNIX_EPOCH;
        let allowed = (0..100).filter(|_| memory.allow("job", start)).count();
        assert_eq!(allowed, 25);
        assert!(memory.allow("pod", start), "another object has an allowance of its own");
        let later = start + jiff::SignedDuration::from_secs(301);
        assert!(memory.allow("job", later));
        assert!(!memory.allow("job", later));
    }
}
