//! JSON patch (RFC 6902): steps that are taken in order, all of them or none.

use serde_json::{Map, Value};

/// The most steps that one patch may have, as upstream's limit.
const STEPS_MAX: usize = 10_000;

/// The most bytes that the `copy` steps of one patch may add, as upstream's limit: without one, a short patch that copies a list
/// into itself again and again doubles the document each time.
const COPIED_BYTES_MAX: usize = 3 << 20;

/// The deepest document that a patch may make: a deeper one could be written but not read again.
const DEPTH_MAX: usize = 127;

/// Says whether this is a patch at all: a list of objects, and not too long.
pub fn check(patch: &Value) -> Result<(), String> {
    let steps = patch.as_array().ok_or("a JSON patch is a list of operations")?;
    if steps.len() > STEPS_MAX {
        return Err(format!(
            "The allowed maximum operations in a JSON patch is {STEPS_MAX}, got {}",
            steps.len()
        ));
    }
    match steps.iter().find(|step| !step.is_object()) {
        Some(other) => Err(format!("an operation of a JSON patch is an object, not {other}")),
        None => Ok(()),
    }
}

/// Applies a JSON patch. When a step fails, the target is as it was, and the error says which step and why.
pub fn apply(target: &mut Value, patch: &Value) -> Result<(), String> {
    check(patch)?;
    let mut new = target.clone();
    let mut copied = 0;
    for step in patch.as_array().into_iter().flatten().filter_map(Value::as_object) {
        take(&mut new, step, &mut copied)?;
    }
    *target = new;
    Ok(())
}

fn take(target: &mut Value, step: &Map<String, Value>, copied: &mut usize) -> Result<(), String> {
    let op = word(step, "op", "unknown")?;
    let path = word(step, "path", op)?;
    let value = || {
        let found = step.get("value").cloned();
        found.ok_or_else(|| format!("{op} operation, missing value field: missing value"))
    };
    match op {
        "add" => add(target, path, value()?),
        "remove" => remove(target, path).map(drop),
        "replace" => replace(target, path, value()?),
        "test" => test(target, path, &value()?),
        "move" => {
            let from = word(step, "from", op)?;
            if path.strip_prefix(from).is_some_and(|below| below.starts_with('/')) {
                return Err(format!("move operation does not apply: {path:?} is inside of {from:?}"));
            }
            let moved = remove(target, from)?;
            add(target, path, moved)
        }
        "copy" => {
            let from = word(step, "from", op)?;
            let copy = target.pointer(from).cloned().ok_or_else(|| missing(op, from))?;
            *copied = copied.saturating_add(copy.to_string().len());
            if *copied > COPIED_BYTES_MAX {
                return Err(format!(
                    "Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {COPIED_BYTES_MAX}"
                ));
            }
            add(target, path, copy)
        }
        other => Err(format!("Unexpected kind: {other}")),
    }
}

fn word<'v>(step: &'v Map<String, Value>, field: &str, op: &str) -> Result<&'v str, String> {
    let found = step.get(field).and_then(Value::as_str);
    found.ok_or_else(|| format!("{op} operation, missing {field} field: missing value"))
}

fn missing(op: &str, path: &str) -> String {
    format!("{op} operation does not apply: doc is missing path: {path:?}: missing value")
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    expect_depth(path, &value)?;
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let (parent, last) = split(path).ok_or_else(|| missing("add", path))?;
    match target.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.insert(last, value);
            Ok(())
        }
        Some(Value::Array(list)) => {
            let end = list.len();
            let at = if last == "-" { end } else { index(&last, end, path)? };
            list.insert(at, value);
            Ok(())
        }
        _ => Err(missing("add", path)),
    }
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    let (parent, last) = split(path).ok_or_else(|| missing("remove", path))?;
    match target.pointer_mut(parent) {
        Some(Value::Object(fields)) => fields.remove(&last).ok_or_else(|| {
            format!("error in remove for path: '{path}': Unable to remove nonexistent key: {last}: missing value")
        }),
        Some(Value::Array(list)) => {
            let end = list.len().checked_sub(1).ok_or_else(|| missing("remove", path))?;
            Ok(list.remove(index(&last, end, path)?))
        }
        _ => Err(missing("remove", path)),
    }
}

fn replace(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    expect_depth(path, &value)?;
    *target.pointer_mut(path).ok_or_else(|| missing("replace", path))? = value;
    Ok(())
}

fn test(target: &Value, path: &str, value: &Value) -> Result<(), String> {
    if target.pointer(path) == Some(value) {
        return Ok(());
    }
    Err(format!("testing value {path} failed: test failed"))
}

fn expect_depth(path: &str, value: &Value) -> Result<(), String> {
    if path.matches('/').count() + depth(value) > DEPTH_MAX {
        return Err(format!(
            "a document that is deeper than {DEPTH_MAX} cannot be read again"
        ));
    }
    Ok(())
}

