//! What the server refuses, and what it must admit.

use k8s_openapi::api::core::v1::{Namespace, ResourceQuota};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::world::{World, eventually, object};

#[test]
fn a_namespace_that_is_not_there_is_refused_by_name() {
    let world = World::new();
    let finished = world.run_in("ttg-test-nowhere", &[]).finish();
    assert_eq!(finished.code, Some(6), "{finished:?}");
    let told = r#"namespaces "ttg-test-nowhere" not found"#;
    assert!(finished.stderr.contains(told), "{finished:?}");
    assert!(finished.stderr.contains("kubectl create namespace"), "{finished:?}");
    assert!(!finished.stdout.contains("PROVEN"), "{finished:?}");
}

#[test]
fn restricted_pod_security_admits_the_job() {
    let Some(world) = World::real("the local cluster has no Pod Security admission") else {
        return;
    };
    let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let labelled: Namespace = world.call(world.namespaces().patch(
        world.namespace(),
        &PatchParams::default(),
        &Patch::Merge(&label),
    ));
    let labels = labelled.metadata.labels.unwrap_or_default();
    assert!(labels.contains_key("pod-security.kubernetes.io/enforce"), "{labels:?}");
    world
        .run(&["--shards", "2", "--output", "json"])
        .finish()
        .expect_proven("664579");
}

#[test]
fn a_used_up_quota_is_told_in_the_servers_words() {
    let Some(world) = World::real("the local cluster has no quotas") else {
        return;
    };
    let quota: ResourceQuota = object(json!({
        "metadata": {"name": "no-jobs"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }));
    let quotas = world.api::<ResourceQuota>();
    world.call(quotas.create(&PostParams::default(), &quota));
    // Admission knows a quota only once its use was counted.
    eventually("the quota is counted", || {
        world.call(quotas.get("no-jobs")).status.and_then(|status| status.used)
    });
    let finished = world.run(&[]).finish();
    assert_eq!(finished.code, Some(6), "{finished:?}");
    assert!(finished.stderr.contains("exceeded quota: no-jobs"), "{finished:?}");
    assert!(
        finished.stderr.contains("kubectl describe resourcequota"),
        "{finished:?}"
    );
}
