//! Field selectors: `=`, `==` and `!=` on the few fields that upstream selects by. Pure.
//!
//! A value may hold `,`, `=` and `\` behind a `\`.

use serde_json::Value;

use crate::local::kinds::Kind;
use crate::local::object::Object;
use crate::local::status::Status;

/// A field selector: all of its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    field: String,
    value: String,
    equal: bool,
}

/// What stands between a field and its value, and whether they must be equal. The longer ones come first.
const OPERATORS: [(&str, bool); 3] = [("!=", false), ("==", true), ("=", true)];

impl FieldSelector {
    /// Parses a selector and refuses fields that this kind cannot be selected by.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, Status> {
        let mut parts = split_terms(text);
        // Upstream sorts them, which shows in what is refused first.
        parts.sort_unstable();
        let mut requirements = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let (field, equal, value) = split_term(part)
                .ok_or_else(|| Status::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'")))?;
            let value = unescape(value).map_err(|why| Status::bad_request(format!("invalid field selector: {why}")))?;
            requirements.push(Requirement {
                field: field.to_owned(),
                value,
                equal,
            });
        }
        match requirements.iter().find(|r| !is_selectable(kind, &r.field)) {
            Some(unknown) => Err(Status::bad_request(unknown_words(kind, &unknown.field))),
            None => Ok(Self(requirements)),
        }
    }

    /// Tells whether the object satisfies every requirement.
    pub fn matches(&self, object: &Object) -> bool {
        let mut parsed: Option<Value> = None;
        self.0.iter().all(|r| {
            let holds = match r.field.as_str() {
                "metadata.name" => object.key.name == r.value,
                "metadata.namespace" => object.key.namespace == r.value,
                "spec.nodeName" | "spec.host" => object.head.node().unwrap_or_default() == r.value,
                field => field_text(parsed.get_or_insert_with(|| object.value()), field) == r.value,
            };
            holds == r.equal
        })
    }
}

/// Splits at the commas that have no backslash before them.
fn split_terms(text: &str) -> Vec<&str> {
    let mut is_escaped = false;
    text.split(|c| {
        let is_end = c == ',' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })
    .collect()
}

/// Splits a term at its first operator into the field, whether it must be equal, and the escaped value.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    term.char_indices().find_map(|(at, _)| {
        let (field, rest) = term.split_at_checked(at)?;
        OPERATORS
            .iter()
            .find_map(|(word, equal)| Some((field, *equal, rest.strip_prefix(word)?)))
    })
}

fn unescape(value: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(c @ ('\\' | ',' | '=')) => plain.push(c),
                Some(other) => return Err(format!("invalid escape sequence: \\{other}")),
                None => return Err("invalid escape sequence: \\".to_owned()),
            },
            // As upstream, which writes the character as its number.
            ',' | '=' => return Err(format!("unescaped character in value: {}", u32::from(c))),
            c => plain.push(c),
        }
    }
    Ok(plain)
}

fn is_selectable(kind: Kind, field: &str) -> bool {
    match field {
        "metadata.name" => true,
        "metadata.namespace" => kind.spec().namespaced,
        other => selectable(kind).contains(&other),
    }
}

