//! The Job controller's decisions, one situation each.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a literal is handed over where it is written"
)]

use k8s_openapi::api::batch::v1::UncountedTerminatedPods;
use serde_json::{Value, json};

use super::*;

const NOW_S: i64 = 1_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW_S).unwrap()
}

fn job(spec: Value, status: Value) -> Job {
    let mut all = json!({
        "completionMode": "Indexed", "completions": 4, "parallelism": 2, "backoffLimit": i32::MAX,
        "backoffLimitPerIndex": 1, "podReplacementPolicy": "Failed", "template": {"spec": {"containers": []}},
    });
    for (field, value) in spec.as_object().unwrap() {
        all[field] = value.clone();
    }
    serde_json::from_value(
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {}, "spec": all, "status": status}),
    )
    .unwrap()
}

/// A pod as `index state [failures]`: running, pending, ok, failed, ending.
fn pod(text: &str) -> PodView {
    let mut words = text.split(' ');
    let index: u32 = words.next().unwrap().parse().unwrap();
    let state = words.next().unwrap();
    PodView {
        name: format!("j-{index}-{state}"),
        uid: format!("u-{index}-{state}"),
        index: Some(index),
        succeeded: state == "ok",
        failed: state == "failed",
        deleting: state == "ending",
        tracked: true,
        bound: state != "pending",
        running: matches!(state, "running" | "ending"),
        finished_at: Timestamp::from_second(NOW_S - 1).ok(),
        failures: words.next().map_or(0, |f| f.parse().unwrap()),
        exit_codes: if state == "failed" {
            vec![("worker".into(), 1)]
        } else {
            vec![]
        },
        ..PodView::default()
    }
}

fn decide(job: &Job, pods: &[&str]) -> Decision {
    let pods: Vec<PodView> = pods.iter().map(|p| pod(p)).collect();
    let refs: Vec<&PodView> = pods.iter().collect();
    let back_off = BackOff {
        base: SignedDuration::from_secs(10),
        cap: SignedDuration::from_secs(600),
    };
    sync(job, &refs, back_off, BackOffRecord::default(), now())
}

fn created(decision: &Decision) -> Vec<u32> {
    decision.create.iter().filter_map(|p| p.index).collect()
}

fn conditions(decision: &Decision) -> Vec<String> {
    words(&decision.status)
}

fn words(status: &JobStatus) -> Vec<String> {
    let all = status.conditions.iter().flatten();
    all.map(|c| format!("{}={} {}", c.type_, c.status, c.reason.as_deref().unwrap_or_default()))
        .collect()
}

fn reasons(decision: &Decision) -> Vec<&str> {
    decision.told.iter().map(|t| t.reason).collect()
}

#[test]
fn the_lowest_missing_indexes_start_first() {
    let plain = job(json!({}), json!({}));
    assert_eq!(created(&decide(&plain, &[])), [0, 1]);
    let d = decide(&plain, &["0 ok", "1 running"]);
    assert_eq!(created(&d), [2]);
    assert_eq!(d.release, ["j-0-ok"], "a counted pod loses its finalizer");
    assert_eq!(
        (
            d.status.completed_indexes.as_deref(),
            d.status.succeeded,
            d.status.active
        ),
        (Some("0"), Some(1), Some(2))
    );
}

#[test]
fn no_more_pods_than_there_are_indexes_left() {
    let nearly = job(
        json!({"parallelism": 8}),
        json!({"completedIndexes": "0-2", "succeeded": 3}),
    );
    assert_eq!(created(&decide(&nearly, &[])), [3]);
}

#[test]
fn a_failed_index_waits_and_keeps_its_place_and_its_finalizer() {
    let d = decide(&job(json!({}), json!({})), &["0 failed", "1 running"]);
    assert_eq!(
        created(&d),
        [] as [u32; 0],
        "upstream does not start index 2 in the meantime"
    );
    assert_eq!(d.again_after, Some(SignedDuration::from_secs(9)));
    assert!(d.release.is_empty());
    assert_eq!(d.status.failed, None, "it is counted when its replacement exists");
    let replaced = decide(&job(json!({}), json!({})), &["0 failed", "0 running 1", "1 running"]);
    assert_eq!(
        (replaced.release, replaced.status.failed),
        (vec!["j-0-failed".into()], Some(1))
    );
}

