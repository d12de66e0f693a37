//! How the tables of messages are written, and how they are read.
//!
//! A line without an indent names a message; the indented lines below it are its fields, with `;` between them: number, name in
//! JSON, type. The mark before a type says how often the value is there and what an empty one means:
//!
//! | mark | meaning | when empty |
//! |---|---|---|
//! | | a plain value of Go, which is always on the wire | absent, as `omitempty` has it |
//! | `*` | a pointer of Go, which is on the wire only when it is set | kept: `parallelism: 0` is not `parallelism` left out |
//! | `[]` | a list, one element a field | absent |
//! | `{}` | a map from text, one entry a field | absent |
//! | `.` | a message whose fields stand in the object around it (`json:",inline"`) | nothing is there |

use std::collections::HashMap;

/// How often a field's value is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Once, and left out when it is empty.
    Plain,
    /// Once, and kept when it is empty.
    Pointer,
    /// Any number of times.
    List,
    /// Any number of times, each with a name.
    Map,
    /// Once, as fields of the object around it.
    Inline,
}

/// The type of a value. Those that are messages on the wire and something else in JSON have names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Text.
    Text,
    /// Bytes, base64 in JSON.
    Bytes,
    /// A number of 32 bits.
    Int32,
    /// A number of 64 bits.
    Int64,
    /// True or false.
    Bool,
    /// Seconds, RFC 3339 in JSON.
    Time,
    /// Seconds and nanoseconds, RFC 3339 with microseconds in JSON.
    MicroTime,
    /// An amount, which is text.
    Quantity,
    /// A number or text.
    IntOrString,
    /// JSON within the message.
    FieldsV1,
    /// A list of texts as one value, for maps of lists.
    Texts,
    /// Another message of the table.
    Message(&'static str),
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Its number on the wire.
    pub number: u32,
    /// Its name in JSON.
    pub name: &'static str,
    /// How often it is there.
    pub shape: Shape,
    /// What it is.
    pub kind: Type,
}

const SHAPES: [(&str, Shape); 5] = [
    ("*", Shape::Pointer),
    ("[]", Shape::List),
    ("{}", Shape::Map),
    (".", Shape::Inline),
    ("", Shape::Plain),
];

const TYPES: [(&str, Type); 11] = [
    ("string", Type::Text),
    ("bytes", Type::Bytes),
    ("int32", Type::Int32),
    ("int64", Type::Int64),
    ("bool", Type::Bool),
    ("Time", Type::Time),
    ("MicroTime", Type::MicroTime),
    ("Quantity", Type::Quantity),
    ("IntOrString", Type::IntOrString),
    ("FieldsV1", Type::FieldsV1),
    ("ExtraValue", Type::Texts),
];

impl Field {
    fn parse(text: &'static str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (number, name, kind) = (words.next()?, words.next()?, words.next()?);
        let (shape, kind) = SHAPES
            .iter()
            .find_map(|(mark, shape)| kind.strip_prefix(mark).map(|kind| (*shape, kind)))?;
        let known = TYPES.iter().find(|(name, _)| *name == kind);
        Some(Self {
            number: number.parse().ok()?,
            name,
            shape,
            kind: known.map_or(Type::Message(kind), |(_, kind)| *kind),
        })
    }
}

/// Messages by name.
pub(super) struct Table(HashMap<&'static str, Vec<Field>>);

impl Table {
    /// Reads tables that are written as the module says. A line that is not written so is no field; a test holds our own to it.
    pub(super) fn parse(texts: &[&'static str]) -> Self {
        let mut messages: HashMap<&'static str, Vec<Field>> = HashMap::new();
        let mut message = "";
        for line in texts.iter().copied().flat_map(str::lines) {
            if line.starts_with(' ') {
                let fields = line.split(';').filter_map(Field::parse);
                messages.entry(message).or_default().extend(fields);
            } else if !line.is_empty() {
                message = line;
                messages.entry(message).or_default();
            }
        }
        Self(messages)
    }

    /// Returns the fields of a message.
    pub(super) fn message(&self, name: &str) -> Option<&[Field]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::http::protobuf::{ROOTS, TABLES, TEXTS};

    #[test]
    fn marks_and_types_are_read() {
        let table = Table::parse(&["A\n    1 a string; 12 b *int32;\n    3 c []B; 4 d {}Quantity; 5 e .B\nB\n"]);
        let field = |number, name, shape, kind| Field {
            number,
            name,
            shape,
            kind,
        };
        let want = [
            field(1, "a", Shape::Plain, Type::Text),
            field(12, "b", Shape::Pointer, Type::Int32),
            field(3, "c", Shape::List, Type::Message("B")),
            field(4, "d", Shape::Map, Type::Quantity),
            field(5, "e", Shape::Inline, Type::Message("B")),
        ];
        assert_eq!(table.message("A"), Some(want.as_slice()));
        assert_eq!(table.message("B").map(<[Field]>::len), Some(0));
        assert!(table.message("C").is_none());
    }

    #[test]
    fn our_own_tables_are_complete() {
        let mut written = 0;
        for line in TEXTS.iter().copied().flat_map(str::lines) {
            assert!(line.len() <= 120 && !line.contains('\t'), "{line}");
            if line.starts_with(' ') {
                for field in line.split(';').filter(|f| !f.trim().is_empty()) {
                    assert!(
                        Field::parse(field).is_some() && field.split_whitespace().count() == 3,
                        "{field}"
                    );
                    written += 1;
                }
            }
        }
        let fields: Vec<Field> = TABLES.0.values().flatten().copied().collect();
        assert_eq!(fields.len(), written);
        for field in &fields {
            if let Type::Message(name) = field.kind {
                assert!(TABLES.message(name).is_some(), "{name} of {}", field.name);
            } else {
                assert!(field.shape != Shape::Inline, "{}", field.name);
            }
        }
        for (name, fields) in &TABLES.0 {
            let mut numbers: Vec<u32> = fields.iter().map(|f| f.number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), fields.len(), "{name} uses a number twice");
        }
        for (_, kinds) in ROOTS {
            assert!(kinds.iter().all(|k| TABLES.message(k).is_some()), "{kinds:?}");
        }
    }
}
