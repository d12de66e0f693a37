//! The TTL controller: deletes Jobs that ended `ttlSecondsAfterFinished` ago, with their pods first, as upstream's does.
//!
//! It follows Jobs and knows nothing of how they run: a Job has ended when its condition `Complete` or `Failed` says so, and that
//! condition says when.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::feed::{Feed, News};
use super::kinds::Kind;
use super::object::{Key, Object};
use super::registry::{DeleteOptions, Propagation, Registry};
use super::store::ChangeKind;
use super::timing::until;

/// How long changes are gathered before the next round.
const BATCH: Duration = Duration::from_millis(10);

/// Runs the controller until the token is cancelled.
pub async fn run(registry: Registry, token: CancellationToken) {
    let mut feed = Feed::new(registry.store(), &[Kind::Job]);
    let mut due: HashMap<Key, Instant> = HashMap::new();
    loop {
        for (_, news) in feed.take() {
            learn(&registry, news, &mut due);
        }
        let now = Instant::now();
        let ripe: Vec<Key> = due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in ripe {
            due.remove(&key);
            // The Job is looked at once more: its TTL may have been changed, or the clock may not be quite there.
            if let Some(left) = expire(&registry, &key) {
                due.insert(key, now + left);
            }
        }
        tokio::select! {
            () = token.cancelled() => return,
            () = until(due.values().min().copied()) => {}
            () = feed.changed() => sleep(BATCH).await,
        }
    }
}

fn learn(registry: &Registry, news: News, due: &mut HashMap<Key, Instant>) {
    let jobs = match news {
        News::Relist(jobs) => {
            due.clear();
            jobs
        }
        News::Changes(changes) => changes
            .into_iter()
            .filter(|c| c.kind != ChangeKind::Deleted)
            .map(|c| c.object)
            .collect(),
    };
    for job in jobs {
        if let Some(at) = expires_at(&job) {
            due.insert(Key::clone(&job.key), Instant::now() + left(registry, at));
        }
    }
}

/// Deletes a Job whose time is over; else returns how long it has, if it is to go at all.
fn expire(registry: &Registry, key: &Key) -> Option<Duration> {
    let job = registry.get(key).ok()?;
    let left = left(registry, expires_at(&job)?);
    if left > Duration::ZERO {
        return Some(left);
    }
    let options = DeleteOptions {
        propagation: Some(Propagation::Foreground),
        uid: Some(job.head.metadata.uid.clone()),
        ..DeleteOptions::default()
    };
    // If it fails, the Job has just been changed or removed by somebody: the feed will tell.
    registry.delete(key, &options).ok();
    None
}

fn left(registry: &Registry, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(registry.now())).unwrap_or_default()
}

/// Returns when a Job is to go: never while it runs, without a TTL, or when it is being deleted anyway.
fn expires_at(job: &Object) -> Option<Timestamp> {
    if job.head.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let raw: RawJob = job.view().ok()?;
    let ttl = SignedDuration::from_secs(raw.spec.ttl_seconds_after_finished?);
    let ended = raw
        .status
        .conditions
        .iter()
        .find(|c| matches!(c.kind.as_str(), "Complete" | "Failed") && c.status == "True")?;
    ended.last_transition_time?.checked_add(ttl).ok()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawJob {
    spec: RawSpec,
    status: RawStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    ttl_seconds_after_finished: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawStatus {
    conditions: Vec<RawCondition>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    last_transition_time: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::local::store::Store;

    fn job(ttl: &Value, kind: &str, status: &str) -> Value {
        json!({
            "metadata": {"name": "j"}, "spec": {"ttlSecondsAfterFinished": ttl},
            "status": {"conditions": [
                {"type": "Suspended", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": kind, "status": status, "lastTransitionTime": "2026-01-01T00:01:00Z"},
            ]},
        })
    }

    #[test]
    fn a_job_expires_so_long_after_its_end() {
        for (value, want) in [
            (job(&json!(30), "Complete", "True"), Some("2026-01-01T00:01:30Z")),
            (job(&json!(0), "Failed", "True"), Some("2026-01-01T00:01:00Z")),
            (job(&json!(30), "FailureTarget", "True"), None),
            (job(&json!(30), "Complete", "False"), None),
            (job(&json!(null), "Complete", "True"), None),
        ] {
            let store = Store::default();
            let object = store.create(Key::new(Kind::Job, "lab", "j"), value).unwrap();
            assert_eq!(expires_at(&object).map(|at| at.to_string()).as_deref(), want);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_is_deleted_when_its_time_is_over() {
        let (wall, start) = ("2026-01-01T00:01:10Z".parse::<Timestamp>().unwrap(), Instant::now());
        let now = move || wall + SignedDuration::try_from(start.elapsed()).unwrap();
        let registry = Registry::new(Arc::new(Store::default()), Arc::new(now));
        let key = Key::new(Kind::Job, "lab", "j");
        registry
            .store()
            .create(key.clone(), job(&json!(30), "Complete", "True"))
            .unwrap();
        let token = CancellationToken::new();
        let task = tokio::spawn(run(registry.clone(), token.clone()));
        let mut wake = registry.store().subscribe();
        while registry
            .get(&key)
            .is_ok_and(|job| job.head.metadata.deletion_timestamp.is_none())
        {
            wake.changed().await.unwrap();
        }
        assert_eq!(start.elapsed().as_secs(), 20);
        let finalizers = registry.get(&key).unwrap().head.metadata.finalizers.clone();
        assert_eq!(finalizers, ["foregroundDeletion"], "its pods go first");
        token.cancel();
        task.await.unwrap();
    }
}
