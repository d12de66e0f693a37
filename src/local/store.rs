//! What etcd is to a Kubernetes cluster: every object, one revision counter, and the changes since a revision.
//!
//! All parts of the local cluster meet here and nowhere else. A write is atomic, gets the next revision, and succeeds only if the
//! object is still at the revision the writer saw. A watcher has no queue of its own: it holds a revision and asks for what
//! came after it, so a slow watcher costs nothing. Old changes are forgotten by size; a watcher that needs a forgotten one is
//! told so ([`Expired`]) and lists again.
//!
//! The store does not know what a field means; `registry` does.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::kinds::{KINDS, Kind};
use super::object::{Head, Key, Object, metadata};
use super::packed::{Packed, Packer};

/// How many bytes of past changes are kept for each kind, after which the oldest are forgotten. Enough for a
/// watcher to be a few seconds behind ten thousand changing pods.
const HISTORY_BYTES_MAX: usize = 8 << 20;

/// About what a version of an object costs beside its packed text: names, times, and what the allocator adds.
const VERSION_BYTES: usize = 800;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was made.
    Added,
    /// It was changed.
    Modified,
    /// It was removed.
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The object after the change; for a removal its last state, at the revision of the removal.
    pub object: Arc<Object>,
    /// The object before the change. A watch by selector needs it: an object that stops matching is a removal to that watch.
    pub previous: Option<Arc<Object>>,
}

/// Why a write did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The object exists already.
    #[error("the object exists already")]
    Exists,
    /// There is no such object.
    #[error("there is no such object")]
    Missing,
    /// The object is at another revision than the writer saw.
    #[error("the object was changed meanwhile")]
    Conflict,
}

/// The changes that were asked for are forgotten: list again. The oldest revision that can be watched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("changes before revision {0} are forgotten")]
pub struct Expired(pub u64);

/// The store.
#[derive(Debug)]
pub struct Store {
    inner: Mutex<Inner>,
    revision: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    revision: u64,
    objects: BTreeMap<Arc<Key>, Arc<Object>>,
    kinds: Vec<OfKind>,
}

/// What is kept of a kind beside its objects.
#[derive(Debug, Default)]
struct OfKind {
    packer: Packer,
    history: History,
    /// The newest version of any object: the next one may have the same owner, as all pods of a Job have.
    newest: Option<Arc<Object>>,
}

#[derive(Debug, Default)]
struct History {
    changes: VecDeque<Change>,
    bytes: usize,
    /// The revision of the newest forgotten change.
    forgotten: u64,
}

impl Default for Store {
    fn default() -> Self {
        // A first revision above 0: in the API, resourceVersion "0" means "any".
        let inner = Inner {
            revision: 1,
            objects: BTreeMap::new(),
            kinds: KINDS.iter().map(|_| OfKind::default()).collect(),
        };
        Self {
            inner: Mutex::new(inner),
            revision: watch::Sender::new(1),
        }
    }
}

impl Store {
    /// Returns the object as it is now.
    pub fn get(&self, key: &Key) -> Option<Arc<Object>> {
        self.lock().objects.get(key).cloned()
    }

    /// Returns the current revision.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Returns a receiver that wakes when the revision grows.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Returns the objects of a kind, in one namespace or all, that come after a key, and the revision they were read at.
    pub fn list(&self, kind: Kind, namespace: Option<&str>, after: Option<&Key>) -> (Vec<Arc<Object>>, u64) {
        let inner = self.lock();
        let first = Key::new(kind, namespace.unwrap_or_default(), "");
        let from = match after {
            Some(key) if *key > first => Bound::Excluded(key.clone()),
            Some(_) | None => Bound::Included(first),
        };
        let found = inner
            .objects
            .range::<Key, _>((from.as_ref(), Bound::Unbounded))
            .take_while(|(key, _)| key.kind == kind && namespace.is_none_or(|n| key.namespace == n))
            .map(|(_, object)| Arc::clone(object))
            .collect();
        (found, inner.revision)
    }

    /// Stores a new object.
    pub fn create(&self, key: Key, value: Value) -> Result<Arc<Object>, WriteError> {
        let mut inner = self.lock();
        if inner.objects.contains_key(&key) {
            return Err(WriteError::Exists);
        }
        let object = Arc::new(inner.next_version(Arc::new(key), value, None));
        inner.objects.insert(Arc::clone(&object.key), Arc::clone(&object));
        inner.remember(Change {
            kind: ChangeKind::Added,
            object: Arc::clone(&object),
            previous: None,
        });
        self.announce(inner);
        Ok(object)
    }

