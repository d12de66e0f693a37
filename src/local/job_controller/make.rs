//! Makes a pod from a Job's template, with everything upstream adds: names, labels, annotations, owner, finalizer, index.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use serde_json::{Value, json};

use super::pod::{FAILURES, IGNORED_FAILURES, INDEX, TRACKING};
use super::sync::NewPod;
use crate::local::object::{metadata, object_at, text};

/// Upstream's names have 63 characters at most, the last 5 of which are random.
const GENERATE_NAME_MAX: usize = 58;

/// Makes the pod; it gets its random suffix from `generateName`.
pub(super) fn pod(job: &Value, new: &NewPod) -> Value {
    let name = text(job, "/metadata/name");
    let mut pod = json!({"metadata": job["spec"]["template"]["metadata"], "spec": job["spec"]["template"]["spec"]});
    let meta = metadata(&mut pod);
    // A template's creationTimestamp is null, and a pod's is the server's to set.
    meta.remove("creationTimestamp");
    let prefix = generate_name(name, new.index);
    meta.insert("generateName".into(), json!(prefix));
    meta.insert(
        "ownerReferences".into(),
        json!([{
            "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": text(job, "/metadata/uid"),
            "controller": true, "blockOwnerDeletion": true,
        }]),
    );
    let finalizers = meta.entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = finalizers.as_array_mut()
        && !list.iter().any(|f| f == TRACKING)
    {
        list.push(json!(TRACKING));
    }
    if let Some(index) = new.index {
        add_index(&mut pod, name, index);
    }
    if let Some(failures) = new.failures {
        let annotations = object_at(&mut pod, &["metadata", "annotations"]);
        annotations.insert(FAILURES.into(), json!(failures.to_string()));
        if new.ignored_failures > 0 {
            annotations.insert(IGNORED_FAILURES.into(), json!(new.ignored_failures.to_string()));
        }
    }
    pod
}

/// Returns the prefix of a pod's name. As upstream, it is the Job's name that is cut when both are too long, not the index.
fn generate_name(job_name: &str, index: Option<u32>) -> String {
    let ending = index.map_or_else(|| "-".to_owned(), |index| format!("-{index}-"));
    let room = GENERATE_NAME_MAX.saturating_sub(ending.len());
    // A Job's name is ASCII, so a byte is a character.
    let kept = job_name.get(..room).unwrap_or(job_name);
    format!("{kept}{ending}")
}

fn add_index(pod: &mut Value, job_name: &str, index: u32) {
    object_at(pod, &["metadata", "annotations"]).insert(INDEX.into(), json!(index.to_string()));
    object_at(pod, &["metadata", "labels"]).insert(INDEX.into(), json!(index.to_string()));
    let spec = object_at(pod, &["spec"]);
    spec.insert("hostname".into(), json!(format!("{job_name}-{index}")));
    let field = json!({"apiVersion": "v1", "fieldPath": format!("metadata.labels['{INDEX}']")});
    let variable = json!({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": field}});
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let env = object_at(container, &[]).entry("env").or_insert_with(|| json!([]));
            if let Some(env) = env.as_array_mut()
                && !env.iter().any(|e| e["name"] == "JOB_COMPLETION_INDEX")
            {
                env.push(variable.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_name_keeps_its_index_however_long_the_jobs_name_is() {
        assert_eq!(generate_name("job", None), "job-");
        assert_eq!(generate_name("job", Some(12)), "job-12-");
        let long = "j".repeat(60);
        let cut = generate_name(&long, Some(12));
        assert_eq!((cut.len(), cut.ends_with("j-12-")), (58, true));
    }

    #[test]
    fn an_indexed_pod_says_its_index_in_every_way_that_upstream_does() {
        let job = json!({
            "metadata": {"name": "j", "uid": "u"},
            "spec": {"template": {"metadata": {"finalizers": [TRACKING]}, "spec": {"containers": [{"name": "w"}]}}},
        });
        let new = NewPod {
            index: Some(3),
            failures: Some(1),
            ignored_failures: 0,
        };
        let pod = pod(&job, &new);
        assert_eq!(pod["metadata"]["annotations"][INDEX], "3");
        assert_eq!(pod["metadata"]["labels"][INDEX], "3");
        assert_eq!(pod["metadata"]["annotations"][FAILURES], "1");
        assert_eq!(pod["metadata"]["finalizers"], json!([TRACKING]));
        assert_eq!(pod["spec"]["hostname"], "j-3");
        assert_eq!(
            pod["spec"]["containers"][0]["env"][0]["valueFrom"]["fieldRef"]["fieldPath"],
            format!("metadata.labels['{INDEX}']")
        );
    }
}
