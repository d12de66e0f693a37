//! Bodies in Kubernetes' protobuf encoding, turned to the JSON that the rest of the API takes.
//!
//! kubectl's typed clients send it (`create configmap`, `create job`, `auth can-i`, `drain`). A body is four bytes of magic, then
//! `runtime.Unknown`, which says what the object is, and in it the object as a message. Which number is which field is in tables:
//!
//! | module | what it is |
//! |---|---|
//! | [`wire`] | bytes → numbered fields |
//! | [`table`] | how the tables are written |
//! | [`pods`] [`objects`] | the tables |
//!
//! Go's encoder writes every field that is not a pointer, also an empty one. JSON leaves those out, and so does this. A field that
//! the tables do not have is skipped, as upstream does. Answers are JSON; that is one of the encodings that every client takes.
//!
//! It knows nothing of what the objects mean: they are pruned, defaulted and validated as JSON, like every other body.

mod objects;
mod pods;
mod table;
mod wire;

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::local::object::{micro_time, time};
use crate::local::status::Status;
use table::{Field, Shape, Table, Type};
use wire::{Datum, Fields, WireError};

/// The name of the encoding in `Content-Type`.
const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// How every body begins.
const MAGIC: &[u8] = b"k8s\0";

/// How deep messages may nest. A Job's deepest one is at 12.
const DEPTH_MAX: u32 = 32;

/// The texts of the tables.
const TEXTS: [&str; 5] = [
    objects::META,
    objects::CORE,
    objects::BATCH,
    objects::REVIEWS,
    pods::PODS,
];

/// The tables, parsed when the first body needs them.
static TABLES: LazyLock<Table> = LazyLock::new(|| Table::parse(&TEXTS));

/// What a body may be: the kinds of each apiVersion. `DeleteOptions` are a kind of every apiVersion.
const ROOTS: [(&str, &[&str]); 5] = [
    (
        "v1",
        &[
            "Namespace",
            "Node",
            "Pod",
            "Event",
            "ConfigMap",
            "Secret",
            "ServiceAccount",
        ],
    ),
    ("batch/v1", &["Job"]),
    ("policy/v1", &["Eviction"]),
    (
        "authorization.k8s.io/v1",
        &[
            "SelfSubjectAccessReview",
            "SelfSubjectRulesReview",
            "SubjectAccessReview",
            "LocalSubjectAccessReview",
        ],
    ),
    ("authentication.k8s.io/v1", &["SelfSubjectReview"]),
];

/// Why a body is not an object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum DecodeError {
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    Magic,
    #[error("Object 'Kind' is missing")]
    NoKind,
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("proto: wrong wireType = {wire_type} for field {field}")]
    WireType { field: &'static str, wire_type: u8 },
    #[error("proto: {0} seconds are out of the range of a time")]
    Time(i64),
    #[error("fieldsV1 is not JSON: {0}")]
    FieldsV1(String),
    #[error("messages nest deeper than {}", DEPTH_MAX)]
    Depth,
    #[error("no message {0}")]
    NoMessage(&'static str),
}

/// Turns a body to JSON if it is protobuf; every other body, and an empty one, stays as it is.
pub(super) fn as_json(media_type: &str, body: &Bytes) -> Result<Bytes, Status> {
    let is_ours = media_type.split(';').next().unwrap_or_default().trim() == MEDIA_TYPE;
    if !is_ours || body.is_empty() {
        return Ok(body.clone());
    }
    let unknown = Unknown::read(body)
        .map_err(|e| Status::bad_request(format!("the object provided is unrecognized: {e} ({})", summary(body))))?;
    let Some(message) = unknown.message() else {
        return Err(Status::unsupported_media_type(super::body::ACCEPTED));
    };
    let object = unknown.decode(message).map_err(|e| {
        let (kind, version) = (&unknown.kind, unknown.version());
        Status::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a {kind}: {e}"
        ))
    })?;
    Ok(Value::Object(object).to_string().into())
}

/// The first bytes of a body, as upstream shows them when it cannot make anything of one.
fn summary(body: &[u8]) -> String {
    let shown = body.get(..30).unwrap_or(body);
    let dots = if shown.len() < body.len() { " ..." } else { "" };
    let mut hex = String::with_capacity(2 * shown.len());
    for byte in shown {
        // Writing to a text cannot fail.
        write!(hex, "{byte:02x}").ok();
    }
    hex + dots
}

/// `runtime.Unknown`: an object whose kind is known and whose content is not read yet.
struct Unknown<'a> {
    api_version: String,
    kind: String,
    raw: &'a [u8],
}

