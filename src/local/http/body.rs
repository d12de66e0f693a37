//! Bodies: from the encodings that are understood to JSON.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::protobuf;
use crate::local::status::Status;

/// The media types of a body, in upstream's order.
pub(super) const ACCEPTED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// Turns the body of a request that is no patch to JSON. Without a media type it is JSON already.
pub(super) fn as_json(media_type: &str, body: &Bytes) -> Result<Bytes, Status> {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    match media_type {
        "" | "application/json" => Ok(body.clone()),
        "application/yaml" => {
            let value = parse_yaml(body).map_err(Status::bad_request)?;
            Ok(value.to_string().into())
        }
        "application/vnd.kubernetes.protobuf" => protobuf::as_json(media_type, body),
        _ => Err(Status::unsupported_media_type(ACCEPTED)),
    }
}

/// Parses a JSON body.
pub(super) fn parse(body: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(body)
        .map_err(|e| Status::bad_request(format!("couldn't get version/kind; json parse error: {e}")))
}

/// Parses a JSON body that is to be an object of a kind.
pub(super) fn parse_object(kind: &str, body: &[u8]) -> Result<Value, Status> {
    parse(body).map_err(|why| {
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {why}"
        ))
    })
}

/// Parses the body of a merge patch: an object.
pub(super) fn parse_merge_patch(body: &[u8]) -> Result<Value, Status> {
    parse_patch(body, "error decoding patch: ").and_then(|patch| expect_map(patch, "error decoding patch: "))
}

/// Parses the body of a strategic merge patch: an object.
pub(super) fn parse_strategic_patch(body: &[u8]) -> Result<Value, Status> {
    parse_patch(body, "").and_then(|patch| expect_map(patch, ""))
}

/// Parses the body of a JSON patch.
pub(super) fn parse_json_patch(body: &[u8]) -> Result<Value, Status> {
    parse_patch(body, "error decoding patch: ")
}

/// Parses a configuration, which is YAML and so may be JSON. An empty one is an object without fields.
pub(super) fn parse_config(body: &[u8]) -> Result<Value, Status> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let config = parse_yaml(body).map_err(|why| Status::bad_request(format!("error decoding YAML: {why}")))?;
    expect_map(
        config,
        "error decoding YAML: error unmarshaling JSON: while decoding JSON: ",
    )
}

/// Parses YAML. Most of it is JSON, since that is what clients make of a file; that is read as such.
fn parse_yaml(body: &[u8]) -> Result<Value, String> {
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_slice_with_options(body, options).map_err(|why| format!("error converting YAML to JSON: {why}"))
}

fn parse_patch(body: &[u8], prefix: &str) -> Result<Value, Status> {
    serde_json::from_slice(body).map_err(|e| Status::bad_request(format!("{prefix}{e}")))
}

fn expect_map(value: Value, prefix: &str) -> Result<Value, Status> {
    let found = match value {
        Value::Object(_) => return Ok(value),
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        // Go takes null for an empty map.
        Value::Null => return Ok(Value::Object(Map::new())),
    };
    Err(Status::bad_request(format!(
        "{prefix}json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies_come_as_json_or_as_yaml_and_nothing_else() {
        let text = Bytes::from_static(b"kind: ConfigMap\ndata: {a: '1'}\n");
        let read = as_json("application/yaml", &text).unwrap();
        assert_eq!(parse(&read).unwrap(), json!({"kind": "ConfigMap", "data": {"a": "1"}}));
        assert_eq!(as_json("", &text).unwrap(), text);
        let refused = as_json("text/plain", &text).unwrap_err();
        assert_eq!(refused.code, 415);
        assert!(refused.message.ends_with(ACCEPTED), "{refused}");
    }

    #[test]
    fn what_is_no_patch_is_told_in_upstreams_words() {
        let words = |found: Result<Value, Status>| found.unwrap_err().message;
        let map = "json: cannot unmarshal array into Go value of type map[string]interface {}";
        assert_eq!(words(parse_merge_patch(b"[1]")), format!("error decoding patch: {map}"));
        assert_eq!(words(parse_strategic_patch(b"[1]")), map);
        let yaml = "error decoding YAML: error unmarshaling JSON: while decoding JSON: ";
        assert_eq!(words(parse_config(b"[]")), format!("{yaml}{map}"));
        assert!(words(parse_config(b"{x")).starts_with("error decoding YAML: error converting YAML to JSON: "));
        assert_eq!(parse_config(b" \n").unwrap(), json!({}));
        assert_eq!(parse_config(b"{\"a\": 1}").unwrap(), json!({"a": 1}));
        assert_eq!(parse_merge_patch(b"null").unwrap(), json!({}));
    }
}
