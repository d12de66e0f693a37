//! Which cluster: a context of a kubeconfig, a kubeconfig as text (the local cluster), or the cluster around this pod.
//!
//! Must not know what the connection is used for. The only place that knows whether a cluster outlives the program.
//!
//! Guarantees: kube's silent retries are off; a cluster is reached through a proxy only as `NO_PROXY` allows; [`probe`]
//! is the first call and ends in time; after it a credential plugin is no longer given the terminal.
//! Not guaranteed: a plugin that can only work with a terminal keeps it.
//!
//! [`probe`]: Connection::probe

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use kube::client::{Body, ClientBuilder};
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::Status;
use kube::{Client, Config};
use tokio::sync::Semaphore;
use tower::{BoxError, Layer, Service};

use super::clean::clean;
use super::failure::{CallError, chain, failure};
use super::limit::Limit;
use super::meter::Meter;
use crate::error::Error;
use crate::model::event::Failure;

/// The most short calls that are under way at once. kube has no limit of its own.
pub const CALLS_IN_FLIGHT: usize = 16;

/// How long a short call may take, waiting for its turn included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// How long the first call may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a TCP and TLS connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most characters of a name from a kubeconfig.
const NAME_MAX: usize = 253;

/// A cluster and a namespace of it, ready for calls. Clones share the client, its meter and its limits.
#[derive(Clone)]
pub struct Connection {
    /// The client of kube.
    pub client: Client,
    /// The cluster, as people call it: `local`, or the context's name.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// Whether the cluster outlives the program.
    pub outlives: bool,
    /// Counts what the API is asked.
    pub meter: Meter,
    /// Bounds the short calls.
    calls: Arc<Semaphore>,
    /// With a credential plugin: the configuration under which it no longer gets the terminal.
    quiet: Option<Arc<Config>>,
}

/// Why there is no connection. All of these are matters of usage or configuration: nothing was asked of a server yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read or is not a kubeconfig.
    #[error("cannot read the kubeconfig {origin}: {reason}")]
    Unreadable {
        /// Which kubeconfig.
        origin: String,
        /// Why.
        reason: String,
    },
    /// The kubeconfig has no contexts.
    #[error("the kubeconfig {origin} has no contexts")]
    Empty {
        /// Which kubeconfig.
        origin: String,
    },
    /// The context does not exist.
    #[error("the kubeconfig {origin} has no context {context:?}; it has {existing}")]
    NoContext {
        /// Which kubeconfig.
        origin: String,
        /// The context that was asked for.
        context: String,
        /// The contexts there are, as a list for people.
        existing: String,
    },
    /// No context was asked for, and the kubeconfig does not name a current one.
    #[error("the kubeconfig {origin} names no current context; it has {existing}")]
    NoCurrentContext {
        /// Which kubeconfig.
        origin: String,
        /// The contexts there are, as a list for people.
        existing: String,
    },
    /// The context exists and cannot be used: its cluster, certificates, proxy or credential plugin.
    #[error("cannot use the context {context:?}: {reason}")]
    Unusable {
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },
    /// This process is not in a pod with a service account.
    #[error("cannot use the cluster around this pod: {reason}")]
    NotInPod {
        /// Why.
        reason: String,
    },
}

impl ConnectError {
    /// Says what to type next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::Empty { .. } => {
                "--kubeconfig FILE names another kubeconfig; --local needs no cluster"
            }
            Self::NoContext { .. } | Self::NoCurrentContext { .. } => {
                "--context NAME chooses one; --local needs no cluster"
            }
            Self::Unusable { .. } => "try kubectl --context NAME version; --local needs no cluster",
            Self::NotInPod { .. } => {
                "the pod needs a mounted service-account token; --context NAME or --local choose another cluster"
            }
        }
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        Self::usage(error.to_string()).with_hint(error.hint())
    }
}

