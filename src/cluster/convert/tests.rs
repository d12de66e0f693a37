//! Objects as servers send them, as JSON, to facts.

use serde_json::{Value, json};

use super::*;

fn pod_of(value: Value) -> PodFact {
    pod(&serde_json::from_value(value).unwrap(), &Computes::All).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "the fields it fills are options")]
fn at(text: &str) -> Option<Timestamp> {
    Some(text.parse().unwrap())
}

#[expect(clippy::unnecessary_wraps, reason = "the fields it fills are options")]
fn reason_of(reason: &str, message: &str) -> Option<Reason> {
    Some(Reason {
        reason: reason.to_owned(),
        message: message.to_owned(),
    })
}

/// A pod of index 3, with this spec and this status.
fn pod_json(spec: &Value, status: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "run-3-abcde", "uid": "u1", "resourceVersion": "1234",
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": {"batch.kubernetes.io/controller-uid": "job-uid"},
            "annotations": {"batch.kubernetes.io/job-completion-index": "3"}
        },
        "spec": spec, "status": status
    })
}

#[test]
fn a_pod_that_no_node_takes_says_why() {
    let status = json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available:\n3 Insufficient cpu.\u{1b}[2J"
    }]});
    let fact = pod_of(pod_json(&json!({"containers": []}), &status));
    assert_eq!(fact.uid, PodUid::from("u1"));
    assert_eq!((fact.revision, fact.index), (1234, Some(CompletionIndex(3))));
    assert_eq!(fact.job_uid, JobUid::from("job-uid"));
    assert_eq!(
        (fact.phase, fact.node.clone(), fact.terminating),
        (Phase::Pending, None, false)
    );
    assert_eq!(fact.created_at, at("2026-01-02T03:04:05Z"));
    assert_eq!(
        fact.waiting,
        reason_of("Unschedulable", "0/3 nodes are available: 3 Insufficient cpu.")
    );
    assert_eq!((fact.ended, fact.scheduled_at, fact.started_at), (None, None, None));
}

#[test]
fn a_bound_pod_says_what_its_worker_waits_for() {
    let status = json!({"phase": "Pending",
    "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-02T03:04:06Z"}],
    "containerStatuses": [
        {"name": "mesh", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}},
        {"name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
         "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}
    ]});
    let fact = pod_of(pod_json(&json!({"containers": [], "nodeName": "node-2"}), &status));
    assert_eq!(fact.node, Some(NodeName::from("node-2")));
    assert_eq!(fact.scheduled_at, at("2026-01-02T03:04:06Z"));
    assert_eq!(fact.waiting, reason_of("ErrImagePull", "not found"));
}

#[test]
fn a_termination_message_stays_as_it_is() {
    let message = "{\"value\":\"1\"}\n\u{1b}";
    let status = json!({"phase": "Succeeded", "containerStatuses": [{
        "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 0, "reason": "Completed", "message": message,
            "startedAt": "2026-01-02T03:04:07Z", "finishedAt": "2026-01-02T03:04:09Z"}}
    }]});
    let fact = pod_of(pod_json(&json!({"containers": [], "nodeName": "n"}), &status));
    assert_eq!(fact.started_at, at("2026-01-02T03:04:07Z"));
    let ended = fact.ended.unwrap();
    assert_eq!(
        (ended.exit_code, ended.reason.as_str(), ended.message.as_str()),
        (0, "Completed", message)
    );
    assert_eq!(ended.finished_at, at("2026-01-02T03:04:09Z"));
    assert_eq!(first_bytes("aéb", 2), "a");
    assert_eq!(first_bytes("aéb", 3), "aé");
}

#[test]
fn a_pod_of_a_lost_node_has_no_end_but_a_reason() {
    let status = json!({"phase": "Failed", "reason": "NodeLost", "message": "Node n is unresponsive",
        "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC", "message": "gone"}]});
    let mut value = pod_json(&json!({"containers": [], "nodeName": "n"}), &status);
    value["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:05:00Z");
    let fact = pod_of(value);
    assert_eq!((fact.phase, fact.terminating, fact.ended), (Phase::Failed, true, None));
    assert_eq!(fact.disruption, reason_of("DeletionByPodGC", "gone"));
    assert_eq!(fact.pod_reason, reason_of("NodeLost", "Node n is unresponsive"));
    assert_eq!(fact.waiting, None);
}

