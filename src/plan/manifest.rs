//! The run as YAML, for `kubectl create -f` and for repositories that are applied.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;

use super::Plan;
use super::job::{to_config_map, to_job};

/// Why a manifest could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The YAML serializer refused.
    #[error("cannot write the manifest as YAML: {0}")]
    Yaml(#[from] serde_saphyr::SerializeError),
}

/// Writes the `ConfigMap` and then the Job, so that the first pods find their settings.
///
/// Without a namespace the objects name none, and kubectl takes its context's. Nobody owns the `ConfigMap` here, since
/// an owner is named by its uid, which only the server knows.
pub fn manifest(plan: &Plan, namespace: Option<&str>) -> Result<String, ManifestError> {
    let (config_map, job) = objects(plan, namespace);
    // Long texts stay on one line: a folded one is harder to copy, and nothing is gained by it.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let config_map = serde_saphyr::to_string_with_options(&config_map, options.clone())?;
    let job = serde_saphyr::to_string_with_options(&job, options)?;
    Ok(format!("{}\n---\n{}\n", config_map.trim_end(), job.trim_end()))
}

fn objects(plan: &Plan, namespace: Option<&str>) -> (ConfigMap, Job) {
    let mut config_map = to_config_map(plan, namespace.unwrap_or_default());
    let mut job = to_job(plan, namespace.unwrap_or_default());
    if namespace.is_none() {
        config_map.metadata.namespace = None;
        job.metadata.namespace = None;
    }
    (config_map, job)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::plan::{RunId, Toleration};

    /// Texts that a YAML reader could take for something else than a text.
    fn awkward_plan() -> Plan {
        let mut plan = Plan::new(RunId::parse("1e3").unwrap());
        plan.node_selector.insert("on".to_owned(), "yes".to_owned());
        plan.node_selector.insert("octal".to_owned(), "0777".to_owned());
        plan.tolerations = ["null=true", "long:NoExecute"]
            .map(|text| Toleration::parse(text).unwrap())
            .to_vec();
        plan.image = format!("registry.example/{}:1.0", "ttg-worker/".repeat(9).trim_end_matches('/'));
        plan.check().unwrap();
        plan
    }

    #[test]
    fn the_manifest_reads_back_as_the_same_objects() {
        for namespace in [None, Some("team-a")] {
            let plan = awkward_plan();
            let documents: Vec<Value> = serde_saphyr::from_multiple(&manifest(&plan, namespace).unwrap()).unwrap();
            let (config_map, job) = objects(&plan, namespace);
            assert_eq!(
                serde_json::from_value::<ConfigMap>(documents[0].clone()).unwrap(),
                config_map
            );
            assert_eq!(serde_json::from_value::<Job>(documents[1].clone()).unwrap(), job);
            assert_eq!(documents[0], serde_json::to_value(&config_map).unwrap());
            assert_eq!(documents[1], serde_json::to_value(&job).unwrap());
            assert_eq!(documents.len(), 2);
        }
    }

    #[test]
    fn the_manifest_looks_like_one_that_people_write() {
        let text = manifest(&Plan::new(RunId::parse("ttg-a").unwrap()), None).unwrap();
        assert!(text.starts_with("apiVersion: v1\nkind: ConfigMap\n"), "{text}");
        assert!(
            text.contains("\n---\napiVersion: batch/v1\nkind: Job\nmetadata:\n"),
            "{text}"
        );
        for absent in ["\nstatus:", "null", "namespace:", "~"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
    }
}
