//! What a cluster would make of a plan, asked before it is submitted: rights, quotas, a rehearsal of the Job, and the nodes.
//!
//! Must not know the form that asks.
//!
//! Guarantees: nothing is stored; it never fails, as what cannot be asked is said in its line; every question ends within
//! [`ASK_TIMEOUT`]. Not guaranteed: that what passes here passes later, since others use the cluster too.

use std::collections::BTreeMap;

use futures::future::join_all;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ResourceQuota;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use kube::api::{Api, ListParams, PostParams};
use tokio::time::Instant;
use ttg_worker::protocol::number::Grouped;

use super::clean::clean;
use super::connect::Connection;
use super::effects::{adapt, cannot_rehearse, json_of};
use super::failure::{failure, words};
use super::probe::{ASK_TIMEOUT, Right, may, nodes, rehearse_pod};
use crate::model::event::Failure;
use crate::model::preflight::{CheckLine, Mark};
use crate::plan::job::Part;
use crate::plan::remarks::compare;
use crate::plan::{Plan, Quantity, TaintEffect};
use crate::run::fact::NodeFact;

/// The most quotas that are looked at: a namespace rarely has two.
const QUOTAS_MAX: u32 = 50;

/// The most nodes that are named.
const NODES_NAMED_MAX: usize = 3;

/// The most characters of a name.
const NAME_MAX: usize = 253;

/// The rights without which a run cannot be submitted and seen to its end.
const RIGHTS: [Right; 6] = [
    right("create", "batch", "jobs"),
    right("create", "", "configmaps"),
    right("list", "batch", "jobs"),
    right("watch", "batch", "jobs"),
    right("list", "", "pods"),
    right("watch", "", "pods"),
];

/// The right to create pods, which nobody needs but for rehearsing one.
const CREATE_PODS: Right = right("create", "", "pods");

/// Scopes of a quota that never hold for a worker: it has requests, and no deadline.
const FOREIGN_SCOPES: [&str; 4] = [
    "Terminating",
    "BestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
];

const fn right(verb: &'static str, group: &'static str, resource: &'static str) -> Right {
    Right {
        verb,
        group,
        resource,
        subresource: "",
        is_cluster_wide: false,
    }
}

/// Asks a cluster what it would make of a plan.
pub async fn check(connection: &Connection, plan: &Plan) -> Vec<CheckLine> {
    // On the heap, as objects of Kubernetes are large.
    let (rights, quotas, job, pod, nodes) = tokio::join!(
        Box::pin(rights(connection)),
        Box::pin(quotas(connection, plan)),
        Box::pin(rehearsal(connection, plan)),
        Box::pin(pod(connection, plan)),
        Box::pin(room(connection, plan)),
    );
    let mut lines = rights;
    lines.extend(quotas);
    lines.push(job);
    lines.extend(pod);
    lines.extend(nodes);
    lines
}

/// Says that something could not be asked. The run may work all the same.
fn unasked(failure: Failure) -> CheckLine {
    CheckLine::new(Mark::Note, failure.text)
}

async fn rights(connection: &Connection) -> Vec<CheckLine> {
    let answers = join_all(RIGHTS.iter().map(|right| may(connection, *right))).await;
    let namespace = &connection.namespace;
    let mut lines = Vec::new();
    for (right, answer) in RIGHTS.iter().zip(answers) {
        match answer {
            Ok(true) => {}
            Ok(false) => {
                let group = if right.group.is_empty() { "" } else { "." };
                let Right {
                    verb,
                    group: name,
                    resource,
                    ..
                } = right;
                let text = format!("you may not {verb} {resource}{group}{name} in {namespace}");
                lines.push(CheckLine::new(Mark::Wrong, text));
            }
            // One silence is told; the others are most likely the same.
            Err(failure) => return vec![unasked(failure)],
        }
    }
    if lines.is_empty() {
        let text = format!("you may create Jobs and ConfigMaps and watch pods in {namespace}");
        lines.push(CheckLine::new(Mark::Ok, text));
    }
    lines
}

async fn quotas(connection: &Connection, plan: &Plan) -> Vec<CheckLine> {
    let api = Api::<ResourceQuota>::namespaced(connection.client.clone(), &connection.namespace);
    let params = ListParams::default().limit(QUOTAS_MAX);
    match connection.call_within(ASK_TIMEOUT, api.list(&params)).await {
        Ok(list) => {
            let lines: Vec<CheckLine> = list.items.iter().filter_map(|quota| quota_line(quota, plan)).collect();
            if lines.is_empty() {
                let text = format!("no quota limits pods in {}", connection.namespace);
                return vec![CheckLine::new(Mark::Ok, text)];
            }
            lines
        }
        // A server without quotas limits nothing.
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => vec![unasked(failure(
            &format!("list the quotas of {}", connection.namespace),
            &error,
        ))],
    }
}

