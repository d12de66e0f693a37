//! One cluster: its version, what it allows, and what it would make of a Job and of its pods.

use super::{Teller, rights, trouble};
use crate::cluster::connect::{Connection, connect_in_cluster};
use crate::cluster::{effects, probe};
use crate::config::Config;
use crate::plan::{DEFAULT_KERNEL, Plan, RunId};
use crate::report::doctor::{Check, Finding, Mark};
use crate::run::fact::NodeFact;

/// The oldest version of Kubernetes that knows all that a Job of this tool says.
const OLDEST: (u32, u32) = (1, 33);

/// Looks at the cluster around this pod.
pub(super) async fn look_around(config: &Config, teller: &mut Teller) {
    let subject = "around this pod";
    let connection = match connect_in_cluster(config.namespace.as_deref()) {
        Ok(connection) => connection,
        Err(error) => return teller.tell(&trouble(Check::Cluster, true, error).about(subject)),
    };
    let place = format!("namespace {}", connection.namespace);
    match version(&connection, true, &place).await {
        Ok(finding) => {
            teller.tell(&finding.about(subject));
            teller.tell_all(examine(&connection, true).await);
        }
        Err(finding) => teller.tell(&finding.about(subject)),
    }
}

/// Asks for the version: the finding, or the one that says why there is no more to ask.
pub(super) async fn version(connection: &Connection, is_meant: bool, place: &str) -> Result<Finding, Finding> {
    match probe::version(connection).await {
        Ok(version) => Ok(version_words(&version, place)),
        Err(failure) => Err(trouble(Check::Cluster, is_meant, failure)),
    }
}

fn version_words(version: &str, place: &str) -> Finding {
    let is_old = number(version).is_some_and(|version| version < OLDEST);
    if is_old {
        let (major, minor) = OLDEST;
        let what = format!("{version} ({place}), older than {major}.{minor}: a rehearsed Job shows what it drops");
        Finding::new(Check::Cluster, Mark::Note, what)
    } else {
        Finding::new(Check::Cluster, Mark::Ok, format!("{version} ({place})"))
    }
}

/// Reads major and minor of a version such as `v1.33.2+k3s1` or `v1.29-gke.1`.
fn number(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.strip_prefix('v')?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Asks for everything that a command may want of a cluster, and changes nothing.
pub(super) async fn examine(connection: &Connection, is_meant: bool) -> Vec<Finding> {
    let plan = Plan::new(RunId::generate(DEFAULT_KERNEL, rand::random()));
    let rights = rights::ask(connection, is_meant).await;
    let mut findings = rights.findings;
    findings.push(if rights.may_create_jobs {
        // On the heap, as objects of Kubernetes are large.
        Box::pin(rehearse(connection, &plan, is_meant)).await
    } else {
        Finding::new(Check::Rehearsal, Mark::Skipped, "you may not create Jobs")
    });
    findings.push(Box::pin(rehearse_pod(connection, &plan, is_meant)).await);
    findings.push(match probe::nodes(connection).await {
        Ok((nodes, more)) => nodes_words(&nodes, more),
        Err(failure) => trouble(Check::Nodes, false, failure),
    });
    findings
}

async fn rehearse(connection: &Connection, plan: &Plan, is_meant: bool) -> Finding {
    match effects::rehearse(connection, plan).await {
        Ok(remarks) if remarks.is_empty() => {
            let what = format!("{} would store it as it is", connection.namespace);
            Finding::new(Check::Rehearsal, Mark::Ok, what)
        }
        Ok(remarks) => Finding::new(Check::Rehearsal, Mark::Note, remarks.join("; ")),
        Err(failure) => trouble(Check::Rehearsal, is_meant, failure),
    }
}

async fn rehearse_pod(connection: &Connection, plan: &Plan, is_meant: bool) -> Finding {
    // No command needs this right, so whoever lacks it lacks nothing but this look ahead.
    if probe::may(connection, rights::CREATE_PODS).await != Ok(true) {
        let what = "you may not create pods yourself, which only the Job controller has to; \
                    whether quotas and Pod Security let them pass shows in a run";
        return Finding::new(Check::PodRehearsal, Mark::Skipped, what);
    }
    match probe::rehearse_pod(connection, plan).await {
        Ok(()) => {
            let what = format!("quotas and Pod Security of {} would let it pass", connection.namespace);
            Finding::new(Check::PodRehearsal, Mark::Ok, what)
        }
        Err(failure) => trouble(Check::PodRehearsal, is_meant, failure),
    }
}

fn nodes_words(nodes: &[NodeFact], more: u64) -> Finding {
    let seen = u64::try_from(nodes.len()).unwrap_or(u64::MAX);
    let open = nodes
        .iter()
        .filter(|node| node.ready == Some(true) && !node.cordoned)
        .count();
    let total = seen.saturating_add(more);
    if open == 0 {
        let what = format!("none of {total} is ready and open to pods, so pods will wait");
        return Finding::new(Check::Nodes, Mark::Note, what).with_hint("kubectl describe nodes says why");
    }
    let of_seen = if more == 0 {
        String::new()
    } else {
        format!(" of the first {seen}")
    };
    Finding::new(
        Check::Nodes,
        Mark::Ok,
        format!("{total}; {open}{of_seen} ready and open to pods"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_noted() {
        for (version, mark) in [
            ("v1.35.0", Mark::Ok),
            ("v1.33.0+k3s1", Mark::Ok),
            ("v1.32.9", Mark::Note),
            ("v1.29-gke.1", Mark::Note),
            ("v2.0.0", Mark::Ok),
            // What is no version says nothing, and the rehearsed Job finds what is dropped all the same.
            ("unknown", Mark::Ok),
            ("", Mark::Ok),
        ] {
            assert_eq!(version_words(version, "namespace lab").mark, mark, "{version}");
        }
    }

    #[test]
    fn nodes_are_counted_and_none_that_is_open_is_noted() {
        let node = |ready: Option<bool>, cordoned: bool| NodeFact {
            ready,
            cordoned,
            ..NodeFact::default()
        };
        let (good, cordoned, lost) = (node(Some(true), false), node(Some(true), true), node(None, false));
        for (nodes, more, words) in [
            (vec![good.clone(), cordoned.clone()], 0, "2; 1 ready and open to pods"),
            (
                vec![good, lost.clone()],
                8,
                "10; 1 of the first 2 ready and open to pods",
            ),
            (
                vec![cordoned, lost],
                0,
                "none of 2 is ready and open to pods, so pods will wait",
            ),
            (Vec::new(), 0, "none of 0 is ready and open to pods, so pods will wait"),
        ] {
            assert_eq!(nodes_words(&nodes, more).what, words);
        }
    }
}
