//! What an API server does between a request and the store: schema, defaults, validation, names, uids, finalizers, deletion.
//!
//! Every write goes through here, also those of the controllers inside the local cluster, so an object in the store is always
//! whole. Nothing here knows of HTTP.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

mod defaults;
mod delete;
mod schema;
mod validate;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::{Kind, KindSpec};
use super::object::{Key, Object, integer, metadata, object_at, text, time};
use super::patch;
use super::status::{Cause, Status};
use super::store::{Store, WriteError};
pub use delete::{DeleteOptions, Propagation};
pub(super) use delete::{FOREGROUND, ORPHAN};

/// How often a write is tried again when another writer came between reading and writing. A request without a resourceVersion
/// asks for no particular version, so a collision is not the client's concern.
const WRITE_TRIES_MAX: usize = 16;

/// The time of day, handed in so that tests and simulations can have their own.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The registry of a local cluster: the store and the rules of the API.
#[derive(Clone)]
pub struct Registry {
    store: Arc<Store>,
    now: Now,
}

/// What a change may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything but the status.
    Main,
    /// The status alone.
    Status,
}

/// A body that changes an object.
#[derive(Clone, Debug)]
pub enum Change {
    /// The whole object.
    Replace(Value),
    /// A JSON merge patch.
    Merge(Value),
    /// A strategic merge patch.
    Strategic(Value),
    /// A JSON patch.
    Json(Value),
}

