//! Deletion: preconditions, grace, finalizers and what happens to dependents. The garbage collector does the rest.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Registry, WRITE_TRIES_MAX, write_error};
use crate::local::kinds::Kind;
use crate::local::object::{Key, Object, integer, items, metadata, object_at, text, time};
use crate::local::status::Status;
use crate::local::store::WriteError;

/// What happens to the objects that an object owns when it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They lose their owner and stay.
    Orphan,
    /// They are deleted after it.
    Background,
    /// They are deleted before it.
    Foreground,
}

/// The body of a DELETE request.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// The grace period in seconds; none: the object's own.
    pub grace_period_seconds: Option<i64>,
    /// What happens to dependents; none: the kind's own default.
    pub propagation: Option<Propagation>,
    /// Only delete the object with this uid.
    pub uid: Option<String>,
    /// Only delete the object at this resourceVersion.
    pub resource_version: Option<String>,
    /// Only tell what would happen.
    pub dry_run: bool,
}

/// Finalizers that the garbage collector removes once it has seen to the dependents.
pub(in crate::local) const ORPHAN: &str = "orphan";
/// See [`ORPHAN`].
pub(in crate::local) const FOREGROUND: &str = "foregroundDeletion";

/// The namespaces that upstream never lets go.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

impl Registry {
    /// Deletes an object, or begins to. Returns its last state, and whether it is gone at once.
    pub fn delete(&self, key: &Key, options: &DeleteOptions) -> Result<(Arc<Object>, bool), Status> {
        let spec = key.kind.spec();
        if key.kind == Kind::Namespace && IMMORTAL.contains(&key.name.as_str()) {
            return Err(Status::forbidden(spec, &key.name, "this namespace may not be deleted"));
        }
        for _ in 0..WRITE_TRIES_MAX {
            let object = self.get(key)?;
            check_preconditions(&object, options)?;
            let old = object.value();
            let grace_s = grace_seconds(key.kind, &old, options);
            let mut new = old.clone();
            mark(key.kind, &mut new, self.now(), grace_s);
            if key.kind == Kind::Namespace {
                object_at(&mut new, &["status"]).insert("phase".into(), json!("Terminating"));
            }
            add_propagation_finalizer(key.kind, &mut new, options.propagation);
            let gone_at_once = is_last_finalizer_gone(&new);
            if options.dry_run {
                return Ok((object, gone_at_once));
            }
            let done = if gone_at_once {
                self.store.remove(key, object.revision)
            } else if new == old {
                Ok(Arc::clone(&object))
            } else {
                self.store.update(key, object.revision, new)
            };
            match done {
                Err(WriteError::Conflict) => {}
                Ok(object) => return Ok((object, gone_at_once)),
                Err(e) => return Err(write_error(spec, &key.name, e)),
            }
        }
        Err(Status::modified(spec, &key.name))
    }
}

/// Tells whether an object that was told to end has nothing left to wait for.
pub(super) fn is_last_finalizer_gone(value: &Value) -> bool {
    !text(value, "/metadata/deletionTimestamp").is_empty()
        && items(value, "/metadata/finalizers").next().is_none()
        // A namespace has finalizers of its own: it stays until its contents are gone.
        && items(value, "/spec/finalizers").next().is_none()
        && integer(value, "/metadata/deletionGracePeriodSeconds").unwrap_or_default() == 0
}

fn check_preconditions(object: &Object, options: &DeleteOptions) -> Result<(), Status> {
    let (spec, name) = (object.key.kind.spec(), &object.key.name);
    let uid = &object.head.metadata.uid;
    if let Some(wanted) = options.uid.as_ref().filter(|u| *u != uid) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        );
        return Err(Status::precondition(spec, name, &why));
    }
    let revision = object.revision.to_string();
    if let Some(wanted) = options.resource_version.as_ref().filter(|r| **r != revision) {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({revision}). The object might have been modified"
        );
        return Err(Status::precondition(spec, name, &why));
    }
    Ok(())
}

/// Only a pod that is bound to a node and still runs has a grace period: its kubelet ends it and then removes the object.
fn grace_seconds(kind: Kind, object: &Value, options: &DeleteOptions) -> i64 {
    let bound = !text(object, "/spec/nodeName").is_empty();
    let ended = matches!(text(object, "/status/phase"), "Succeeded" | "Failed");
    if kind != Kind::Pod || !bound || ended {
        return 0;
    }
    let own = integer(object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    let wanted = options.grace_period_seconds.unwrap_or(own).max(0);
    // A second delete can only shorten what the first one allowed.
    integer(object, "/metadata/deletionGracePeriodSeconds").map_or(wanted, |already| wanted.min(already))
}

fn mark(kind: Kind, value: &mut Value, now: Timestamp, grace_s: i64) {
    let is_first = text(value, "/metadata/deletionTimestamp").is_empty();
    let already_s = integer(value, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
    if !is_first && already_s <= grace_s {
        return;
    }
    let until = now.saturating_add(SignedDuration::from_secs(grace_s)).unwrap_or(now);
    let generation = integer(value, "/metadata/generation").filter(|_| is_first);
    let meta = metadata(value);
    meta.insert("deletionTimestamp".into(), time(until));
    // As upstream: a namespace has no grace period, and the end of an object is a change of what is wanted.
    if kind != Kind::Namespace {
        meta.insert("deletionGracePeriodSeconds".into(), json!(grace_s));
    }
    if let Some(generation) = generation {
        meta.insert("generation".into(), json!(generation + 1));
    }
}

fn add_propagation_finalizer(kind: Kind, value: &mut Value, wanted: Option<Propagation>) {
    // Upstream's default for batch/v1 Jobs is to orphan their pods; for all others it is to delete dependents in the background.
    let default = if kind == Kind::Job {
        Propagation::Orphan
    } else {
        Propagation::Background
    };
    let finalizer = match wanted.unwrap_or(default) {
        Propagation::Orphan => ORPHAN,
        Propagation::Foreground => FOREGROUND,
        Propagation::Background => return,
    };
    let finalizers = metadata(value).entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = finalizers.as_array_mut()
        && !list.iter().any(|f| f == finalizer)
    {
        list.push(json!(finalizer));
    }
}