#[test]
fn a_pod_that_its_job_has_let_go_of_has_lost_its_finalizer() {
    for (finalizers, released) in [
        (json!(["batch.kubernetes.io/job-tracking"]), false),
        (json!(["example.com/other"]), true),
        (Value::Null, true),
    ] {
        let mut value = pod_json(&json!({"containers": []}), &json!({"phase": "Running"}));
        value["metadata"]["finalizers"] = finalizers;
        assert_eq!(pod_of(value.clone()).released, released, "{value}");
    }
}

#[test]
fn a_container_of_unknown_state_has_null_times() {
    let status = json!({"phase": "Failed", "containerStatuses": [{
        "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": null, "finishedAt": null}}
    }]});
    let ended = pod_of(pod_json(&json!({"containers": []}), &status)).ended.unwrap();
    assert_eq!(
        (ended.exit_code, ended.started_at, ended.message.as_str()),
        (137, None, "")
    );
}

#[test]
fn owner_and_index_are_found_in_other_places_too() {
    let fact = pod_of(json!({"metadata": {
        "name": "p", "uid": "u", "resourceVersion": "opaque",
        "labels": {"batch.kubernetes.io/job-completion-index": "7"},
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "no"},
            {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "yes", "controller": true}
        ]
    }}));
    assert_eq!((fact.revision, fact.index), (0, Some(CompletionIndex(7))));
    assert_eq!(fact.job_uid, JobUid::from("yes"));
    let foreign = pod_of(json!({"metadata": {"name": "p", "uid": "u", "annotations": {
        "batch.kubernetes.io/job-completion-index": "-1"}}}));
    assert_eq!((foreign.index, foreign.job_uid), (None, JobUid::default()));
    assert_eq!(pod(&Pod::default(), &Computes::All), None);
}

