//! The configuration: the command line and the environment, resolved and checked once.
//!
//! Beyond here nobody looks at flags or variables again. The environment comes in as a function, so that this module is
//! pure.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::cli::{Cli, GlobalFlags, PlanFlags};
pub use crate::cli::{Color, Output};
use crate::error::Error;
use crate::plan::{self, Plan, RunId, pace};
use crate::ui::keymap::Keymap;
use crate::ui::theme::Look;
use file::ConfigFile;

pub mod file;

/// The folder of this program inside of the folders of the person.
const FOLDER: &str = "ttg-tui";
/// The name of the config file in that folder.
const FILE: &str = "config.toml";
/// How the config file calls the local cluster.
const LOCAL: &str = "local";

/// Which cluster is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// The local cluster: a running one, or one of this program's own.
    Local,
    /// A cluster that a kubeconfig knows.
    Context {
        /// The context; none means the kubeconfig's current one.
        name: Option<String>,
        /// The kubeconfig; none means what `KUBECONFIG` or the home folder say.
        kubeconfig: Option<PathBuf>,
    },
    /// The cluster whose pod this program runs in.
    InCluster,
}

/// The configuration of one call of the program.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Which cluster.
    pub target: Where,
    /// The namespace, when one was given.
    pub namespace: Option<String>,
    /// The form of what is printed.
    pub output: Output,
    /// When output is coloured; whether `Auto` means yes depends on the terminal.
    pub color: Color,
    /// Whether only ASCII characters are written.
    pub ascii: bool,
    /// Whether the locale is one of UTF-8; elsewhere only ASCII characters are drawn.
    pub is_utf8: bool,
    /// Whether a run may be drawn on a terminal; otherwise it is told in lines.
    pub draws: bool,
    /// How meanings look, when that was said.
    pub theme: Option<Look>,
    /// Whether the terminal shows 24-bit colours.
    pub true_color: bool,
    /// Whether clicks are reported.
    pub mouse: bool,
    /// Whether nothing moves but what is news.
    pub reduced_motion: bool,
    /// What keys mean.
    pub keymap: Keymap,
    /// The workers' image, when the config file names one.
    pub image: Option<String>,
    /// The new file in which the session is recorded, when that was asked for.
    pub record: Option<PathBuf>,
    /// Texts that are hidden in what is recorded of logs.
    pub redact: Vec<String>,
    /// The folder for what must be kept: runs and their ledgers.
    pub state_folder: PathBuf,
    /// The folder for what lasts as long as a process: how to find a running local cluster.
    pub runtime_folder: PathBuf,
}

/// The environment: the value of a variable, if it is set.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Config {
    /// Resolves the command line, the environment and the config file.
    pub fn resolve(cli: &Cli, environment: Environment<'_>, file: &ConfigFile) -> Result<Self, Error> {
        let state_folder = state_folder(environment)?;
        let runtime_folder =
            absolute(environment, "XDG_RUNTIME_DIR").map_or_else(|| state_folder.clone(), |folder| folder.join(FOLDER));
        let flags = &cli.global;
        let recording = cli.recording().cloned().unwrap_or_default();
        Ok(Self {
            target: target(flags, file, environment)?,
            namespace: flags.namespace.clone().or_else(|| file.namespace.clone()),
            output: cli.output(),
            color: color(flags.color, environment),
            ascii: flags.ascii,
            is_utf8: is_utf8(environment),
            draws: !flags.plain && !cli.is_headless() && cli.output() == Output::Text && !is_dumb(environment),
            theme: flags.theme.or(file.theme),
            true_color: has_true_color(environment),
            mouse: !flags.no_mouse && file.mouse.unwrap_or(true),
            reduced_motion: flags.reduced_motion,
            keymap: file.keymap().map_err(Error::usage)?,
            image: file.image.clone(),
            record: recording.record,
            redact: recording.redact,
            state_folder,
            runtime_folder,
        })
    }
}

impl Config {
    /// Makes the plan that the flags ask for; what they leave open the config file may say.
    pub fn plan(&self, flags: &PlanFlags, random: u32) -> Result<Plan, Error> {
        let mut flags = flags.clone();
        flags.image = flags.image.or_else(|| self.image.clone());
        plan_from_flags(&flags, random)
    }
}

/// What `doctor` looks at beyond the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether `--local` was given: then no other cluster is asked.
    pub only_local: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// The locale that says how characters are written.
    pub locale: Option<String>,
    /// Where a kubeconfig is looked for.
    pub kubeconfigs: Vec<PathBuf>,
    /// Whether `KUBECONFIG` or a flag says so.
    pub is_kubeconfig_named: bool,
}

impl Surroundings {
    /// Resolves the command line and the environment.
    pub fn resolve(cli: &Cli, environment: Environment<'_>) -> Self {
        let text = |name: &str| {
            environment(name)
                .map(|value| value.to_string_lossy().into_owned())
                .filter(|value| !value.is_empty())
        };
        let named = named_kubeconfigs(&cli.global, environment);
        Self {
            only_local: cli.global.local,
            term: text("TERM"),
            // The first one that is set has the word, as everywhere.
            locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(text),
            kubeconfigs: named.clone().unwrap_or_else(|| home_kubeconfig(environment)),
            is_kubeconfig_named: named.is_some(),
        }
    }
}

/// A flag wins over `KUBECONFIG`, a list of files, and that over the file below the home folder.
fn named_kubeconfigs(flags: &GlobalFlags, environment: Environment<'_>) -> Option<Vec<PathBuf>> {
    if let Some(path) = &flags.kubeconfig {
        return Some(vec![path.clone()]);
    }
    let listed = environment("KUBECONFIG").unwrap_or_default();
    let listed: Vec<PathBuf> = std::env::split_paths(&listed)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    Some(listed).filter(|listed| !listed.is_empty())
}