/// Connects to a context of a kubeconfig: the file given, or else those of `KUBECONFIG`, or `~/.kube/config`.
pub async fn connect_context(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
    namespace: Option<&str>,
) -> Result<Connection, ConnectError> {
    let origin = kubeconfig.map_or_else(
        || "of KUBECONFIG or ~/.kube/config".to_owned(),
        |path| clean(&path.display().to_string(), NAME_MAX),
    );
    let read = kubeconfig.map_or_else(Kubeconfig::read, Kubeconfig::read_from);
    let kubeconfig = read.map_err(|error| ConnectError::Unreadable {
        origin: origin.clone(),
        reason: said(&error),
    })?;
    let context = choose_context(&kubeconfig, context, &origin)?;
    let config = load(kubeconfig, &context).await?;
    build(config, clean(&context, NAME_MAX), namespace, true)
}

/// Connects with a kubeconfig given as text, to its current context, under a name of the caller's.
pub async fn connect_kubeconfig_text(
    yaml: &str,
    cluster: &str,
    namespace: Option<&str>,
    outlives: bool,
) -> Result<Connection, ConnectError> {
    let origin = format!("of the cluster {cluster}");
    let kubeconfig = Kubeconfig::from_yaml(yaml).map_err(|error| ConnectError::Unreadable {
        origin: origin.clone(),
        reason: said(&error),
    })?;
    let context = choose_context(&kubeconfig, None, &origin)?;
    let config = load(kubeconfig, &context).await?;
    build(config, clean(cluster, NAME_MAX), namespace, outlives)
}

/// Connects to the cluster around this pod, with the pod's service account. To be called within a tokio runtime.
pub fn connect_in_cluster(namespace: Option<&str>) -> Result<Connection, ConnectError> {
    let config = Config::incluster().map_err(|error| ConnectError::NotInPod {
        reason: clean(&chain(&error), 1_000),
    })?;
    build(config, "in-cluster".to_owned(), namespace, true)
}

impl Connection {
    /// Asks for the server's version: the first call, before any screen. Returns it as the server writes it.
    ///
    /// A server that answers but does not tell its version is reached all the same.
    pub async fn probe(&mut self) -> Result<String, Failure> {
        let version = match self.call_within(PROBE_TIMEOUT, self.client.apiserver_version()).await {
            Ok(info) => clean(&info.git_version, 60),
            Err(error) if error.status().is_some_and(Status::is_forbidden) => "unknown".to_owned(),
            Err(error) => return Err(failure(&format!("reach the cluster {}", self.cluster), &error)),
        };
        // The plugin has had its chance to ask for a login. From here on a screen owns the terminal, and kube would let
        // the plugin read its keys at the next renewal. A plugin that cannot work without a terminal keeps it.
        if let Some(config) = self.quiet.take()
            && let Ok(client) = client(Config::clone(&config), &self.meter)
        {
            self.client = client;
        }
        Ok(version)
    }

    /// Connects over a service of this process instead of a socket, such as a local cluster's own router. To be called
    /// within a tokio runtime.
    pub fn in_process<S, B>(service: S, cluster: &str, namespace: &str) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let meter = Meter::default();
        Self {
            client: Client::new(meter.layer(service), namespace),
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            outlives: true,
            meter,
            calls: Arc::new(Semaphore::new(CALLS_IN_FLIGHT)),
            quiet: None,
        }
    }

    /// Connects to a made-up server.
    #[cfg(test)]
    pub(super) fn to_client(client: Client) -> Self {
        let calls = Arc::new(Semaphore::new(CALLS_IN_FLIGHT));
        let (cluster, namespace) = ("test".to_owned(), "lab".to_owned());
        Self {
            client,
            cluster,
            namespace,
            outlives: true,
            meter: Meter::default(),
            calls,
            quiet: None,
        }
    }

    /// Makes a short call within [`CALL_TIMEOUT`], at most [`CALLS_IN_FLIGHT`] at once.
    pub(super) async fn call<T>(&self, call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
        self.call_within(CALL_TIMEOUT, call).await
    }

    /// Makes a short call within a limit of its own.
    pub(super) async fn call_within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, CallError> {
        let bounded = async {
            // Fails only once the semaphore is closed, which nobody does.
            let _permit = self.calls.acquire().await.ok();
            call.await
        };
        match tokio::time::timeout(limit, Box::pin(bounded)).await {
            Ok(answer) => answer.map_err(CallError::Kube),
            Err(_elapsed) => Err(CallError::TimedOut(limit)),
        }
    }
}

