//! The garbage collector: deletes what its owners left behind, sees to the finalizers of orphaning and foreground deletes, and
//! empties namespaces that end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::events;
use super::feed::{Feed, News};
use super::kinds::{KINDS, Kind};
use super::object::{Key, Object, metadata, object_at, text};
use super::registry::{DeleteOptions, FOREGROUND, ORPHAN, Propagation, Registry};
use super::store::ChangeKind;

/// How long changes are gathered before the next round.
const BATCH: Duration = Duration::from_millis(5);
/// How often old Events are dropped while anything changes.
const EVENTS_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Graph {
    /// By uid: every object that exists.
    exists: HashMap<String, Arc<Object>>,
    /// By owner uid: the uids of its dependents.
    dependents: HashMap<String, HashSet<String>>,
    /// Objects whose owners must be looked at again.
    suspects: HashSet<String>,
    /// By name: the uids of the namespaces that were deleted and still have contents.
    ending: HashMap<String, String>,
}

/// Runs the garbage collector until the token is cancelled.
pub async fn run(registry: Registry, token: CancellationToken) {
    let kinds: Vec<Kind> = KINDS.iter().map(|k| k.kind).filter(|k| *k != Kind::Event).collect();
    let mut feed = Feed::new(registry.store(), &kinds);
    let mut graph = Graph::default();
    let mut next_drop = Instant::now();
    loop {
        if Instant::now() >= next_drop {
            next_drop = Instant::now() + EVENTS_EVERY;
            events::drop_oldest(registry.store());
        }
        let mut relisted = false;
        for (kind, news) in feed.take() {
            relisted |= matches!(news, News::Relist(_));
            graph.learn(kind, news);
        }
        if relisted {
            graph.suspect_all();
        }
        graph.collect(&registry);
        tokio::select! {
            () = token.cancelled() => return,
            () = feed.changed() => sleep(BATCH).await,
        }
    }
}

impl Graph {
    fn learn(&mut self, kind: Kind, news: News) {
        match news {
            News::Relist(objects) => {
                let there: HashSet<&str> = objects.iter().map(|o| o.head.metadata.uid.as_str()).collect();
                let is_gone = |o: &&Arc<Object>| o.key.kind == kind && !there.contains(o.head.metadata.uid.as_str());
                let gone: Vec<Arc<Object>> = self.exists.values().filter(is_gone).cloned().collect();
                for object in gone {
                    self.remove(&object);
                }
                for object in objects {
                    self.add(object);
                }
            }
            News::Changes(changes) => {
                for change in changes {
                    if change.kind == ChangeKind::Deleted {
                        self.remove(&change.object);
                    } else {
                        self.add(change.object);
                    }
                }
            }
        }
    }

    fn add(&mut self, object: Arc<Object>) {
        let meta = &object.head.metadata;
        let is_new = !self.exists.contains_key(&meta.uid);
        for owner in meta.owner_references.iter() {
            self.dependents
                .entry(owner.uid.clone())
                .or_default()
                .insert(meta.uid.clone());
        }
        if (is_new && !meta.owner_references.is_empty())
            || meta.finalizers.iter().any(|f| f == ORPHAN || f == FOREGROUND)
        {
            self.suspects.insert(meta.uid.clone());
        }
        if object.key.kind == Kind::Namespace && meta.deletion_timestamp.is_some() {
            self.ending.insert(object.key.name.clone(), meta.uid.clone());
            self.suspects.insert(meta.uid.clone());
        }
        self.exists.insert(meta.uid.clone(), object);
    }

    fn remove(&mut self, object: &Object) {
        let meta = &object.head.metadata;
        self.exists.remove(&meta.uid);
        if object.key.kind == Kind::Namespace {
            self.ending.remove(&object.key.name);
        }
        self.suspects.extend(self.ending.get(&object.key.namespace).cloned());
        for owner in meta.owner_references.iter() {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(&meta.uid);
            }
            // An owner that waits for its dependents may be free now.
            self.suspects.insert(owner.uid.clone());
        }
        self.suspects
            .extend(self.dependents.remove(&meta.uid).unwrap_or_default());
    }

    fn suspect_all(&mut self) {
        self.suspects.extend(self.exists.keys().cloned());
    }

    fn collect(&mut self, registry: &Registry) {
        for uid in std::mem::take(&mut self.suspects) {
            let Some(object) = self.exists.get(&uid).cloned() else {
                continue;
            };
            let meta = &object.head.metadata;
            let has = |finalizer: &str| meta.finalizers.iter().any(|f| f == finalizer);
            if object.key.kind == Kind::Namespace && meta.deletion_timestamp.is_some() {
                empty(registry, &object.key);
            } else if meta.deletion_timestamp.is_some() && has(ORPHAN) {
                self.orphan(registry, &object);
            } else if meta.deletion_timestamp.is_some() && has(FOREGROUND) {
                self.delete_dependents_first(registry, &object);
            } else if !meta.owner_references.is_empty()
                && !meta.owner_references.iter().any(|o| self.exists.contains_key(&o.uid))
            {
                delete(registry, &object.key, &uid, Propagation::Background);
            }
        }
    }

    fn dependents_of(&self, owner: &Object) -> Vec<Arc<Object>> {
        let uids = self.dependents.get(&owner.head.metadata.uid);
        uids.into_iter()
            .flatten()
            .filter_map(|uid| self.exists.get(uid).cloned())
            .collect()
    }

    fn orphan(&self, registry: &Registry, owner: &Object) {
        let uid = owner.head.metadata.uid.clone();
        for dependent in self.dependents_of(owner) {
            let freed = registry.edit(&dependent.key, |value| {
                keep(value, "ownerReferences", |owner| text(owner, "/uid") != uid);
            });
            // A dependent that is gone needs no freeing.
            freed.ok();
        }
        remove_finalizer(registry, &owner.key, ORPHAN);
    }

    /// Deletes the dependents that block their owner's end, and lets the owner go once there are none. The others go after it.
    fn delete_dependents_first(&self, registry: &Registry, owner: &Object) {
        let uid = &owner.head.metadata.uid;
        let blocks = |d: &Object| {
            let mut owners = d.head.metadata.owner_references.iter();
            owners.any(|o| o.uid == *uid && o.block_owner_deletion)
        };
        let mut blocking = self.dependents_of(owner);
        blocking.retain(|d| blocks(d));
        if blocking.is_empty() {
            remove_finalizer(registry, &owner.key, FOREGROUND);
        }
        for dependent in blocking.iter().filter(|d| d.head.metadata.deletion_timestamp.is_none()) {
            // A dependent that has dependents itself does as its owner does.
            let propagation = if self.dependents_of(dependent).is_empty() {
                Propagation::Background
            } else {
                Propagation::Foreground
            };
            delete(registry, &dependent.key, &dependent.head.metadata.uid, propagation);
        }
    }
}

