//! Rows are found, and what is known of a run stands beside them.

use super::*;
use crate::run::fact::PodFact;
use crate::run::state::fixtures::{exited, pod, running};
use crate::view::detail::tests::model;

fn why(reason: &str, message: &str) -> Reason {
    Reason {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn waiting(index: u32, why: Reason) -> PodFact {
    PodFact {
        waiting: Some(why),
        ..pod(index, 1, 2)
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_tells_more_comes_before_what_tells_less() {
    let quota = "pods \"a\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4";
    let security = "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": privileged";
    let cpu = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found.";
    for (why, short_words, for_ever) in [
        (
            why("ImagePullBackOff", "Back-off pulling image"),
            "the node cannot get the image",
            true,
        ),
        (
            why("ErrImagePull", "pull access denied"),
            "the registry refuses to hand out the image",
            true,
        ),
        (
            why("ErrImagePull", "manifest unknown"),
            "there is no image of this name and tag",
            true,
        ),
        (
            why("CreateContainerConfigError", "container has runAsNonRoot"),
            "the image would run as root, which is forbidden",
            true,
        ),
        (
            why("CreateContainerConfigError", "configmap \"a\" not found"),
            "a ConfigMap, a Secret or a key of it is missing",
            true,
        ),
        (why("FailedCreate", quota), "the namespace's quota is used up", true),
        (
            why("FailedCreate", security),
            "the namespace's Pod Security level forbids the pod",
            true,
        ),
        (why("FailedCreate", "is forbidden: no"), "the server forbids it", false),
        (
            why("FailedCreate", "?"),
            "the Job controller could not make a pod",
            true,
        ),
        (why("Unschedulable", cpu), "too little CPU free", true),
        (
            why("Unschedulable", "?"),
            "no node has room for the pod or is allowed to it",
            true,
        ),
        (
            why("OOMKilled", ""),
            "killed, as it used more memory than its limit",
            false,
        ),
        (
            why("BackOff", "Back-off restarting failed container"),
            "the container fails again and again",
            false,
        ),
        (why("ContainerCreating", ""), "the node is making the container", false),
    ] {
        assert_eq!(short(&why), Some(short_words), "{why:?}");
        assert_eq!(waits_for_ever(&why), for_ever, "{why:?}");
    }
    assert_eq!(short(&why("Blue", "moon")), None);
    for (code, words) in [
        (64, "settings"),
        (65, "parameters"),
        (137, "SIGKILL"),
        (139, "crashed"),
        (127, "command"),
    ] {
        let row = causes::find(&why("Error", ""), Some(code)).unwrap();
        assert!(row.short.contains(words), "{code}: {}", row.short);
    }
}

#[test]
fn a_pod_that_waits_for_ever_says_so_with_its_evidence() {
    let message = "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient memory. preemption: none.";
    let model = model([0, 1].map(|index| waiting(index, why("Unschedulable", message))));
    let found = of_index(CompletionIndex(1), &model);
    assert_eq!(found.title, "index 1 · Unschedulable");
    assert!(found.next[0].contains("never fail by itself"), "{found:?}");
    assert!(
        found.next[1].contains("--memory") && found.next[2].contains("uncordon"),
        "{found:?}"
    );
    for line in [
        "2 of 3 nodes: too little memory free",
        "1 of 3 nodes: cordoned",
        "2 pods wait for this reason now",
        "memory: asks for 128Mi, limit 256Mi",
    ] {
        assert!(found.evidence.iter().any(|said| said == line), "{line}: {found:?}");
    }
    assert_eq!(
        found.command.as_deref(),
        Some("kubectl describe nodes --context lab -n maths")
    );
}

#[test]
fn each_state_of_an_index_is_explained() {
    let killed = PodFact {
        terminating: true,
        ..exited(1, 1, 3, 143)
    };
    let model = model([exited(0, 1, 3, 64), killed, running(1, 9, 4)]);
    let found = of_index(CompletionIndex(0), &model);
    assert!(found.cause.contains("Exit code 64"), "{found:?}");
    assert!(found.command.unwrap().starts_with("kubectl logs ttg-primes-test-0-1 "));
    let found = of_index(CompletionIndex(1), &model);
    assert!(found.cause.contains("computes its shard"), "{found:?}");
    assert!(
        found
            .evidence
            .iter()
            .any(|said| said.starts_with("attempt 1 was ended from outside")),
        "{found:?}"
    );
    let found = of_index(CompletionIndex(2), &model);
    assert!(found.cause.contains("begins with the lowest index"), "{found:?}");
    assert!(of_index(CompletionIndex(99), &model).command.is_some());
}

#[test]
fn a_warning_about_a_pod_is_shown_by_that_pod() {
    let event = RunEvent::Warned {
        object: "Pod a-0-x".into(),
        why: why("FailedMount", "configmap \"c\" not found"),
        count: 2,
    };
    let found = of_event(&event, &model([]));
    assert_eq!(found.title, "FailedMount");
    assert!(
        found.evidence.contains(&"about Pod a-0-x, seen 2 times".to_owned()),
        "{found:?}"
    );
    let trouble = RunEvent::Trouble {
        what: "pods \"a\" is forbidden: exceeded quota".into(),
        hint: Some("ask".into()),
    };
    let found = of_event(&trouble, &model([]));
    assert!(found.cause.contains("ResourceQuota") && found.command.unwrap().contains("resourcequota"));
}
