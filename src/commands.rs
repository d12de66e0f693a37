//! The commands: each one function from a configuration to an exit code.

mod attach;
mod change;
mod collect;
mod completions;
mod demo;
mod detach;
mod doctor;
mod export;
mod find;
mod learn;
mod list;
mod local;
mod man;
mod replay;
pub mod rerun;
mod result;
mod run;
mod tui;

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use crate::cli::{Cli, Command, PlanFlags};
use crate::cluster::connect::{Connection, connect_context, connect_in_cluster, connect_kubeconfig_text};
use crate::config::file::ConfigFile;
use crate::config::{Color, Config, Environment, Output, Surroundings, Where, check_flags, file_path};
use crate::error::{Error, report};
use crate::host::{self, Host, Shape};
use crate::ledger::StateFolder;
use crate::model::effect::JobChange;
use crate::model::event::{Started, Task};
use crate::plan::Plan;
use crate::plan::manifest::manifest;
use crate::report::Style;
use crate::run::fact::JobFact;
use crate::run::partial::Kept;
use crate::shell::{self, Clock, Form, IsGone, Records, Session, Teller};
use crate::view::words::quoted;

/// How many threads the program's own tasks share. Kept small: the cores are for the workers.
const RUNTIME_THREADS: usize = 2;

/// Parses the command line, runs the command, and returns its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output with code 0, a wrong command line to standard error with code 2.
            error.print().ok();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    match dispatch(&cli) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to be told when standard error is gone.
            report(&error, &mut stderr().lock()).ok();
            error.exit_code()
        }
    }
}

fn dispatch(cli: &Cli) -> Result<u8, Error> {
    check_flags(cli)?;
    let environment = |name: &str| std::env::var_os(name);
    let config = || Config::resolve(cli, &environment, &config_file(&environment)?);
    match &cli.command {
        // These three run as processes of pods: single-threaded, and without any of the tool's own configuration.
        Some(Command::Worker) => Ok(ttg_worker::app::run()),
        Some(Command::PodSupervise(flags)) => Ok(crate::local::supervise::supervise(
            &flags.command,
            flags.memory_limit_bytes,
        )),
        Some(Command::PodExec(flags)) => Ok(crate::local::supervise::exec(&flags.command)),
        Some(Command::Manifest(flags)) => print_manifest(&config()?, flags),
        Some(Command::Result(flags)) => result::result(&config()?, &flags.run),
        Some(Command::Run(flags)) => block_on(run::run(&recordable(config()?)?, flags)),
        Some(Command::Attach(flags)) => block_on(attach::attach(&recordable(config()?)?, flags.run.as_deref())),
        Some(Command::Rerun(flags)) => block_on(rerun::rerun(&recordable(config()?)?, flags)),
        Some(Command::Replay(flags)) => block_on(replay::replay(&config()?, &flags.recording)),
        Some(Command::List(_)) => block_on(list::list(&config()?)),
        Some(Command::Scale(flags)) => {
            let scale = JobChange::Scale(flags.workers);
            block_on(change::change(&config()?, &flags.run, &scale))
        }
        Some(Command::Suspend(flags)) => block_on(change::change(&config()?, &flags.run, &JobChange::Suspend)),
        Some(Command::Resume(flags)) => block_on(change::change(&config()?, &flags.run, &JobChange::Resume)),
        Some(Command::Cancel(flags)) => block_on(change::change(&config()?, &flags.run, &JobChange::Cancel)),
        Some(Command::Delete(flags)) => block_on(change::change(&config()?, &flags.run, &JobChange::Delete)),
        Some(Command::Doctor(_)) => {
            let surroundings = Surroundings::resolve(cli, &environment);
            block_on(doctor::doctor(&config()?, &surroundings))
        }
        Some(Command::Demo) => block_on(demo::demo(&config()?)),
        Some(Command::Learn(flags)) => block_on(learn::learn(&config()?, flags.lesson)),
        Some(Command::Export(flags)) => export::export(&config()?, flags),
        Some(Command::Man) => man::man(),
        Some(Command::Completions(flags)) => completions::completions(flags.shell),
        Some(Command::Local(flags)) => {
            let shape = Shape {
                nodes: flags.nodes,
                simulate: flags.simulate,
            };
            block_on(local::local(&config()?, shape))
        }
        None if tui::is_wanted(&config()?) => block_on(tui::open(&config()?)),
        None => Err(Error::usage("no command was given").with_hint(
            "`ttg-tui run` computes π(10,000,000) on a local cluster; `ttg-tui --help` shows every command",
        )),
    }
}

/// Refuses, before anything is submitted, to record where something is already.
fn recordable(config: Config) -> Result<Config, Error> {
    match &config.record {
        Some(path) if path.exists() => {
            let path = path.display();
            let what = format!("{path} is there already, and no recording replaces anything");
            Err(Error::usage(what).with_hint("choose another --record, or move that file away"))
        }
        Some(_) | None => Ok(config),
    }
}

