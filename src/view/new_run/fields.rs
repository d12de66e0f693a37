//! The fields of the form, as one table: what each is called, how its text is read and written, and why it is there.
//!
//! Must not know where the cursor is or how anything is laid out. The words of what is valid are those of the command line, since
//! both read with the same functions.

use jiff::SignedDuration;
use ttg_worker::kernel::KERNELS;
use ttg_worker::protocol::number::Grouped;

use crate::plan::{
    DEFAULT_BATCH_SIZE, Field, LogLevel, Plan, PlanError, Resource, RunId, Toleration, default_shards, fields, image,
    labels, pace,
};

/// How many characters of a generated name are random.
const SUFFIX_CHARS: usize = 6;

/// The paces that are offered; any other can be typed.
const PACES: [&str; 7] = [FULL, "10s", "30s", "1m", "2m", "5m", "10m"];

/// The word for no pace.
pub(super) const FULL: &str = "full";

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Cluster,
    Namespace,
    Kernel,
    Parameters,
    First,
    Workers,
    Shards,
    Cpu,
    Memory,
    Retries,
    MaxFailed,
    Image,
    Pace,
    BatchSize,
    Pause,
    Verify,
    LogLevel,
    Name,
    NodeSelector,
    Tolerations,
}

/// How a field takes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of a few.
    Choice,
    /// A text.
    Text,
    /// A text, of which some are offered.
    Offered,
}

/// Reads a field's text into a draft.
type Read = fn(&str, &mut Draft) -> Result<(), PlanError>;

/// One row of the form.
pub(super) struct FieldRow {
    pub(super) id: Id,
    pub(super) label: &'static str,
    /// Which field of a plan it is; none for the cluster.
    pub(super) field: Option<Field>,
    pub(super) kind: Kind,
    /// What it is, in a few words.
    pub(super) about: &'static str,
    /// How the line of the YAML begins that it becomes.
    pub(super) yaml: &'static str,
    /// What it becomes, and why one may want to change it.
    pub(super) why: &'static str,
    pub(super) read: Read,
    pub(super) show: fn(&Draft) -> String,
}

/// What the texts of the form say.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) plan: Plan,
    pub(super) namespace: Option<String>,
    /// None follows the workers.
    pub(super) shards: Option<u32>,
    /// None is the default, or what the pace needs.
    pub(super) batch_size: Option<u64>,
    pub(super) pace_ms: Option<u64>,
    /// None is generated.
    pub(super) name: Option<RunId>,
    /// The random part of a generated name.
    pub(super) suffix: String,
}

impl Draft {
    /// Makes the draft of defaults.
    pub(super) fn new(suffix: String) -> Self {
        let run = RunId::generate(crate::plan::DEFAULT_KERNEL, 0);
        Self {
            plan: Plan::new(run),
            namespace: None,
            shards: None,
            batch_size: None,
            pace_ms: None,
            name: None,
            suffix,
        }
    }

    /// Makes the draft of a plan. What is as it would be without being said is left unsaid, so that it follows the rest.
    pub(super) fn of(plan: &Plan, namespace: Option<String>, pace_ms: Option<u64>) -> Self {
        let follows = plan.shards == default_shards(plan.workers, plan.parameters);
        let free_batch = pace_ms.map_or(DEFAULT_BATCH_SIZE, |ms| {
            pace::pace(plan, ms, None).map_or(0, |pace| pace.batch_size)
        });
        let generated = plan
            .run
            .as_str()
            .strip_prefix(&format!("ttg-{}-", plan.kernel))
            .filter(|rest| rest.chars().count() == SUFFIX_CHARS && !rest.contains('-'));
        let mut own = plan.clone();
        if pace_ms.is_some() {
            own.simulate_work_ms = 0;
        }
        Self {
            namespace,
            shards: (!follows).then_some(plan.shards),
            batch_size: (plan.batch_size != free_batch).then_some(plan.batch_size),
            pace_ms,
            name: generated.is_none().then(|| plan.run.clone()),
            suffix: generated.map_or_else(|| suffix_of(&plan.run), str::to_owned),
            plan: own,
        }
    }

