//! A small Kubernetes of its own, on loopback, whose pods are processes of this machine.
//!
//! It is here so that everything works with no cluster at hand, and so that people can read how Kubernetes works: each module
//! is one part of it and knows the others only through the store.
//!
//! | module | what it is |
//! |---|---|
//! | [`store`] | etcd: objects, one revision counter, changes since a revision |
//! | [`registry`] | the API server's rules: schema, defaults, validation, deletion |
//! | [`http`] | the API server's face: HTTPS, the token, list, watch, logs |
//! | [`job_controller`] | Job → pods |
//! | [`scheduler`] | pod → node |
//! | [`kubelet`] | pod → process |
//! | [`garbage`] | owners gone → dependents gone |
//! | [`ttl`] | Job ended long ago → gone |
//! | [`node_lifecycle`] | node lost → tainted, its pods evicted or removed |
//! | [`furnish`] | what every namespace has from its beginning |
//! | [`faults`] | what goes wrong on request |
//! | [`events`] | Kubernetes Events, with upstream's limit against floods |
//! | [`supervise`] | the small process above each pod that ends it when the program is gone |
//!
//! This module imports nothing of the tool, and the tool reaches it only over the Kubernetes API. What it may run is handed to
//! it in [`LocalConfig::images`].
//!
//! Served: Namespace, Node, Pod (status, log, eviction), Event, `ConfigMap`, Secret, `ServiceAccount`, Job (status), reviews; list
//! with selectors, limit, continue and past revisions; watch with bookmarks, initial events and 410; create, replace, the patches
//! of kubectl (JSON, merge, strategic merge, server-side apply), delete with preconditions and propagation, dry run; objects,
//! tables and metadata alone. Nothing else, and discovery says so.

pub mod events;
pub mod faults;
pub mod feed;
pub mod furnish;
pub mod garbage;
pub mod http;
pub mod job_controller;
pub mod kinds;
pub mod kubelet;
mod names;
pub mod node_lifecycle;
pub mod object;
pub mod packed;
pub mod patch;
pub mod quantity;
pub mod registry;
pub mod scheduler;
pub mod selector;
pub mod status;
pub mod store;
pub mod supervise;
pub mod timing;
pub mod tls;
pub mod ttl;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsConfig;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use faults::Faults;
use http::Api;
use job_controller::JobControllerConfig;
use kinds::Kind;
use kubelet::report::NodeSize;
use kubelet::runtime::Images;
use kubelet::{KubeletConfig, Logs};
use node_lifecycle::Heartbeats;
use registry::{Now, Registry};
use store::Store;
use timing::Timing;
use tls::Keys;

/// The Kubernetes version whose behaviour is followed and that `/version` tells.
pub const VERSION: &str = "v1.35.0";

/// What a local cluster is made from.
#[derive(Clone)]
pub struct LocalConfig {
    /// How many nodes.
    pub nodes: u32,
    /// The size of each.
    pub size: NodeSize,
    /// What its kubelets can run.
    pub images: Images,
    /// A folder for the pods' working directories. It is made, and removed at the end.
    pub folder: PathBuf,
    /// How the Job controller behaves.
    pub jobs: JobControllerConfig,
    /// How long the other controllers wait.
    pub timing: Timing,
    /// The time of day.
    pub now: Now,
}

