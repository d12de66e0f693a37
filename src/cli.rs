//! The command line: flags and commands, and nothing of what they do.
//!
//! Single values are checked by `plan::fields`, so that the words are the same wherever they are typed; how they fit
//! together is `config`'s matter. This module reads no environment and no files.

mod recording;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use recording::{RecordFlags, ReplayFlags};

use crate::export::flags::{self as export, ExportFlags};
use crate::learn;
use crate::plan::{LogLevel, PlanError, Resource, RunId, Toleration, fields, image, labels};
use crate::ui::theme::Look;

const ABOUT: &str = "Runs one computation over many Kubernetes pods, shows it happening, and proves the number

Type this first; it needs no cluster:
  ttg-tui run --pace 30s";

const EXAMPLES: &str = "Examples:
  ttg-tui run                             10,000,000 parameters on this machine, as fast as it can be
  ttg-tui run --workers 5 --pace 1m       five workers at once, slow enough to watch
  ttg-tui run --context kind-ttg          on the cluster of that context
  ttg-tui run --context prod --detach     submit it and leave; attach comes back to it
  ttg-tui attach                          watch a run that exists
  ttg-tui list                            the runs kept here and those on the cluster
  ttg-tui scale ttg-primes-7f3a2k 5       five workers at once; also suspend, resume, cancel, delete
  ttg-tui rerun ttg-primes-7f3a2k         compute what a run is still missing, and prove it
  ttg-tui result ttg-primes-7f3a2k        print a result again, also when its Job is gone
  ttg-tui manifest > job.yaml             the same as YAML, for kubectl create -f
  ttg-tui doctor                          what works here, and what to do about what does not
  ttg-tui demo                            a run that shows itself: watch what happens to it
  ttg-tui learn                           what an Indexed Job is, in lessons beside a run

Exit codes: 0 proven, 1 the run failed, 2 usage, 3 not proven, 4 cancelled, 5 cluster unreachable,
            6 refused by the server, 128+n ended by signal n";

const RUN_EXAMPLES: &str = "Examples:
  ttg-tui run --kernel pi --parameters 1e7 --shards 20
  ttg-tui run --parameters 10_000_000 --workers 3 --pace 30s
  ttg-tui run --cpu 250m:1 --memory 64Mi:128Mi --toleration spot:NoSchedule
  ttg-tui run --output json --context prod -n sweeps > run.ndjson
  ttg-tui run --context prod --yes --detach";

const RERUN_EXAMPLES: &str = "Examples:
  ttg-tui rerun ttg-primes-7f3a2k         the missing and disputed indexes alone, in a new Job
  ttg-tui rerun ttg-primes --workers 5    five workers at once; the beginning of a name is enough
  ttg-tui rerun ttg-primes --context prod --yes --detach";

const REPLAY_EXAMPLES: &str = "Examples:
  ttg-tui run --pace 30s --record run.ttg     record a run, then play it:
  ttg-tui replay run.ttg
  ttg-tui replay ttg-primes-7f3a2k            the last runs that were watched here are recorded
  ttg-tui replay run.ttg --output json        what was told, and the summary, at once";

const MANIFEST_EXAMPLES: &str = "Examples:
  ttg-tui manifest --workers 5 | kubectl create -f -
  ttg-tui manifest --name sweep-1 --image registry.example/ttg-worker:1.0 > job.yaml";

const LEARN_EXAMPLES: &str = "Examples:
  ttg-tui learn                           the life of a run, beside a run on the local cluster
  ttg-tui learn 3                         lesson 3; a lesson's name does as well
  ttg-tui learn drain | less              without a terminal, the lesson as text";

const DOCTOR_EXAMPLES: &str = "Examples:
  ttg-tui doctor                          this machine, the local cluster, and every context's version
  ttg-tui doctor --context prod -n lab    that cluster alone, with your rights and a rehearsed Job
  ttg-tui doctor --local                  asks no other cluster
  ttg-tui doctor --output json

Nothing is made on a cluster. One that --context does not name is asked for its version alone; the
kubeconfig's current one also for your rights and a rehearsal (a dry run).