    /// Stores the next version of an object, if it is still at this revision.
    pub fn update(&self, key: &Key, revision: u64, value: Value) -> Result<Arc<Object>, WriteError> {
        let mut inner = self.lock();
        let previous = inner.expect_at(key, revision)?;
        let object = Arc::new(inner.next_version(Arc::clone(&previous.key), value, Some(&previous)));
        inner.objects.insert(Arc::clone(&object.key), Arc::clone(&object));
        inner.remember(Change {
            kind: ChangeKind::Modified,
            object: Arc::clone(&object),
            previous: Some(previous),
        });
        self.announce(inner);
        Ok(object)
    }

    /// Removes an object, if it is still at this revision; returns its last state at the revision of the removal.
    pub fn remove(&self, key: &Key, revision: u64) -> Result<Arc<Object>, WriteError> {
        let mut inner = self.lock();
        let previous = inner.expect_at(key, revision)?;
        let object = Arc::new(inner.next_version(Arc::clone(&previous.key), previous.value(), Some(&previous)));
        inner.objects.remove(key);
        inner.remember(Change {
            kind: ChangeKind::Deleted,
            object: Arc::clone(&object),
            previous: Some(previous),
        });
        self.announce(inner);
        Ok(object)
    }

    /// Returns at most `limit` changes of a kind after a revision, and the revision up to which they are complete.
    pub fn changes(&self, kind: Kind, after: u64, limit: usize) -> Result<(Vec<Change>, u64), Expired> {
        let inner = self.lock();
        let Some(OfKind { history, .. }) = inner.kinds.get(kind as usize) else {
            return Ok((Vec::new(), inner.revision));
        };
        if after < history.forgotten {
            return Err(Expired(history.forgotten));
        }
        let from = history.changes.partition_point(|c| c.object.revision <= after);
        let found: Vec<Change> = history.changes.range(from..).take(limit).cloned().collect();
        let up_to = match found.last() {
            Some(last) if found.len() == limit => last.object.revision,
            Some(_) | None => inner.revision,
        };
        Ok((found, up_to))
    }

