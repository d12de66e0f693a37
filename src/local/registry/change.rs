//! Changes of objects from outside: replaced, patched, applied.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Change, FieldValidation, Part, Registry, WriteOptions, Written, defaults, schema, validate};
use crate::local::kinds::{Kind, KindSpec};
use crate::local::object::{Key, Object, integer, metadata, object_at, text};
use crate::local::patch;
use crate::local::patch::apply::{self, Conflict, Writer};
use crate::local::status::{Cause, Status};

impl Registry {
    /// Changes an object from outside, by nobody in particular.
    pub fn change(&self, key: &Key, part: Part, change: &Change, dry_run: bool) -> Result<Arc<Object>, Status> {
        let options = WriteOptions {
            dry_run,
            ..WriteOptions::default()
        };
        self.change_with(key, part, change, &options)
            .map(|written| written.object)
    }

    /// Changes an object from outside.
    pub fn change_with(
        &self,
        key: &Key,
        part: Part,
        change: &Change,
        options: &WriteOptions,
    ) -> Result<Written, Status> {
        let mut warnings = Vec::new();
        if let Change::Replace(value) = change {
            schema::check_type_meta(key.kind.spec(), value)?;
            check_identity(key, value)?;
        }
        let object = self.write(key, options.dry_run, |old| {
            let sent = changed(key.kind, old, change)?;
            let mut new = match change {
                Change::Replace(_) => schema::prune(key.kind, sent)?,
                Change::Merge(_) | Change::Strategic(_) | Change::Json(_) => {
                    warnings = check_patched(key.kind, old, (change, &sent), options.validation)?;
                    let prune = schema::prune(key.kind, sent.clone());
                    prune.map_err(|why| Status::invalid_patch(shown(change, &sent), bare_words(key.kind, &why)))?
                }
            };
            check_identity(key, &new)?;
            check_uid(key, old, &new, matches!(change, Change::Replace(_)))?;
            new = settle(key, part, old, new)?;
            match &options.writer {
                Some(writer) => apply::track(key.kind, old, &mut new, writer, &self.now_text()),
                None => apply::keep(old, &mut new),
            }
            Ok(new)
        })?;
        Ok(Written { object, warnings })
    }

    /// Applies a configuration: makes the object, or changes it. Returns whether it was made.
    pub fn apply(
        &self,
        key: &Key,
        part: Part,
        config: &Value,
        force: bool,
        options: &WriteOptions,
    ) -> Result<(Arc<Object>, bool), Status> {
        let config = checked_config(key, part, config)?;
        let writer = options.writer.clone().unwrap_or_else(|| Writer {
            manager: "unknown".to_owned(),
            subresource: "",
        });
        if part == Part::Main && self.store().get(key).is_none() {
            return self
                .create_applied(key, &config, &writer, options.dry_run)
                .map(|object| (object, true));
        }
        let object = self.write(key, options.dry_run, |old| {
            let now = self.now_text();
            let applied = apply::apply(key.kind, Some(old), &config, &writer, force, &now);
            let applied = applied.map_err(|conflicts| refused(&conflicts))?;
            let mut new = applied.object.clone();
            schema::omit_null(&mut new);
            let new = schema::prune(key.kind, new)?;
            check_uid(key, old, &new, false)?;
            let mut new = settle(key, part, old, new)?;
            apply::keep(old, &mut new);
            let has_changed = new != *old;
            applied.write(&mut new, has_changed, &now);
            Ok(new)
        })?;
        Ok((object, false))
    }

    fn create_applied(&self, key: &Key, config: &Value, writer: &Writer, dry_run: bool) -> Result<Arc<Object>, Status> {
        let uid = text(config, "/metadata/uid");
        if !uid.is_empty() {
            return Err(immutable_uid(key, uid));
        }
        let now = self.now_text();
        // Nobody owns anything of what is not there, so there is no conflict.
        let applied = apply::apply(key.kind, None, config, writer, true, &now);
        let applied = applied.map_err(|conflicts| refused(&conflicts))?;
        let mut value = applied.object.clone();
        schema::omit_null(&mut value);
        metadata(&mut value).remove("resourceVersion");
        let value = schema::prune(key.kind, value)?;
        self.store_new(key.kind, &key.namespace, value, dry_run, |stored| {
            applied.write(stored, true, &now);
        })
    }
}

