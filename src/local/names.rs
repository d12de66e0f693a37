//! What names, labels and keys may look like, in upstream's words. Pure: text in, what is wrong with it out. What they are names
//! of is not known here: objects and selectors are checked by the same rules.

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
/// What a DNS subdomain is.
pub(super) const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
/// What the name in a key is.
pub(super) const NAME_PART: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
/// What the value of a label is.
pub(super) const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const DATA_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

const LABEL_MAX: usize = 63;
const SUBDOMAIN_MAX: usize = 253;

/// A DNS label, such as the name of a container.
pub(super) fn dns_label(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, LABEL_MAX, "characters");
    if !is_dns_label(text) {
        let has_dots = is_subdomain(text);
        wrong.push(if has_dots { "must not contain dots" } else { LABEL }.to_owned());
    }
    wrong
}

/// A DNS subdomain, such as the name of most objects.
pub(super) fn dns_subdomain(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, SUBDOMAIN_MAX, "characters");
    if !is_subdomain(text) {
        wrong.push(SUBDOMAIN.to_owned());
    }
    wrong
}

/// The key of a label or an annotation: a name with an optional domain before it.
pub(super) fn qualified(key: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut parts = key.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => name,
        (Some(prefix), Some(name), None) => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                let prefix = too_long(prefix, SUBDOMAIN_MAX, "bytes")
                    .into_iter()
                    .chain((!is_subdomain(prefix)).then(|| SUBDOMAIN.to_owned()));
                wrong.extend(prefix.map(|words| format!("prefix part {words}")));
            }
            name
        }
        _ => {
            return vec![format!(
                "a valid label key {NAME_PART} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    }
    wrong.extend(
        too_long(name, LABEL_MAX, "bytes")
            .iter()
            .map(|words| format!("name part {words}")),
    );
    if !is_label_text(name) {
        wrong.push(format!("name part {NAME_PART}"));
    }
    wrong
}

/// The value of a label.
pub(super) fn label_value(value: &str) -> Vec<String> {
    let mut wrong = too_long(value, LABEL_MAX, "bytes");
    if !value.is_empty() && !is_label_text(value) {
        wrong.push(LABEL_VALUE.to_owned());
    }
    wrong
}

/// A key of a `ConfigMap` or a Secret, which becomes a file's name.
pub(super) fn data_key(key: &str) -> Vec<String> {
    let mut wrong = too_long(key, SUBDOMAIN_MAX, "characters");
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if key.is_empty() || !key.bytes().all(is_inner) {
        wrong.push(DATA_KEY.to_owned());
    }
    match key {
        "." => wrong.push("must not be '.'".to_owned()),
        ".." => wrong.push("must not be '..'".to_owned()),
        _ if key.starts_with("..") => wrong.push("must not start with '..'".to_owned()),
        _ => {}
    }
    wrong
}

fn too_long(text: &str, max: usize, unit: &str) -> Vec<String> {
    let words = (text.len() > max).then(|| format!("must be no more than {max} {unit}"));
    words.into_iter().collect()
}

/// Tells whether this is a DNS label, but for its length.
fn is_dns_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

fn is_label_text(text: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric());
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes().all(is_inner) && is_end(text.bytes().next()) && is_end(text.bytes().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keys_and_values() {
        type Check = fn(&str) -> Vec<String>;
        let long = "a".repeat(64);
        let cases: [(Check, &str, &[&str]); 15] = [
            (dns_label, "my-name", &[]),
            (dns_label, "a.b", &["must not contain dots"]),
            (dns_label, "A.b", &["a lowercase RFC 1123 label"]),
            (dns_label, &long, &["must be no more than 63 characters"]),
            (dns_subdomain, "a.b", &[]),
            (dns_subdomain, "a..b", &["a lowercase RFC 1123 subdomain"]),
            (qualified, "example.com/My_Name.1", &[]),
            (qualified, "/a", &["prefix part must be non-empty"]),
            (qualified, "A/b", &["prefix part a lowercase RFC 1123 subdomain"]),
            (qualified, "a b", &["name part must consist of"]),
            (qualified, "x/y/z", &["a valid label key must consist of"]),
            (label_value, "", &[]),
            (label_value, "-", &["a valid label must be"]),
            (data_key, "a b", &["a valid config key"]),
            (data_key, "..a", &["must not start with '..'"]),
        ];
        for (check, text, want) in cases {
            let found = check(text);
            assert_eq!(found.len(), want.len(), "{text}: {found:?}");
            for (found, want) in found.iter().zip(want) {
                assert!(found.starts_with(want), "{text}: {found}");
            }
        }
    }
}