impl Registry {
    /// Makes a registry over a store.
    pub fn new(store: Arc<Store>, now: Now) -> Self {
        Self { store, now }
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Returns the clock, for what outlives a request.
    pub fn clock(&self) -> Now {
        Arc::clone(&self.now)
    }

    /// Returns an object.
    pub fn get(&self, key: &Key) -> Result<Arc<Object>, Status> {
        self.store
            .get(key)
            .ok_or_else(|| Status::not_found(key.kind.spec(), &key.name))
    }

    /// Creates an object from outside: its fields are checked against the schema first.
    pub fn create(&self, kind: Kind, namespace: &str, value: Value, dry_run: bool) -> Result<Arc<Object>, Status> {
        let spec = kind.spec();
        schema::check_type_meta(spec, &value)?;
        let value = schema::prune(kind, value)?;
        self.create_trusted(kind, namespace, value, dry_run)
    }

    /// Refuses a body with fields that its kind does not have, as `fieldValidation=Strict` asks for.
    pub fn check_strictly(kind: Kind, value: &Value) -> Result<(), Status> {
        let kept = schema::prune(kind, value.clone())?;
        let unknown: Vec<String> = schema::unknown_fields(value, &kept)
            .iter()
            .map(|field| format!("unknown field {field:?}"))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let name = kind.spec().name;
        Err(Status::bad_request(format!(
            "{name} in version \"v1\" cannot be handled as a {name}: strict decoding error: {}",
            unknown.join(", ")
        )))
    }

    /// Creates an object that was made inside the cluster, from parts that were checked before.
    pub fn create_trusted(
        &self,
        kind: Kind,
        namespace: &str,
        mut value: Value,
        dry_run: bool,
    ) -> Result<Arc<Object>, Status> {
        let spec = kind.spec();
        self.expect_namespace(spec, namespace)?;
        let name = self.prepare_new(spec, namespace, &mut value)?;
        defaults::apply(kind, &mut value);
        validate::new(kind, &name, &value)?;
        let key = Key::new(kind, namespace, &name);
        if dry_run {
            if self.store.get(&key).is_some() {
                return Err(Status::already_exists(spec, &name));
            }
            return Ok(unstored(key, &value));
        }
        self.store.create(key, value).map_err(|e| write_error(spec, &name, e))
    }

    /// Changes an object from outside.
    pub fn change(&self, key: &Key, part: Part, change: &Change, dry_run: bool) -> Result<Arc<Object>, Status> {
        let spec = key.kind.spec();
        self.write(key, dry_run, |old| {
            let mut new = old.clone();
            match change {
                Change::Replace(value) => {
                    schema::check_type_meta(spec, value)?;
                    new = value.clone();
                }
                Change::Merge(body) => patch::merge::apply(&mut new, body),
                Change::Strategic(body) => {
                    patch::strategic::apply(key.kind, &mut new, body).map_err(Status::bad_request)?;
                }
                Change::Json(body) => {
                    patch::json::check(body).map_err(Status::bad_request)?;
                    patch::json::apply(&mut new, body).map_err(Status::rejected)?;
                }
            }
            let mut new = schema::prune(key.kind, new)?;
            if part == Part::Main || !spec.status {
                keep_server_fields(spec, old, &mut new)?;
                if spec.status {
                    new["status"] = old["status"].clone();
                }
                defaults::apply(key.kind, &mut new);
                validate::changed(key.kind, &key.name, old, &new)?;
                if old["spec"] != new["spec"] && old.pointer("/metadata/generation").is_some() {
                    let generation = integer(old, "/metadata/generation").unwrap_or_default() + 1;
                    metadata(&mut new).insert("generation".into(), json!(generation));
                }
                return Ok(new);
            }
            keep_server_fields(spec, old, &mut new)?;
            let mut kept = old.clone();
            kept["status"] = new["status"].take();
            Ok(kept)
        })
    }

    /// Changes an object from inside the cluster: `edit` gets the object and changes it in place, as often as it takes.
    pub fn edit(&self, key: &Key, edit: impl Fn(&mut Value)) -> Result<Arc<Object>, Status> {
        self.write(key, false, |old| {
            let mut new = old.clone();
            edit(&mut new);
            Ok(new)
        })
    }

    fn write(
        &self,
        key: &Key,
        dry_run: bool,
        next: impl Fn(&Value) -> Result<Value, Status>,
    ) -> Result<Arc<Object>, Status> {
        let spec = key.kind.spec();
        for _ in 0..WRITE_TRIES_MAX {
            let object = self.get(key)?;
            let old = object.value();
            let new = next(&old)?;
            if new == old {
                // As upstream: a change that changes nothing makes no new version.
                return Ok(object);
            }
            if dry_run {
                return Ok(unstored(key.clone(), &new));
            }
            let done = if delete::is_last_finalizer_gone(&new) {
                self.store
                    .update(key, object.revision, new)
                    .and_then(|o| self.store.remove(key, o.revision))
            } else {
                self.store.update(key, object.revision, new)
            };
            match done {
                Err(WriteError::Conflict) => {}
                other => return other.map_err(|e| write_error(spec, &key.name, e)),
            }
        }
        Err(Status::modified(spec, &key.name))
    }

    fn expect_namespace(&self, spec: &KindSpec, namespace: &str) -> Result<(), Status> {
        if !spec.namespaced {
            return Ok(());
        }
        let object = self.get(&Key::new(Kind::Namespace, "", namespace))?;
        if object.head.metadata.deletion_timestamp.is_some() {
            let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
            return Err(Status::forbidden(spec, "", &why));
        }
        Ok(())
    }

    /// Fills in what the server decides of a new object, and returns its name.
    fn prepare_new(&self, spec: &KindSpec, namespace: &str, value: &mut Value) -> Result<String, Status> {
        if !text(value, "/metadata/resourceVersion").is_empty() {
            return Err(Status::bad_request(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let given = text(value, "/metadata/namespace");
        if spec.namespaced && !given.is_empty() && given != namespace {
            return Err(Status::bad_request(format!(
                "the namespace of the provided object does not match the namespace sent on the request ({given} != {namespace})"
            )));
        }
        let generate = text(value, "/metadata/generateName").to_owned();
        let mut name = text(value, "/metadata/name").to_owned();
        if name.is_empty() && !generate.is_empty() {
            name = format!("{generate}{}", random_suffix());
        }
        if name.is_empty() {
            let cause = Cause::required("metadata.name", "name or generateName is required");
            return Err(Status::invalid(spec, "", vec![cause]));
        }
        value["apiVersion"] = json!(spec.api_version());
        value["kind"] = json!(spec.name);
        let now = self.now();
        let meta = metadata(value);
        meta.insert("name".into(), json!(name));
        if spec.namespaced {
            meta.insert("namespace".into(), json!(namespace));
        } else {
            meta.remove("namespace");
        }
        meta.insert("uid".into(), json!(uuid::Uuid::new_v4().to_string()));
        meta.insert("creationTimestamp".into(), time(now));
        for unset in [
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "managedFields",
            "generation",
        ] {
            meta.remove(unset);
        }
        if matches!(spec.kind, Kind::Job | Kind::Pod) {
            meta.insert("generation".into(), json!(1));
        }
        Ok(name)
    }
}

/// Keeps what only the server may set, and checks what the client believed about the object.
fn keep_server_fields(spec: &KindSpec, old: &Value, new: &mut Value) -> Result<(), Status> {
    let name = text(old, "/metadata/name").to_owned();
    let uid = text(new, "/metadata/uid");
    if !uid.is_empty() && uid != text(old, "/metadata/uid") {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            text(old, "/metadata/uid")
        );
        return Err(Status::conflict(spec, &name, &why));
    }
    let revision = text(new, "/metadata/resourceVersion");
    if !revision.is_empty() && revision != text(old, "/metadata/resourceVersion") {
        return Err(Status::modified(spec, &name));
    }
    if text(new, "/metadata/name") != name {
        let detail = "the name of the object does not match the name on the URL";
        return Err(Status::bad_request(format!(
            "{detail} ({} != {name})",
            text(new, "/metadata/name")
        )));
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
    let old_meta = old["metadata"].clone();
    let meta = metadata(new);
    for field in kept {
        match old_meta.get(field) {
            Some(value) => meta.insert(field.into(), value.clone()),
            None => meta.remove(field),
        };
    }
    Ok(())
}

fn unstored(key: Key, value: &Value) -> Arc<Object> {
    let json = value.to_string();
    let head = serde_json::from_str(&json).unwrap_or_default();
    Arc::new(Object {
        key,
        revision: 0,
        head,
        json: json.into(),
    })
}

fn write_error(spec: &KindSpec, name: &str, error: WriteError) -> Status {
    match error {
        WriteError::Exists => Status::already_exists(spec, name),
        WriteError::Missing => Status::not_found(spec, name),
        WriteError::Conflict => Status::modified(spec, name),
    }
}

/// Returns five random characters of the alphabet that Kubernetes uses for generated names: no vowels, nothing that looks alike.
pub fn random_suffix() -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let bytes: [u8; 5] = rand::random();
    bytes
        .iter()
        .filter_map(|b| ALPHABET.get(usize::from(*b) % ALPHABET.len()))
        .map(|c| char::from(*c))
        .collect()
}

/// Sets a condition in `status.conditions`, keeping the order and, while the status stays the same, the transition time.
pub fn set_condition(value: &mut Value, kind: &str, holds: &str, reason: &str, message: &str, now: Timestamp) {
    let status = object_at(value, &["status"]);
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(list) = conditions.as_array_mut() else { return };
    let mut condition = json!({"type": kind, "status": holds, "lastTransitionTime": time(now)});
    if !reason.is_empty() {
        condition["reason"] = json!(reason);
    }
    if !message.is_empty() {
        condition["message"] = json!(message);
    }
    match list.iter_mut().find(|c| text(c, "/type") == kind) {
        Some(found) => {
            if text(found, "/status") == holds {
                condition["lastTransitionTime"] = found["lastTransitionTime"].clone();
            }
            *found = condition;
        }
        None => list.push(condition),
    }
}

#[cfg(test)]
mod tests;