fn changed(kind: Kind, old: &Value, change: &Change) -> Result<Value, Status> {
    let mut new = old.clone();
    match change {
        Change::Replace(value) => new = value.clone(),
        Change::Merge(body) => patch::merge::apply(&mut new, body),
        Change::Strategic(body) => patch::strategic::apply(kind, &mut new, body).map_err(Status::bad_request)?,
        Change::Json(body) => {
            patch::json::check(body).map_err(Status::bad_request)?;
            if patch::json::apply(&mut new, body).is_err() {
                return Err(Status::rejected());
            }
        }
    }
    Ok(new)
}

/// Looks for fields that the kind does not have in what a patch made; returns warnings, or refuses.
fn check_patched(
    kind: Kind,
    old: &Value,
    (change, sent): (&Change, &Value),
    validation: FieldValidation,
) -> Result<Vec<String>, Status> {
    if validation == FieldValidation::Ignore {
        return Ok(Vec::new());
    }
    let unknown = |value: &Value| -> Vec<String> {
        let kept = schema::typed(kind, value.clone());
        kept.map(|kept| schema::unknown_fields(value, &kept))
            .unwrap_or_default()
    };
    let mut found = unknown(sent);
    if !found.is_empty() {
        // What the cluster itself wrote is not the client's doing.
        let had = unknown(old);
        found.retain(|field| !had.contains(field));
    }
    let words: Vec<String> = found.iter().map(|field| format!("unknown field {field:?}")).collect();
    if words.is_empty() || validation == FieldValidation::Warn {
        return Ok(words);
    }
    let why = format!("strict decoding error: {}", words.join(", "));
    Err(Status::invalid_patch(shown(change, sent), &why))
}

/// What upstream shows of a patch that makes no object: the patch if it is a strategic one, else what it made.
fn shown(change: &Change, made: &Value) -> String {
    match change {
        Change::Strategic(body) => body.to_string(),
        Change::Replace(_) | Change::Merge(_) | Change::Json(_) => made.to_string(),
    }
}

/// Returns why a body cannot be read, without which kind it was to be.
fn bare_words(kind: Kind, status: &Status) -> &str {
    let name = kind.spec().name;
    let prefix = format!("{name} in version \"v1\" cannot be handled as a {name}: ");
    status.message.strip_prefix(&prefix).unwrap_or(&status.message)
}

/// Checks that a body names the object of the path, or leaves its namespace out.
fn check_identity(key: &Key, value: &Value) -> Result<(), Status> {
    let (url, name) = (&key.name, text(value, "/metadata/name"));
    if name.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({url} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != url {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({url})"
        )));
    }
    check_namespace(key.kind.spec(), &key.namespace, value)
}

/// Checks that a body does not name another namespace than the path.
pub(super) fn check_namespace(spec: &KindSpec, namespace: &str, value: &Value) -> Result<(), Status> {
    let given = text(value, "/metadata/namespace");
    if spec.namespaced && !given.is_empty() && given != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

fn check_uid(key: &Key, old: &Value, new: &Value, is_replaced: bool) -> Result<(), Status> {
    let (uid, own) = (text(new, "/metadata/uid"), text(old, "/metadata/uid"));
    if uid.is_empty() || uid == own {
        return Ok(());
    }
    if !is_replaced {
        return Err(immutable_uid(key, uid));
    }
    let spec = key.kind.spec();
    let place = [spec.plural, &key.namespace, &key.name].map(str::to_owned);
    let place: Vec<String> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {own}",
        place.join("/")
    );
    Err(Status::conflict(spec, &key.name, &why))
}

fn immutable_uid(key: &Key, uid: &str) -> Status {
    let cause = Cause::invalid("metadata.uid", uid, "field is immutable");
    Status::invalid(key.kind.spec(), &key.name, vec![cause])
}