/// What one worker counts for in a quota, by the quota's names, in thousandths.
fn needs(plan: &Plan) -> [(&'static str, u128); 8] {
    let (cpu, memory) = (&plan.cpu, &plan.memory);
    [
        ("pods", 1_000),
        ("count/pods", 1_000),
        ("cpu", cpu.request.milli()),
        ("requests.cpu", cpu.request.milli()),
        ("limits.cpu", cpu.limit.milli()),
        ("memory", memory.request.milli()),
        ("requests.memory", memory.request.milli()),
        ("limits.memory", memory.limit.milli()),
    ]
}

/// Says for how many workers a quota has room; none when it does not limit them.
fn quota_line(quota: &ResourceQuota, plan: &Plan) -> Option<CheckLine> {
    let spec = quota.spec.as_ref()?;
    let mut scopes = spec.scopes.iter().flatten();
    if spec.scope_selector.is_some() || scopes.any(|scope| FOREIGN_SCOPES.contains(&scope.as_str())) {
        return None;
    }
    let status = quota.status.as_ref();
    let hard = status.and_then(|status| status.hard.as_ref()).or(spec.hard.as_ref())?;
    let used = status.and_then(|status| status.used.as_ref());
    let room_for = |(name, each): (&'static str, u128)| {
        let left = amount(hard, name)?.saturating_sub(used.and_then(|used| amount(used, name)).unwrap_or(0));
        left.checked_div(each).map(|pods| (pods, name))
    };
    let (pods, scarce) = needs(plan).into_iter().filter_map(room_for).min()?;
    let name = clean(quota.metadata.name.as_deref().unwrap_or_default(), NAME_MAX);
    let wanted = u128::from(plan.parallelism());
    let (mark, rest) = match pods {
        0 => (Mark::Wrong, "none can start".to_owned()),
        _ if pods < wanted => (Mark::Note, format!("{wanted} are wanted, so some wait")),
        _ => {
            let text = format!("the quota {name} leaves room for {pods} workers");
            return Some(CheckLine::new(Mark::Ok, text));
        }
    };
    let text = format!("the quota {name} leaves room for {pods} workers ({scarce}): {rest}");
    Some(CheckLine::new(mark, text))
}

/// Reads an amount in thousandths.
fn amount(amounts: &BTreeMap<String, ApiQuantity>, name: &str) -> Option<u128> {
    Quantity::parse(&amounts.get(name)?.0)
        .ok()
        .map(|quantity| quantity.milli())
}

/// Lets the server check the Job without storing it, and says what it would make of it.
async fn rehearsal(connection: &Connection, plan: &Plan) -> CheckLine {
    let part = Part::new(plan, None);
    let mut job = part.job(&connection.namespace);
    let jobs = Api::<Job>::namespaced(connection.client.clone(), &connection.namespace);
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let asked_at = Instant::now();
    let answer = connection.call_within(ASK_TIMEOUT, jobs.create(&params, &job)).await;
    let took_ms = asked_at.elapsed().as_millis();
    match answer {
        Ok(got) => {
            let remarks = compare(&json_of(&job), &json_of(&got));
            let said = adapt(&mut job, &remarks, &part);
            let took = format!("{}.{:02} s", took_ms / 1_000, took_ms / 10 % 100);
            let accepted = format!("server dry run accepted, {took}");
            if said.is_empty() {
                let added = remarks.added_count;
                let fields = if added == 1 { "field" } else { "fields" };
                CheckLine::new(Mark::Ok, format!("{accepted}; it adds {added} {fields}"))
            } else {
                CheckLine::new(Mark::Note, format!("{accepted}; {}", said.join("; ")))
            }
        }
        Err(error) if error.is_already_exists() => {
            let text = format!("the name {} is taken, so the run will have another", plan.run);
            CheckLine::new(Mark::Note, text)
        }
        Err(error) if cannot_rehearse(&error) => {
            CheckLine::new(Mark::Note, format!("the server cannot do a dry run: {}", words(&error)))
        }
        Err(error) => {
            let mark = if error.is_open() { Mark::Note } else { Mark::Wrong };
            CheckLine::new(mark, format!("server dry run: {}", words(&error)))
        }
    }
}

/// Lets the server check a pod, since Pod Security has its say about pods, not about the Job. Silent where it passes.
async fn pod(connection: &Connection, plan: &Plan) -> Option<CheckLine> {
    if may(connection, CREATE_PODS).await != Ok(true) {
        return None;
    }
    let refused = rehearse_pod(connection, plan).await.err()?;
    Some(CheckLine::new(Mark::Wrong, refused.text))
}

async fn room(connection: &Connection, plan: &Plan) -> Vec<CheckLine> {
    match nodes(connection).await {
        Ok((nodes, more)) => vec![room_line(&nodes, more, plan)],
        Err(failure) => vec![unasked(failure)],
    }
}

/// Says whether the workers fit on the nodes, if nothing else ran there. What else runs there is not asked for.
fn room_line(nodes: &[NodeFact], more: u64, plan: &Plan) -> CheckLine {
    let workers = u64::from(plan.parallelism());
    let closed: Vec<String> = nodes.iter().filter_map(|node| closed(node, plan)).collect();
    let open = nodes.iter().filter(|node| self::closed(node, plan).is_none());
    let fits = open.fold(0_u64, |sum, node| sum.saturating_add(fitting(node, plan, workers)));
    let wants = format!(
        "{} {} want {} CPU and {}",
        Grouped(workers),
        if workers == 1 { "worker" } else { "workers" },
        cpu_text(plan.cpu.request.milli().saturating_mul(u128::from(workers))),
        memory_text(plan.memory.request.milli().saturating_mul(u128::from(workers)) / 1_000),
    );
    let mut text = match fits {
        _ if fits >= workers => wants,
        0 if more == 0 => format!("{wants}: no node has room for one"),
        _ => format!(
            "{wants}: the nodes have room for {} at once, even if nothing else ran there",
            Grouped(fits)
        ),
    };
    if more > 0 {
        text = format!("{text}; {more} more nodes were not looked at");
    }
    if !closed.is_empty() {
        let named = closed
            .iter()
            .take(NODES_NAMED_MAX)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        let rest = closed.len().saturating_sub(NODES_NAMED_MAX);
        let rest = if rest == 0 {
            String::new()
        } else {
            format!(", and {rest} more nodes are closed")
        };
        text = format!("{text}; {named}{rest}");
    }
    let mark = match fits {
        0 if more == 0 => Mark::Wrong,
        _ if fits < workers || !closed.is_empty() => Mark::Note,
        _ => Mark::Ok,
    };
    CheckLine::new(mark, text)
}

/// Says why no worker is placed on a node; none where one may be.
fn closed(node: &NodeFact, plan: &Plan) -> Option<String> {
    let name = &node.name.0;
    if node.cordoned {
        return Some(format!("{name} is cordoned"));
    }
    if node.ready != Some(true) {
        return Some(format!("{name} is not ready"));
    }
    let taint = node.taints.iter().find(|taint| !is_tolerated(taint, plan))?;
    Some(format!("{name} has the taint {taint}"))
}

/// Tells whether the workers may be placed on a node in spite of a taint, written as `key=value:effect`.
fn is_tolerated(taint: &str, plan: &Plan) -> bool {
    let (named, effect) = taint.rsplit_once(':').unwrap_or((taint, ""));
    if effect == TaintEffect::PreferNoSchedule.as_str() {
        return true;
    }
    let (key, value) = named.split_once('=').unwrap_or((named, ""));
    plan.tolerations.iter().any(|toleration| {
        toleration.key == key
            && toleration.value.as_deref().is_none_or(|tolerated| tolerated == value)
            && toleration.effect.is_none_or(|tolerated| tolerated.as_str() == effect)
    })
}

/// Returns for how many workers an empty node has room, at most so many as are wanted.
fn fitting(node: &NodeFact, plan: &Plan, wanted: u64) -> u64 {
    let cpu = u128::from(node.cpu_milli).checked_div(plan.cpu.request.milli());
    let memory = (u128::from(node.memory_bytes) * 1_000).checked_div(plan.memory.request.milli());
    let room = cpu.unwrap_or(u128::MAX).min(memory.unwrap_or(u128::MAX));
    u64::try_from(room).unwrap_or(u64::MAX).min(wanted)
}

/// Writes an amount of CPU as Kubernetes does.
fn cpu_text(milli: u128) -> String {
    if milli.is_multiple_of(1_000) {
        (milli / 1_000).to_string()
    } else {
        format!("{milli}m")
    }
}

/// Writes an amount of memory as Kubernetes does, in the largest unit that fits exactly.
fn memory_text(bytes: u128) -> String {
    [(1_u128 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")]
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .map_or_else(|| bytes.to_string(), |(unit, name)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::scripted::{refusal, scripted};
    use crate::plan::{RunId, Toleration};
    use crate::run::fact::NodeName;

    fn plan() -> Plan {
        Plan::new(RunId::parse("ttg-a").unwrap())
    }

    #[test]
    fn a_quota_says_for_how_many_workers_it_has_room() {
        let quota = |hard: serde_json::Value, used: serde_json::Value| -> ResourceQuota {
            serde_json::from_value(json!({
                "metadata": {"name": "small"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}
            }))
            .unwrap()
        };
        for (hard, used, want) in [
            (
                json!({"pods": "30"}),
                json!({"pods": "6"}),
                Some((Mark::Ok, "for 24 workers")),
            ),
            (
                json!({"pods": "30", "requests.cpu": "1"}),
                json!({"pods": "0", "requests.cpu": "800m"}),
                Some((Mark::Note, "for 2 workers (requests.cpu): 3 are wanted")),
            ),
            (
                json!({"limits.memory": "100Mi"}),
                json!({}),
                Some((Mark::Wrong, "(limits.memory): none")),
            ),
            (json!({"services": "1"}), json!({}), None),
        ] {
            let line = quota_line(&quota(hard, used), &plan());
            match (line, want) {
                (Some(line), Some((mark, words))) => {
                    assert!(line.mark == mark && line.text.contains(words), "{line:?}");
                }
                (line, want) => assert!(line.is_none() && want.is_none(), "{line:?}"),
            }
        }
        let mut foreign = quota(json!({"pods": "0"}), json!({}));
        foreign.spec.as_mut().unwrap().scopes = Some(vec!["BestEffort".to_owned()]);
        assert_eq!(quota_line(&foreign, &plan()), None);
    }

    #[test]
    fn nodes_are_held_against_what_the_workers_ask_for() {
        let node = |name: &str, cpu_milli: u64| NodeFact {
            name: NodeName(name.to_owned()),
            ready: Some(true),
            cpu_milli,
            memory_bytes: 1 << 30,
            ..NodeFact::default()
        };
        let mut cordoned = node("node-2", 2_000);
        cordoned.cordoned = true;
        let mut tainted = node("node-3", 2_000);
        tainted.taints = vec!["spot=yes:NoSchedule".to_owned(), "a:PreferNoSchedule".to_owned()];
        let mut tolerant = plan();
        tolerant.tolerations = vec![Toleration::parse("spot").unwrap()];
        for (nodes, plan, mark, words) in [
            (
                vec![node("a", 2_000)],
                plan(),
                Mark::Ok,
                "3 workers want 300m CPU and 384Mi",
            ),
            (vec![node("a", 200)], plan(), Mark::Note, "room for 2 at once"),
            (
                vec![node("a", 2_000), cordoned.clone()],
                plan(),
                Mark::Note,
                "384Mi; node-2 is cordoned",
            ),
            (vec![cordoned], plan(), Mark::Wrong, "no node has room for one; node-2"),
            (
                vec![tainted.clone()],
                plan(),
                Mark::Wrong,
                "the taint spot=yes:NoSchedule",
            ),
            (vec![tainted], tolerant, Mark::Ok, "want"),
        ] {
            let line = room_line(&nodes, 0, &plan);
            assert!(line.mark == mark && line.text.contains(words), "{line:?}");
        }
    }

    #[tokio::test]
    async fn a_refused_dry_run_is_wrong_and_an_accepted_one_counts_what_is_added() {
        let plan = plan();
        let mut stored = json_of(&Part::new(&plan, None).job("lab"));
        stored["spec"]["suspend"] = json!(false);
        let (client, asked) = scripted(vec![(201, stored.to_string()), refusal(422, "Invalid", "spec.x: bad")]);
        let connection = Connection::to_client(client);
        let line = rehearsal(&connection, &plan).await;
        assert!(
            line.mark == Mark::Ok && line.text.ends_with("it adds 1 field"),
            "{line:?}"
        );
        let line = rehearsal(&connection, &plan).await;
        assert_eq!(
            (line.mark, line.text.as_str()),
            (Mark::Wrong, "server dry run: spec.x: bad")
        );
        assert!(
            asked
                .lock()
                .unwrap()
                .iter()
                .all(|(line, _)| line.contains("dryRun=All"))
        );
    }
}
