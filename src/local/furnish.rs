//! What every namespace has from its beginning: the service account `default`, and the `ConfigMap` with the cluster's authority.
//!
//! Upstream has a controller for each (service accounts, root CA publisher); like these it makes them again when somebody
//! removes them. It knows the cluster's authority as a text that was handed to it, and nothing of how it is used.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::kinds::Kind;
use super::object::Key;
use super::registry::Registry;

/// The `ConfigMap` that upstream calls so.
const AUTHORITY_MAP: &str = "kube-root-ca.crt";
/// What upstream's says of itself.
const AUTHORITY_WORDS: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints \
                               such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across \
                               distributions of Kubernetes clusters.";
/// How long changes are gathered before the next round.
const BATCH: Duration = Duration::from_millis(5);

/// Keeps every namespace furnished until the token is cancelled.
pub async fn run(registry: Registry, authority_pem: Arc<str>, token: CancellationToken) {
    let mut feed = Feed::new(
        registry.store(),
        &[Kind::Namespace, Kind::ServiceAccount, Kind::ConfigMap],
    );
    loop {
        if !feed.take().is_empty() {
            furnish_all(&registry, &authority_pem);
        }
        tokio::select! {
            () = token.cancelled() => return,
            () = feed.changed() => sleep(BATCH).await,
        }
    }
}

/// Makes what is missing in any namespace that does not end.
pub fn furnish_all(registry: &Registry, authority_pem: &str) {
    let (namespaces, _) = registry.store().list(Kind::Namespace, None, None);
    for namespace in namespaces {
        if namespace.head.metadata.deletion_timestamp.is_none() {
            furnish(registry, &namespace.key.name, authority_pem);
        }
    }
}

fn furnish(registry: &Registry, namespace: &str, authority_pem: &str) {
    let wanted: [(Kind, &str, Value); 2] = [
        (
            Kind::ServiceAccount,
            "default",
            json!({"metadata": {"name": "default"}}),
        ),
        (
            Kind::ConfigMap,
            AUTHORITY_MAP,
            json!({
                "metadata": {"name": AUTHORITY_MAP, "annotations": {"kubernetes.io/description": AUTHORITY_WORDS}},
                "data": {"ca.crt": authority_pem},
            }),
        ),
    ];
    for (kind, name, value) in wanted {
        if registry.store().get(&Key::new(kind, namespace, name)).is_none() {
            // The namespace may have begun to end, or somebody made it first: either way it is as it should be.
            registry.create_trusted(kind, namespace, value, false).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::local::object::text;
    use crate::local::registry::DeleteOptions;
    use crate::local::store::Store;

    #[tokio::test]
    async fn a_namespace_is_furnished_and_what_is_removed_comes_back() {
        let now = Arc::new(|| Timestamp::from_second(1_000_000).unwrap());
        let registry = Registry::new(Arc::new(Store::default()), now);
        let token = CancellationToken::new();
        let task = tokio::spawn(run(registry.clone(), "PEM".into(), token.clone()));
        registry
            .create_trusted(Kind::Namespace, "", json!({"metadata": {"name": "lab"}}), false)
            .unwrap();
        let key = Key::new(Kind::ConfigMap, "lab", AUTHORITY_MAP);
        let mut wake = registry.store().subscribe();
        for _ in 0..2 {
            let map = loop {
                match registry.get(&key) {
                    Ok(map) => break map,
                    Err(_) => wake.changed().await.unwrap(),
                }
            };
            assert_eq!(text(&map.value(), "/data/ca.crt"), "PEM");
            assert!(registry.get(&Key::new(Kind::ServiceAccount, "lab", "default")).is_ok());
            registry.delete(&key, &DeleteOptions::default()).unwrap();
        }
        token.cancel();
        task.await.unwrap();
    }
}