/// Makes of what a client wants what is stored: the client's part of it, with what only the server may set, defaulted and validated.
fn settle(key: &Key, part: Part, old: &Value, mut new: Value) -> Result<Value, Status> {
    let spec = key.kind.spec();
    keep_server_fields(spec, old, &mut new)?;
    if part == Part::Status && spec.status {
        let mut kept = old.clone();
        kept["metadata"] = new["metadata"].take();
        if key.kind == Kind::Pod {
            // A kubelet must not make a pod somebody else's.
            match old["metadata"].get("ownerReferences") {
                Some(owners) => metadata(&mut kept).insert("ownerReferences".into(), owners.clone()),
                None => metadata(&mut kept).remove("ownerReferences"),
            };
        }
        kept["status"] = Value::Object(std::mem::take(object_at(&mut new, &["status"])));
        validate::status_changed(key.kind, &key.name, old, &kept)?;
        return Ok(kept);
    }
    if spec.status {
        match old.get("status") {
            Some(status) => object_at(&mut new, &[]).insert("status".into(), status.clone()),
            None => object_at(&mut new, &[]).remove("status"),
        };
    }
    defaults::apply(key.kind, &mut new);
    validate::changed(key.kind, &key.name, old, &new)?;
    if old["spec"] != new["spec"]
        && let Some(generation) = integer(old, "/metadata/generation")
    {
        metadata(&mut new).insert("generation".into(), json!(generation + 1));
    }
    Ok(new)
}

/// Keeps what only the server may set, and checks which version the client believed to change.
fn keep_server_fields(spec: &KindSpec, old: &Value, new: &mut Value) -> Result<(), Status> {
    let revision = text(new, "/metadata/resourceVersion");
    if !revision.is_empty() && revision != text(old, "/metadata/resourceVersion") {
        if revision.bytes().any(|b| !b.is_ascii_digit()) {
            return Err(Status::unknown(format!(
                "strconv.ParseUint: parsing {revision:?}: invalid syntax"
            )));
        }
        return Err(Status::modified(spec, text(old, "/metadata/name")));
    }
    let kept = [
        "uid",
        "namespace",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
    ];
    let meta = metadata(new);
    for field in kept {
        match old["metadata"].get(field) {
            Some(value) => meta.insert(field.into(), value.clone()),
            None => meta.remove(field),
        };
    }
    Ok(())
}

/// Checks a configuration and leaves out what cannot be applied through this part of the object.
fn checked_config(key: &Key, part: Part, config: &Value) -> Result<Value, Status> {
    let spec = key.kind.spec();
    let (api_version, kind) = (text(config, "/apiVersion"), text(config, "/kind"));
    if api_version != spec.api_version() || kind != spec.name {
        let group_version = group_version(api_version);
        return Err(Status::bad_request(format!(
            "invalid object type: {group_version}, Kind={kind}"
        )));
    }
    check_identity(key, config)?;
    if config.pointer("/metadata/managedFields").is_some_and(|m| !m.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let mut config = config.clone();
    schema::quantities_as_text(&mut config);
    let mut plain = config.clone();
    schema::omit_null(&mut plain);
    let problem = match schema::typed(key.kind, plain) {
        Ok(kept) => apply::malformed(key.kind, &config, &kept),
        Err(why) => Some(why),
    };
    if let Some(problem) = problem {
        let namespace = text(&config, "/metadata/namespace");
        let group_version = group_version(api_version);
        return Err(Status::unknown(format!(
            "failed to create typed patch object ({namespace}/{}; {group_version}, Kind={kind}): {problem}",
            key.name
        )));
    }
    if spec.status {
        let other = if part == Part::Main { "status" } else { "spec" };
        object_at(&mut config, &[]).remove(other);
    }
    Ok(config)
}

/// Writes a group and version as Go does: a core version has an empty group.
fn group_version(api_version: &str) -> String {
    if api_version.contains('/') {
        api_version.to_owned()
    } else {
        format!("/{api_version}")
    }
}

fn refused(conflicts: &[Conflict]) -> Status {
    let cause = |conflict: &Conflict| Cause {
        reason: "FieldManagerConflict",
        message: format!("conflict with {}", conflict.manager),
        field: conflict.field.clone(),
    };
    Status::apply_conflict(
        apply::conflict_message(conflicts),
        conflicts.iter().map(cause).collect(),
    )
}
