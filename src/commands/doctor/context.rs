//! The kubeconfig and its contexts: what each is asked, and what it answers.

use std::path::{Path, PathBuf};

use futures::StreamExt;
use futures::stream;

use super::{Teller, cluster, trouble};
use crate::cluster::connect::connect_context;
use crate::cluster::probe::{self, KnownContext};
use crate::config::{Config, Surroundings, Where};
use crate::report::doctor::{Check, Finding, Mark};

/// How many contexts are asked at once.
const AT_ONCE: usize = 8;

/// How many contexts are asked at all.
const ASKED_MAX: usize = 100;

/// What a context is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// Nothing, and why.
    Nothing(&'static str),
    /// Its version alone.
    Version,
    /// Its version, rights, and a rehearsal.
    Everything {
        /// Whether the exit code depends on it.
        is_meant: bool,
    },
}

/// Looks at the kubeconfig and its contexts.
pub(super) async fn look(config: &Config, surroundings: &Surroundings, teller: &mut Teller) {
    let paths = &surroundings.kubeconfigs;
    let (is_chosen, path, name) = match &config.target {
        Where::Context { name, kubeconfig } => (true, kubeconfig.as_deref(), name.as_deref()),
        Where::Local | Where::InCluster => (false, None, None),
    };
    if !is_chosen && !paths.iter().any(|path| path.exists()) {
        return teller.tell(&no_kubeconfig(paths, surroundings.is_kubeconfig_named));
    }
    let contexts = match probe::contexts(path) {
        Ok(contexts) => contexts,
        Err(error) => return teller.tell(&trouble(Check::Kubeconfig, is_chosen, error)),
    };
    teller.tell(&kubeconfig(paths, &contexts));
    let asks: Vec<Ask> = contexts
        .iter()
        .enumerate()
        .map(|(position, context)| ask(position, context, &config.target, surroundings.only_local))
        .collect();
    let is_found = asks.iter().any(|ask| matches!(ask, Ask::Everything { .. }));
    if is_chosen
        && !is_found
        && let Err(error) = connect_context(path, name, None).await
    {
        teller.tell(&trouble(Check::Kubeconfig, true, error));
    }
    let looks = contexts
        .iter()
        .zip(asks)
        .map(|(context, ask)| look_at(path, config, context, ask));
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    while let Some(findings) = looks.next().await {
        teller.tell_all(findings);
    }
}

/// Decides what a context is asked. Nobody's servers are troubled, and no login is begun, because they stand in a file.
fn ask(position: usize, context: &KnownContext, target: &Where, only_local: bool) -> Ask {
    let (is_chosen, name) = match target {
        Where::Context { name, .. } => (true, name.as_deref()),
        Where::Local | Where::InCluster => (false, None),
    };
    if only_local {
        return Ask::Nothing("--local asks no other cluster");
    }
    match name {
        Some(name) if name == context.name => Ask::Everything { is_meant: true },
        Some(_) => Ask::Nothing("--context names another one"),
        None if context.is_current && is_chosen => Ask::Everything { is_meant: true },
        None if context.plugin.is_some() => Ask::Nothing("a login is begun only where --context asks for it"),
        None if context.is_current => Ask::Everything { is_meant: false },
        None if position >= ASKED_MAX => Ask::Nothing("there are too many to ask all"),
        None => Ask::Version,
    }
}

async fn look_at(path: Option<&Path>, config: &Config, context: &KnownContext, ask: Ask) -> Vec<Finding> {
    let cluster = &context.cluster;
    let (is_whole, is_meant) = match ask {
        Ask::Nothing(why) => return vec![not_asked(context, why)],
        Ask::Version => (false, false),
        Ask::Everything { is_meant } => (true, is_meant),
    };
    // Another context's namespace is its own matter.
    let namespace = config.namespace.as_deref().filter(|_| is_whole);
    let connection = match connect_context(path, Some(&context.name), namespace).await {
        Ok(connection) => connection,
        Err(error) => return vec![trouble(Check::Cluster, is_meant, error).about(&context.label)],
    };
    let place = format!("cluster {cluster}, namespace {}", connection.namespace);
    match cluster::version(&connection, is_meant, &place).await {
        Ok(finding) => {
            let mut findings = vec![finding.about(&context.label)];
            if is_whole {
                findings.extend(cluster::examine(&connection, is_meant).await);
            }
            findings
        }
        Err(finding) => vec![finding.about(&context.label)],
    }
}