/// Deletes what is in a namespace, and lets the namespace go once nothing is.
fn empty(registry: &Registry, namespace: &Key) {
    let mut is_empty = true;
    for spec in KINDS.iter().filter(|spec| spec.namespaced) {
        let (objects, _) = registry.store().list(spec.kind, Some(&namespace.name), None);
        for object in &objects {
            delete(
                registry,
                &object.key,
                &object.head.metadata.uid,
                Propagation::Background,
            );
            // Nobody waits for an Event to go; what else is there still may end with a grace period.
            is_empty &= spec.kind == Kind::Event;
        }
    }
    if is_empty {
        let freed = registry.edit(namespace, |value| {
            object_at(value, &["spec"]).insert("finalizers".into(), json!([]));
        });
        // A namespace that is gone needs no freeing.
        freed.ok();
    }
}

fn delete(registry: &Registry, key: &Key, uid: &str, propagation: Propagation) {
    let options = DeleteOptions {
        propagation: Some(propagation),
        uid: Some(uid.to_owned()),
        ..DeleteOptions::default()
    };
    // An object that is gone, or that was made again under this name, is not ours to delete.
    registry.delete(key, &options).ok();
}

fn remove_finalizer(registry: &Registry, key: &Key, finalizer: &str) {
    let removed = registry.edit(key, |value| keep(value, "finalizers", |f| f != finalizer));
    // An object that is gone has no finalizers.
    removed.ok();
}

/// Keeps some elements of a list in an object's metadata; a list without elements is absent, as upstream writes it.
fn keep(object: &mut Value, list: &str, wanted: impl Fn(&Value) -> bool) {
    let meta = metadata(object);
    if let Some(elements) = meta.get_mut(list).and_then(Value::as_array_mut) {
        elements.retain(wanted);
        if elements.is_empty() {
            meta.remove(list);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::local::store::Store;

    /// A collector at work, and the registry that it works on.
    fn lab() -> (Registry, CancellationToken) {
        let now = Arc::new(|| Timestamp::from_second(1_000_000).unwrap());
        let registry = Registry::new(Arc::new(Store::default()), now);
        registry
            .create(Kind::Namespace, "", json!({"metadata": {"name": "lab"}}), false)
            .unwrap();
        let token = CancellationToken::new();
        tokio::spawn(run(registry.clone(), token.clone()));
        (registry, token)
    }

    fn map(name: &str, owner_uid: Option<&str>) -> Value {
        let owners: Vec<Value> = owner_uid
            .map(|uid| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}))
            .into_iter()
            .collect();
        json!({"metadata": {"name": name, "ownerReferences": owners}})
    }

    async fn gone(registry: &Registry, key: &Key) {
        let mut wake = registry.store().subscribe();
        while registry.get(key).is_ok() {
            wake.changed().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_namespace_ends_with_everything_in_it() {
        let (registry, token) = lab();
        registry.create(Kind::ConfigMap, "lab", map("a", None), false).unwrap();
        let namespace = Key::new(Kind::Namespace, "", "lab");
        let (object, gone_at_once) = registry.delete(&namespace, &DeleteOptions::default()).unwrap();
        assert!(!gone_at_once && text(&object.value(), "/status/phase") == "Terminating");
        gone(&registry, &namespace).await;
        assert!(registry.get(&Key::new(Kind::ConfigMap, "lab", "a")).is_err());
        token.cancel();
    }

    #[tokio::test]
    async fn dependents_go_with_their_owner_unless_they_are_orphaned() {
        let (registry, token) = lab();
        for (propagation, stays) in [
            (Propagation::Background, false),
            (Propagation::Foreground, false),
            (Propagation::Orphan, true),
        ] {
            let owner = registry
                .create(Kind::ConfigMap, "lab", map("owner", None), false)
                .unwrap();
            let uid = owner.head.metadata.uid.clone();
            let dependent = registry
                .create(Kind::ConfigMap, "lab", map("dependent", Some(&uid)), false)
                .unwrap();
            let options = DeleteOptions {
                propagation: Some(propagation),
                ..DeleteOptions::default()
            };
            registry.delete(&owner.key, &options).unwrap();
            gone(&registry, &owner.key).await;
            if stays {
                let left = registry.get(&dependent.key).unwrap();
                assert!(left.head.metadata.owner_references.is_empty(), "an orphan has no owner");
                assert!(left.value().pointer("/metadata/ownerReferences").is_none());
            } else {
                gone(&registry, &dependent.key).await;
            }
        }
        token.cancel();
    }
}
