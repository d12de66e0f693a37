//! `ttg-tui local`: the local cluster in the foreground, for kubectl and for other terminals.

use std::io::{Write, stderr};

use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::error::{Error, Exit};
use crate::host::{self, Shape};
use crate::shell::Clock;

/// Runs the command; returns its exit code.
pub(super) async fn local(config: &Config, shape: Shape) -> Result<u8, Error> {
    let no_signals = |e| Error::new(Exit::Failed, format!("cannot listen for signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(no_signals)?;
    let host = host::start(&config.runtime_folder, shape, Clock::start())?;
    let publication = host::publish(&config.runtime_folder, &host)?;
    announce(shape, &publication.published);
    let number = tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
        _ = hangup.recv() => 1,
    };
    drop(publication);
    host.cluster.stop().await;
    // Ctrl-C is how this command is meant to end.
    Ok(if number == 2 { 0 } else { Exit::Signal(number).code() })
}

fn announce(shape: Shape, published: &host::Published) {
    let (pods, nodes) = (
        if shape.simulate {
            "played, without processes"
        } else {
            "processes of this machine"
        },
        shape.nodes,
    );
    let kubeconfig = published.kubeconfig.display();
    let url = &published.url;
    // Nobody is left to be told when standard error is gone; the cluster runs all the same.
    writeln!(
        stderr().lock(),
        "a local cluster of {nodes} nodes runs at {url}; its pods are {pods}\n\
         \n\
         \x20 export KUBECONFIG={kubeconfig}\n\
         \x20 kubectl get nodes\n\
         \n\
         `ttg-tui run` in another terminal uses it. Ctrl-C ends it, and every pod with it."
    )
    .ok();
}
