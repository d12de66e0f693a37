//! The rights that commands need, and which commands a missing one stops.
//!
//! One row a call of `cluster`: whoever adds a call there adds its right here.

use futures::future::join_all;

use super::trouble;
use crate::cluster::connect::Connection;
use crate::cluster::probe::{Right, may};
use crate::error::Exit;
use crate::model::event::Failure;
use crate::report::doctor::{Check, Finding, Mark};

/// A right, and what is lost without it.
#[derive(Clone, Copy, Debug)]
struct Need {
    right: Right,
    /// What does not work without it.
    without: &'static str,
    /// Whether a run cannot be submitted and proven without it.
    is_vital: bool,
}

/// The right to create Jobs, without which there is nothing to rehearse.
const CREATE_JOBS: Right = namespaced("create", "batch", "jobs", "");

/// The right to create pods, which no command needs: the Job controller makes them.
pub(super) const CREATE_PODS: Right = namespaced("create", "", "pods", "");

/// What is asked for.
const NEEDS: [Need; 17] = [
    vital(CREATE_JOBS, "run and rerun do not work"),
    vital(namespaced("create", "", "configmaps", ""), "run and rerun do not work"),
    vital(
        namespaced("list", "batch", "jobs", ""),
        "no command that watches, lists or names a run works",
    ),
    vital(
        namespaced("watch", "batch", "jobs", ""),
        "run, rerun and attach do not see the Job's end",
    ),
    vital(
        namespaced("list", "", "pods", ""),
        "run, rerun and attach get no results",
    ),
    vital(
        namespaced("watch", "", "pods", ""),
        "run, rerun and attach get no results",
    ),
    useful(
        namespaced("get", "batch", "jobs", ""),
        "attach, rerun, scale, suspend, resume, cancel and delete do not work",
    ),
    useful(
        namespaced("patch", "batch", "jobs", ""),
        "scale, suspend, resume and cancel do not work",
    ),
    useful(namespaced("delete", "batch", "jobs", ""), "delete does not work"),
    useful(
        namespaced("get", "", "pods", "log"),
        "progress is not shown; results are not affected",
    ),
    useful(
        namespaced("list", "", "events", ""),
        "Kubernetes' warnings are not shown",
    ),
    useful(
        namespaced("watch", "", "events", ""),
        "Kubernetes' warnings are not shown",
    ),
    useful(
        namespaced("get", "", "configmaps", ""),
        "a run whose name is taken is not given another",
    ),
    useful(
        namespaced("patch", "", "configmaps", ""),
        "the ConfigMap of a run stays when its Job is deleted",
    ),
    useful(
        namespaced("delete", "", "configmaps", ""),
        "the ConfigMap of a Job that is refused stays",
    ),
    useful(cluster_wide("list", "nodes"), "the state of nodes is not shown"),
    useful(cluster_wide("watch", "nodes"), "the state of nodes is not shown"),
];

const fn namespaced(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
) -> Right {
    Right {
        verb,
        group,
        resource,
        subresource,
        is_cluster_wide: false,
    }
}

const fn cluster_wide(verb: &'static str, resource: &'static str) -> Right {
    Right {
        verb,
        group: "",
        resource,
        subresource: "",
        is_cluster_wide: true,
    }
}

const fn vital(right: Right, without: &'static str) -> Need {
    Need {
        right,
        without,
        is_vital: true,
    }
}

const fn useful(right: Right, without: &'static str) -> Need {
    Need {
        right,
        without,
        is_vital: false,
    }
}

/// What the rights came down to.
pub(super) struct Rights {
    /// What to tell.
    pub(super) findings: Vec<Finding>,
    /// Whether Jobs may be created, as far as the server said.
    pub(super) may_create_jobs: bool,
}

/// Asks for all rights at once.
pub(super) async fn ask(connection: &Connection, is_meant: bool) -> Rights {
    let asked = NEEDS.iter().map(|need| may(connection, need.right));
    let answers = join_all(asked).await;
    let may_create_jobs = NEEDS
        .iter()
        .zip(&answers)
        .all(|(need, answer)| need.right != CREATE_JOBS || *answer != Ok(false));
    Rights {
        findings: findings(&connection.namespace, is_meant, answers),
        may_create_jobs,
    }
}