/// Makes the client of kube, with the meter as its outermost layer and the limit of answers below it.
fn client(config: Config, meter: &Meter) -> kube::Result<Client> {
    Ok(ClientBuilder::try_from(config)?
        .with_layer(&Limit)
        .with_layer(meter)
        .build())
}

/// Sets the limits of a configuration and makes a connection of it.
fn build(
    mut config: Config,
    cluster: String,
    namespace: Option<&str>,
    outlives: bool,
) -> Result<Connection, ConnectError> {
    // kube's own retry would repeat a POST up to 15 times without a word.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // A watch and a followed log may rightly be silent for longer than any limit; both have their own idle limits.
    config.read_timeout = None;
    let namespace = namespace.map_or_else(|| clean(&config.default_namespace, NAME_MAX), ToOwned::to_owned);
    let quiet = without_terminal(&config);
    let meter = Meter::default();
    let client = client(config, &meter).map_err(|error| ConnectError::Unusable {
        context: cluster.clone(),
        reason: clean(&chain(&error), 1_000),
    })?;
    let calls = Arc::new(Semaphore::new(CALLS_IN_FLIGHT));
    Ok(Connection {
        client,
        cluster,
        namespace,
        outlives,
        meter,
        calls,
        quiet,
    })
}

/// Returns the configuration under which a credential plugin gets no terminal; none without such a plugin.
fn without_terminal(config: &Config) -> Option<Arc<Config>> {
    config.auth_info.exec.as_ref()?;
    let mut quiet = config.clone();
    if let Some(exec) = quiet.auth_info.exec.as_mut() {
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    Some(Arc::new(quiet))
}

/// Chooses the context that was asked for, or else the current one.
fn choose_context(kubeconfig: &Kubeconfig, asked: Option<&str>, origin: &str) -> Result<String, ConnectError> {
    let names: Vec<&str> = kubeconfig
        .contexts
        .iter()
        .map(|context| context.name.as_str())
        .collect();
    let origin = origin.to_owned();
    if names.is_empty() {
        return Err(ConnectError::Empty { origin });
    }
    let existing = clean(&names.join(", "), 1_000);
    let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
    match asked.or(current) {
        Some(name) if names.contains(&name) => Ok(name.to_owned()),
        Some(name) => Err(ConnectError::NoContext {
            origin,
            context: clean(name, NAME_MAX),
            existing,
        }),
        None => Err(ConnectError::NoCurrentContext { origin, existing }),
    }
}

/// Loads the configuration of a context.
async fn load(kubeconfig: Kubeconfig, context: &str) -> Result<Config, ConnectError> {
    let unusable = |reason: String| ConnectError::Unusable {
        context: clean(context, NAME_MAX),
        reason,
    };
    let own_proxy = has_own_proxy(&kubeconfig, context);
    let options = KubeConfigOptions {
        context: Some(context.to_owned()),
        cluster: None,
        user: None,
    };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| unusable(said(&error)))?;
    // kube 5.0.0 matches NO_PROXY against the proxy instead of the cluster, so the choice is made again. As in client-go
    // a proxy that the kubeconfig itself names is always used.
    if !own_proxy {
        config.proxy_url =
            environment_proxy(&config.cluster_url, &|name| std::env::var(name).ok()).map_err(unusable)?;
    }
    Ok(config)
}