fn home_kubeconfig(environment: Environment<'_>) -> Vec<PathBuf> {
    let home = absolute(environment, "HOME");
    home.map(|home| home.join(".kube/config")).into_iter().collect()
}

/// Refuses a flag that would be ignored: whoever typed it expects something of it.
pub fn check_flags(cli: &Cli) -> Result<(), Error> {
    match cli.meaningless_flag() {
        Some((flag, command, why)) => {
            let what = format!("--{flag} means nothing for `{command}`: {why}");
            Err(Error::usage(what).with_hint("leave it out"))
        }
        None => Ok(()),
    }
}

/// Makes the plan that the flags ask for, and checks it. The random number is used when the run has no name.
pub fn plan_from_flags(flags: &PlanFlags, random: u32) -> Result<Plan, Error> {
    let kernel = flags.kernel.clone().unwrap_or_else(|| plan::DEFAULT_KERNEL.to_owned());
    let run = flags.name.clone().unwrap_or_else(|| RunId::generate(&kernel, random));
    let defaults = Plan::new(run);
    let workers = flags.workers.unwrap_or(defaults.workers);
    let parameters = flags.parameters.unwrap_or(defaults.parameters);
    let mut plan = Plan {
        kernel,
        parameters,
        workers,
        first: flags.first.unwrap_or(defaults.first),
        shards: flags
            .shards
            .unwrap_or_else(|| plan::default_shards(workers, parameters)),
        batch_size: flags.batch_size.unwrap_or(defaults.batch_size),
        simulate_work_ms: flags.simulate_work_ms.unwrap_or(defaults.simulate_work_ms),
        log_level: flags.log_level.unwrap_or(defaults.log_level),
        cpu: flags.cpu.clone().unwrap_or(defaults.cpu),
        memory: flags.memory.clone().unwrap_or(defaults.memory),
        retries: flags.retries.unwrap_or(defaults.retries),
        max_failed: flags.max_failed.unwrap_or(defaults.max_failed),
        image: flags.image.clone().unwrap_or(defaults.image),
        node_selector: flags.node_selector.iter().cloned().collect(),
        tolerations: flags.toleration.clone(),
        verify: flags.verify.unwrap_or(defaults.verify),
        version: defaults.version,
        run: defaults.run,
    };
    plan.check()?;
    if let Some(total_ms) = flags.pace_ms {
        let pace = pace::pace(&plan, total_ms, flags.batch_size)?;
        plan.batch_size = pace.batch_size;
        plan.simulate_work_ms = pace.simulate_work_ms;
    }
    Ok(plan)
}

/// Nobody submits to a cluster by accident: outside of a pod only a flag or the config file chooses one, `KUBECONFIG` alone does not.
fn target(flags: &GlobalFlags, file: &ConfigFile, environment: Environment<'_>) -> Result<Where, Error> {
    let chosen = flags.context.is_some() || flags.kubeconfig.is_some();
    if flags.local && chosen {
        let what = "--local names another cluster than --context and --kubeconfig";
        return Err(Error::usage(what).with_hint("leave out --local, or the other two"));
    }
    if chosen {
        return Ok(Where::Context {
            name: flags.context.clone(),
            kubeconfig: flags.kubeconfig.clone(),
        });
    }
    let in_pod = environment("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty());
    let by_file = file.cluster.as_ref().filter(|cluster| *cluster != LOCAL);
    Ok(match by_file {
        _ if flags.local => Where::Local,
        Some(context) => Where::Context {
            name: Some(context.clone()),
            kubeconfig: None,
        },
        None if in_pod => Where::InCluster,
        None => Where::Local,
    })
}

/// A flag wins over `NO_COLOR`, which counts when it is not empty.
fn color(flag: Color, environment: Environment<'_>) -> Color {
    let unwanted = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = environment("TERM").is_some_and(|term| term == "dumb");
    match flag {
        Color::Auto if unwanted || dumb => Color::Never,
        Color::Auto | Color::Always | Color::Never => flag,
    }
}

fn state_folder(environment: Environment<'_>) -> Result<PathBuf, Error> {
    absolute(environment, "XDG_STATE_HOME")
        .or_else(|| absolute(environment, "HOME").map(|home| home.join(".local/state")))
        .map(|folder| folder.join(FOLDER))
        .ok_or_else(|| {
            Error::usage("cannot tell where to keep runs: neither XDG_STATE_HOME nor HOME is an absolute path")
                .with_hint("set XDG_STATE_HOME to a folder that lasts")
        })
}

/// Returns where the config file is looked for.
pub fn file_path(environment: Environment<'_>) -> Option<PathBuf> {
    let folder = absolute(environment, "XDG_CONFIG_HOME");
    let folder = folder.or_else(|| absolute(environment, "HOME").map(|home| home.join(".config")));
    folder.map(|folder| folder.join(FOLDER).join(FILE))
}

fn is_dumb(environment: Environment<'_>) -> bool {
    environment("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// The first of these variables that is set has the word, as everywhere.
fn is_utf8(environment: Environment<'_>) -> bool {
    let set = |name: &&str| environment(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

fn has_true_color(environment: Environment<'_>) -> bool {
    environment("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit")
}

/// The XDG specification has relative paths ignored.
fn absolute(environment: Environment<'_>, name: &str) -> Option<PathBuf> {
    environment(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests;
