//! What the form says: the remark beside each field, the estimate, and the commands that do the same.
//!
//! Must not know how any of it is laid out.

use ttg_worker::protocol::number::Grouped;

use super::super::tone::{Line, Span, Tone, dim, plain, span, strong};
use super::super::words::quoted;
use super::fields::{Draft, FIELDS, FULL, Id};
use super::form::{ClusterTarget, Form};
use crate::plan::{DEFAULT_BATCH_SIZE, Plan};
use crate::report;

/// Returns what a row shows: its text, or what stands there as long as it is empty.
pub(super) fn value(form: &Form, position: usize) -> &str {
    let text = form.text(position).trim();
    match FIELDS.get(position).map(|row| row.id) {
        Some(Id::Cluster) => &form.cluster().label,
        Some(Id::Pace) if text.is_empty() => FULL,
        Some(_) | None => text,
    }
}

/// Returns what an empty field comes to.
pub(super) fn automatic(form: &Form, id: Id) -> Option<String> {
    let plan = &form.made.plan;
    match id {
        Id::Shards => Some(Grouped(u64::from(plan.shards)).to_string()),
        Id::BatchSize => Some(Grouped(plan.batch_size).to_string()),
        Id::Name => Some(plan.run.to_string()),
        Id::Namespace => Some("the context's".to_owned()),
        Id::NodeSelector | Id::Tolerations => Some("none".to_owned()),
        Id::Pace => Some(FULL.to_owned()),
        Id::Cluster
        | Id::Kernel
        | Id::Parameters
        | Id::First
        | Id::Workers
        | Id::Cpu
        | Id::Memory
        | Id::Retries
        | Id::MaxFailed
        | Id::Image
        | Id::Pause
        | Id::Verify
        | Id::LogLevel => None,
    }
}

/// Returns the remark beside a row: what is wrong with it, or what it comes to.
pub(super) fn remark(form: &Form, position: usize) -> Span {
    if let Some(error) = form.error(position) {
        return span(error.what_is_valid(), Tone::Failed);
    }
    let Some(row) = FIELDS.get(position) else {
        return Span::default();
    };
    // While a field is wrong the last valid plan is no longer what the texts say.
    let said = if form.made.errors.is_empty() {
        told(form, row.id)
    } else {
        None
    };
    said.map_or_else(|| dim(row.about), dim)
}

/// Returns what a valid field comes to, where that says more than what the field is.
fn told(form: &Form, id: Id) -> Option<String> {
    let plan = &form.made.plan;
    match id {
        Id::Cluster => {
            let (number, count) = (form.cluster + 1, form.clusters.len());
            let about = &form.cluster().about;
            Some(if count > 1 {
                format!("{number} of {count} · {about}")
            } else {
                about.clone()
            })
        }
        Id::Kernel => plan.kernel().map(|kernel| kernel.about().to_owned()),
        Id::Parameters => Some(format!("to {}", Grouped(plan.domain().end().saturating_sub(1)))),
        Id::Workers if plan.workers > plan.shards => Some(format!(
            "pods at once; {} shards keep no more busy",
            Grouped(u64::from(plan.shards))
        )),
        Id::Shards => Some(format!("= {} each", sizes(plan))),
        Id::BatchSize if form.made.draft.batch_size.is_none() && plan.batch_size != DEFAULT_BATCH_SIZE => {
            Some("as the pace needs it".to_owned())
        }
        Id::Pause if form.made.draft.pace_ms.is_some() => {
            Some(format!("the pace makes it {} ms", Grouped(plan.simulate_work_ms)))
        }
        Id::Image if form.cluster().target == ClusterTarget::Local => Some("ttg-worker is built in here".to_owned()),
        Id::Verify if plan.verify > plan.shards => Some("all shards, computed again here".to_owned()),
        Id::Namespace
        | Id::First
        | Id::Workers
        | Id::Cpu
        | Id::Memory
        | Id::Retries
        | Id::MaxFailed
        | Id::Image
        | Id::Pace
        | Id::BatchSize
        | Id::Pause
        | Id::Verify
        | Id::LogLevel
        | Id::Name
        | Id::NodeSelector
        | Id::Tolerations => None,
    }
}

/// Says how many parameters a shard has.
fn sizes(plan: &Plan) -> String {
    let shards = u64::from(plan.shards.max(1));
    let (least, more) = (plan.parameters / shards, plan.parameters % shards);
    if more == 0 {
        Grouped(least).to_string()
    } else {
        format!("{} or {}", Grouped(least), Grouped(least + 1))
    }
}

/// Says what is known of how the run will go. How fast the workers compute is not known before they do.
pub(super) fn estimate(form: &Form) -> Line {
    if !form.made.errors.is_empty() {
        return vec![dim("Estimate  once every field is valid")];
    }
    let plan = &form.made.plan;
    let parallelism = plan.parallelism().max(1);
    let waves = plan.shards.div_ceil(parallelism);
    let mut line = vec![
        dim("Estimate  "),
        strong(many(plan.shards, "pod")),
        plain(format!(
            ", {} at once, in {}",
            Grouped(u64::from(parallelism)),
            many(waves, "wave")
        )),
    ];
    let longest = plan.parameters.div_ceil(u64::from(plan.shards.max(1)));
    let pauses = longest
        .div_ceil(plan.batch_size.max(1))
        .saturating_mul(u64::from(waves));
    line.push(match pauses.saturating_mul(plan.simulate_work_ms) {
        0 => dim(" · full speed, which only a run measures"),
        ms => plain(format!(" · about {} of pauses", report::span(ms))),
    });
    line
}

fn many(number: u32, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", Grouped(u64::from(number)))
}

/// Returns the flags that say where, each with a space before it.
fn place(form: &Form) -> String {
    let flags = match &form.cluster().target {
        ClusterTarget::Context(name) => format!(" --context {}", quoted(name)),
        ClusterTarget::Local | ClusterTarget::InCluster => String::new(),
    };
    match form.namespace() {
        Some(namespace) => format!("{flags} -n {namespace}"),
        None => flags,
    }
}

/// Returns the command that submits the same run: only the flags that say something else than the defaults.
pub(super) fn command(form: &Form) -> String {
    let draft = &form.made.draft;
    let defaults = Draft::new(String::new());
    let mut command = format!("ttg-tui run{}", place(form));
    for row in FIELDS.iter().filter(|row| row.id != Id::Namespace) {
        let (said, default) = ((row.show)(draft), (row.show)(&defaults));
        let Some(field) = row.field.filter(|_| said != default) else {
            continue;
        };
        for value in said.split_whitespace() {
            command = format!("{command} --{field} {}", quoted(value));
        }
    }
    command
}

/// Returns the command of kubectl that does the same with the saved file; none where no kubeconfig leads to the cluster.
pub(super) fn kubectl(form: &Form) -> Option<String> {
    let is_reached = form.cluster().target != ClusterTarget::Local;
    is_reached.then(|| format!("kubectl{} create -f {}", place(form), file(form)))
}

/// Returns the name of the file that the manifest is saved to.
pub(super) fn file(form: &Form) -> String {
    format!("{}.yaml", form.made.plan.run)
}
