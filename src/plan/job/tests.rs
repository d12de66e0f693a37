//! Tests of the objects that a plan becomes.

use serde_json::{Value, json};

use super::*;
use crate::plan::RunId;
use crate::plan::error::Field;

fn plan() -> Plan {
    Plan::new(RunId::parse("ttg-primes-7f3a2k").unwrap())
}

fn job_value(plan: &Plan) -> Value {
    serde_json::to_value(to_job(plan, "team-a")).unwrap()
}

fn expected_pod_spec() -> Value {
    let from_pod = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    let from_map =
        |key: &str| json!({"name": key, "valueFrom": {"configMapKeyRef": {"key": key, "name": "ttg-primes-7f3a2k"}}});
    json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "dnsPolicy": "Default",
        "enableServiceLinks": false,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"ttg-tui/run": "ttg-primes-7f3a2k"}},
        }],
        "containers": [{
            "name": "worker",
            "image": "ttg-worker:latest",
            "imagePullPolicy": "IfNotPresent",
            "env": [
                from_pod("WORKER_ID", "metadata.annotations['batch.kubernetes.io/job-completion-index']"),
                from_pod("JOB_UID", "metadata.labels['batch.kubernetes.io/controller-uid']"),
                from_pod("POD_NAME", "metadata.name"),
                {"name": "KERNEL", "value": "primes"},
                {"name": "TOTAL_WORKERS", "value": "12"},
                {"name": "FIRST_PARAMETER", "value": "0"},
                from_map("TOTAL_PARAMETERS"),
                from_map("BATCH_SIZE"),
                from_map("SIMULATE_WORK_MS"),
                from_map("LOG_LEVEL"),
            ],
            "resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                "limits": {"cpu": "500m", "memory": "256Mi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        }],
    })
}

#[test]
fn the_job_is_the_one_of_the_design() {
    let plan = plan();
    let labels = json!({
        "app.kubernetes.io/name": "ttg",
        "app.kubernetes.io/managed-by": "ttg-tui",
        "ttg-tui/run": "ttg-primes-7f3a2k",
    });
    let expected = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "ttg-primes-7f3a2k",
            "namespace": "team-a",
            "labels": labels,
            "annotations": {"ttg-tui/plan": serde_json::to_string(&plan).unwrap()},
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": 12,
            "parallelism": 3,
            "backoffLimitPerIndex": 3,
            "maxFailedIndexes": 3,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {
                    "action": "FailIndex",
                    "onExitCodes": {"containerName": "worker", "operator": "In", "values": [64, 65]},
                },
            ]},
            "template": {
                "metadata": {"labels": labels},
                "spec": expected_pod_spec(),
            },
        },
    });
    assert_eq!(job_value(&plan), expected);
}

#[test]
fn the_config_map_holds_the_tunables_and_never_changes() {
    let expected = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "ttg-primes-7f3a2k",
            "namespace": "team-a",
            "labels": {
                "app.kubernetes.io/name": "ttg",
                "app.kubernetes.io/managed-by": "ttg-tui",
                "ttg-tui/run": "ttg-primes-7f3a2k",
            },
        },
        "immutable": true,
        "data": {
            "TOTAL_PARAMETERS": "10000000",
            "BATCH_SIZE": "1000",
            "SIMULATE_WORK_MS": "0",
            "LOG_LEVEL": "info",
        },
    });
    assert_eq!(
        serde_json::to_value(to_config_map(&plan(), "team-a")).unwrap(),
        expected
    );
}

#[test]
fn the_job_never_asks_for_more_workers_or_failures_than_shards() {
    let job = job_value(&Plan {
        shards: 2,
        workers: 100_000,
        max_failed: 100_000,
        ..plan()
    });
    assert_eq!(job["spec"]["parallelism"], 2);
    assert_eq!(job["spec"]["maxFailedIndexes"], 2);
    assert_eq!(job["spec"]["completions"], 2);
}