Exit codes: 0 what is meant works, 2 configuration, 5 cluster unreachable, 6 refused by the server";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  ttg-tui completions bash > ~/.local/share/bash-completion/completions/ttg-tui
  ttg-tui completions zsh > \"${fpath[1]}/_ttg-tui\"
  ttg-tui completions fish > ~/.config/fish/completions/ttg-tui.fish";

const MAN_EXAMPLES: &str = "Examples:
  ttg-tui man | man -l -
  ttg-tui man > ~/.local/share/man/man1/ttg-tui.1";

/// What a command has that does not ask a given cluster: its name, the flags that mean nothing for it, and why.
const MEANINGLESS: [(&str, &[&str], &str); 7] = [
    (MANIFEST, &[LOCAL_FLAG, CONTEXT, KUBECONFIG], "it asks no cluster"),
    (LOCAL, &WHERE, "it starts a cluster of its own"),
    (REPLAY, &WHERE, "it asks no cluster"),
    (COMPLETIONS, &WHERE, "it asks no cluster"),
    (MAN, &WHERE, "it asks no cluster"),
    (DEMO, &[CONTEXT, KUBECONFIG], "it shows a run on the local cluster"),
    (EXPORT, &WHERE, "it asks no cluster"),
];

const MANIFEST: &str = "manifest";
const LOCAL: &str = "local";
const REPLAY: &str = "replay";
const COMPLETIONS: &str = "completions";
const MAN: &str = "man";
const DEMO: &str = "demo";
const EXPORT: &str = "export";

const LOCAL_FLAG: &str = "local";
const CONTEXT: &str = "context";
const KUBECONFIG: &str = "kubeconfig";
const NAMESPACE: &str = "namespace";

/// The flags that say where.
const WHERE: [&str; 4] = [LOCAL_FLAG, CONTEXT, KUBECONFIG, NAMESPACE];

/// The whole command line.
#[derive(Clone, Debug, Parser)]
#[command(name = "ttg-tui", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: GlobalFlags,
    /// What to do; none leaves it to the caller.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// A command.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Submit a run and watch it until its total is proven
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunFlags>),
    /// Watch a run that exists
    Attach(AttachFlags),
    /// Compute the missing and disputed indexes of a run in a new Job, and complete the run
    #[command(after_help = RERUN_EXAMPLES)]
    Rerun(RerunFlags),
    /// Play a recorded run again, with pauses and at any speed; needs no cluster
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayFlags),
    /// List the runs that are kept on this machine and those on the cluster
    List(ListFlags),
    /// Print the result of a run again, from what is kept on this machine
    Result(ResultFlags),
    /// Change how many workers of a run compute at once
    Scale(ScaleFlags),
    /// Stop the workers of a run until it is resumed
    Suspend(ChangeFlags),
    /// Let a suspended or cancelled run go on
    Resume(ChangeFlags),
    /// Stop a run and mark it as cancelled; its finished pods stay
    Cancel(ChangeFlags),
    /// Delete the Job of a run and its pods; what is kept on this machine stays
    Delete(ChangeFlags),
    /// Print the YAML of a run, for kubectl or a repository
    #[command(after_help = MANIFEST_EXAMPLES)]
    Manifest(Box<PlanFlags>),
    /// Keep a local cluster running, for kubectl and for other runs of this program
    Local(LocalFlags),
    /// Say what works here: this machine, the local cluster, contexts, rights
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorFlags),
    /// Show a run on the local cluster that loses a worker, gets two more, and is proven
    Demo,
    /// Learn what happens in a cluster, in lessons beside a run
    #[command(after_help = LEARN_EXAMPLES)]
    Learn(LearnFlags),
    /// Make a film of a recorded run: text, asciicast, SVG, GIF or PNG
    #[command(after_help = export::EXAMPLES)]
    Export(Box<ExportFlags>),
    /// Print what makes a shell complete this program's command line
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsFlags),
    /// Print the manual page of this program and all its commands
    #[command(after_help = MAN_EXAMPLES)]
    Man,
    /// Compute one shard as its environment says
    #[command(hide = true)]
    Worker,
    /// Run a pod's process, and end all that is left of it
    #[command(hide = true)]
    PodSupervise(SuperviseFlags),
    /// Become a pod's process
    #[command(hide = true)]
    PodExec(ExecFlags),
}