impl<'a> Unknown<'a> {
    fn read(body: &'a [u8]) -> Result<Self, DecodeError> {
        let bytes = body.strip_prefix(MAGIC).ok_or(DecodeError::Magic)?;
        let (mut type_meta, mut raw): (&[u8], &[u8]) = (&[], &[]);
        for part in Fields::of(bytes) {
            match part? {
                (1, datum) => type_meta = bytes_of("typeMeta", datum)?,
                (2, datum) => raw = bytes_of("raw", datum)?,
                // The encoding and the type of the content are empty or say what is known already.
                _ => {}
            }
        }
        let (mut api_version, mut kind) = (String::new(), String::new());
        for part in Fields::of(type_meta) {
            match part? {
                (1, datum) => api_version = text("apiVersion", datum)?,
                (2, datum) => kind = text("kind", datum)?,
                _ => {}
            }
        }
        if kind.is_empty() {
            return Err(DecodeError::NoKind);
        }
        Ok(Self { api_version, kind, raw })
    }

    fn version(&self) -> &str {
        self.api_version.split('/').next_back().unwrap_or_default()
    }

    /// Finds the message that the content is.
    fn message(&self) -> Option<&'static str> {
        if self.kind == "DeleteOptions" {
            return Some("DeleteOptions");
        }
        let (_, kinds) = ROOTS.iter().find(|(version, _)| *version == self.api_version)?;
        kinds.iter().copied().find(|k| *k == self.kind)
    }

    fn decode(&self, message: &'static str) -> Result<Map<String, Value>, DecodeError> {
        let mut object = Map::new();
        let decoder = Decoder { table: &TABLES };
        decoder.message(message, self.raw, &mut object, DEPTH_MAX)?;
        object.insert("apiVersion".into(), self.api_version.clone().into());
        object.insert("kind".into(), self.kind.clone().into());
        Ok(object)
    }
}

/// Turns messages to JSON as a table says.
struct Decoder<'t> {
    table: &'t Table,
}

impl Decoder<'_> {
    /// Reads a message into an object. What is in there already stays: a message that is sent in pieces is one message.
    fn message(
        &self,
        name: &'static str,
        bytes: &[u8],
        into: &mut Map<String, Value>,
        depth: u32,
    ) -> Result<(), DecodeError> {
        let depth = depth.checked_sub(1).ok_or(DecodeError::Depth)?;
        let fields = self.table.message(name).ok_or(DecodeError::NoMessage(name))?;
        for part in Fields::of(bytes) {
            let (number, datum) = part?;
            if let Some(field) = fields.iter().find(|f| f.number == number) {
                self.field(field, datum, into, depth)?;
            }
        }
        Ok(())
    }

    fn field(
        &self,
        field: &Field,
        datum: Datum<'_>,
        into: &mut Map<String, Value>,
        depth: u32,
    ) -> Result<(), DecodeError> {
        match field.shape {
            Shape::Inline => {
                if let Type::Message(name) = field.kind {
                    self.message(name, bytes_of(field.name, datum)?, into, depth)?;
                }
            }
            Shape::List => {
                let list = into.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    self.append(field, datum, list, depth)?;
                }
            }
            Shape::Map => {
                let (key, value) = self.entry(field, bytes_of(field.name, datum)?, depth)?;
                let map = into.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(map) = map {
                    map.insert(key, value);
                }
            }
            Shape::Plain | Shape::Pointer => {
                let before = into.remove(field.name);
                let value = self.value(field, datum, before, depth)?;
                if !value.is_null() && (field.shape == Shape::Pointer || !is_empty(&value)) {
                    into.insert(field.name.to_owned(), value);
                }
            }
        }
        Ok(())
    }

    fn append(&self, field: &Field, datum: Datum<'_>, list: &mut Vec<Value>, depth: u32) -> Result<(), DecodeError> {
        match (field.kind, datum) {
            (Type::Int32 | Type::Int64 | Type::Bool, Datum::Bytes(bytes)) => {
                for number in wire::packed(bytes)? {
                    list.push(self.value(field, Datum::Varint(number), None, depth)?);
                }
            }
            (_, datum) => list.push(self.value(field, datum, None, depth)?),
        }
        Ok(())
    }

    /// Reads one entry of a map: a message of a key and a value, each of which may be left out when it is empty.
    fn entry(&self, field: &Field, bytes: &[u8], depth: u32) -> Result<(String, Value), DecodeError> {
        // All values of maps are texts, bytes or messages, so no bytes are an empty one.
        let (mut key, mut value) = (String::new(), Datum::Bytes(&[]));
        for part in Fields::of(bytes) {
            match part? {
                (1, datum) => key = text(field.name, datum)?,
                (2, datum) => value = datum,
                _ => {}
            }
        }
        Ok((key, self.value(field, value, None, depth)?))
    }

    fn value(&self, field: &Field, datum: Datum<'_>, before: Option<Value>, depth: u32) -> Result<Value, DecodeError> {
        let name = field.name;
        match field.kind {
            Type::Text => Ok(text(name, datum)?.into()),
            Type::Bytes => Ok(STANDARD.encode(bytes_of(name, datum)?).into()),
            Type::Int32 => {
                let small = i32::try_from(number(name, datum)?.cast_signed()).ok();
                Ok(small.ok_or(WireError::Overflow)?.into())
            }
            Type::Int64 => Ok(number(name, datum)?.cast_signed().into()),
            Type::Bool => Ok((number(name, datum)? != 0).into()),
            Type::Time => instant(bytes_of(name, datum)?, time),
            Type::MicroTime => instant(bytes_of(name, datum)?, micro_time),
            Type::Quantity => quantity(bytes_of(name, datum)?),
            Type::IntOrString => int_or_string(bytes_of(name, datum)?),
            Type::FieldsV1 => fields_v1(bytes_of(name, datum)?),
            Type::Texts => texts(bytes_of(name, datum)?),
            Type::Message(message) => {
                let mut object = match before {
                    Some(Value::Object(object)) => object,
                    Some(_) | None => Map::new(),
                };
                self.message(message, bytes_of(name, datum)?, &mut object, depth)?;
                Ok(Value::Object(object))
            }
        }
    }
}

