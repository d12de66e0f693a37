//! A pod as a server sends it, without what no fact is made of.
//!
//! A pod has some 5 KB of JSON, and most of it (its containers and volumes, and who manages which field) says nothing about how it
//! runs. They come by the page and by the thousand, and what is never made needs no memory. The names are Kubernetes' own; as in
//! `k8s_openapi` whatever is absent or null is empty, and another kind of object is an error.
//!
//! It must not know what a fact is.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerState, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use k8s_openapi::{Metadata, NamespaceResourceScope, Resource};
use serde::{Deserialize, Deserializer};

/// A pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Object")]
pub struct Pod {
    /// Its metadata, without the managed fields.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: Option<PodSpec>,
    /// How it is.
    pub status: Option<PodStatus>,
}

/// What was asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    /// The node that it was bound to.
    pub node_name: Option<String>,
}

/// How a pod is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    /// The phase.
    pub phase: Option<String>,
    /// Why it is in this phase, in a word.
    pub reason: Option<String>,
    /// The same for people.
    pub message: Option<String>,
    /// The conditions.
    pub conditions: Option<Vec<PodCondition>>,
    /// How its containers are.
    pub container_statuses: Option<Vec<ContainerStatus>>,
}

/// How a container is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Its name.
    #[serde(deserialize_with = "or_empty")]
    pub name: String,
    /// Whether it waits, runs or has ended.
    pub state: Option<ContainerState>,
}

/// A pod as it is read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Object {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: Option<Meta>,
    spec: Option<PodSpec>,
    status: Option<PodStatus>,
}

/// Metadata as it is read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
    finalizers: Option<Vec<String>>,
}

fn or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl TryFrom<Object> for Pod {
    type Error = String;

    fn try_from(object: Object) -> Result<Self, Self::Error> {
        let is_other = |said: Option<String>, own: &str| said.is_some_and(|said| said != own);
        if is_other(object.api_version, Self::API_VERSION) || is_other(object.kind, Self::KIND) {
            return Err("the object is not a pod".to_owned());
        }
        let meta = object.metadata.unwrap_or_default();
        Ok(Self {
            metadata: ObjectMeta {
                name: meta.name,
                uid: meta.uid,
                resource_version: meta.resource_version,
                creation_timestamp: meta.creation_timestamp,
                deletion_timestamp: meta.deletion_timestamp,
                labels: meta.labels,
                annotations: meta.annotations,
                owner_references: meta.owner_references,
                finalizers: meta.finalizers,
                ..ObjectMeta::default()
            },
            spec: object.spec,
            status: object.status,
        })
    }
}

impl Resource for Pod {
    const API_VERSION: &'static str = "v1";
    const GROUP: &'static str = "";
    const KIND: &'static str = "Pod";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "pods";
    type Scope = NamespaceResourceScope;
}

impl Metadata for Pod {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Pod, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn what_is_absent_or_null_is_empty_and_another_kind_is_none() {
        for nothing in [
            json!({}),
            json!({"metadata": null, "spec": null, "status": null}),
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": null, "managedFields": [{"manager": "kubelet"}]}}),
        ] {
            let pod = read(nothing.clone()).unwrap();
            assert_eq!(pod.metadata, ObjectMeta::default(), "{nothing}");
        }
        let nameless =
            json!({"status": {"containerStatuses": [{"name": null, "restartCount": 1}], "conditions": null}});
        let status = read(nameless).unwrap().status.unwrap();
        assert_eq!(status.container_statuses.unwrap()[0].name, "");
        for other in [
            json!({"kind": "Secret"}),
            json!({"apiVersion": "example.com/v1", "kind": "Pod"}),
            json!({"metadata": {"uid": 5}}),
            json!({"status": {"phase": []}}),
        ] {
            assert!(read(other.clone()).is_err(), "{other}");
        }
    }
}