/// Where to run, and how to print.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Clone, Debug, Default, Args)]
pub struct GlobalFlags {
    /// Use the local cluster; this is the default outside of a pod
    #[arg(long, global = true, help_heading = "Where")]
    pub local: bool,
    /// Use the cluster of this context of the kubeconfig
    #[arg(long, value_name = "NAME", global = true, help_heading = "Where")]
    pub context: Option<String>,
    /// Use the cluster of this kubeconfig
    #[arg(long, value_name = "FILE", global = true, help_heading = "Where")]
    pub kubeconfig: Option<PathBuf>,
    /// Use this namespace instead of the context's
    #[arg(short, long, value_name = "NS", global = true, help_heading = "Where", value_parser = flag(fields::namespace))]
    pub namespace: Option<String>,
    /// Colour the output
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        global = true,
        help_heading = "Output"
    )]
    pub color: Color,
    /// Draw with ASCII characters alone
    #[arg(long, global = true, help_heading = "Output")]
    pub ascii: bool,
    /// Tell in lines what would be drawn on the whole screen
    #[arg(long, global = true, help_heading = "Output")]
    pub plain: bool,
    /// Draw with the colours of this theme
    #[arg(long, value_enum, value_name = "THEME", global = true, help_heading = "Output")]
    pub theme: Option<Look>,
    /// Leave the mouse to the terminal
    #[arg(long, global = true, help_heading = "Output")]
    pub no_mouse: bool,
    /// Move nothing on the screen but what is news
    #[arg(long, global = true, help_heading = "Output")]
    pub reduced_motion: bool,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless the environment says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line, for programs
    Json,
}

/// The flags of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunFlags {
    /// What to run.
    #[command(flatten)]
    pub plan: PlanFlags,
    /// Print plain lines, also on a terminal
    #[arg(long, help_heading = "Output")]
    pub headless: bool,
    /// Print in this form; json prints plain lines for programs
    #[arg(long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    pub output: Output,
    /// Submit without asking
    #[arg(long, help_heading = "Output")]
    pub yes: bool,
    /// Submit, print the run's name and leave; `ttg-tui attach` comes back to it
    #[arg(long, help_heading = "Output", conflicts_with = "record")]
    pub detach: bool,
    /// How it is recorded.
    #[command(flatten)]
    pub recording: RecordFlags,
}

/// The flags of `rerun`.
#[derive(Clone, Debug, Args)]
pub struct RerunFlags {
    /// The run's name or the beginning of it
    #[arg(value_name = "RUN", value_parser = NonEmptyStringValueParser::new())]
    pub run: String,
    /// Run this many workers at once [default: as many as the run had]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = workers)]
    pub workers: Option<u32>,
    /// Print plain lines, also on a terminal
    #[arg(long, help_heading = "Output")]
    pub headless: bool,
    /// Print in this form; json prints plain lines for programs
    #[arg(long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    pub output: Output,
    /// Submit without asking
    #[arg(long, help_heading = "Output")]
    pub yes: bool,
    /// Submit, print the run's name and leave; `ttg-tui attach` comes back to it
    #[arg(long, help_heading = "Output", conflicts_with = "record")]
    pub detach: bool,
    /// How it is recorded.
    #[command(flatten)]
    pub recording: RecordFlags,
}

/// The flags of `attach`.
#[derive(Clone, Debug, Args)]
pub struct AttachFlags {
    /// The run's name or the beginning of it; without it the newest
    #[arg(value_name = "RUN", value_parser = NonEmptyStringValueParser::new())]
    pub run: Option<String>,
    /// Print in this form; json prints plain lines for programs
    #[arg(long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    pub output: Output,
    /// How it is recorded.
    #[command(flatten)]
    pub recording: RecordFlags,
}

/// The flags of `result`.
#[derive(Clone, Debug, Args)]
pub struct ResultFlags {
    /// The run's name or the beginning of it
    #[arg(value_name = "RUN", value_parser = NonEmptyStringValueParser::new())]
    pub run: String,
    /// Print in this form
    #[arg(long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    pub output: Output,
}

/// The flags of `list`.
#[derive(Clone, Debug, Args)]
pub struct ListFlags {
    /// Print in this form; json is one object a run
    #[arg(long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    pub output: Output,
}

