//! Validation of a Job's successPolicy, in upstream's words and order.

use serde_json::Value;

use crate::local::object::items;
use crate::local::status::Cause;

const RULES_MAX: usize = 20;
const INDEXES_BYTES_MAX: usize = 64 * 1024;

/// Checks the policy of a Job's spec.
pub(super) fn check(spec: &Value, causes: &mut Vec<Cause>) {
    let path = "spec.successPolicy";
    let Some(policy) = spec.get("successPolicy").filter(|p| !p.is_null()) else {
        return;
    };
    if spec.get("completionMode").and_then(Value::as_str) != Some("Indexed") {
        causes.push(Cause::invalid(path, policy.clone(), "requires indexed completion mode"));
        return;
    }
    let path = format!("{path}.rules");
    let count = items(policy, "/rules").count();
    if count == 0 {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        causes.push(Cause::required(path.as_str(), detail));
    }
    if count > RULES_MAX {
        causes.push(Cause::too_many(path.as_str(), count, RULES_MAX));
    }
    let completions = spec.get("completions").and_then(Value::as_i64).unwrap_or(0);
    for (i, rule) in items(policy, "/rules").enumerate() {
        check_rule(&format!("{path}[{i}]"), rule, completions, causes);
    }
}

fn check_rule(path: &str, rule: &Value, completions: i64, causes: &mut Vec<Cause>) {
    let indexes = rule.get("succeededIndexes").and_then(Value::as_str);
    let count = rule.get("succeededCount").and_then(Value::as_i64);
    if indexes.is_none() && count.is_none() {
        let detail = "at least one of succeededCount or succeededIndexes must be specified";
        causes.push(Cause::required(path, detail));
    }
    let mut total = 0;
    if let Some(text) = indexes {
        let path = format!("{path}.succeededIndexes");
        if text.len() > INDEXES_BYTES_MAX {
            causes.push(Cause::too_long(path.as_str(), INDEXES_BYTES_MAX));
        }
        match count_indexes(text, completions) {
            Ok(found) => total = found,
            Err(why) => {
                let detail = format!("error parsing succeededIndexes: {why}");
                causes.push(Cause::invalid(path, text, &detail));
            }
        }
    }
    let Some(count) = count else { return };
    let path = format!("{path}.succeededCount");
    let mut refuse = |detail: String| causes.push(Cause::invalid(path.as_str(), count, &detail));
    if count < 0 {
        refuse("must be greater than or equal to 0".to_owned());
    }
    if count > completions {
        refuse(format!(
            "must be less than or equal to {completions} (the number of specified completions)"
        ));
    }
    if indexes.is_some() && count > total {
        refuse(format!(
            "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        ));
    }
}

/// Counts the indexes of a list such as `0,2-4`, or says what is wrong with it.
fn count_indexes(text: &str, completions: i64) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let mut total = 0;
    let mut last: Option<i64> = None;
    for part in text.split(',') {
        let (first, end) = interval(part, completions)?;
        if let Some(last) = last.filter(|l| *l >= first) {
            return Err(format!("non-increasing order, previous: {last}, current: {first}"));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

fn interval(part: &str, completions: i64) -> Result<(i64, i64), String> {
    let limits: Vec<&str> = part.split('-').collect();
    let index = |text: &str| match text.parse::<i64>() {
        Err(_) => Err(format!("cannot convert string to integer for index: {text:?}")),
        Ok(index) if index >= completions => Err(format!("too large index: {text:?}")),
        Ok(index) => Ok(index),
    };
    match limits.as_slice() {
        [one] => index(one).map(|i| (i, i)),
        [first, last] => {
            let (first, last) = (index(first)?, index(last)?);
            if first >= last {
                return Err(format!("non-increasing order, previous: {first}, current: {last}"));
            }
            Ok((first, last))
        }
        _ => Err(format!(
            "the fragment {part:?} violates the requirement that an index interval can have at most two parts separated by '-'"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_is_refused_in_upstreams_words() {
        let parsing =
            "spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"%\": error parsing succeededIndexes: ";
        let refused = |text: &str, why: &str| format!("{}{why}", parsing.replace('%', text));
        for (rules, want) in [
            (json!([{"succeededIndexes": "0,2-4"}]), vec![]),
            (json!([{"succeededCount": 5}]), vec![]),
            (
                json!([]),
                vec![
                    "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is \
                     specified"
                        .to_owned(),
                ],
            ),
            (
                json!([{}]),
                vec![
                    "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be \
                     specified"
                        .to_owned(),
                ],
            ),
            (
                json!([{"succeededIndexes": "0-5"}]),
                vec![refused("0-5", "too large index: \"5\"")],
            ),
            (
                json!([{"succeededIndexes": "3,1"}]),
                vec![refused("3,1", "non-increasing order, previous: 3, current: 1")],
            ),
            (
                json!([{"succeededIndexes": "a"}]),
                vec![refused("a", "cannot convert string to integer for index: \"a\"")],
            ),
            (
                json!([{"succeededIndexes": "0,1", "succeededCount": 3}]),
                vec![
                    "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of \
                     indexes in the specified succeededIndexes field)"
                        .to_owned(),
                ],
            ),
        ] {
            let spec = json!({"completionMode": "Indexed", "completions": 5, "successPolicy": {"rules": rules}});
            let mut causes = Vec::new();
            check(&spec, &mut causes);
            let said: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            assert_eq!(said, want);
        }
    }
}
