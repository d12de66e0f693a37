//! Label selectors by example, all of them asked of a real API server, and by property against a plain reading of the same.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use std::collections::BTreeMap;

use super::*;
use crate::local::names::{LABEL_VALUE, NAME_PART, SUBDOMAIN};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

#[test]
fn what_a_selector_matches() {
    let have = labels(&[("app", "ttg"), ("tier", "one"), ("n", "5"), ("in", "in"), ("none", "")]);
    for (selector, want) in [
        ("", true),
        (" \t", true),
        ("app=ttg", true),
        (" app == ttg , tier = one ", true),
        ("app=other", false),
        ("app!=other", true),
        ("missing!=x", true),
        ("app", true),
        ("!app", false),
        ("! missing", true),
        ("app in (a, ttg)", true),
        ("app in(ttg)", true),
        ("app notin (ttg,b),tier", false),
        ("missing in (a)", false),
        ("missing notin (a)", true),
        ("none=", true),
        ("app!=", true),
        ("none in ()", true),
        ("none in (a,,b)", true),
        ("none in (,)", true),
        ("app notin (,ttg)", false),
        ("in=in", true),
        ("in in (in,notin)", true),
        ("app =in", false),
        ("!in", false),
        ("n>4", true),
        ("n>5", false),
        ("n<6,app", true),
        ("app>1", false),
        ("missing<1", false),
        ("app=ttg\0garbage", true),
    ] {
        let parsed = LabelSelector::parse(selector).unwrap_or_else(|why| panic!("{selector}: {why}"));
        assert_eq!(parsed.matches(&have), want, "{selector}");
    }
}

#[test]
fn what_upstream_refuses_is_refused_in_its_words() {
    let operators = "expected: in, notin, =, ==, !=, gt, lt";
    let value = |value: &str| format!("values[0][a]: Invalid value: {value:?}: {LABEL_VALUE}");
    let cases = [
        ("=x", "found '=', expected: !, identifier, or 'end of string'".to_owned()),
        (",a", "found ',', expected: !, identifier, or 'end of string'".to_owned()),
        ("a,", "found '', expected: identifier after ','".to_owned()),
        ("a,,b", "found ',', expected: identifier after ','".to_owned()),
        ("!a=b", "found '=', expected: ',' or 'end of string'".to_owned()),
        ("a=b=c", "found '=', expected: ',' or 'end of string'".to_owned()),
        ("a=b c", "found 'c', expected: ',' or 'end of string'".to_owned()),
        ("a in b", "unable to parse requirement: found 'b' expected: '('".to_owned()),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'".to_owned()),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'".to_owned()),
        ("a in ((b))", "unable to parse requirement: found '(', expected: ',', ')' or identifier".to_owned()),
        ("a in (b,(c", "unable to parse requirement: found '(', expected: ',', or identifier".to_owned()),
        ("a b", format!("unable to parse requirement: found 'b', {operators}")),
        ("in (x)", format!("unable to parse requirement: found '(', {operators}")),
        ("a!b", format!("unable to parse requirement: found '!', {operators}")),
        ("!", "unable to parse requirement: found '', expected: identifier".to_owned()),
        ("a=(b)", "unable to parse requirement: found '(', expected: identifier".to_owned()),
        ("a===b", "unable to parse requirement: found '=', expected: identifier".to_owned()),
        ("a>=1", "unable to parse requirement: found '=', expected: identifier".to_owned()),
        (
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"
                .to_owned(),
        ),
        ("a=$x", format!("unable to parse requirement: {}", value("$x"))),
        ("a=ü", format!("unable to parse requirement: {}", value("ü"))),
        ("-a=b", format!("unable to parse requirement: <nil>: Invalid value: \"-a\": name part {NAME_PART}")),
        ("/a", "unable to parse requirement: <nil>: Invalid value: \"/a\": prefix part must be non-empty".to_owned()),
        (
            "a/=b",
            format!(
                "unable to parse requirement: <nil>: Invalid value: \"a/\": name part must be non-empty; name part {NAME_PART}"
            ),
        ),
        ("A.B/c", format!("unable to parse requirement: <nil>: Invalid value: \"A.B/c\": prefix part {SUBDOMAIN}")),
    ];
    for (selector, words) in cases {
        let refused = LabelSelector::parse(selector).unwrap_err();
        assert_eq!((refused.code, refused.message), (400, words), "{selector}");
    }
    let long = format!("a={}", "b".repeat(64));
    assert!(
        LabelSelector::parse(&long)
            .unwrap_err()
            .message
            .contains("must be no more than 63 bytes")
    );
}