/// Tells whether JSON leaves a value out that is not a pointer.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}

fn bytes_of<'a>(field: &'static str, datum: Datum<'a>) -> Result<&'a [u8], DecodeError> {
    match datum {
        Datum::Bytes(bytes) => Ok(bytes),
        Datum::Varint(_) | Datum::Fixed32 | Datum::Fixed64 => Err(DecodeError::WireType {
            field,
            wire_type: datum.wire_type(),
        }),
    }
}

fn number(field: &'static str, datum: Datum<'_>) -> Result<u64, DecodeError> {
    match datum {
        Datum::Varint(number) => Ok(number),
        Datum::Bytes(_) | Datum::Fixed32 | Datum::Fixed64 => Err(DecodeError::WireType {
            field,
            wire_type: datum.wire_type(),
        }),
    }
}

/// Reads text; as Go's JSON encoder does, it replaces what is not UTF-8.
fn text(field: &'static str, datum: Datum<'_>) -> Result<String, DecodeError> {
    bytes_of(field, datum).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Reads a time; an empty message is Go's zero time, which is null in JSON. Fractions count only where they are written.
fn instant(bytes: &[u8], write: fn(Timestamp) -> Value) -> Result<Value, DecodeError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    for part in Fields::of(bytes) {
        match part? {
            (1, datum) => seconds = number("seconds", datum)?.cast_signed(),
            (2, datum) => nanos = number("nanos", datum)?.cast_signed(),
            _ => {}
        }
    }
    let nanos = i32::try_from(nanos).ok().ok_or(WireError::Overflow)?;
    let at = Timestamp::new(seconds, nanos).ok().ok_or(DecodeError::Time(seconds))?;
    Ok(write(at))
}

fn quantity(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut amount = String::new();
    for part in Fields::of(bytes) {
        if let (1, datum) = part? {
            amount = text("string", datum)?;
        }
    }
    Ok(amount.into())
}

fn int_or_string(bytes: &[u8]) -> Result<Value, DecodeError> {
    let (mut is_text, mut int, mut string) = (false, 0, String::new());
    for part in Fields::of(bytes) {
        match part? {
            (1, datum) => is_text = number("type", datum)? != 0,
            (2, datum) => int = number("intVal", datum)?.cast_signed(),
            (3, datum) => string = text("strVal", datum)?,
            _ => {}
        }
    }
    Ok(if is_text { string.into() } else { int.into() })
}

fn fields_v1(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut raw: &[u8] = &[];
    for part in Fields::of(bytes) {
        if let (1, datum) = part? {
            raw = bytes_of("Raw", datum)?;
        }
    }
    if raw.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(raw).map_err(|e| DecodeError::FieldsV1(e.to_string()))
}

fn texts(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut all: Vec<Value> = Vec::new();
    for part in Fields::of(bytes) {
        if let (1, datum) = part? {
            all.push(text("items", datum)?.into());
        }
    }
    Ok(all.into())
}

#[cfg(test)]
mod tests;
