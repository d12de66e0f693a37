//! Labels, node selectors and tolerations, by Kubernetes' own grammar.

use serde::{Deserialize, Serialize};

use super::error::{Field, PlanError};

const SELECTOR_VALID: &str = "KEY=VALUE, both as Kubernetes allows in labels, such as disk=ssd";
const TOLERATION_VALID: &str =
    "KEY, KEY=VALUE, KEY:EFFECT or KEY=VALUE:EFFECT with NoSchedule, PreferNoSchedule or NoExecute as EFFECT";

/// Tells whether the text is a DNS label of at most this many characters.
pub fn is_dns_label(text: &str, chars_max: usize) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty()
        && text.len() <= chars_max
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Tells whether the text is the key of a label: a name of at most 63 characters, perhaps after a DNS subdomain and
/// `/`.
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((domain, name)) => {
            domain.len() <= 253 && domain.split('.').all(|part| is_dns_label(part, 253)) && is_name(name)
        }
        None => is_name(text),
    }
}

/// Tells whether the text is the value of a label: empty, or a name of at most 63 characters.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

fn is_name(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().copied().all(inside)
}

/// Reads one label that nodes must have, as `KEY=VALUE`.
pub fn selector(text: &str) -> Result<(String, String), PlanError> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| PlanError::invalid_text(Field::NodeSelector, text, SELECTOR_VALID))?;
    check_selector(key, value)?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Checks one label that nodes must have.
pub fn check_selector(key: &str, value: &str) -> Result<(), PlanError> {
    if is_label_key(key) && is_label_value(value) {
        Ok(())
    } else {
        Err(PlanError::invalid_text(
            Field::NodeSelector,
            &format!("{key}={value}"),
            SELECTOR_VALID,
        ))
    }
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaintEffect {
    /// New pods are not placed there.
    NoSchedule,
    /// New pods are placed elsewhere if possible.
    PreferNoSchedule,
    /// New pods are not placed there, and running ones are evicted.
    NoExecute,
}

impl TaintEffect {
    const ALL: [Self; 3] = [Self::NoSchedule, Self::PreferNoSchedule, Self::NoExecute];

    /// Returns the effect in Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

/// A taint of nodes that the workers tolerate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toleration {
    /// The taint's key.
    pub key: String,
    /// The taint's value; none tolerates any value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The taint's effect; none tolerates every effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
}

impl Toleration {
    /// Reads a toleration as `KEY[=VALUE][:EFFECT]`.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let refuse = || PlanError::invalid_text(Field::Toleration, text, TOLERATION_VALID);
        let (taint, effect) = match text.split_once(':') {
            Some((taint, name)) => (
                taint,
                Some(
                    TaintEffect::ALL
                        .into_iter()
                        .find(|effect| effect.as_str() == name)
                        .ok_or_else(refuse)?,
                ),
            ),
            None => (text, None),
        };
        let (key, value) = match taint.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (taint, None),
        };
        let toleration = Self {
            key: key.to_owned(),
            value,
            effect,
        };
        toleration.check()?;
        Ok(toleration)
    }

    /// Checks key and value. A key is required: an empty one would tolerate every taint, also that of a node that is
    /// lost.
    pub fn check(&self) -> Result<(), PlanError> {
        if is_label_key(&self.key) && self.value.as_deref().is_none_or(is_label_value) {
            return Ok(());
        }
        let given = format!("{}={}", self.key, self.value.as_deref().unwrap_or_default());
        Err(PlanError::invalid_text(Field::Toleration, &given, TOLERATION_VALID))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_label() {
        for (text, key, value) in [
            ("disk=ssd", "disk", "ssd"),
            ("node.kubernetes.io/gpu=A100_80", "node.kubernetes.io/gpu", "A100_80"),
            ("role=", "role", ""),
        ] {
            assert_eq!(selector(text), Ok((key.to_owned(), value.to_owned())));
        }
        let long = format!("k={}", "v".repeat(64));
        for bad in [
            "",
            "disk",
            "=ssd",
            "a/b/c=d",
            "/a=b",
            "UP/a=b",
            "k=a b",
            "k=-a",
            "k=a=b",
            long.as_str(),
        ] {
            assert!(selector(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_toleration_has_a_key_and_perhaps_more() {
        let toleration = |key: &str, value: Option<&str>, effect| Toleration {
            key: key.to_owned(),
            value: value.map(str::to_owned),
            effect,
        };
        for (text, expected) in [
            ("spot", toleration("spot", None, None)),
            ("spot=true", toleration("spot", Some("true"), None)),
            (
                "example.org/spot:NoExecute",
                toleration("example.org/spot", None, Some(TaintEffect::NoExecute)),
            ),
            (
                "spot=:PreferNoSchedule",
                toleration("spot", Some(""), Some(TaintEffect::PreferNoSchedule)),
            ),
            (
                "spot=true:NoSchedule",
                toleration("spot", Some("true"), Some(TaintEffect::NoSchedule)),
            ),
        ] {
            assert_eq!(Toleration::parse(text), Ok(expected), "{text:?}");
        }
        for bad in [
            "",
            ":NoSchedule",
            "=true",
            "spot:",
            "spot:noschedule",
            "spot=a b",
            "spot:NoSchedule:NoExecute",
        ] {
            assert!(Toleration::parse(bad).is_err(), "{bad:?}");
        }
    }
}
