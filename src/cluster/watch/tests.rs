//! Watches, on the wire and in words.

use serde_json::{Value, json};

use super::*;
use crate::cluster::scripted::{refusal, scripted};

fn job(uid: &str, version: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "run", "namespace": "lab", "uid": uid, "resourceVersion": version},
        "spec": {"completions": 3, "parallelism": 1, "template": {}}})
}

fn list(items: &[Value], more: &str) -> (u16, String) {
    let list = json!({"apiVersion": "batch/v1", "kind": "JobList",
        "metadata": {"resourceVersion": "10", "continue": more}, "items": items});
    (200, list.to_string())
}

fn changes(changes: &[(&str, Value)]) -> (u16, String) {
    let lines = changes
        .iter()
        .map(|(kind, object)| format!("{}\n", json!({"type": kind, "object": object})));
    (200, lines.collect())
}

/// Runs the watch of the Job against a script, and returns the first events.
async fn events_of_job(answers: Vec<(u16, String)>, count: usize) -> Vec<Event> {
    let (client, _) = scripted(answers);
    let (facts, mut received) = mpsc::channel(16);
    let token = CancellationToken::new();
    let mut watches = watch_run(
        &Connection::to_client(client),
        "run",
        &JobUid::from("j1"),
        &Computes::All,
        &facts,
        &token,
    );
    let task = tokio::spawn(watches.swap_remove(0));
    drop((facts, watches));
    let mut events = Vec::new();
    while events.len() < count
        && let Some(event) = received.recv().await
    {
        events.push(event);
    }
    token.cancel();
    task.await.unwrap();
    events
}

#[tokio::test]
async fn a_list_and_its_changes_become_facts() {
    let script = vec![
        list(&[job("another", "7")], "page-2"),
        list(&[job("j1", "8")], ""),
        changes(&[("MODIFIED", job("j1", "11")), ("DELETED", job("j1", "12"))]),
    ];
    let (contacts, facts): (Vec<Event>, Vec<Event>) = events_of_job(script, 6)
        .await
        .into_iter()
        .partition(|event| matches!(event, Event::Contact(_)));
    assert_eq!(
        contacts,
        [Event::Contact(Contact {
            watch: WatchOf::Job,
            state: ContactState::Live
        })]
    );
    let revision = |event: &Event| {
        let Event::Job(delta) = event else { panic!("{event:?}") };
        match delta {
            Delta::Restarted => ("restarted", 0),
            Delta::Listed(job) => ("listed", job.revision),
            Delta::ListDone => ("list done", 0),
            Delta::Applied(job) => ("applied", job.revision),
            Delta::Removed(job) => ("removed", job.revision),
        }
    };
    let revisions: Vec<(&str, u64)> = facts.iter().map(revision).collect();
    let expected = [
        ("restarted", 0),
        ("listed", 8),
        ("list done", 0),
        ("applied", 11),
        ("removed", 12),
    ];
    assert_eq!(revisions, expected, "a Job of another uid is another run");
}

#[tokio::test]
async fn a_watch_that_is_not_allowed_says_so_and_ends() {
    let events = events_of_job(vec![refusal(403, "Forbidden", "jobs is forbidden")], 9).await;
    let forbidden = ContactState::Forbidden("jobs is forbidden".to_owned());
    assert_eq!(
        events,
        [
            Event::Job(Delta::Restarted),
            Event::Contact(Contact {
                watch: WatchOf::Job,
                state: forbidden
            })
        ]
    );
}

#[tokio::test]
async fn a_broken_list_is_told_once() {
    let events = events_of_job(vec![refusal(500, "InternalError", "etcd is down")], 2).await;
    let lost = ContactState::Lost("etcd is down".to_owned());
    assert_eq!(
        events[1],
        Event::Contact(Contact {
            watch: WatchOf::Job,
            state: lost
        })
    );
    let (facts, mut received) = mpsc::channel(16);
    let mut lane = Lane {
        of: WatchOf::Pods,
        facts,
        live: None,
    };
    for _ in 0..2 {
        assert!(lane.opened().await.is_ok() && lane.opened().await.is_ok());
        assert!(lane.lost("a".to_owned()).await.is_ok() && lane.lost("b".to_owned()).await.is_ok());
    }
    drop(lane);
    let mut told = 0;
    while received.recv().await.is_some() {
        told += 1;
    }
    assert_eq!(told, 4);
}

#[test]
fn errors_decide_how_a_watch_goes_on() {
    let api = |code: u16| kube::Error::Api(Status::failure("m", "").with_code(code).boxed());
    let in_band = |code: u16| watcher::Error::WatchError(Status::failure("m", "").with_code(code).boxed());
    let cases = [
        (watcher::Error::InitialListFailed(api(403)), false, Next::Stop),
        (watcher::Error::WatchStartFailed(api(403)), false, Next::Stop),
        (watcher::Error::InitialListFailed(api(403)), true, Next::Continue),
        (watcher::Error::WatchStartFailed(api(410)), true, Next::Rebuild),
        (watcher::Error::InitialListFailed(api(410)), true, Next::Continue),
        (in_band(410), true, Next::Continue),
        (in_band(403), false, Next::Continue),
        (watcher::Error::WatchFailed(api(500)), true, Next::Continue),
        (watcher::Error::NoResourceVersion, false, Next::Continue),
    ];
    for (error, was_told, expected) in cases {
        assert_eq!(after_error(&error, was_told), expected, "{error}");
    }
}

#[test]
fn only_warnings_about_the_run_are_kept() {
    let cases = [
        ("run", true),
        ("run-0-abcde", true),
        ("run-12-abcde", true),
        ("run-", false),
        ("run-r1", false),
        ("run-r1-0-abcde", false),
        ("runner", false),
        ("other", false),
        ("", false),
    ];
    for (object, expected) in cases {
        assert_eq!(is_about(object, "run"), expected, "{object}");
    }
}

#[tokio::test]
async fn pods_are_listed_page_by_page() {
    let pod = |uid: &str| json!({"metadata": {"name": uid, "uid": uid}});
    let page = |items: Vec<Value>, more: &str| {
        let list = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"continue": more}, "items": items});
        (200, list.to_string())
    };
    let (client, asked) = scripted(vec![page(vec![pod("a"), pod("b")], "next"), page(vec![pod("c")], "")]);
    let pods = list_pods(&Connection::to_client(client), &JobUid::from("j1"), &Computes::All)
        .await
        .unwrap();
    let uids: Vec<&str> = pods.iter().map(|pod| pod.uid.0.as_str()).collect();
    assert_eq!(uids, ["a", "b", "c"]);
    let asked = asked.lock().unwrap();
    assert!(
        asked[0]
            .0
            .contains("labelSelector=batch.kubernetes.io%2Fcontroller-uid%3Dj1"),
        "{asked:?}"
    );
    assert!(asked[1].0.contains("continue=next"), "{asked:?}");
}