/// Tells whether the kubeconfig names a proxy for this context's cluster.
fn has_own_proxy(kubeconfig: &Kubeconfig, context: &str) -> bool {
    let context = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|c| c.context.as_ref());
    let named = kubeconfig
        .clusters
        .iter()
        .find(|named| context.is_some_and(|context| context.cluster == named.name));
    let proxy = named
        .and_then(|named| named.cluster.as_ref())
        .and_then(|cluster| cluster.proxy_url.as_deref());
    proxy.is_some_and(|proxy| !proxy.is_empty())
}

/// Returns the proxy that the environment wants for a cluster.
fn environment_proxy(cluster: &Uri, environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<Uri>, String> {
    let first = |names: [&str; 2]| {
        names
            .into_iter()
            .find_map(|name| environment(name).filter(|value| !value.is_empty()))
    };
    let Some(proxy) = first(["HTTPS_PROXY", "https_proxy"]) else {
        return Ok(None);
    };
    let port = cluster.port_u16().unwrap_or(443);
    let host = cluster.host().unwrap_or_default();
    if goes_direct(host, port, &first(["NO_PROXY", "no_proxy"]).unwrap_or_default()) {
        return Ok(None);
    }
    // As elsewhere a proxy without a scheme is an HTTP proxy.
    let url = if proxy.contains("://") {
        proxy
    } else {
        format!("http://{proxy}")
    };
    // The value is not quoted: it may hold a password.
    url.parse()
        .map(Some)
        .map_err(|error| format!("HTTPS_PROXY is not a URL: {error}"))
}

/// Tells whether a host is reached without the environment's proxy: loopback always, else what `NO_PROXY` names.
///
/// `NO_PROXY` is a list of `*`, `host` (and all hosts below it), `.suffix`, an address or a network, with or without a
/// port, as Go's programs read it.
fn goes_direct(host: &str, port: u16, no_proxy: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    if host == "localhost" || host.ends_with(".localhost") || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    no_proxy
        .split([',', ' '])
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| match address {
            Some(address) => entry == "*" || names_address(&entry, address, port),
            None => entry == "*" || names_host(&entry, &host, port),
        })
}

/// Tells whether an entry of `NO_PROXY` names an address: `10.0.0.1`, `10.0.0.1:6443`, `10.0.0.0/8`, `[::1]:6443`.
fn names_address(entry: &str, address: IpAddr, port: u16) -> bool {
    if let Some((network, length)) = entry.split_once('/') {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else {
            return false;
        };
        let ((network, width), (address, own_width)) = (bits(network), bits(address));
        // A shift by the whole width is the network of all addresses, which `checked_shr` tells as none.
        let differs = (network ^ address)
            .checked_shr(128_u32.saturating_sub(length))
            .unwrap_or(0)
            != 0;
        return width == own_width && length <= width && !differs;
    }
    let is_it = |text: &str| {
        text.trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|named| named == address)
    };
    is_it(entry) || split_port(entry).is_some_and(|(text, named)| named == port && is_it(text))
}

/// Tells whether an entry of `NO_PROXY` names a host.
fn names_host(entry: &str, host: &str, port: u16) -> bool {
    let (entry, named) = split_port(entry).map_or((entry, None), |(entry, named)| (entry, Some(named)));
    if named.is_some_and(|named| named != port) {
        return false;
    }
    let entry = entry.strip_prefix('*').unwrap_or(entry);
    match entry.strip_prefix('.') {
        Some(suffix) => is_below(host, suffix),
        None => !entry.is_empty() && (host == entry || is_below(host, entry)),
    }
}

/// Tells whether a host is below a domain.
fn is_below(host: &str, domain: &str) -> bool {
    !domain.is_empty() && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Splits `host:port`; none when there is no port.
fn split_port(entry: &str) -> Option<(&str, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// Puts a kubeconfig error into safe words.
fn said(error: &KubeconfigError) -> String {
    clean(&chain(error), 1_000)
}

#[cfg(test)]
mod tests;