fn not_asked(context: &KnownContext, why: &str) -> Finding {
    let KnownContext {
        label,
        cluster,
        namespace,
        plugin,
        ..
    } = context;
    let login = plugin
        .as_ref()
        .map_or_else(String::new, |plugin| format!(", login by {plugin}"));
    let what = format!("not asked (cluster {cluster}, namespace {namespace}{login}): {why}");
    Finding::new(Check::Cluster, Mark::Skipped, what).about(label)
}

fn no_kubeconfig(paths: &[PathBuf], is_named: bool) -> Finding {
    if is_named {
        // Whoever set the variable expects a file there.
        let what = format!(
            "KUBECONFIG names {}, and there is no such file; the local cluster needs none",
            joined(paths)
        );
        return Finding::new(Check::Kubeconfig, Mark::Note, what)
            .with_hint("set KUBECONFIG to a file that is there, or unset it to use ~/.kube/config");
    }
    let what = format!("there is none{}, and the local cluster needs none", at(paths));
    Finding::new(Check::Kubeconfig, Mark::Ok, what).with_hint("--kubeconfig FILE or KUBECONFIG names one")
}

fn kubeconfig(paths: &[PathBuf], contexts: &[KnownContext]) -> Finding {
    let count = match contexts.len() {
        0 => {
            return Finding::new(
                Check::Kubeconfig,
                Mark::Note,
                format!("it has no contexts{}", at(paths)),
            );
        }
        1 => "1 context".to_owned(),
        count => format!("{count} contexts"),
    };
    let current = contexts.iter().find(|context| context.is_current);
    let current = current.map_or_else(
        || "none of them current".to_owned(),
        |context| format!("currently {}", context.label),
    );
    Finding::new(Check::Kubeconfig, Mark::Ok, format!("{count}, {current}{}", at(paths)))
}

/// Names the files, with a space before.
fn at(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        String::new()
    } else {
        format!(" at {}", joined(paths))
    }
}

fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(name: &str, is_current: bool, plugin: Option<&str>) -> KnownContext {
        KnownContext {
            name: name.to_owned(),
            label: name.to_owned(),
            cluster: "c".to_owned(),
            namespace: "default".to_owned(),
            is_current,
            plugin: plugin.map(str::to_owned),
        }
    }

    #[test]
    fn only_what_was_asked_for_is_asked_for_more_than_its_version() {
        let chosen = |name: Option<&str>| Where::Context {
            name: name.map(str::to_owned),
            kubeconfig: None,
        };
        let (current, other, login) = (
            context("current", true, None),
            context("other", false, None),
            context("login", true, Some("aws")),
        );
        let (meant, beside) = (Ask::Everything { is_meant: true }, Ask::Everything { is_meant: false });
        let nothing = Ask::Nothing("");
        for (context, target, only_local, expected) in [
            (&current, Where::Local, false, beside),
            (&other, Where::Local, false, Ask::Version),
            (&login, Where::Local, false, nothing),
            (&current, Where::Local, true, nothing),
            (&current, Where::InCluster, false, beside),
            (&current, chosen(None), false, meant),
            (&other, chosen(None), false, Ask::Version),
            (&login, chosen(None), false, meant),
            (&current, chosen(Some("other")), false, nothing),
            (&other, chosen(Some("other")), false, meant),
            (&login, chosen(Some("login")), false, meant),
        ] {
            let found = ask(0, context, &target, only_local);
            let found = if matches!(found, Ask::Nothing(_)) {
                nothing
            } else {
                found
            };
            assert_eq!(found, expected, "{context:?} {target:?} {only_local}");
        }
        assert!(matches!(ask(ASKED_MAX, &other, &Where::Local, false), Ask::Nothing(_)));
    }

    #[test]
    fn a_kubeconfig_that_was_named_and_is_not_there_is_noted() {
        let paths = [PathBuf::from("/a"), PathBuf::from("/b")];
        let named = no_kubeconfig(&paths, true);
        assert_eq!(
            (named.mark, named.what.as_str()),
            (
                Mark::Note,
                "KUBECONFIG names /a and /b, and there is no such file; the local cluster needs none"
            )
        );
        assert!(named.hint.is_some_and(|hint| hint.contains("unset")));
        assert_eq!(no_kubeconfig(&paths, false).mark, Mark::Ok);
    }

    #[test]
    fn a_context_that_is_not_asked_is_listed_all_the_same() {
        let finding = not_asked(&context("login", false, Some("aws")), "why");
        assert_eq!(
            finding.what,
            "not asked (cluster c, namespace default, login by aws): why"
        );
        assert_eq!(
            (finding.mark, finding.subject.as_deref()),
            (Mark::Skipped, Some("login"))
        );
    }
}