/// Reads the config file. Without one nothing is said there.
fn config_file(environment: Environment<'_>) -> Result<ConfigFile, Error> {
    let Some(path) = file_path(environment) else {
        return Ok(ConfigFile::default());
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => ConfigFile::parse(&text).map_err(|why| {
            let hint = "mend it, or move it away: nothing needs one";
            Error::usage(format!("{}: {why}", path.display())).with_hint(hint)
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(ConfigFile::default()),
        Err(error) => Err(Error::usage(format!("cannot read {}: {error}", path.display()))),
    }
}

fn block_on(command: impl Future<Output = Result<u8, Error>>) -> Result<u8, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .enable_all()
        .build()
        .map_err(|e| {
            Error::new(
                crate::error::Exit::Failed,
                format!("cannot start the program's own tasks: {e}"),
            )
        })?;
    let code = runtime.block_on(command);
    // A thread that still computes a shard again is not waited for.
    runtime.shutdown_background();
    code
}

fn print_manifest(config: &Config, flags: &PlanFlags) -> Result<u8, Error> {
    let plan = config.plan(flags, rand::random())?;
    let text = manifest(&plan, config.namespace.as_deref())?;
    print(text.as_bytes())?;
    Ok(0)
}

/// Writes what a command has to say to standard output. A full disk must not look like success.
fn print(bytes: &[u8]) -> Result<(), Error> {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever closed our output has read enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::usage(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The form in which a run is told.
fn form(config: &Config) -> Form {
    match config.output {
        Output::Json => Form::Json,
        Output::Text => Form::Text(style(config)),
    }
}

fn style(config: &Config) -> Style {
    Style {
        ascii: config.ascii,
        color: match config.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stdout().is_terminal() && stderr().is_terminal(),
        },
    }
}

/// Writes a line to standard error. Nobody is left to be told when that is gone.
fn tell(line: &str) {
    writeln!(stderr().lock(), "{line}").ok();
}

/// The flags by which this program and kubectl find the same cluster, with a space before each.
fn cluster_flags(config: &Config) -> String {
    let mut flags = String::new();
    if let Where::Context { name, kubeconfig } = &config.target {
        if let Some(path) = kubeconfig {
            flags.extend([" --kubeconfig ", &quoted(&path.display().to_string())]);
        }
        if let Some(name) = name {
            flags.extend([" --context ", &quoted(name)]);
        }
    }
    flags
}

/// The flags by which another call of this program finds the same cluster and namespace, with a space before each.
fn reach_flags(config: &Config) -> String {
    let mut flags = cluster_flags(config);
    if let Some(namespace) = &config.namespace {
        flags.extend([" -n ", namespace]);
    }
    flags
}

/// A cluster that can be used, and the program's own one if that is what it is.
struct Reached {
    connection: Connection,
    host: Option<Host>,
    /// The flags by which another call of the program finds the same cluster and namespace.
    flags: String,
    /// Tells whether the cluster has ended, where this machine knows that.
    is_gone: Option<IsGone>,
}

/// Connects to the cluster that is meant; for the local one, finds one that runs or, if `may_start`, starts one.
async fn reach(config: &Config, clock: Clock, may_start: bool) -> Result<Reached, Error> {
    let namespace = config.namespace.as_deref();
    let (mut host, mut is_gone): (Option<Host>, Option<IsGone>) = (None, None);
    let mut connection = match &config.target {
        Where::Context { name, kubeconfig } => {
            connect_context(kubeconfig.as_deref(), name.as_deref(), namespace).await?
        }
        Where::InCluster => connect_in_cluster(namespace)?,
        Where::Local => match host::find(&config.runtime_folder) {
            Some((_, kubeconfig)) => {
                let runtime_folder = config.runtime_folder.clone();
                is_gone = Some(Box::new(move || host::find(&runtime_folder).is_none()));
                connect_kubeconfig_text(&kubeconfig, "local", namespace, true).await?
            }
            None if may_start => {
                let started = host::start(&config.runtime_folder, Shape::default(), clock)?;
                let kubeconfig = started.cluster.kubeconfig();
                host = Some(started);
                connect_kubeconfig_text(&kubeconfig, "local", namespace, false).await?
            }
            None => {
                return Err(Error::usage("no local cluster is running").with_hint(
                    "start one with `ttg-tui local` in another terminal, or choose a cluster with --context NAME",
                ));
            }
        },
    };
    connection.probe().await?;
    Ok(Reached {
        connection,
        host,
        flags: reach_flags(config),
        is_gone,
    })
}

/// A run that is to be watched.
struct Watched {
    plan: Plan,
    /// What is to be done about it first.
    task: Task,
    /// The Job that is attached to.
    job: Option<Box<JobFact>>,
    /// What the ledger holds of it.
    kept: Kept,
}

/// Watches a run to its end, submitting it first when that is to be done; returns the exit code.
async fn watch(
    mut reached: Reached,
    config: &Config,
    clock: Clock,
    state: StateFolder,
    watched: Watched,
) -> Result<u8, Error> {
    if tui::is_wanted(config) {
        let stage = tui::Stage::Run(Box::new((reached, watched)));
        return Box::pin(tui::play(config, clock, state, stage)).await;
    }
    let host = reached.host.take();
    let end = shell::run(session(reached, config, clock, state, watched)).await;
    if let Some(host) = host {
        host.cluster.stop().await;
    }
    Ok(end.exit_code())
}

/// Makes the session that watches a run.
fn session(reached: Reached, config: &Config, clock: Clock, state: StateFolder, watched: Watched) -> Session {
    let Reached {
        connection,
        host: _,
        flags,
        is_gone,
    } = reached;
    let Watched { plan, task, job, kept } = watched;
    let teller = Teller::new(form(config), &plan);
    let started = Started {
        task,
        plan,
        job,
        cluster: connection.cluster.clone(),
        namespace: connection.namespace.clone(),
        reach_flags: flags,
        outlives: connection.outlives,
        seed: rand::random(),
        kept,
    };
    Session {
        clock,
        connection,
        started,
        state,
        teller,
        is_gone,
        records: Records {
            file: config.record.clone(),
            redact: config.redact.clone(),
            keeps: true,
        },
    }
}