    /// Returns the name that the run has unless one is typed.
    pub(super) fn generated(&self) -> RunId {
        let name = format!("ttg-{}-{}", self.plan.kernel, self.suffix);
        RunId::parse(&name).unwrap_or_else(|_invalid| RunId::generate(&self.plan.kernel, 0))
    }

    /// Makes the plan, and checks how its fields fit together.
    pub(super) fn to_plan(&self) -> Result<Plan, PlanError> {
        let mut plan = self.plan.clone();
        plan.run = self.name.clone().unwrap_or_else(|| self.generated());
        plan.shards = self
            .shards
            .unwrap_or_else(|| default_shards(plan.workers, plan.parameters));
        plan.batch_size = self.batch_size.unwrap_or(DEFAULT_BATCH_SIZE);
        plan.check()?;
        let Some(pace_ms) = self.pace_ms else { return Ok(plan) };
        if plan.simulate_work_ms > 0 {
            let (given, valid) = (plan.simulate_work_ms, "0 as long as there is a pace, which sets it");
            return Err(PlanError::invalid(Field::SimulateWorkMs, given, valid));
        }
        let pace = pace::pace(&plan, pace_ms, self.batch_size)?;
        plan.batch_size = pace.batch_size;
        plan.simulate_work_ms = pace.simulate_work_ms;
        Ok(plan)
    }
}

/// Makes the random part of another name out of one, for the case that the name is cleared. A name that is taken is given up for
/// another when it is submitted.
fn suffix_of(run: &RunId) -> String {
    let seed = run.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let name = RunId::generate("", seed);
    name.as_str().chars().skip("ttg--".len()).collect()
}

/// Returns where the row of a field is.
pub(super) fn position(id: Id) -> usize {
    FIELDS.iter().position(|row| row.id == id).unwrap_or(0)
}

/// Returns where the row of a plan's field is.
pub(super) fn position_of(field: Field) -> usize {
    FIELDS.iter().position(|row| row.field == Some(field)).unwrap_or(0)
}

/// Returns what is offered for a field; nothing for the cluster, whose choices are not known here.
pub(super) fn offers(id: Id) -> Vec<&'static str> {
    match id {
        Id::Kernel => KERNELS.iter().map(|kernel| kernel.name()).collect(),
        Id::LogLevel => LogLevel::ALL.into_iter().map(LogLevel::as_str).collect(),
        Id::Pace => PACES.to_vec(),
        Id::Cluster
        | Id::Namespace
        | Id::Parameters
        | Id::First
        | Id::Workers
        | Id::Shards
        | Id::Cpu
        | Id::Memory
        | Id::Retries
        | Id::MaxFailed
        | Id::Image
        | Id::BatchSize
        | Id::Pause
        | Id::Verify
        | Id::Name
        | Id::NodeSelector
        | Id::Tolerations => Vec::new(),
    }
}

/// Writes a number so that it is easily read and can be typed.
fn grouped(number: u64) -> String {
    Grouped(number).to_string().replace(',', "_")
}

/// Writes a time as `--pace` takes it.
fn time(ms: u64) -> String {
    let duration = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    format!("{duration:#}").replace(' ', "")
}

/// Reads a text that may be empty.
fn optional<T>(text: &str, read: impl FnOnce(&str) -> Result<T, PlanError>) -> Result<Option<T>, PlanError> {
    if text.is_empty() {
        Ok(None)
    } else {
        read(text).map(Some)
    }
}

/// Splits a list by blanks and commas.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',']).filter(|item| !item.is_empty())
}

fn toleration(toleration: &Toleration) -> String {
    let value = toleration.value.as_ref().map(|value| format!("={value}"));
    let effect = toleration.effect.map(|effect| format!(":{}", effect.as_str()));
    format!(
        "{}{}{}",
        toleration.key,
        value.unwrap_or_default(),
        effect.unwrap_or_default()
    )
}

fn nothing_to_show(_: &Draft) -> String {
    String::new()
}