/// Why a local cluster could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its keys could not be made.
    #[error(transparent)]
    Keys(#[from] tls::KeysError),
    /// It could not listen.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(std::io::Error),
    /// Its folder could not be made.
    #[error("cannot make the folder {folder}: {error}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The first objects could not be made.
    #[error("cannot make the first objects: {0}")]
    Objects(#[from] status::Status),
}

/// A local cluster that runs. Dropping it ends it, as [`LocalCluster::stop`] does, but without waiting.
pub struct LocalCluster {
    address: SocketAddr,
    keys: Keys,
    registry: Registry,
    token: CancellationToken,
    api: Api,
    cut: CancellationToken,
    server: Handle<SocketAddr>,
    tasks: JoinSet<()>,
    folder: PathBuf,
}

impl LocalCluster {
    /// Starts a cluster on a free port of loopback. Must be called within a tokio runtime.
    pub fn start(config: LocalConfig) -> Result<Self, StartError> {
        let keys = tls::make()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(StartError::Listen)?;
        listener.set_nonblocking(true).map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        make_folder(&config.folder)?;

        let registry = Registry::new(Arc::new(Store::default()), Arc::clone(&config.now))
            .with_toleration_seconds(config.timing.default_toleration_seconds);
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            registry.create(Kind::Namespace, "", json!({"metadata": {"name": name}}), false)?;
        }
        // Before anybody can ask for them, as after the first seconds of a real cluster.
        let authority: Arc<str> = keys.authority_pem.as_str().into();
        furnish::furnish_all(&registry, &authority);

        let (token, cut, server) = (CancellationToken::new(), CancellationToken::new(), Handle::new());
        let logs = Logs::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(job_controller::run(registry.clone(), config.jobs, token.clone()));
        tasks.spawn(scheduler::run(registry.clone(), token.clone()));
        tasks.spawn(garbage::run(registry.clone(), token.clone()));
        tasks.spawn(ttl::run(registry.clone(), token.clone()));
        tasks.spawn(furnish::run(registry.clone(), authority, token.clone()));
        let images = Arc::new(config.images);
        let (faults, heartbeats) = (Faults::new(&registry), Heartbeats::default());
        watch_nodes(&mut tasks, &registry, &heartbeats, config.timing, &token);
        for number in 1..=config.nodes {
            let kubelet = KubeletConfig {
                node: format!("node-{number}"),
                size: config.size,
                version: VERSION.into(),
                images: Arc::clone(&images),
                folder: config.folder.clone(),
                logs: logs.clone(),
                faults: faults.clone(),
                heartbeats: heartbeats.clone(),
                timing: config.timing,
            };
            tasks.spawn(kubelet::run(registry.clone(), kubelet, token.clone()));
        }
        let api = Api {
            registry: registry.clone(),
            logs,
            faults,
            token: Arc::clone(&keys.token),
            version: VERSION.into(),
            cut: cut.clone(),
        };
        serve(&mut tasks, listener, &keys, &server, api.clone())?;
        Ok(Self {
            address,
            keys,
            registry,
            token,
            api,
            cut,
            server,
            tasks,
            folder: config.folder,
        })
    }

    /// Returns the URL of its API.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Returns a kubeconfig for it, which holds its token.
    pub fn kubeconfig(&self) -> String {
        tls::kubeconfig(&self.keys, self.address)
    }

    /// Returns its objects, for tests that must do what no client can.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns its faults, to order some from within this process.
    pub fn faults(&self) -> &Faults {
        &self.api.faults
    }

    /// Returns its API server for calls within this process. A request must carry [`LocalCluster::bearer_token`] all the same.
    pub fn router(&self) -> axum::Router {
        http::router(self.api.clone())
    }

    /// Returns the token that every request must carry.
    pub fn bearer_token(&self) -> &str {
        &self.keys.token
    }

    /// Ends the cluster: no requests any more, and all pods are killed.
    pub async fn stop(mut self) {
        self.end();
        while self.tasks.join_next().await.is_some() {}
        remove_folder(&self.folder);
    }

    fn end(&self) {
        self.token.cancel();
        self.cut.cancel();
        self.server.shutdown();
    }
}

impl Drop for LocalCluster {
    fn drop(&mut self) {
        self.end();
        remove_folder(&self.folder);
    }
}

/// Starts the controllers that see to nodes that are lost, tainted or gone, and to their pods.
fn watch_nodes(
    tasks: &mut JoinSet<()>,
    registry: &Registry,
    heartbeats: &Heartbeats,
    timing: Timing,
    token: &CancellationToken,
) {
    let lifecycle = node_lifecycle::run(registry.clone(), heartbeats.clone(), timing, token.clone());
    tasks.spawn(lifecycle);
    tasks.spawn(node_lifecycle::taint_eviction::run(registry.clone(), token.clone()));
    tasks.spawn(node_lifecycle::pod_gc::run(registry.clone(), timing, token.clone()));
}

fn serve(
    tasks: &mut JoinSet<()>,
    listener: TcpListener,
    keys: &Keys,
    handle: &Handle<SocketAddr>,
    api: Api,
) -> Result<(), StartError> {
    let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::clone(&keys.server)))
        .map_err(StartError::Listen)?
        // The last part of an answer must not wait for the client to confirm the parts before: that costs 40 ms each time.
        .map(|tls| tls.acceptor(NoDelayAcceptor::new()))
        .handle(handle.clone());
    let service = http::router(api).into_make_service();
    tasks.spawn(async move {
        if let Err(error) = server.serve(service).await {
            tracing::error!(%error, "the local API server ended");
        }
    });
    Ok(())
}

fn make_folder(folder: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| StartError::Folder {
            folder: folder.to_owned(),
            error,
        })
}

fn remove_folder(folder: &std::path::Path) {
    // Its pods are gone or dying; what one of them still writes is swept at the next start.
    std::fs::remove_dir_all(folder).ok();
}