#[test]
fn an_index_that_fails_too_often_is_given_up_and_the_job_fails_after_all_others() {
    let d = decide(&job(json!({}), json!({})), &["0 failed 1", "1 running"]);
    assert_eq!(d.status.failed_indexes.as_deref(), Some("0"));
    assert_eq!(created(&d), [2]);
    let last = decide(
        &job(json!({}), json!({"completedIndexes": "1-3", "succeeded": 3})),
        &["0 failed 1"],
    );
    assert_eq!(
        conditions(&last),
        ["FailureTarget=True FailedIndexes", "Failed=True FailedIndexes"]
    );
}

#[test]
fn complete_comes_after_the_last_pod_is_gone() {
    let all = job(json!({}), json!({"completedIndexes": "0-2", "succeeded": 3}));
    assert_eq!(
        conditions(&decide(&all, &["3 ok"])),
        [
            "SuccessCriteriaMet=True CompletionsReached",
            "Complete=True CompletionsReached"
        ]
    );
    assert_eq!(
        words(&decide(&all, &["3 ok"]).interim),
        ["SuccessCriteriaMet=True CompletionsReached"]
    );
    assert_eq!(
        conditions(&decide(&all, &["3 ok", "1 ending"])),
        ["SuccessCriteriaMet=True CompletionsReached"]
    );
}

#[test]
fn a_terminating_pod_blocks_its_index_and_its_slot_until_it_has_ended() {
    assert_eq!(
        created(&decide(&job(json!({}), json!({})), &["0 ending", "1 running"])),
        [] as [u32; 0]
    );
    let eager = job(
        json!({"podReplacementPolicy": "TerminatingOrFailed", "backoffLimitPerIndex": null}),
        json!({}),
    );
    let d = decide(&eager, &["0 ending", "1 running"]);
    assert_eq!(
        d.status.failed,
        Some(1),
        "with TerminatingOrFailed a deleted pod counts as failed at once"
    );
}