    /// Forgets all past changes of a kind, as etcd's compaction does. For tests of what watchers do then.
    pub fn compact(&self, kind: Kind) {
        let mut inner = self.lock();
        let revision = inner.revision;
        if let Some(of_kind) = inner.kinds.get_mut(kind as usize) {
            of_kind.history = History {
                forgotten: revision,
                ..History::default()
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held leaves whole objects: every write is one insert of a finished version.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, inner: MutexGuard<'_, Inner>) {
        let revision = inner.revision;
        drop(inner);
        self.revision.send_modify(|r| *r = revision.max(*r));
    }
}

impl Inner {
    fn expect_at(&self, key: &Key, revision: u64) -> Result<Arc<Object>, WriteError> {
        let object = self.objects.get(key).ok_or(WriteError::Missing)?;
        if object.revision == revision {
            Ok(Arc::clone(object))
        } else {
            Err(WriteError::Conflict)
        }
    }

    fn next_version(&mut self, key: Arc<Key>, mut value: Value, before: Option<&Object>) -> Object {
        self.revision += 1;
        metadata(&mut value).insert("resourceVersion".into(), json!(self.revision.to_string()));
        let json = value.to_string();
        let mut head: Head = serde_json::from_str(&json).unwrap_or_default();
        let of_kind = self.kinds.get_mut(key.kind as usize);
        let newest = of_kind.as_ref().and_then(|k| k.newest.as_deref());
        for other in [newest, before].into_iter().flatten() {
            head.share(&other.head);
        }
        let packer = of_kind.map(|k| &mut k.packer);
        Object {
            revision: self.revision,
            head,
            packed: packer.map_or_else(|| Packed::alone(&json), |p| p.pack(json.as_bytes())),
            key,
        }
    }

    fn remember(&mut self, change: Change) {
        let Some(OfKind { history, newest, .. }) = self.kinds.get_mut(change.object.key.kind as usize) else {
            return;
        };
        *newest = Some(Arc::clone(&change.object));
        history.bytes += cost(&change);
        history.changes.push_back(change);
        while history.bytes > HISTORY_BYTES_MAX {
            let Some(oldest) = history.changes.pop_front() else {
                break;
            };
            history.bytes -= cost(&oldest);
            history.forgotten = oldest.object.revision;
        }
    }
}

/// Returns about how many bytes it costs to remember a change.
fn cost(change: &Change) -> usize {
    VERSION_BYTES + change.object.packed.size()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str) -> (Key, Value) {
        (
            Key::new(Kind::Pod, "default", name),
            json!({"metadata": {"name": name, "labels": {"a": "b"}}}),
        )
    }

    #[test]
    fn writes_are_conditional_and_every_write_has_its_own_revision() {
        let store = Store::default();
        let (key, value) = pod("a");
        let first = store.create(key.clone(), value.clone()).unwrap();
        assert_eq!(
            store.create(key.clone(), value.clone()).unwrap_err(),
            WriteError::Exists
        );
        let second = store.update(&key, first.revision, value.clone()).unwrap();
        assert!(second.revision > first.revision);
        assert_eq!(
            second.value()["metadata"]["resourceVersion"],
            second.revision.to_string()
        );
        assert_eq!(
            store.update(&key, first.revision, value.clone()).unwrap_err(),
            WriteError::Conflict
        );
        assert_eq!(store.remove(&key, first.revision).unwrap_err(), WriteError::Conflict);
        let last = store.remove(&key, second.revision).unwrap();
        assert!(last.revision > second.revision, "a removal has a revision of its own");
        assert_eq!(
            store.update(&key, second.revision, value).unwrap_err(),
            WriteError::Missing
        );
    }

    #[test]
    fn changes_come_in_order_from_any_revision_until_they_are_forgotten() {
        let store = Store::default();
        let start = store.revision();
        for name in ["a", "b", "c"] {
            let (key, value) = pod(name);
            store.create(key, value).unwrap();
        }
        let names = |after, limit| {
            let (changes, up_to) = store.changes(Kind::Pod, after, limit).unwrap();
            (
                changes.iter().map(|c| c.object.key.name.clone()).collect::<Vec<_>>(),
                up_to,
            )
        };
        assert_eq!(names(start, 10), (vec!["a".into(), "b".into(), "c".into()], start + 3));
        assert_eq!(names(start, 2), (vec!["a".into(), "b".into()], start + 2));
        assert_eq!(names(start + 2, 10), (vec!["c".into()], start + 3));
        store.compact(Kind::Pod);
        assert_eq!(store.changes(Kind::Pod, start + 2, 10).unwrap_err(), Expired(start + 3));
        assert_eq!(store.changes(Kind::Pod, start + 3, 10).unwrap().0.len(), 0);
    }

    #[test]
    fn history_is_bounded_by_bytes() {
        let store = Store::default();
        // Numbers, since what repeats itself would take no room.
        let big: String = (0..100_000u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_string())
            .collect();
        for i in 0..40 {
            let key = Key::new(Kind::ConfigMap, "default", &format!("c{i}"));
            store.create(key, json!({"metadata": {}, "data": {"k": big}})).unwrap();
        }
        assert!(store.lock().kinds[Kind::ConfigMap as usize].history.bytes <= HISTORY_BYTES_MAX);
        assert!(store.changes(Kind::ConfigMap, 1, 10).is_err());
    }

    #[test]
    fn a_list_goes_on_after_a_key_and_keeps_to_its_namespace() {
        let store = Store::default();
        for (namespace, name) in [("a", "1"), ("a", "2"), ("b", "1")] {
            store
                .create(Key::new(Kind::Pod, namespace, name), json!({"metadata": {}}))
                .unwrap();
        }
        let names = |namespace, after: Option<Key>| -> Vec<String> {
            let (found, _) = store.list(Kind::Pod, namespace, after.as_ref());
            found
                .iter()
                .map(|o| format!("{}/{}", o.key.namespace, o.key.name))
                .collect()
        };
        assert_eq!(names(None, None), ["a/1", "a/2", "b/1"]);
        assert_eq!(names(Some("a"), None), ["a/1", "a/2"]);
        assert_eq!(names(None, Some(Key::new(Kind::Pod, "a", "1"))), ["a/2", "b/1"]);
        assert_eq!(names(Some("b"), Some(Key::new(Kind::Pod, "a", "2"))), ["b/1"]);
    }
}
