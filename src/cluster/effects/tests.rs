//! Submissions and changes, on the wire.

use std::sync::Mutex;

use tokio::time::Instant;

use super::*;
use crate::cluster::scripted::{Asked, refusal, scripted};
use crate::model::twin::kubectl_twin;
use crate::plan::job::{to_config_map, to_job};
use crate::run::fact::CompletionIndex;

const NAME: &str = "ttg-primes-abc123";

fn plan() -> Plan {
    Plan::new(RunId::parse(NAME).unwrap())
}

/// The Job as the server stores it.
fn stored() -> Value {
    let mut job = json_of(&to_job(&plan(), "lab"));
    job["metadata"]["uid"] = json!("job-uid");
    job["metadata"]["resourceVersion"] = json!("5");
    job
}

fn answer(value: &Value) -> (u16, String) {
    (200, value.to_string())
}

fn map() -> (u16, String) {
    answer(&serde_json::to_value(to_config_map(&plan(), "lab")).unwrap())
}

async fn submit_to(answers: Vec<(u16, String)>) -> (Outcome, Vec<(String, Value)>) {
    let (client, asked) = scripted(answers);
    let outcome = submit(&Connection::to_client(client), plan(), &mut || 7, &|_, _| {}).await;
    (outcome, taken(&asked))
}

/// Submits to a server that asks to wait; returns the waits that were told, in seconds, too.
async fn submit_patiently(answers: Vec<(u16, String)>) -> (Outcome, Vec<(String, Value)>, Vec<u64>) {
    let (client, asked) = scripted(answers);
    let told = Mutex::new(Vec::new());
    let tell = |wait_ms: u64, words: String| {
        assert_eq!(words, "later");
        told.lock().unwrap().push(wait_ms / 1_000);
    };
    let began = Instant::now();
    let outcome = submit(&Connection::to_client(client), plan(), &mut || 7, &tell).await;
    let told = told.into_inner().unwrap();
    assert_eq!(began.elapsed().as_secs(), told.iter().sum::<u64>(), "each wait is told");
    (outcome, taken(&asked), told)
}

/// The answer of a server that asks to wait so many seconds; 0 where it leaves that open.
fn busy(code: u16, seconds: u32) -> (u16, String) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "later",
        "details": {"retryAfterSeconds": seconds}
    });
    (code, status.to_string())
}

fn taken(asked: &Asked) -> Vec<(String, Value)> {
    std::mem::take(&mut *asked.lock().unwrap())
}

/// The requests as `METHOD collection/name`, a dry run marked.
fn short(asked: &[(String, Value)]) -> Vec<String> {
    let shorten = |line: &String| {
        let dry = if line.contains("dryRun=All") { " dry" } else { "" };
        let line = line.split('?').next().unwrap().trim_end_matches('/');
        let line = line
            .replace("/apis/batch/v1/namespaces/lab/", "")
            .replace("/api/v1/namespaces/lab/", "");
        format!("{line}{dry}")
    };
    asked.iter().map(|(line, _)| shorten(line)).collect()
}

#[tokio::test]
async fn a_plan_is_rehearsed_stored_and_tied() {
    let (outcome, asked) = submit_to(vec![answer(&stored()), map(), answer(&stored()), map()]).await;
    let Outcome::Submitted {
        job,
        plan: sent,
        remarks,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!((job.uid, job.revision), (JobUid::from("job-uid"), 5));
    assert_eq!((*sent, remarks), (plan(), Vec::new()));
    let patch = format!("PATCH configmaps/{NAME}");
    assert_eq!(
        short(&asked),
        ["POST jobs dry", "POST configmaps", "POST jobs", patch.as_str()]
    );
    assert_eq!(asked[3].1["metadata"]["ownerReferences"][0]["uid"], "job-uid");
}

#[tokio::test]
async fn a_server_without_retries_for_each_index_gets_a_limit_for_all() {
    let mut old = stored();
    old["spec"].as_object_mut().unwrap().remove("backoffLimitPerIndex");
    let (outcome, asked) = submit_to(vec![answer(&old), map(), answer(&old), map()]).await;
    let Outcome::Submitted { remarks, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(remarks[0].contains("12 shards share 36 retries"), "{remarks:?}");
    assert_eq!(remarks[1], "the server drops spec.backoffLimitPerIndex");
    let spec = &asked[2].1["spec"];
    assert_eq!(
        (&spec["backoffLimit"], &spec["backoffLimitPerIndex"]),
        (&json!(36), &Value::Null)
    );
    assert_eq!(spec["maxFailedIndexes"], Value::Null);
}

#[tokio::test]
async fn a_refused_job_takes_its_config_map_with_it() {
    let quota = refusal(403, "Forbidden", "exceeded quota: jobs");
    let (outcome, asked) = submit_to(vec![answer(&stored()), map(), quota, map()]).await;
    let Outcome::SubmitFailed(failure) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.class, FailureClass::Refused);
    let delete = format!("DELETE configmaps/{NAME}");
    assert_eq!(
        short(&asked),
        ["POST jobs dry", "POST configmaps", "POST jobs", delete.as_str()]
    );
}

#[tokio::test]
async fn a_job_whose_answer_got_lost_is_found_again() {
    let lost = refusal(504, "Timeout", "timed out");
    let (outcome, _) = submit_to(vec![answer(&stored()), map(), lost.clone(), answer(&stored()), map()]).await;
    assert!(matches!(outcome, Outcome::Submitted { .. }), "{outcome:?}");
    // When nobody knows, the ConfigMap stays.
    let (outcome, asked) = submit_to(vec![answer(&stored()), map(), lost.clone(), lost]).await;
    let Outcome::SubmitFailed(failure) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.class, FailureClass::Unreachable);
    assert!(failure.hint.unwrap().contains("attach"));
    assert!(!short(&asked).iter().any(|line| line.starts_with("DELETE")));
}

