//! A change of a Job as a merge patch, and as the command of kubectl that does the same.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::effect::JobChange;
use crate::plan::names::CANCELLED_ANNOTATION;
use crate::run::fact::JobUid;

/// Makes the merge patch of a change; none for a delete. With the uid in it the server refuses to patch another Job of the
/// same name. Jobs have no scale subresource.
pub fn patch_of(change: &JobChange, uid: &JobUid, by: &str, now: Timestamp) -> Option<Value> {
    let cancelled = |mark: Value| json!({"uid": uid, "annotations": {CANCELLED_ANNOTATION: mark}});
    match change {
        JobChange::Scale(workers) => Some(json!({"metadata": {"uid": uid}, "spec": {"parallelism": workers}})),
        JobChange::Suspend => Some(json!({"metadata": {"uid": uid}, "spec": {"suspend": true}})),
        JobChange::Resume => Some(json!({"metadata": cancelled(Value::Null), "spec": {"suspend": false}})),
        JobChange::Cancel => {
            let mark = format!("{by} at {now:.0}");
            Some(json!({"metadata": cancelled(mark.into()), "spec": {"suspend": true}}))
        }
        JobChange::Delete => None,
    }
}

/// Writes the command of kubectl that does the same. `flags` name the cluster and the namespace, with a space before each.
///
/// It has no uid in it: a person who types it means the Job of that name.
pub fn kubectl_twin(job: &str, flags: &str, change: &JobChange, by: &str, now: Timestamp) -> String {
    let Some(mut patch) = patch_of(change, &JobUid::default(), by, now) else {
        return format!("kubectl delete job {job}{flags}");
    };
    let metadata = patch.get_mut("metadata").and_then(Value::as_object_mut);
    let is_bare = metadata.is_some_and(|metadata| {
        metadata.remove("uid");
        metadata.is_empty()
    });
    if let (true, Some(fields)) = (is_bare, patch.as_object_mut()) {
        fields.remove("metadata");
    }
    // A quote inside of quotes, as a shell has it.
    let patch = patch.to_string().replace('\'', r"'\''");
    format!("kubectl patch job {job}{flags} --type=merge -p '{patch}'")
}