/// One requirement as a person would say it: key, operator, values.
type Said = (&'static str, &'static str, Vec<&'static str>);

fn said() -> impl Strategy<Value = Said> {
    let key = prop::sample::select(vec!["a", "b", "in", "x.io/c"]);
    let operator = prop::sample::select(vec!["exists", "!", "=", "==", "!=", "in", "notin", ">", "<"]);
    let values = vec(prop::sample::select(vec!["", "v", "notin", "1", "2", "30"]), 1..4);
    (key, operator, values).prop_map(|(key, operator, mut values)| {
        if matches!(operator, ">" | "<") {
            values = vec!["2"];
        }
        (key, operator, values)
    })
}

fn written((key, operator, values): &Said, space: &str) -> String {
    match *operator {
        "exists" => (*key).to_owned(),
        "!" => format!("!{space}{key}"),
        "in" | "notin" => format!("{key} {operator}{space}({})", values.join(&format!("{space},"))),
        sign => format!("{key}{space}{sign}{space}{}", values[0]),
    }
}

fn holds((key, operator, values): &Said, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(*key).map(String::as_str);
    let number = value.and_then(|value| value.parse::<i64>().ok());
    match *operator {
        "exists" => value.is_some(),
        "!" => value.is_none(),
        "=" | "==" => value == Some(values[0]),
        "!=" => value != Some(values[0]),
        "in" => value.is_some_and(|value| values.contains(&value)),
        "notin" => !value.is_some_and(|value| values.contains(&value)),
        ">" => number.is_some_and(|number| number > 2),
        _ => number.is_some_and(|number| number < 2),
    }
}

/// Writes a requirement that was read, in one way of several.
fn text(requirement: &Requirement) -> String {
    let key = &requirement.key;
    let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(",");
    match &requirement.operator {
        Operator::Exists => key.clone(),
        Operator::Absent => format!("!{key}"),
        Operator::In(values) => format!("{key} in ({})", list(values)),
        Operator::NotIn(values) => format!("{key} notin ({})", list(values)),
        Operator::Above(bound) => format!("{key}>{bound}"),
        Operator::Below(bound) => format!("{key}<{bound}"),
    }
}

proptest! {
    #[test]
    fn it_matches_what_was_said(
        said in vec(said(), 0..4),
        have in btree_map(
            prop::sample::select(vec!["a".to_owned(), "b".to_owned(), "in".to_owned(), "x.io/c".to_owned()]),
            prop::sample::select(vec![String::new(), "v".to_owned(), "1".to_owned(), "30".to_owned()]),
            0..4,
        ),
        space in "[ \t]{0,2}",
    ) {
        let parts: Vec<String> = said.iter().map(|one| written(one, &space)).collect();
        let selector = parts.join(&format!("{space},{space}"));
        let parsed = LabelSelector::parse(&selector).unwrap();
        prop_assert_eq!(parsed.matches(&have.iter().collect()), said.iter().all(|one| holds(one, &have)), "{}", selector);
    }

    #[test]
    fn any_text_is_refused_or_read_and_can_be_written_again(text in "[ab=!,() in><0-9/.\t-]{0,24}|.{0,24}") {
        match LabelSelector::parse(&text) {
            Ok(parsed) => {
                let again: Vec<String> = parsed.0.iter().map(self::text).collect();
                prop_assert_eq!(LabelSelector::parse(&again.join(",")), Ok(parsed));
            }
            Err(refused) => prop_assert_eq!((refused.code, refused.reason), (400, "BadRequest")),
        }
    }
}