/// Every field, in the order of the form: what most people change comes first.
pub(super) static FIELDS: [FieldRow; 20] = [
    FieldRow {
        id: Id::Cluster,
        label: "Cluster",
        field: None,
        kind: Kind::Choice,
        about: "where it runs",
        yaml: "apiVersion:",
        why: "Which Kubernetes API the Job is sent to: the local one of this program, whose pods are processes of this machine, or \
              a context of your kubeconfig.",
        read: |_, _| Ok(()),
        show: nothing_to_show,
    },
    FieldRow {
        id: Id::Kernel,
        label: "Kernel",
        field: Some(Field::Kernel),
        kind: Kind::Choice,
        about: "what is computed",
        yaml: "- name: KERNEL",
        why: "The worker's environment variable KERNEL: what it computes of each parameter. Values of shards combine in any order, \
              so that it does not matter which pod is done first.",
        read: |text, draft| fields::kernel_name(text).map(|kernel| draft.plan.kernel = kernel),
        show: |draft| draft.plan.kernel.clone(),
    },
    FieldRow {
        id: Id::Parameters,
        label: "Parameters",
        field: Some(Field::Parameters),
        kind: Kind::Text,
        about: "how many",
        yaml: "TOTAL_PARAMETERS:",
        why: "TOTAL_PARAMETERS in the ConfigMap. Each worker computes its own range from it, the number of shards and its completion \
              index; nobody hands out work.",
        read: |text, draft| {
            fields::PARAMETERS
                .parse(text)
                .map(|number| draft.plan.parameters = number)
        },
        show: |draft| grouped(draft.plan.parameters),
    },
    FieldRow {
        id: Id::First,
        label: "First",
        field: Some(Field::First),
        kind: Kind::Text,
        about: "the first parameter",
        yaml: "- name: FIRST_PARAMETER",
        why: "The worker's environment variable FIRST_PARAMETER: where the parameters begin. Some kernels have bounds of their own.",
        read: |text, draft| fields::FIRST.parse(text).map(|number| draft.plan.first = number),
        show: |draft| grouped(draft.plan.first),
    },
    FieldRow {
        id: Id::Workers,
        label: "Workers",
        field: Some(Field::Workers),
        kind: Kind::Text,
        about: "pods at once",
        yaml: "parallelism:",
        why: "spec.parallelism: how many pods the Job controller keeps running at once. You can change it while the run is live.",
        read: |text, draft| fields::WORKERS.parse(text).map(|number| draft.plan.workers = number),
        show: |draft| draft.plan.workers.to_string(),
    },
    FieldRow {
        id: Id::Shards,
        label: "Shards",
        field: Some(Field::Shards),
        kind: Kind::Text,
        about: "4 a worker",
        yaml: "completions:",
        why: "spec.completions: how many completion indexes the Indexed Job has, each a pod with a range of its own. More shards than \
              workers let scaling help, and lose less when a pod dies. Empty means 4 a worker.",
        read: |text, draft| optional(text, |text| fields::SHARDS.parse(text)).map(|number| draft.shards = number),
        show: |draft| draft.shards.map(|number| number.to_string()).unwrap_or_default(),
    },
    FieldRow {
        id: Id::Pace,
        label: "Pace",
        field: Some(Field::Pace),
        kind: Kind::Offered,
        about: "for watching",
        yaml: "SIMULATE_WORK_MS:",
        why: "How long the whole run should take: it chooses BATCH_SIZE and SIMULATE_WORK_MS in the ConfigMap so that the workers' \
              pauses add up to it. full means no pauses.",
        read: |text, draft| {
            let text = if text == FULL { "" } else { text };
            optional(text, fields::pace_ms).map(|ms| draft.pace_ms = ms)
        },
        show: |draft| draft.pace_ms.map(time).unwrap_or_default(),
    },
    FieldRow {
        id: Id::Namespace,
        label: "Namespace",
        field: Some(Field::Namespace),
        kind: Kind::Text,
        about: "empty: the context's own",
        yaml: "namespace:",
        why: "metadata.namespace: where the Job, its ConfigMap and its pods live. Rights and quotas count for each namespace.",
        read: |text, draft| optional(text, fields::namespace).map(|namespace| draft.namespace = namespace),
        show: |draft| draft.namespace.clone().unwrap_or_default(),
    },
    FieldRow {
        id: Id::Image,
        label: "Image",
        field: Some(Field::Image),
        kind: Kind::Text,
        about: "",
        yaml: "image:",
        why: "The container's image, which the kubelet of each node pulls unless it has it. The local cluster runs its own worker for \
              any image of the name ttg-worker.",
        read: |text, draft| image::parse(text).map(|image| draft.plan.image = image),
        show: |draft| draft.plan.image.clone(),
    },
    FieldRow {
        id: Id::Cpu,
        label: "CPU",
        field: Some(Field::Cpu),
        kind: Kind::Text,
        about: "request:limit a worker",
        yaml: "cpu:",
        why: "resources.requests.cpu and limits.cpu: the scheduler keeps the request free on a node, and the kernel slows down a \
              container that wants more than its limit.",
        read: |text, draft| Resource::parse_cpu(text).map(|cpu| draft.plan.cpu = cpu),
        show: |draft| format!("{}:{}", draft.plan.cpu.request, draft.plan.cpu.limit),
    },
    FieldRow {
        id: Id::Memory,
        label: "Memory",
        field: Some(Field::Memory),
        kind: Kind::Text,
        about: "request:limit a worker",
        yaml: "memory:",
        why: "resources.requests.memory and limits.memory: the scheduler keeps the request free on a node, and a container above its \
              limit is killed (OOMKilled) and its index tried again.",
        read: |text, draft| Resource::parse_memory(text).map(|memory| draft.plan.memory = memory),
        show: |draft| format!("{}:{}", draft.plan.memory.request, draft.plan.memory.limit),
    },
    FieldRow {
        id: Id::Retries,
        label: "Retries",
        field: Some(Field::Retries),
        kind: Kind::Text,
        about: "of one index",
        yaml: "backoffLimitPerIndex:",
        why: "spec.backoffLimitPerIndex: how often the Job controller tries one index again, with a pause of 10 s that doubles. A pod \
              lost with its node is forgiven and does not count.",
        read: |text, draft| fields::RETRIES.parse(text).map(|number| draft.plan.retries = number),
        show: |draft| draft.plan.retries.to_string(),
    },
    FieldRow {
        id: Id::MaxFailed,
        label: "Max failed",
        field: Some(Field::MaxFailed),
        kind: Kind::Text,
        about: "failed indexes allowed",
        yaml: "maxFailedIndexes:",
        why: "spec.maxFailedIndexes: when more indexes than this have failed for good, the Job controller ends the whole Job. It is \
              never more than there are shards.",
        read: |text, draft| {
            fields::MAX_FAILED
                .parse(text)
                .map(|number| draft.plan.max_failed = number)
        },
        show: |draft| draft.plan.max_failed.to_string(),
    },
    FieldRow {
        id: Id::Verify,
        label: "Verify",
        field: Some(Field::Verify),
        kind: Kind::Text,
        about: "shards computed again here",
        yaml: "ttg-tui/plan:",
        why: "Kept in the annotation ttg-tui/plan: how many shards this program computes again on this machine, chosen by chance, to \
              check the workers.",
        read: |text, draft| fields::VERIFY.parse(text).map(|number| draft.plan.verify = number),
        show: |draft| draft.plan.verify.to_string(),
    },
    FieldRow {
        id: Id::Name,
        label: "Name",
        field: Some(Field::Name),
        kind: Kind::Text,
        about: "empty: generated",
        yaml: "name: ",
        why: "metadata.name of the Job and of its ConfigMap, and the value of the label ttg-tui/run of all that belongs to the run.",
        read: |text, draft| optional(text, RunId::parse).map(|name| draft.name = name),
        show: |draft| draft.name.as_ref().map(ToString::to_string).unwrap_or_default(),
    },
    FieldRow {
        id: Id::BatchSize,
        label: "Batch size",
        field: Some(Field::BatchSize),
        kind: Kind::Text,
        about: "parameters between pauses",
        yaml: "BATCH_SIZE:",
        why: "BATCH_SIZE in the ConfigMap: after so many parameters a worker pauses. Empty means 1,000, or what the pace needs.",
        read: |text, draft| {
            optional(text, |text| fields::BATCH_SIZE.parse(text)).map(|number| draft.batch_size = number)
        },
        show: |draft| draft.batch_size.map(grouped).unwrap_or_default(),
    },
    FieldRow {
        id: Id::Pause,
        label: "Pause",
        field: Some(Field::SimulateWorkMs),
        kind: Kind::Text,
        about: "ms after each batch",
        yaml: "SIMULATE_WORK_MS:",
        why: "SIMULATE_WORK_MS in the ConfigMap: how long a worker pauses after each batch. A pace sets it for you.",
        read: |text, draft| {
            fields::SIMULATE_WORK_MS
                .parse(text)
                .map(|number| draft.plan.simulate_work_ms = number)
        },
        show: |draft| grouped(draft.plan.simulate_work_ms),
    },
    FieldRow {
        id: Id::LogLevel,
        label: "Log level",
        field: Some(Field::LogLevel),
        kind: Kind::Choice,
        about: "of the workers",
        yaml: "LOG_LEVEL:",
        why: "LOG_LEVEL in the ConfigMap: how much the workers log. Below info their bars do not move; results do not depend on logs.",
        read: |text, draft| fields::log_level(text).map(|level| draft.plan.log_level = level),
        show: |draft| draft.plan.log_level.as_str().to_owned(),
    },
    FieldRow {
        id: Id::NodeSelector,
        label: "Node selector",
        field: Some(Field::NodeSelector),
        kind: Kind::Text,
        about: "key=value, by blanks",
        yaml: "nodeSelector:",
        why: "spec.template.spec.nodeSelector: labels a node must have for the scheduler to place a worker there.",
        read: |text, draft| {
            let selector = items(text).map(labels::selector).collect::<Result<_, _>>();
            selector.map(|selector| draft.plan.node_selector = selector)
        },
        show: |draft| {
            let labels = draft
                .plan
                .node_selector
                .iter()
                .map(|(key, value)| format!("{key}={value}"));
            labels.collect::<Vec<_>>().join(" ")
        },
    },
    FieldRow {
        id: Id::Tolerations,
        label: "Tolerations",
        field: Some(Field::Toleration),
        kind: Kind::Text,
        about: "key[=value][:effect]",
        yaml: "tolerations:",
        why: "spec.template.spec.tolerations: taints of nodes that the workers do not mind, such as those of spot machines.",
        read: |text, draft| {
            let tolerations = items(text).map(Toleration::parse).collect::<Result<_, _>>();
            tolerations.map(|tolerations| draft.plan.tolerations = tolerations)
        },
        show: |draft| {
            let tolerations = draft.plan.tolerations.iter().map(toleration);
            tolerations.collect::<Vec<_>>().join(" ")
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back_as_the_same_plan() {
        let mut plan = Plan::new(RunId::parse("ttg-pi-7f3a2k").unwrap());
        plan.kernel = "pi".to_owned();
        plan.shards = 7;
        plan.node_selector.insert("disk".to_owned(), "ssd".to_owned());
        plan.node_selector.insert("zone".to_owned(), String::new());
        plan.tolerations = ["spot", "a=b:NoExecute"]
            .map(|text| Toleration::parse(text).unwrap())
            .to_vec();
        for pace_ms in [None, Some(90_000)] {
            let mut plan = plan.clone();
            if let Some(ms) = pace_ms {
                let pace = pace::pace(&plan, ms, None).unwrap();
                plan.batch_size = pace.batch_size;
                plan.simulate_work_ms = pace.simulate_work_ms;
            }
            let from = Draft::of(&plan, Some("lab".to_owned()), pace_ms);
            let mut draft = Draft::new(from.suffix.clone());
            for row in &FIELDS {
                (row.read)(&(row.show)(&from), &mut draft).unwrap();
            }
            assert_eq!(draft.to_plan(), Ok(plan));
            assert_eq!(
                (draft.namespace.as_deref(), draft.name, draft.batch_size),
                (Some("lab"), None, None)
            );
        }
    }

    #[test]
    fn a_generated_name_follows_the_kernel_and_a_given_one_does_not() {
        let named = Draft::of(&Plan::new(RunId::parse("sweep-1").unwrap()), None, None);
        assert_eq!(named.to_plan().unwrap().run.as_str(), "sweep-1");
        assert_eq!(named.suffix.len(), SUFFIX_CHARS);
        let mut generated = Draft::of(&Plan::new(RunId::parse("ttg-primes-7f3a2k").unwrap()), None, None);
        generated.plan.kernel = "collatz".to_owned();
        assert_eq!(generated.to_plan().unwrap().run.as_str(), "ttg-collatz-7f3a2k");
    }
}