#[test]
fn a_rerun_is_the_same_job_for_fewer_indexes() {
    let plan = Plan {
        workers: 100,
        max_failed: 100,
        ..plan()
    };
    let rerun = Rerun {
        number: 2,
        indexes: IndexSet::parse("1,3-5", 12).unwrap(),
        workers: 9,
    };
    let part = Part::new(&plan, Some(&rerun));
    let mut expected = job_value(&plan);
    let name = "ttg-primes-7f3a2k-r2";
    expected["metadata"]["name"] = json!(name);
    expected["metadata"]["annotations"]["ttg-tui/indexes"] = json!("1,3-5");
    for field in ["completions", "parallelism", "maxFailedIndexes"] {
        expected["spec"][field] = json!(4);
    }
    let environment = expected["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array_mut()
        .unwrap();
    for variable in environment.iter_mut() {
        if variable["valueFrom"]["configMapKeyRef"].is_object() {
            variable["valueFrom"]["configMapKeyRef"]["name"] = json!(name);
        }
    }
    environment.push(
        json!({"name": "SHARD_INDEXES", "valueFrom": {"configMapKeyRef": {"key": "SHARD_INDEXES", "name": name}}}),
    );
    assert_eq!(serde_json::to_value(part.job("team-a")).unwrap(), expected);
    let map = serde_json::to_value(part.config_map("team-a")).unwrap();
    assert_eq!(map["metadata"]["name"], name);
    assert_eq!(map["data"]["SHARD_INDEXES"], "1,3-5");
    assert_eq!(map["data"]["TOTAL_PARAMETERS"], "10000000");
}

#[test]
fn node_selector_and_tolerations_are_passed_on() {
    let tolerations = ["spot", "gpu=a:NoSchedule"]
        .map(|text| Toleration::parse(text).unwrap())
        .to_vec();
    let node_selector = BTreeMap::from([("disk".to_owned(), "ssd".to_owned())]);
    let job = job_value(&Plan {
        node_selector,
        tolerations,
        ..plan()
    });
    let spec = &job["spec"]["template"]["spec"];
    assert_eq!(spec["nodeSelector"], json!({"disk": "ssd"}));
    assert_eq!(
        spec["tolerations"],
        json!([
            {"key": "spot", "operator": "Exists"},
            {"key": "gpu", "operator": "Equal", "value": "a", "effect": "NoSchedule"},
        ])
    );
}

#[test]
fn the_plan_comes_back_from_the_job() {
    let plan = Plan {
        tolerations: vec![Toleration::parse("spot:NoExecute").unwrap()],
        node_selector: BTreeMap::from([("disk".to_owned(), "ssd".to_owned())]),
        ..plan()
    };
    let annotations = to_job(&plan, "default").metadata.annotations.unwrap();
    assert_eq!(plan_from_annotation(&annotations[names::PLAN_ANNOTATION]), Ok(plan));
}

#[test]
fn a_hostile_annotation_is_refused_without_its_words() {
    let with = |field: &str, value: Value| {
        let mut json = serde_json::to_value(plan()).unwrap();
        json[field] = value;
        plan_from_annotation(&json.to_string())
    };
    assert_eq!(with("unknown field of a later version", json!(1)), Ok(plan()));
    for (field, value) in [
        ("run", json!("../\u{1b}[2J")),
        ("log_level", json!("\u{1b}[2J")),
        ("cpu", json!({"request": "\u{1b}", "limit": "1"})),
        ("shards", json!(-1)),
        ("parameters", json!(null)),
    ] {
        let error = with(field, value).unwrap_err();
        assert!(matches!(error, AnnotationError::Malformed { .. }), "{field}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    for (field, value, wrong) in [
        ("version", json!(2), Field::Version),
        ("shards", json!(0), Field::Shards),
        ("shards", json!(100_001), Field::Shards),
        ("parameters", json!(11), Field::Shards),
        ("kernel", json!("\u{1b}"), Field::Kernel),
        ("image", json!("A\u{1b}"), Field::Image),
        ("node_selector", json!({"\u{1b}": "a"}), Field::NodeSelector),
        ("tolerations", json!([{"key": ""}]), Field::Toleration),
        ("memory", json!({"request": "2", "limit": "1"}), Field::Memory),
    ] {
        let error = with(field, value).unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
        let AnnotationError::Invalid(problem) = error else {
            panic!("{field}")
        };
        assert_eq!(problem.field(), wrong);
    }
    assert_eq!(
        plan_from_annotation(&" ".repeat(ANNOTATION_BYTES_MAX + 1)),
        Err(AnnotationError::TooLong(262_145))
    );
}

#[test]
fn only_a_stored_job_can_own() {
    let mut job = to_job(&plan(), "default");
    assert_eq!(owner_reference(&job), None);
    job.metadata.uid = Some("u-1".to_owned());
    assert_eq!(
        serde_json::to_value(owner_reference(&job)).unwrap(),
        json!({"apiVersion": "batch/v1", "kind": "Job", "name": "ttg-primes-7f3a2k", "uid": "u-1"})
    );
}
