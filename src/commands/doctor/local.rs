//! The local cluster: the one that another call keeps running, and whether this call could start one of its own.

use std::time::Duration;

use super::{Teller, cluster, trouble};
use crate::cluster::connect::{Connection, connect_kubeconfig_text};
use crate::cluster::probe::{self, ASK_TIMEOUT};
use crate::config::{Config, Where};
use crate::error::{Error, Exit};
use crate::host::{self, Shape};
use crate::model::event::Failure;
use crate::report::doctor::{Check, Finding, Mark};
use crate::shell::Clock;

/// How long to wait between two looks at nodes that are not ready yet.
const POLL: Duration = Duration::from_millis(10);

/// Looks at both; the one that commands would use is examined.
pub(super) async fn look(config: &Config, clock: Clock, teller: &mut Teller) {
    let is_meant = config.target == Where::Local;
    let is_published = look_at_published(config, is_meant, teller).await;
    look_at_own(config, clock, is_meant && !is_published, teller).await;
}

/// Looks at the published cluster; returns whether there is one.
async fn look_at_published(config: &Config, is_meant: bool, teller: &mut Teller) -> bool {
    let check = Check::PublishedCluster;
    let Some((published, kubeconfig)) = host::find(&config.runtime_folder) else {
        let what = "none runs, so a command starts one of its own; `ttg-tui local` keeps one running";
        teller.tell(&Finding::new(check, Mark::Ok, what));
        return false;
    };
    match reach(&kubeconfig, config).await {
        Ok((connection, version)) => {
            let what = format!("{version} at {}, kept by process {}", published.url, published.pid);
            teller.tell(&Finding::new(check, Mark::Ok, what));
            if is_meant {
                teller.tell_all(cluster::examine(&connection, true).await);
            }
        }
        Err(error) => {
            let error = error.with_hint(format!(
                "end process {}, which does not answer, and start another",
                published.pid
            ));
            teller.tell(&trouble(check, is_meant, error));
        }
    }
    true
}

/// Starts a cluster, reaches it, and ends it.
async fn look_at_own(config: &Config, clock: Clock, is_meant: bool, teller: &mut Teller) {
    let check = Check::LocalCluster;
    let began = clock.now();
    let host = match host::start(&config.runtime_folder, Shape::default(), clock) {
        Ok(host) => host,
        Err(error) => return teller.tell(&trouble(check, is_meant, error)),
    };
    match ready(&host.cluster.kubeconfig(), config).await {
        Ok((connection, version)) => {
            let took_ms = clock.now().duration_since(began).as_millis();
            let what = format!("{version} starts, and its nodes are ready, within {took_ms} ms");
            teller.tell(&Finding::new(check, Mark::Ok, what));
            if is_meant {
                teller.tell_all(cluster::examine(&connection, true).await);
            }
        }
        Err(error) => teller.tell(&trouble(check, is_meant, error)),
    }
    host.cluster.stop().await;
}

/// Connects to a local cluster and asks for its version.
async fn reach(kubeconfig: &str, config: &Config) -> Result<(Connection, String), Error> {
    let connection = connect_kubeconfig_text(kubeconfig, "local", config.namespace.as_deref(), true).await?;
    let version = probe::version(&connection).await?;
    Ok((connection, version))
}

/// Waits until the nodes of a cluster that was just started are ready.
async fn ready(kubeconfig: &str, config: &Config) -> Result<(Connection, String), Error> {
    let (connection, version) = reach(kubeconfig, config).await?;
    let are_ready = async {
        loop {
            let (nodes, _) = probe::nodes(&connection).await?;
            let ready = nodes.iter().filter(|node| node.ready == Some(true)).count();
            if u32::try_from(ready) == Ok(Shape::default().nodes) {
                return Ok::<(), Failure>(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(ASK_TIMEOUT, are_ready).await {
        Ok(looked) => looked?,
        Err(_elapsed) => {
            let what = format!(
                "it starts, but its nodes are not ready after {} s",
                ASK_TIMEOUT.as_secs()
            );
            return Err(Error::new(Exit::Unreachable, what));
        }
    }
    Ok((connection, version))
}