#[tokio::test]
async fn a_name_that_somebody_else_has_is_given_up() {
    let exists = || refusal(409, "AlreadyExists", "exists");
    let mut foreign = stored();
    foreign["metadata"]["annotations"]["ttg-tui/plan"] = json!("{}");
    let again = vec![answer(&stored()), map(), answer(&stored()), map()];
    let mut answers = vec![exists(), map(), exists(), answer(&foreign), map()];
    answers.extend(again);
    let (outcome, asked) = submit_to(answers).await;
    let Outcome::Submitted {
        plan: sent, remarks, ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(sent.run, RunId::generate("primes", 7));
    assert!(remarks[0].contains(NAME), "{remarks:?}");
    let delete = format!("DELETE configmaps/{NAME}");
    let get = format!("GET jobs/{NAME}");
    assert_eq!(
        short(&asked)[..5],
        [
            "POST jobs dry",
            "POST configmaps",
            "POST jobs",
            get.as_str(),
            delete.as_str()
        ]
    );
}

#[tokio::test]
async fn a_rerun_has_a_job_of_its_own_and_the_next_number_when_one_is_taken() {
    let rerun = |number| Rerun {
        number,
        indexes: [3, 5].into_iter().map(CompletionIndex).collect(),
        workers: 3,
    };
    let (plan, first, second) = (plan(), rerun(1), rerun(2));
    let stored = |rerun: &Rerun| {
        let mut job = json_of(&Part::new(&plan, Some(rerun)).job("lab"));
        job["metadata"]["uid"] = json!("rerun-uid");
        answer(&job)
    };
    let map = |rerun: &Rerun| answer(&serde_json::to_value(Part::new(&plan, Some(rerun)).config_map("lab")).unwrap());
    let exists = || refusal(409, "AlreadyExists", "exists");
    // Somebody else had the same thought about another index.
    let mut other = json_of(&Part::new(&plan, Some(&first)).job("lab"));
    other["metadata"]["annotations"]["ttg-tui/indexes"] = json!("4,5");
    let mut answers = vec![stored(&first), map(&first), exists(), answer(&other), map(&first)];
    answers.extend([stored(&second), map(&second), stored(&second), map(&second)]);
    let (client, asked) = scripted(answers);
    let outcome = submit_rerun(&Connection::to_client(client), plan.clone(), rerun(1), &|_, _| {}).await;
    let Outcome::Submitted { job, plan: sent, .. } = outcome else {
        panic!("{outcome:?}")
    };
    let name = format!("{NAME}-r2");
    assert_eq!(
        (job.name.as_str(), job.run.as_str(), job.completions),
        (name.as_str(), NAME, 2)
    );
    assert_eq!(job.computes, Computes::Only(second.indexes));
    assert_eq!(*sent, plan, "the run is the same");
    let asked = taken(&asked);
    let patch = format!("PATCH configmaps/{name}");
    assert_eq!(
        short(&asked)[5..],
        ["POST jobs dry", "POST configmaps", "POST jobs", patch.as_str()]
    );
    assert_eq!(asked[6].1["data"]["SHARD_INDEXES"], "3,5");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_wait_is_asked_again_and_what_it_stored_all_the_same_is_found() {
    let exists = || refusal(409, "AlreadyExists", "exists");
    let answers = vec![
        busy(429, 0),
        busy(429, 0),
        answer(&stored()),
        // The ConfigMap was stored with the first try, and so was the Job.
        busy(503, 3),
        exists(),
        map(),
        busy(500, 7),
        exists(),
        answer(&stored()),
        map(),
    ];
    let (outcome, asked, waits) = submit_patiently(answers).await;
    assert!(matches!(outcome, Outcome::Submitted { .. }), "{outcome:?}");
    assert_eq!(waits, [1, 2, 3, 7]);
    let (get_map, get_job) = (format!("GET configmaps/{NAME}"), format!("GET jobs/{NAME}"));
    assert_eq!(
        short(&asked)[3..9],
        [
            "POST configmaps",
            "POST configmaps",
            get_map.as_str(),
            "POST jobs",
            "POST jobs",
            get_job.as_str()
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn patience_ends_after_a_minute_with_the_servers_words() {
    for (answers, expected) in [
        (vec![busy(429, 0); 20], vec![1, 2, 4, 8, 10, 10, 10, 10]),
        (vec![busy(429, 3_600)], Vec::new()),
    ] {
        let (outcome, _, waits) = submit_patiently(answers).await;
        let Outcome::SubmitFailed(failure) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(waits, expected);
        assert_eq!(failure.text, format!("cannot create the Job {NAME} in lab: later"));
        assert!(failure.hint.unwrap().contains("too much to do"));
    }
    // A Job that is refused after all takes the ConfigMap with it that was stored in spite of a 503.
    let exists = refusal(409, "AlreadyExists", "exists");
    let quota = refusal(403, "Forbidden", "exceeded quota: jobs");
    let (_, asked, _) = submit_patiently(vec![answer(&stored()), busy(503, 1), exists, map(), quota, map()]).await;
    assert_eq!(short(&asked).last(), Some(&format!("DELETE configmaps/{NAME}")));
}

#[tokio::test]
async fn a_rehearsal_that_a_webhook_cannot_do_is_left_out() {
    let no_rehearsal = refusal(400, "BadRequest", "admission webhook \"w\" does not support dry run");
    let (outcome, _) = submit_to(vec![no_rehearsal, map(), answer(&stored()), map()]).await;
    let Outcome::Submitted { remarks, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(remarks[0].starts_with("the server could not rehearse"), "{remarks:?}");
}

#[test]
fn changes_are_patches_of_single_fields() {
    let uid = JobUid::from("u");
    let now: Timestamp = "2026-01-02T03:04:05.6Z".parse().unwrap();
    let patch = |change: JobChange| patch_of(&change, &uid, "ann", now);
    let cases = [
        (
            JobChange::Scale(5),
            Some(json!({"metadata": {"uid": "u"}, "spec": {"parallelism": 5}})),
        ),
        (
            JobChange::Suspend,
            Some(json!({"metadata": {"uid": "u"}, "spec": {"suspend": true}})),
        ),
        (
            JobChange::Resume,
            Some(
                json!({"metadata": {"uid": "u", "annotations": {"ttg-tui/cancelled": null}}, "spec": {"suspend": false}}),
            ),
        ),
        (
            JobChange::Cancel,
            Some(json!({
                "metadata": {"uid": "u", "annotations": {"ttg-tui/cancelled": "ann at 2026-01-02T03:04:05Z"}},
                "spec": {"suspend": true}
            })),
        ),
        (JobChange::Delete, None),
    ];
    for (change, expected) in cases {
        assert_eq!(patch(change.clone()), expected, "{change:?}");
    }
}

#[test]
fn every_change_has_a_twin_for_kubectl() {
    let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let table = [
        (
            JobChange::Scale(5),
            r#"kubectl patch job r -n lab --type=merge -p '{"spec":{"parallelism":5}}'"#,
        ),
        (
            JobChange::Suspend,
            r#"kubectl patch job r -n lab --type=merge -p '{"spec":{"suspend":true}}'"#,
        ),
        (
            JobChange::Resume,
            concat!(
                "kubectl patch job r -n lab --type=merge -p ",
                r#"'{"metadata":{"annotations":{"ttg-tui/cancelled":null}},"spec":{"suspend":false}}'"#
            ),
        ),
        (
            JobChange::Cancel,
            concat!(
                "kubectl patch job r -n lab --type=merge -p ",
                r#"'{"metadata":{"annotations":{"ttg-tui/cancelled":"o'\''hara at 2026-01-02T03:04:05Z"}},"#,
                r#""spec":{"suspend":true}}'"#
            ),
        ),
        (JobChange::Delete, "kubectl delete job r -n lab"),
    ];
    for (change, expected) in table {
        assert_eq!(kubectl_twin("r", " -n lab", &change, "o'hara", now), expected);
    }
}

#[tokio::test]
async fn a_delete_names_the_uid_and_a_job_that_is_gone_is_deleted() {
    let uid = JobUid::from("job-uid");
    let gone = refusal(404, "NotFound", "not found");
    let conflict = refusal(409, "Conflict", "the UID in the precondition does not match");
    let (client, asked) = scripted(vec![answer(&stored()), gone, conflict]);
    let connection = Connection::to_client(client);
    for expected in [true, true, false] {
        let outcome = change(
            &connection,
            NAME,
            &uid,
            &JobChange::Delete,
            "ann",
            Timestamp::UNIX_EPOCH,
        )
        .await;
        assert_eq!(
            matches!(outcome, Outcome::Changed { job: None, .. }),
            expected,
            "{outcome:?}"
        );
    }
    let body = &taken(&asked)[0].1;
    assert_eq!(body["preconditions"]["uid"], "job-uid");
    assert_eq!(body["propagationPolicy"], "Background");
}
