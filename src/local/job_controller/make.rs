//! Makes a pod from a Job's template, with everything upstream adds: names, labels, annotations, owner, finalizer, index.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use serde_json::{Value, json};

use super::pod::{FAILURES, IGNORED_FAILURES, INDEX, TRACKING};
use super::sync::NewPod;
use crate::local::object::{metadata, object_at, text};

/// Makes the pod; it gets its random suffix from `generateName`.
pub(super) fn pod(job: &Value, new: &NewPod) -> Value {
    let name = text(job, "/metadata/name");
    let mut pod = json!({"metadata": job["spec"]["template"]["metadata"], "spec": job["spec"]["template"]["spec"]});
    let meta = metadata(&mut pod);
    // A template's creationTimestamp is null, and a pod's is the server's to set.
    meta.remove("creationTimestamp");
    let prefix = new
        .index
        .map_or_else(|| format!("{name}-"), |index| format!("{name}-{index}-"));
    meta.insert("generateName".into(), json!(prefix));
    meta.insert(
        "ownerReferences".into(),
        json!([{
            "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": text(job, "/metadata/uid"),
            "controller": true, "blockOwnerDeletion": true,
        }]),
    );
    let finalizers = meta.entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = finalizers.as_array_mut() {
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

fn add_index(pod: &mut Value, job_name: &str, index: u32) {
    object_at(pod, &["metadata", "annotations"]).insert(INDEX.into(), json!(index.to_string()));
    object_at(pod, &["metadata", "labels"]).insert(INDEX.into(), json!(index.to_string()));
    let spec = object_at(pod, &["spec"]);
    spec.insert("hostname".into(), json!(format!("{job_name}-{index}")));
    let field = json!({"apiVersion": "v1", "fieldPath": format!("metadata.annotations['{INDEX}']")});
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