#[test]
fn suspend_deletes_without_counting_and_resume_starts_again() {
    let started = "2026-01-01T00:00:00Z";
    let d = decide(
        &job(json!({"suspend": true}), json!({"startTime": started})),
        &["0 running", "1 pending"],
    );
    assert_eq!(d.remove, ["j-1-pending", "j-0-running"]);
    assert!(d.release.is_empty() && d.delete.is_empty());
    assert_eq!(conditions(&d), ["Suspended=True JobSuspended"]);
    assert_eq!(
        (d.status.failed, d.status.active, d.status.terminating),
        (None, None, Some(2))
    );
    assert_eq!(d.status.start_time.unwrap().0.to_string(), started, "upstream keeps it");
    let suspended = json!({
        "startTime": started,
        "conditions": [{"type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "Job suspended"}],
    });
    let again = decide(&job(json!({}), suspended), &[]);
    assert_eq!(conditions(&again), ["Suspended=False JobResumed"]);
    assert_eq!(again.status.start_time.as_ref().unwrap().0, now());
    assert_eq!(created(&again), [0, 1]);
}

#[test]
fn fewer_workers_remove_the_pods_that_lose_least() {
    let d = decide(
        &job(json!({"parallelism": 1}), json!({})),
        &["0 running", "1 pending", "2 running"],
    );
    assert_eq!(
        d.remove,
        ["j-1-pending", "j-2-running"],
        "a pod that is scaled away is not a failure"
    );
    assert_eq!((d.status.active, d.status.terminating), (Some(1), Some(2)));
}

#[test]
fn what_exceeds_a_limit_ends_the_job_and_counts_its_pods_as_failed() {
    let whole = job(
        json!({"backoffLimitPerIndex": null, "backoffLimit": 0, "podReplacementPolicy": null}),
        json!({}),
    );
    let d = decide(&whole, &["0 failed", "1 running"]);
    assert_eq!(conditions(&d), ["FailureTarget=True BackoffLimitExceeded"]);
    assert_eq!(d.delete, ["j-1-running"]);
    assert_eq!(d.release, ["j-0-failed", "j-1-running"]);
    let uncounted = d.interim.uncounted_terminated_pods.unwrap();
    assert_eq!(uncounted.failed.unwrap(), ["u-0-failed", "u-1-running"]);
    assert_eq!(
        (d.interim.failed, d.status.failed, d.status.terminating),
        (None, Some(2), Some(1))
    );
    assert_eq!(
        d.status.uncounted_terminated_pods,
        Some(UncountedTerminatedPods::default())
    );
    let settled = serde_json::to_value(&d.status).unwrap();
    let after = decide(
        &job(json!({"backoffLimitPerIndex": null, "backoffLimit": 0}), settled),
        &[],
    );
    assert_eq!(
        conditions(&after),
        [
            "FailureTarget=True BackoffLimitExceeded",
            "Failed=True BackoffLimitExceeded"
        ]
    );
    assert_eq!(reasons(&after), ["BackoffLimitExceeded"]);
    let late = job(
        json!({"activeDeadlineSeconds": 5}),
        json!({"startTime": Timestamp::from_second(NOW_S - 6).unwrap().to_string()}),
    );
    assert_eq!(
        conditions(&decide(&late, &[])).first().unwrap(),
        "FailureTarget=True DeadlineExceeded"
    );
    let many = job(json!({"maxFailedIndexes": 0}), json!({}));
    assert_eq!(
        conditions(&decide(&many, &["0 failed 1"])).first().unwrap(),
        "FailureTarget=True MaxFailedIndexesExceeded"
    );
}

#[test]
fn restarts_count_towards_the_limit_when_containers_are_started_again() {
    let on_failure = job(
        json!({
            "backoffLimitPerIndex": null, "backoffLimit": 2,
            "template": {"spec": {"containers": [], "restartPolicy": "OnFailure"}},
        }),
        json!({}),
    );
    for (restarts, want) in [(1, None), (2, Some("FailureTarget=True BackoffLimitExceeded"))] {
        let restarted = PodView {
            restarts,
            ..pod("0 running")
        };
        let back_off = BackOff {
            base: SignedDuration::from_secs(10),
            cap: SignedDuration::from_secs(600),
        };
        let d = sync(&on_failure, &[&restarted], back_off, BackOffRecord::default(), now());
        assert_eq!(conditions(&d).first().map(String::as_str), want);
    }
}

#[test]
fn a_success_policy_ends_the_job_and_what_still_runs_is_no_failure() {
    let policy = json!({"successPolicy": {"rules": [{"succeededIndexes": "0"}]}});
    let d = decide(&job(policy, json!({})), &["0 ok", "1 running"]);
    assert_eq!(conditions(&d), ["SuccessCriteriaMet=True SuccessPolicy"]);
    assert_eq!(d.delete, ["j-1-running"]);
    assert_eq!((d.status.succeeded, d.status.failed), (Some(1), None));
    assert_eq!(d.release.len(), 2);
}

#[test]
fn while_a_job_backs_off_its_active_count_reads_zero_as_upstreams() {
    let whole = job(json!({"backoffLimitPerIndex": null, "backoffLimit": 5}), json!({}));
    let d = decide(&whole, &["0 failed", "1 running"]);
    assert_eq!(d.again_after, Some(SignedDuration::from_secs(9)));
    assert_eq!((d.record.failures, d.status.active), (1, None));
    assert!(d.create.is_empty());
}

#[test]
fn a_deleted_job_releases_its_pods_and_makes_none() {
    let mut deleted = job(json!({}), json!({}));
    deleted.metadata.deletion_timestamp = Some(Time(now()));
    let d = decide(&deleted, &["0 running"]);
    assert_eq!(d.release, ["j-0-running"]);
    assert!(d.create.is_empty() && d.status.failed.is_none());
}

#[test]
fn an_ended_job_keeps_its_status() {
    let ended = json!({"conditions": [{"type": "Failed", "status": "True"}], "failed": 3});
    let d = decide(&job(json!({}), ended), &["0 ending"]);
    assert_eq!(d.release, ["j-0-ending"]);
    assert_eq!(serde_json::to_value(&d.status).unwrap()["failed"], 3);
    assert_eq!(d.status, d.interim);
}

#[test]
fn a_second_success_of_an_index_counts_once() {
    let d = decide(
        &job(json!({}), json!({"completedIndexes": "0", "succeeded": 1})),
        &["0 ok", "1 running"],
    );
    assert_eq!((d.status.succeeded, d.release.len()), (Some(1), 1));
    assert_eq!(
        d.interim.uncounted_terminated_pods,
        Some(UncountedTerminatedPods::default())
    );
}

#[test]
fn a_plain_job_counts_pods() {
    let plain = job(
        json!({"completionMode": "NonIndexed", "completions": 2, "backoffLimitPerIndex": null, "podReplacementPolicy": null}),
        json!({}),
    );
    assert_eq!(decide(&plain, &[]).create.len(), 2);
    let d = decide(&plain, &["0 ok", "1 ok"]);
    assert_eq!((d.interim.succeeded, d.status.succeeded), (None, Some(2)));
    let uncounted = d.interim.uncounted_terminated_pods.unwrap();
    assert_eq!(uncounted.succeeded.unwrap(), ["u-0-ok", "u-1-ok"]);
}