/// Puts the answers into findings, in the order of the needs: what is missing, or that nothing is.
fn findings(namespace: &str, is_meant: bool, answers: Vec<Result<bool, Failure>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (need, answer) in NEEDS.iter().zip(answers) {
        match answer {
            Ok(true) => {}
            Ok(false) => findings.push(missing(need, namespace, is_meant)),
            // One silence is told; the others are most likely the same.
            Err(failure) => {
                findings.push(trouble(Check::Rights, false, failure));
                return findings;
            }
        }
    }
    if findings.is_empty() {
        let what = format!("all {} that commands need in {namespace} are there", NEEDS.len());
        findings.push(Finding::new(Check::Rights, Mark::Ok, what));
    } else if let Some(first) = findings.first_mut() {
        first.hint = Some(format!(
            "kubectl auth can-i --list -n {namespace} shows what you may do; who runs the cluster can allow more"
        ));
    }
    findings
}

fn missing(need: &Need, namespace: &str, is_meant: bool) -> Finding {
    let what = format!("you may not {}: {}", words(need.right, namespace), need.without);
    if need.is_vital && is_meant {
        Finding::new(Check::Rights, Mark::Problem, what).with_exit_code(Exit::Refused.code())
    } else {
        Finding::new(Check::Rights, Mark::Note, what)
    }
}

/// Names a right as kubectl does, such as `create jobs.batch in lab`.
fn words(right: Right, namespace: &str) -> String {
    let Right {
        verb,
        group,
        resource,
        subresource,
        is_cluster_wide,
    } = right;
    let of_group = if group.is_empty() {
        String::new()
    } else {
        format!(".{group}")
    };
    let below = if subresource.is_empty() {
        String::new()
    } else {
        format!("/{subresource}")
    };
    let place = if is_cluster_wide {
        String::new()
    } else {
        format!(" in {namespace}")
    };
    format!("{verb} {resource}{of_group}{below}{place}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::FailureClass;

    /// The answers to somebody who has every right but these.
    fn without(missing: &[Right]) -> Vec<Result<bool, Failure>> {
        NEEDS.iter().map(|need| Ok(!missing.contains(&need.right))).collect()
    }

    #[test]
    fn a_missing_right_says_what_does_not_work() {
        let found = findings("lab", true, without(&[CREATE_JOBS, cluster_wide("watch", "nodes")]));
        let rows: Vec<_> = found.iter().map(|f| (f.mark, f.exit_code, f.what.as_str())).collect();
        assert_eq!(
            rows,
            [
                (
                    Mark::Problem,
                    6,
                    "you may not create jobs.batch in lab: run and rerun do not work"
                ),
                (
                    Mark::Note,
                    0,
                    "you may not watch nodes: the state of nodes is not shown"
                ),
            ]
        );
        assert!(found[0].hint.as_deref().is_some_and(|hint| hint.contains("-n lab")));
        assert_eq!(found[1].hint, None);
        let log = findings("lab", true, without(&[namespaced("get", "", "pods", "log")]));
        assert!(log[0].what.starts_with("you may not get pods/log in lab: "), "{log:?}");
    }

    #[test]
    fn a_cluster_that_is_not_meant_decides_nothing() {
        let found = findings("lab", false, without(&[CREATE_JOBS]));
        assert_eq!((found[0].mark, found[0].exit_code), (Mark::Note, 0));
    }

    #[test]
    fn nothing_missing_is_one_line_and_so_is_silence() {
        let all = findings("lab", true, without(&[]));
        assert_eq!((all.len(), all[0].mark), (1, Mark::Ok));
        assert!(all[0].what.starts_with("all 17 "), "{all:?}");
        let silence = || {
            Err(Failure {
                class: FailureClass::Unreachable,
                text: "no answer".to_owned(),
                hint: None,
            })
        };
        let silent = findings("lab", true, NEEDS.iter().map(|_| silence()).collect());
        assert_eq!((silent.len(), silent[0].mark), (1, Mark::Note));
    }
}
