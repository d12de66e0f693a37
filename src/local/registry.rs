//! What an API server does between a request and the store: schema, defaults, validation, names, uids, finalizers, deletion.
//!
//! Every write goes through here, also those of the controllers inside the local cluster, so an object in the store is always
//! whole. Nothing here knows of HTTP.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object is indexed by name: what is absent reads as null, and what is written was made an object before"
)]

mod change;
mod defaults;
mod delete;
mod ownership;
mod schema;
mod validate;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::{Kind, KindSpec};
use super::object::{Key, Object, integer, metadata, object_at, text, time};
use super::patch::apply::{self, Writer};
use super::status::{Cause, Status};
use super::store::{Store, WriteError};
use super::timing::Timing;
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
    /// For how many seconds a pod that says nothing about it stays on a node that is lost.
    toleration_seconds: u32,
}

/// What a change may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything but the status.
    Main,
    /// The status alone.
    Status,
}

/// What becomes of fields that a kind does not have. They are dropped in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Nothing more.
    #[default]
    Ignore,
    /// The client is told.
    Warn,
    /// The request is refused.
    Strict,
}

/// How a client writes.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Only tell what would happen.
    pub dry_run: bool,
    /// Who writes; none if the fields' owners are not to be tracked.
    pub writer: Option<Writer>,
    /// What becomes of fields that the kind does not have, in a patch. A whole object was looked at before.
    pub validation: FieldValidation,
}

/// What a client's write came to.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object now.
    pub object: Arc<Object>,
    /// What the client should know.
    pub warnings: Vec<String>,
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
        Self {
            store,
            now,
            toleration_seconds: Timing::default().default_toleration_seconds,
        }
    }

    /// Sets for how many seconds a pod that says nothing about it stays on a node that is lost.
    #[must_use]
    pub fn with_toleration_seconds(mut self, seconds: u32) -> Self {
        self.toleration_seconds = seconds;
        self
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

    /// Returns the time as objects have it.
    fn now_text(&self) -> String {
        time(self.now()).as_str().unwrap_or_default().to_owned()
    }

    /// Returns an object.
    pub fn get(&self, key: &Key) -> Result<Arc<Object>, Status> {
        self.store
            .get(key)
            .ok_or_else(|| Status::not_found(key.kind.spec(), &key.name))
    }

    /// Creates an object from outside, by nobody in particular: its fields are checked against the schema first.
    pub fn create(&self, kind: Kind, namespace: &str, value: Value, dry_run: bool) -> Result<Arc<Object>, Status> {
        let options = WriteOptions {
            dry_run,
            ..WriteOptions::default()
        };
        self.create_with(kind, namespace, value, &options)
    }

    /// Creates an object from outside: its fields are checked against the schema first.
    pub fn create_with(
        &self,
        kind: Kind,
        namespace: &str,
        value: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Status> {
        let spec = kind.spec();
        schema::check_type_meta(spec, &value)?;
        let mut sent = schema::prune(kind, value)?;
        change::check_namespace(spec, namespace, &sent)?;
        let Some(writer) = &options.writer else {
            return self.create_trusted(kind, namespace, sent, options.dry_run);
        };
        if matches!(kind, Kind::Job | Kind::Pod) {
            // The status of these is not for clients to begin with.
            object_at(&mut sent, &[]).remove("status");
        }
        let now = self.now_text();
        self.store_new(kind, namespace, sent.clone(), options.dry_run, |stored| {
            let owned = ownership::of_client(kind, &sent, stored);
            apply::track_new(kind, &owned, stored, writer, &now);
        })
    }

    /// Reads a body through the types of its kind: fields that the kind does not have are left out.
    pub fn typed(kind: Kind, value: &Value) -> Result<Value, Status> {
        schema::check_type_meta(kind.spec(), value)?;
        schema::typed(kind, value.clone()).map_err(|why| schema::cannot_be_handled(kind, &why))
    }

    /// Creates an object that was made inside the cluster, from parts that were checked before. Its fields have no owners.
    pub fn create_trusted(
        &self,
        kind: Kind,
        namespace: &str,
        value: Value,
        dry_run: bool,
    ) -> Result<Arc<Object>, Status> {
        self.store_new(kind, namespace, value, dry_run, |_| {})
    }

    /// Stores a new object; `finish` sees it when it is whole.
    fn store_new(
        &self,
        kind: Kind,
        namespace: &str,
        mut value: Value,
        dry_run: bool,
        finish: impl FnOnce(&mut Value),
    ) -> Result<Arc<Object>, Status> {
        let spec = kind.spec();
        let name = self.prepare_new(spec, namespace, &mut value)?;
        defaults::apply(kind, &mut value);
        if kind == Kind::Pod {
            defaults::tolerate_lost_nodes(&mut value, self.toleration_seconds);
        }
        validate::new(kind, &name, &value)?;
        finish(&mut value);
        let key = Key::new(kind, namespace, &name);
        if dry_run {
            if self.store.get(&key).is_some() {
                return Err(Status::already_exists(spec, &name));
            }
            return Ok(unstored(key, &value));
        }
        self.store.create(key, value).map_err(|e| write_error(spec, &name, e))
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
        mut next: impl FnMut(&Value) -> Result<Value, Status>,
    ) -> Result<Arc<Object>, Status> {
        let spec = key.kind.spec();
        for _ in 0..WRITE_TRIES_MAX {
            let object = self.get(key)?;
            let old = object.value();
            let new = next(&old)?;
            if apply::is_same(&new, &old) {
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

    fn expect_namespace(&self, spec: &KindSpec, namespace: &str, name: &str) -> Result<(), Status> {
        if !spec.namespaced {
            return Ok(());
        }
        let object = self.get(&Key::new(Kind::Namespace, "", namespace))?;
        if object.head.metadata.deletion_timestamp.is_some() {
            return Err(Status::terminating(spec, name, namespace));
        }
        Ok(())
    }

    /// Fills in what the server decides of a new object, and returns its name.
    fn prepare_new(&self, spec: &KindSpec, namespace: &str, value: &mut Value) -> Result<String, Status> {
        let given = [text(value, "/metadata/name"), text(value, "/metadata/generateName")];
        let given = given.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        self.expect_namespace(spec, namespace, given)?;
        if !text(value, "/metadata/resourceVersion").is_empty() {
            return Err(Status::unknown(
                "resourceVersion should not be set on objects to be created",
            ));
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

fn unstored(key: Key, value: &Value) -> Arc<Object> {
    Arc::new(Object::unstored(key, 0, &value.to_string()))
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

/// Sets a condition of a pod, keeping the order and, while the status stays the same, the transition time.
pub fn set_condition(value: &mut Value, kind: &str, holds: &str, reason: &str, message: &str, now: Timestamp) {
    let generation = integer(value, "/metadata/generation");
    let status = object_at(value, &["status"]);
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(list) = conditions.as_array_mut() else { return };
    let mut condition = json!({"type": kind, "status": holds, "lastProbeTime": null, "lastTransitionTime": time(now)});
    if let Some(generation) = generation {
        condition["observedGeneration"] = json!(generation);
    }
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