/// The arguments of `scale`.
#[derive(Clone, Debug, Args)]
pub struct ScaleFlags {
    /// The run's name or the beginning of it
    #[arg(value_name = "RUN", value_parser = NonEmptyStringValueParser::new())]
    pub run: String,
    /// Run this many workers at once, 1 to 100,000
    #[arg(value_name = "N", allow_negative_numbers = true, value_parser = scaled_workers)]
    pub workers: u32,
}

/// The argument of `suspend`, `resume`, `cancel` and `delete`.
#[derive(Clone, Debug, Args)]
pub struct ChangeFlags {
    /// The run's name or the beginning of it
    #[arg(value_name = "RUN", value_parser = NonEmptyStringValueParser::new())]
    pub run: String,
}

/// The flags of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorFlags {
    /// Print in this form; json is one object a finding, and a summary
    #[arg(long, value_enum, value_name = "FORM", default_value_t, help_heading = "Output")]
    pub output: Output,
}

/// The argument of `learn`.
#[derive(Clone, Debug, Args)]
pub struct LearnFlags {
    /// The lesson: its number, or the beginning of its name
    #[arg(value_name = "LESSON", allow_negative_numbers = true, value_parser = lesson)]
    pub lesson: Option<usize>,
}

/// The argument of `completions`.
#[derive(Clone, Debug, Args)]
pub struct CompletionsFlags {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// The flags of `local`.
#[derive(Clone, Debug, Args)]
pub struct LocalFlags {
    /// Start with this many nodes, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 3, allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=100))]
    pub nodes: u32,
    /// Simulate the pods instead of starting processes, for large numbers of them
    #[arg(long)]
    pub simulate: bool,
}

/// The arguments of the hidden supervisor of a pod's process.
#[derive(Clone, Debug, Args)]
pub struct SuperviseFlags {
    /// End everything when it uses more memory than this
    #[arg(long, value_name = "BYTES")]
    pub memory_limit_bytes: Option<u64>,
    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<OsString>,
}

/// The arguments of the hidden second stage of a pod's process.
#[derive(Clone, Debug, Args)]
pub struct ExecFlags {
    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<OsString>,
}

/// The flags that make a plan. What is not given is left to `config`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Plan")]
pub struct PlanFlags {
    /// Compute this many parameters, such as `10_000_000` or 1e7 [default: 10,000,000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parameters)]
    pub parameters: Option<u64>,
    /// Begin with this parameter [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = first)]
    pub first: Option<u64>,
    /// Compute this of each parameter: primes, collatz, pi or simulate [default: primes]
    #[arg(long, value_name = "K", value_parser = flag(fields::kernel_name))]
    pub kernel: Option<String>,
    /// Run this many workers at once [default: 3]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = workers)]
    pub workers: Option<u32>,
    /// Split the parameters into this many shards [default: 4 a worker]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = shards)]
    pub shards: Option<u32>,
    /// Compute this many parameters in a batch, between two pauses [default: 1,000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = batch_size)]
    pub batch_size: Option<u64>,
    /// Pause this long after each batch, in milliseconds [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = simulate_work_ms)]
    pub simulate_work_ms: Option<u64>,
    /// Pause so that the whole run takes about this long, such as 30s, for watching
    #[arg(long = "pace", value_name = "TIME", allow_hyphen_values = true, conflicts_with = "simulate_work_ms",
        value_parser = flag(fields::pace_ms))]
    pub pace_ms: Option<u64>,
    /// Let workers log this much: error, warn, info or debug [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = flag(fields::log_level))]
    pub log_level: Option<LogLevel>,
    /// Compute this many shards again here, to check the workers [default: 2]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = verify)]
    pub verify: Option<u32>,
    /// Name the run and its Job [default: ttg-KERNEL- and six random characters]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, value_parser = flag(RunId::parse))]
    pub name: Option<RunId>,
    /// Use this image; the local cluster has ttg-worker built in [default: ttg-worker:latest]
    #[arg(long, value_name = "I", help_heading = "Kubernetes", value_parser = flag(image::parse))]
    pub image: Option<String>,
    /// Ask for this much CPU for each worker, and allow at most LIMIT [default: 100m:500m]
    #[arg(long, value_name = "REQUEST[:LIMIT]", help_heading = "Kubernetes", allow_hyphen_values = true,
        value_parser = flag(Resource::parse_cpu))]
    pub cpu: Option<Resource>,
    /// Ask for this much memory for each worker, and allow at most LIMIT [default: 128Mi:256Mi]
    #[arg(long, value_name = "REQUEST[:LIMIT]", help_heading = "Kubernetes", allow_hyphen_values = true,
        value_parser = flag(Resource::parse_memory))]
    pub memory: Option<Resource>,
    /// Try a failed shard again this many times [default: 3]
    #[arg(long, value_name = "N", help_heading = "Kubernetes", allow_negative_numbers = true, value_parser = retries)]
    pub retries: Option<u32>,
    /// End the run when more shards than this have failed for good [default: 3]
    #[arg(long, value_name = "N", help_heading = "Kubernetes", allow_negative_numbers = true,
        value_parser = max_failed)]
    pub max_failed: Option<u32>,
    /// Use only nodes with this label; may be given several times
    #[arg(long, value_name = "K=V", help_heading = "Kubernetes", value_parser = flag(labels::selector))]
    pub node_selector: Vec<(String, String)>,
    /// Tolerate nodes with this taint; may be given several times
    #[arg(long, value_name = "K[=V][:EFFECT]", help_heading = "Kubernetes", value_parser = flag(Toleration::parse))]
    pub toleration: Vec<Toleration>,
}