/// Counts how deep lists and objects are nested; the documents that come here are no deeper than [`DEPTH_MAX`].
fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Splits a pointer into the pointer of the parent and the decoded last token. The empty pointer has no parent.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    // `~1` goes first: `~01` means `~1`, not `/`.
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

/// Reads a list index that is at most `max`: digits alone, and no zero before another digit.
fn index(token: &str, max: usize, path: &str) -> Result<usize, String> {
    let is_proper = token.bytes().all(|b| b.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    let number = token.parse::<usize>().ok().filter(|_| is_proper);
    let number = number.ok_or_else(|| format!("value was not a proper array index: '{token}' in path '{path}'"))?;
    if number > max {
        return Err(format!(
            "Unable to access invalid index: {number} in path '{path}': invalid index referenced"
        ));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;

    fn check_all(cases: impl IntoIterator<Item = (Value, Value, Value)>) {
        for (mut target, patch, want) in cases {
            assert_eq!(apply(&mut target, &patch), Ok(()), "patch {patch}");
            assert_eq!(target, want, "patch {patch}");
        }
    }

    #[test]
    fn the_examples_of_rfc_6902() {
        check_all([
            (
                json!({"foo":"bar"}),
                json!([{"op":"add","path":"/baz","value":"qux"}]),
                json!({"baz":"qux","foo":"bar"}),
            ),
            (
                json!({"foo":["bar","baz"]}),
                json!([{"op":"add","path":"/foo/1","value":"qux"}]),
                json!({"foo":["bar","qux","baz"]}),
            ),
            (
                json!({"foo":["bar"]}),
                json!([{"op":"add","path":"/foo/-","value":["abc"]}]),
                json!({"foo":["bar",["abc"]]}),
            ),
            (
                json!({"baz":"qux","foo":"bar"}),
                json!([{"op":"remove","path":"/baz"}]),
                json!({"foo":"bar"}),
            ),
            (
                json!({"foo":["bar","qux","baz"]}),
                json!([{"op":"remove","path":"/foo/1"}]),
                json!({"foo":["bar","baz"]}),
            ),
            (
                json!({"baz":"qux"}),
                json!([{"op":"replace","path":"/baz","value":"boo"}]),
                json!({"baz":"boo"}),
            ),
            (
                json!({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}),
                json!([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]),
                json!({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}),
            ),
            (
                json!({"foo":["all","grass","cows","eat"]}),
                json!([{"op":"move","from":"/foo/1","path":"/foo/3"}]),
                json!({"foo":["all","cows","eat","grass"]}),
            ),
            (
                json!({"baz":"qux","foo":["a",2,"c"]}),
                json!([{"op":"test","path":"/baz","value":"qux"}, {"op":"test","path":"/foo/1","value":2}]),
                json!({"baz":"qux","foo":["a",2,"c"]}),
            ),
        ]);
    }

    #[test]
    fn pointers_know_escapes_the_root_and_the_end_of_a_list() {
        check_all([
            (json!({}), json!([]), json!({})),
            (
                json!({"foo":["bar"]}),
                json!([{"op":"add","path":"/foo/1","value":1}]),
                json!({"foo":["bar",1]}),
            ),
            (
                json!({"a":1}),
                json!([{"op":"replace","path":"","value":{"b":2}}]),
                json!({"b":2}),
            ),
            (
                json!({"a":1}),
                json!([{"op":"add","path":"","value":{"b":2}}]),
                json!({"b":2}),
            ),
            (
                json!({"a":[1]}),
                json!([{"op":"copy","from":"/a","path":"/b"}]),
                json!({"a":[1],"b":[1]}),
            ),
            (
                json!({"a":[1]}),
                json!([{"op":"move","from":"/a","path":"/a"}]),
                json!({"a":[1]}),
            ),
            (
                json!({"/":9,"~1":10}),
                json!([{"op":"test","path":"/~01","value":10}, {"op":"remove","path":"/~1"}]),
                json!({"~1":10}),
            ),
            (
                json!({"labels":{"a/b":"1"}}),
                json!([{"op":"replace","path":"/labels/a~1b","value":"2"}, {"op":"add","path":"/labels/~0","value":"3"}]),
                json!({"labels":{"a/b":"2","~":"3"}}),
            ),
        ]);
    }

    /// Takes a step that works, then this one, which must fail with these words and leave nothing of the first.
    #[track_caller]
    fn expect_refusal(step: Value, why: &str) {
        let before = json!({"a": 1, "list": [1, 2], "empty": [], "deep": {}});
        let mut target = before.clone();
        let words = step.to_string();
        let first = json!({"op": "add", "path": "/first", "value": 1});
        let error = apply(&mut target, &Value::Array(vec![first, step])).unwrap_err();
        assert!(error.contains(why), "{error}: {words}");
        assert_eq!(target, before, "{words}");
    }

    #[test]
    fn a_patch_that_fails_says_why_and_leaves_the_document_alone() {
        let cases = [
            (
                json!({"op":"add","path":"/x/y","value":1}),
                r#"doc is missing path: "/x/y""#,
            ),
            (json!({"op":"add","path":"no","value":1}), r#"missing path: "no""#),
            (json!({"op":"add","path":"/a"}), "add operation, missing value field"),
            (json!({"op":"add","value":1}), "add operation, missing path field"),
            (json!({"path":"/a","value":1}), "unknown operation, missing op field"),
            (
                json!({"op":"remove","path":"/none"}),
                "Unable to remove nonexistent key: none",
            ),
            (
                json!({"op":"remove","path":"/empty/0"}),
                "remove operation does not apply",
            ),
            (json!({"op":"remove","path":""}), "remove operation does not apply"),
            (
                json!({"op":"replace","path":"/none","value":1}),
                "replace operation does not apply",
            ),
            (json!({"op":"move","from":"/none","path":"/b"}), "nonexistent key: none"),
            (
                json!({"op":"move","from":"/deep","path":"/deep/er"}),
                r#"is inside of "/deep""#,
            ),
            (
                json!({"op":"copy","from":"/none","path":"/b"}),
                r#"missing path: "/none""#,
            ),
            (json!({"op":"copy","path":"/b"}), "copy operation, missing from field"),
            (
                json!({"op":"test","path":"/a","value":2}),
                "testing value /a failed: test failed",
            ),
            (
                json!({"op":"test","path":"/none","value":null}),
                "testing value /none failed",
            ),
            (json!({"op":"tset","path":"/a","value":1}), "Unexpected kind: tset"),
        ];
        for (step, why) in cases {
            expect_refusal(step, why);
        }
    }

    #[test]
    fn an_index_is_a_proper_number_within_its_list() {
        for (token, why) in [
            ("3", "Unable to access invalid index: 3"),
            ("01", "not a proper array index: '01'"),
            ("+1", "not a proper array index: '+1'"),
            ("-1", "not a proper array index: '-1'"),
            ("", "not a proper array index: ''"),
            ("99999999999999999999999", "not a proper array index"),
        ] {
            let path = format!("/list/{token}");
            expect_refusal(json!({"op": "add", "path": path, "value": 1}), why);
        }
        expect_refusal(
            json!({"op": "remove", "path": "/list/2"}),
            "Unable to access invalid index: 2",
        );
        expect_refusal(
            json!({"op": "remove", "path": "/list/-"}),
            "not a proper array index: '-'",
        );
    }

    #[test]
    fn what_is_no_list_of_operations_is_no_patch() {
        let long = Value::Array(vec![json!({}); STEPS_MAX + 1]);
        for (patch, why) in [
            (json!({}), "a JSON patch is a list of operations"),
            (
                json!(["add"]),
                r#"an operation of a JSON patch is an object, not "add""#,
            ),
            (long, "is 10000, got 10001"),
        ] {
            let error = check(&patch).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn copies_that_double_the_size_or_the_depth_end_at_the_limit() {
        let twice = json!({"op": "copy", "from": "/list", "path": "/list/-"});
        let copy_root = json!({"op": "copy", "from": "", "path": "/a"});
        let cases = [(twice, "exceeding the limit 3145728"), (copy_root, "deeper than 127")];
        for (step, why) in cases {
            // Copying a list into itself doubles its size, copying the root into itself adds a level.
            let mut target = json!({"list": ["0123456789"]});
            let error = apply(&mut target, &Value::Array(vec![step; 200])).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    fn step() -> impl Strategy<Value = Value> {
        let op = select(vec!["add", "remove", "replace", "move", "copy", "test", "brew"]);
        let places = [
            "", "/", "/a", "/a/b", "/list", "/list/0", "/list/1", "/list/-", "/list/9", "/x~1y", "/~2", "a",
        ];
        let path = select(places.to_vec());
        let value = select(vec![json!(null), json!(1), json!([]), json!({"b": {}}), json!("a")]);
        (op, path.clone(), path, value, 0..8_u32).prop_map(|(op, path, from, value, without)| {
            let mut step = json!({"op": op, "path": path, "from": from, "value": value});
            let fields = step.as_object_mut().unwrap();
            match without {
                0 => fields.remove("op"),
                1 => fields.remove("path"),
                2 => fields.remove("from"),
                3 => fields.remove("value"),
                _ => None,
            };
            step
        })
    }

    proptest! {
        #[test]
        fn all_steps_are_taken_or_none(steps in vec(step(), 0..6)) {
            let before = json!({"a": {"b": 1}, "list": [1, {"c": null}], "x/y": "z"});
            let mut whole = before.clone();
            let done = apply(&mut whole, &Value::Array(steps.clone()));
            // Taken one by one, the steps come to the same end, and fail at the same step.
            let mut single = before.clone();
            let mut each = steps.into_iter().map(|step| apply(&mut single, &json!([step])));
            let expected = each.find(Result::is_err).unwrap_or(Ok(()));
            prop_assert_eq!(&done, &expected);
            prop_assert_eq!(&whole, if done.is_ok() { &single } else { &before });
        }
    }
}
