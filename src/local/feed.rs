//! How a part of the local cluster follows the store: a list, then every change after it, as an informer does.

use std::sync::Arc;

use tokio::sync::watch;

use super::kinds::Kind;
use super::object::Object;
use super::store::{Change, Store};

/// How many changes are taken at once, so that one part never holds the store for long.
const CHANGES_MAX: usize = 1000;

/// What a part learns from its feed.
#[derive(Debug)]
pub enum News {
    /// All objects of the kind as they are now; everything learned before is void.
    Relist(Vec<Arc<Object>>),
    /// What changed since.
    Changes(Vec<Change>),
}

/// A position in the changes of some kinds.
#[derive(Debug)]
pub struct Feed {
    store: Arc<Store>,
    wake: watch::Receiver<u64>,
    positions: Vec<(Kind, Option<u64>)>,
}

impl Feed {
    /// Makes a feed of these kinds; its first news are lists of what exists.
    pub fn new(store: &Arc<Store>, kinds: &[Kind]) -> Self {
        let positions = kinds.iter().map(|kind| (*kind, None)).collect();
        Self {
            store: Arc::clone(store),
            wake: store.subscribe(),
            positions,
        }
    }

    /// Returns the news of each kind since the last call, without waiting; nothing when there are none.
    pub fn take(&mut self) -> Vec<(Kind, News)> {
        self.wake.mark_unchanged();
        let mut news = Vec::new();
        for (kind, position) in &mut self.positions {
            let changes = position.map(|after| self.store.changes(*kind, after, CHANGES_MAX));
            match changes {
                Some(Ok((changes, up_to))) => {
                    *position = Some(up_to);
                    if changes.len() == CHANGES_MAX {
                        self.wake.mark_changed();
                    }
                    if !changes.is_empty() {
                        news.push((*kind, News::Changes(changes)));
                    }
                }
                Some(Err(_)) | None => {
                    let (objects, revision) = self.store.list(*kind, None, None);
                    *position = Some(revision);
                    news.push((*kind, News::Relist(objects)));
                }
            }
        }
        news
    }

    /// Waits until the store has changed since the last [`Feed::take`]. Safe to cancel.
    pub async fn changed(&mut self) {
        // The sender lives in the store that this feed holds, so this cannot fail.
        self.wake.changed().await.ok();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::local::object::Key;

    #[test]
    fn a_feed_lists_then_follows_and_lists_again_when_history_is_gone() {
        let store = Arc::new(Store::default());
        let add = |name: &str| {
            store
                .create(
                    Key::new(Kind::Pod, "default", name),
                    json!({"metadata": {"name": name}}),
                )
                .unwrap();
        };
        add("a");
        let mut feed = Feed::new(&store, &[Kind::Pod, Kind::Job]);
        let kinds: Vec<Kind> = feed.take().iter().map(|(k, _)| *k).collect();
        assert_eq!(kinds, [Kind::Pod, Kind::Job], "the first news are lists");
        add("b");
        let news = feed.take();
        assert!(matches!(&news[..], [(Kind::Pod, News::Changes(c))] if c.len() == 1));
        add("c");
        store.compact(Kind::Pod);
        assert!(matches!(&feed.take()[..], [(Kind::Pod, News::Relist(o))] if o.len() == 3));
        assert!(feed.take().is_empty());
    }
}