/// Makes the reader of a flag from the reader of its field. clap names the flag and the value itself.
fn flag<T: 'static>(
    parse: fn(&str) -> Result<T, PlanError>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| parse(text).map_err(|error| error.what_is_valid())
}

/// Reads the number or the name of a lesson.
fn lesson(text: &str) -> Result<usize, String> {
    learn::find(text).ok_or_else(|| {
        let names = learn::lessons().iter().map(|lesson| lesson.name.as_str());
        let names: Vec<&str> = [learn::life::NAME].into_iter().chain(names).collect();
        format!("there are 0 to {}: {}", names.len() - 1, names.join(", "))
    })
}

/// Makes the reader of a numeric flag from the bounds of its field.
macro_rules! numbers {
    ($($name:ident: $number:ty = $bounds:ident;)*) => {
        $(fn $name(text: &str) -> Result<$number, String> {
            fields::$bounds.parse(text).map_err(|error| error.what_is_valid())
        })*
    };
}

numbers! {
    parameters: u64 = PARAMETERS;
    first: u64 = FIRST;
    workers: u32 = WORKERS;
    shards: u32 = SHARDS;
    batch_size: u64 = BATCH_SIZE;
    simulate_work_ms: u64 = SIMULATE_WORK_MS;
    retries: u32 = RETRIES;
    max_failed: u32 = MAX_FAILED;
    verify: u32 = VERIFY;
}

/// Reads how many workers a run is scaled to. None at all is what `suspend` is for: that can be told from a run that is
/// stuck.
fn scaled_workers(text: &str) -> Result<u32, String> {
    let is_zero = !text.is_empty() && text.bytes().all(|digit| digit == b'0');
    workers(text).map_err(|words| {
        if is_zero {
            format!("{words}; `ttg-tui suspend RUN` stops every worker")
        } else {
            words
        }
    })
}

