//! Disturbing a run on purpose, for those who want to see what happens then. Never called for a run that nobody watches.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams};

use super::connect::Connection;
use super::failure::{CallError, failure};
use crate::model::event::Failure;
use crate::plan::names::{INDEX_ANNOTATION, RUN_LABEL};
use crate::run::fact::CompletionIndex;

/// Deletes the pods of a run's completion index, as `kubectl delete pod` does.
pub async fn delete_pods(connection: &Connection, run: &str, index: CompletionIndex) -> Result<(), Failure> {
    let pods = Api::<Pod>::namespaced(connection.client.clone(), &connection.namespace);
    // The annotation's name is also that of a label.
    let chosen = ListParams::default().labels(&format!("{RUN_LABEL}={run},{INDEX_ANNOTATION}={}", index.0));
    let told = |error: CallError| failure(&format!("delete the pod of index {} of {run}", index.0), &error);
    let found = connection.call(pods.list(&chosen)).await.map_err(told)?;
    for name in found.items.into_iter().filter_map(|pod| pod.metadata.name) {
        connection
            .call(pods.delete(&name, &DeleteParams::default()))
            .await
            .map_err(told)?;
    }
    Ok(())
}