#[test]
fn a_job_becomes_a_fact() {
    let value = json!({
        "metadata": {"name": "run", "uid": "j1", "namespace": "lab", "resourceVersion": "9", "annotations": {
            "ttg-tui/plan": "{\"a\":1}", "ttg-tui/cancelled": "ann at noon\u{7}"}},
        "spec": {"parallelism": 3, "completions": 12, "suspend": true, "managedBy": "kueue.x-k8s.io/multikueue",
            "template": {}},
        "status": {"active": 2, "ready": 1, "succeeded": 4, "failed": 1, "completedIndexes": "0-2,5", "failedIndexes": "99",
            "conditions": [{"type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "m"},
                {"type": "Complete", "status": "False"}]}
    });
    let fact = job(&serde_json::from_value(value).unwrap()).unwrap();
    assert_eq!(
        (fact.name.as_str(), fact.namespace.as_str(), fact.revision),
        ("run", "lab", 9)
    );
    assert_eq!((fact.run.as_str(), &fact.computes), ("run", &Computes::All));
    assert_eq!((fact.parallelism, fact.completions, fact.suspend), (3, 12, true));
    assert_eq!(
        (fact.active, fact.ready, fact.terminating, fact.succeeded, fact.failed),
        (2, 1, 0, 4, 1)
    );
    assert_eq!(fact.completed, IndexSet::parse("0-2,5", 12).unwrap());
    assert_eq!(
        fact.failed_indexes,
        IndexSet::default(),
        "an index that cannot be is not believed"
    );
    assert_eq!(
        fact.condition("Suspended").unwrap().why,
        reason_of("JobSuspended", "m").unwrap()
    );
    assert!(!fact.is_finished());
    assert_eq!(fact.plan_json.as_deref(), Some("{\"a\":1}"));
    assert_eq!(fact.cancelled.as_deref(), Some("ann at noon"));
    assert_eq!(fact.managed_by.as_deref(), Some("kueue.x-k8s.io/multikueue"));
    assert_eq!(job(&Job::default()), None);
}

/// The Job of a rerun with four completions, and this annotation.
fn rerun_json(indexes: &str) -> Value {
    json!({
        "metadata": {"name": "run-r1", "uid": "j2", "labels": {"ttg-tui/run": "run"},
            "annotations": {"ttg-tui/indexes": indexes}},
        "spec": {"completions": 4, "template": {}},
        "status": {"completedIndexes": "0,2", "failedIndexes": "3"}
    })
}

#[test]
fn the_indexes_of_a_rerun_become_the_runs() {
    let job = serde_json::from_value(rerun_json("1,3,7-8")).unwrap();
    let fact = super::job(&job).unwrap();
    assert_eq!(
        (fact.name.as_str(), fact.run.as_str(), fact.completions),
        ("run-r1", "run", 4)
    );
    assert_eq!(
        (fact.completed.to_string(), fact.failed_indexes.to_string()),
        ("1,7".into(), "8".into())
    );
    // A pod's own index is 3, see `pod_json`.
    let value = pod_json(&json!({"containers": []}), &json!({}));
    let of = |computes: &Computes| {
        pod(&serde_json::from_value(value.clone()).unwrap(), computes)
            .unwrap()
            .index
    };
    assert_eq!(of(&fact.computes), Some(CompletionIndex(8)));
    let fewer = Computes::Only(IndexSet::parse("1,3,7", 9).unwrap());
    assert_eq!(of(&fewer), None, "there is no fourth index");
    // What was known when the Job was made counts, whatever its annotation says by now.
    let known = job_that_computes(&job, fewer.clone()).unwrap();
    assert_eq!(
        (known.completed.to_string(), known.failed_indexes.to_string()),
        ("1,7".into(), String::new())
    );
    assert_eq!(known.computes, fewer);
}

#[test]
fn a_job_that_says_what_cannot_be_computes_nothing() {
    let long = "1,".repeat(40_000);
    for (indexes, words) in [
        ("1,3,7", "it names 3 indexes for 4 completions"),
        ("", "it names 0 indexes for 4 completions"),
        ("7,3,1,0", "does not come after index 7"),
        ("\u{1b}[2J", "neither an index nor an interval"),
        (long.as_str(), "it has 80000 bytes, at most 65536 are valid"),
    ] {
        let fact = job(&serde_json::from_value(rerun_json(indexes)).unwrap()).unwrap();
        let Computes::Unknown(why) = &fact.computes else {
            panic!("{:?}", fact.computes)
        };
        assert!(why.contains(words) && !why.contains('\u{1b}'), "{why}");
        assert!(fact.completed.is_empty() && fact.failed_indexes.is_empty());
        assert_eq!(fact.computes.index_at(CompletionIndex(0)), None);
    }
}

#[test]
fn a_node_becomes_a_fact() {
    let of = |ready: &str| {
        let value = json!({
            "metadata": {"name": "n1", "resourceVersion": "5"},
            "spec": {"unschedulable": true, "taints": [
                {"key": "k", "value": "v", "effect": "NoSchedule"}, {"key": "lost", "effect": "NoExecute"}]},
            "status": {"allocatable": {"cpu": "1930m", "memory": "2Gi"}, "conditions": [
                {"type": "MemoryPressure", "status": "True"}, {"type": "Ready", "status": ready}]}
        });
        node(&serde_json::from_value(value).unwrap()).unwrap()
    };
    let fact = of("True");
    assert_eq!((fact.ready, fact.cordoned), (Some(true), true));
    assert_eq!(fact.taints, ["k=v:NoSchedule", "lost:NoExecute"]);
    assert_eq!((fact.cpu_milli, fact.memory_bytes), (1_930, 2_147_483_648));
    assert_eq!((of("False").ready, of("Unknown").ready), (Some(false), None));
}

#[test]
fn an_event_becomes_a_fact_with_its_latest_time() {
    let of = |extra: Value| {
        let mut value = json!({
            "metadata": {"name": "e", "uid": "e1", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "involvedObject": {"kind": "Job", "name": "run", "uid": "j1"},
            "type": "Warning", "reason": "FailedCreate", "message": "exceeded quota"
        });
        value
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        kube_event(&serde_json::from_value(value).unwrap()).unwrap()
    };
    let plain = of(json!({}));
    assert!(plain.warning);
    assert_eq!((plain.count, plain.at), (1, at("2026-01-01T00:00:00Z")));
    assert_eq!(plain.why, reason_of("FailedCreate", "exceeded quota").unwrap());
    assert_eq!(
        (
            plain.object_kind.as_str(),
            plain.object_name.as_str(),
            plain.object_uid.as_str()
        ),
        ("Job", "run", "j1")
    );
    let counted = of(json!({"count": 4, "lastTimestamp": "2026-01-01T00:00:02Z"}));
    assert_eq!((counted.count, counted.at), (4, at("2026-01-01T00:00:02Z")));
    let series = of(json!({"eventTime": "2026-01-01T00:00:01.000000Z",
        "series": {"count": 7, "lastObservedTime": "2026-01-01T00:00:03.000000Z"}}));
    assert_eq!((series.count, series.at), (7, at("2026-01-01T00:00:03Z")));
}