impl Cli {
    /// Reads a command line, the program's name first.
    pub fn read<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let mut matches = whole().try_get_matches_from(arguments)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut whole()))
    }

    /// Returns a flag that was given and means nothing for the command: the flag, the command, and why.
    pub fn meaningless_flag(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let command = match self.command.as_ref()? {
            Command::Manifest(_) => MANIFEST,
            Command::Local(_) => LOCAL,
            Command::Replay(_) => REPLAY,
            Command::Completions(_) => COMPLETIONS,
            Command::Man => MAN,
            Command::Demo => DEMO,
            Command::Export(_) => EXPORT,
            Command::Run(_)
            | Command::Attach(_)
            | Command::Rerun(_)
            | Command::List(_)
            | Command::Result(_)
            | Command::Scale(_)
            | Command::Suspend(_)
            | Command::Resume(_)
            | Command::Cancel(_)
            | Command::Delete(_)
            | Command::Doctor(_)
            | Command::Learn(_)
            | Command::Worker
            | Command::PodSupervise(_)
            | Command::PodExec(_) => return None,
        };
        let (_, flags, why) = MEANINGLESS.into_iter().find(|(name, _, _)| *name == command)?;
        let flag = flags.iter().find(|flag| self.global.is_given(flag))?;
        Some((*flag, command, why))
    }

    /// Tells whether a run is to be told in lines, also on a terminal.
    pub fn is_headless(&self) -> bool {
        match &self.command {
            Some(Command::Run(flags)) => flags.headless || flags.detach,
            Some(Command::Rerun(flags)) => flags.headless || flags.detach,
            Some(_) | None => false,
        }
    }

    /// Returns how this command is recorded, if it watches a run.
    pub fn recording(&self) -> Option<&RecordFlags> {
        if let Some(Command::Run(flags)) = &self.command {
            Some(&flags.recording)
        } else if let Some(Command::Attach(AttachFlags { recording, .. })) = &self.command {
            Some(recording)
        } else if let Some(Command::Rerun(RerunFlags { recording, .. })) = &self.command {
            Some(recording)
        } else {
            None
        }
    }

    /// Returns the form in which this command prints.
    pub fn output(&self) -> Output {
        match &self.command {
            Some(Command::Run(flags)) => flags.output,
            Some(Command::Attach(flags)) => flags.output,
            Some(Command::Rerun(flags)) => flags.output,
            Some(Command::Replay(flags)) => flags.output,
            Some(Command::Doctor(flags)) => flags.output,
            Some(Command::Result(flags)) => flags.output,
            Some(Command::List(flags)) => flags.output,
            Some(
                Command::Manifest(_)
                | Command::Scale(_)
                | Command::Suspend(_)
                | Command::Resume(_)
                | Command::Cancel(_)
                | Command::Delete(_)
                | Command::Completions(_)
                | Command::Man
                | Command::Demo
                | Command::Learn(_)
                | Command::Export(_)
                | Command::Local(_)
                | Command::Worker
                | Command::PodSupervise(_)
                | Command::PodExec(_),
            )
            | None => Output::Text,
        }
    }
}

impl GlobalFlags {
    /// Tells whether a flag that says where was given.
    fn is_given(&self, flag: &str) -> bool {
        match flag {
            LOCAL_FLAG => self.local,
            CONTEXT => self.context.is_some(),
            KUBECONFIG => self.kubeconfig.is_some(),
            NAMESPACE => self.namespace.is_some(),
            _ => false,
        }
    }
}

/// Returns the flags that mean nothing for a command.
fn meaningless_for(command: &str) -> &'static [&'static str] {
    let row = MEANINGLESS.into_iter().find(|(name, _, _)| *name == command);
    row.map(|(_, flags, _)| flags).unwrap_or_default()
}

/// Makes the command line that is read. A flag that means nothing for a command is still read there, so that it can be
/// refused with its reason, but the command's help does not show it.
fn whole() -> clap::Command {
    let whole = Cli::command();
    let global: Vec<Arg> = whole.get_arguments().cloned().collect();
    MEANINGLESS.into_iter().fold(whole, |whole, (command, flags, _)| {
        let hidden = global.iter().filter(|arg| flags.contains(&arg.get_id().as_str()));
        let hidden: Vec<Arg> = hidden.map(|arg| arg.clone().hide(true)).collect();
        whole.mut_subcommand(command, |command| command.args(hidden))
    })
}

/// Makes the command line that people are told of: without the hidden commands, which completions would offer all the
/// same, and without flags where they mean nothing.
pub fn visible() -> clap::Command {
    let whole = Cli::command();
    // clap would hand a global flag down to every command, wanted or not.
    let global: Vec<Arg> = whole.get_arguments().map(|arg| arg.clone().global(false)).collect();
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set());
    let commands: Vec<clap::Command> = shown
        .map(|command| {
            let meaningless = meaningless_for(command.get_name());
            let flags = global
                .iter()
                .filter(|arg| !meaningless.contains(&arg.get_id().as_str()));
            command.clone().args(flags.cloned())
        })
        .collect();
    clap::Command::new("ttg-tui")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXAMPLES)
        .args(global)
        .subcommands(commands)
}

#[cfg(test)]
mod tests;