/// Says in upstream's words, which differ from kind to kind, that a field cannot be selected by.
fn unknown_words(kind: Kind, field: &str) -> String {
    match kind {
        Kind::Job => format!("field label {field:?} not supported for Job"),
        Kind::ConfigMap | Kind::ServiceAccount => {
            format!(r#"{field:?} is not a known field selector: only "metadata.name", "metadata.namespace""#)
        }
        Kind::Pod | Kind::Node | Kind::Event | Kind::Namespace | Kind::Secret => {
            format!("field label not supported: {field}")
        }
    }
}

/// The fields that upstream allows to select this kind by, besides name and namespace.
fn selectable(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.host",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Kind::Job => &["status.successful"],
        Kind::Node => &["spec.unschedulable"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Kind::Namespace => &["status.phase"],
        Kind::Secret => &["type"],
        Kind::ConfigMap | Kind::ServiceAccount => &[],
    }
}

fn field_text(object: &Value, field: &str) -> String {
    // Upstream's names of two fields are not their paths.
    let field = match field {
        "status.successful" => "status.succeeded",
        "source" => "source.component",
        other => other,
    };
    match object.pointer(&format!("/{}", field.replace('.', "/"))) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => {
            // Upstream gives booleans and counters their zero value.
            match field {
                "spec.unschedulable" | "spec.hostNetwork" => "false".into(),
                "status.succeeded" => "0".into(),
                _ => String::new(),
            }
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::local::object::Key;

    fn secret(name: &str, kind: &str) -> Object {
        let value = json!({"metadata": {"name": name}, "type": kind});
        Object::unstored(Key::new(Kind::Secret, "default", name), 1, &value.to_string())
    }

    #[test]
    fn what_upstream_refuses_is_refused_in_its_words() {
        let cases = [
            (Kind::Pod, "spec.image=x", "field label not supported: spec.image"),
            (
                Kind::Node,
                "metadata.namespace=x",
                "field label not supported: metadata.namespace",
            ),
            (Kind::Job, "spec.x=y", r#"field label "spec.x" not supported for Job"#),
            (
                Kind::ConfigMap,
                "metadata.name = a",
                r#""metadata.name " is not a known field selector: only "metadata.name", "metadata.namespace""#,
            ),
            (
                Kind::ConfigMap,
                "=a",
                r#""" is not a known field selector: only "metadata.name", "metadata.namespace""#,
            ),
            (
                Kind::Pod,
                "status.phase",
                "invalid selector: 'status.phase'; can't understand 'status.phase'",
            ),
            (
                Kind::Pod,
                "metadata.name=a=b",
                "invalid field selector: unescaped character in value: 61",
            ),
            (
                Kind::Pod,
                r"metadata.name==a\",
                r"invalid field selector: invalid escape sequence: \",
            ),
            (
                Kind::Pod,
                r"metadata.name=a\x",
                r"invalid field selector: invalid escape sequence: \x",
            ),
        ];
        for (kind, selector, words) in cases {
            let refused = FieldSelector::parse(kind, selector).unwrap_err();
            assert_eq!((refused.code, refused.message.as_str()), (400, words), "{selector}");
        }
        assert!(FieldSelector::parse(Kind::Event, "involvedObject.uid=x,type!=Normal").is_ok());
        assert_eq!(FieldSelector::parse(Kind::Pod, "").unwrap(), FieldSelector::default());
        assert!(FieldSelector::parse(Kind::Pod, ",metadata.name=a,").is_ok());
    }

    #[test]
    fn absent_booleans_and_counters_are_zero() {
        let cases = [
            (json!({}), "spec.unschedulable", "false"),
            (json!({"spec": {"unschedulable": true}}), "spec.unschedulable", "true"),
            (json!({"status": {"succeeded": 3}}), "status.successful", "3"),
            (json!({}), "status.successful", "0"),
            (json!({"source": {"component": "kubelet"}}), "source", "kubelet"),
            (json!({"status": null}), "status.phase", ""),
        ];
        for (object, field, text) in cases {
            assert_eq!(field_text(&object, field), text, "{field} of {object}");
        }
    }

    /// Puts a backslash before what would otherwise end the value.
    fn escaped(value: &str) -> String {
        let escape = |c: char| matches!(c, '\\' | ',' | '=').then_some('\\').into_iter().chain([c]);
        value.chars().flat_map(escape).collect()
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in r"[a-z.=!,\\]{0,24}|.{0,24}") {
            for kind in [Kind::Pod, Kind::ConfigMap, Kind::Job] {
                if let Err(refused) = FieldSelector::parse(kind, &text) {
                    prop_assert_eq!(refused.code, 400);
                }
            }
        }

        #[test]
        fn a_value_that_is_escaped_comes_back_and_selects(
            terms in proptest::collection::vec((any::<bool>(), 0..3_usize, r"[ab=,\\!é]{0,4}"), 0..4),
            (name, kind) in (r"[ab=,\\!é]{0,4}", "[ab]{0,1}"),
        ) {
            let object = secret(&name, &kind);
            let parts: Vec<String> = terms
                .iter()
                .map(|(is_name, operator, value)| {
                    let field = if *is_name { "metadata.name" } else { "type" };
                    format!("{field}{}{}", OPERATORS[*operator].0, escaped(value))
                })
                .collect();
            let selector = FieldSelector::parse(Kind::Secret, &parts.join(",")).unwrap();
            let expected = terms.iter().all(|(is_name, operator, value)| {
                let own = if *is_name { &name } else { &kind };
                (own == value) == OPERATORS[*operator].1
            });
            prop_assert_eq!(selector.matches(&object), expected, "{:?}", parts);
        }
    }
}
