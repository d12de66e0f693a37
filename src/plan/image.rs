//! The grammar of image references: `[registry[:port]/]path[:tag][@digest]`, as the distribution project defines it.

use super::error::{Field, PlanError};

/// The longest name of an image without tag and digest.
const NAME_CHARS_MAX: usize = 255;

/// The longest tag.
const TAG_CHARS_MAX: usize = 128;

const VALID: &str =
    "[registry[:port]/]path[:tag][@digest] with a lowercase path, such as registry.example/team/ttg-worker:1.0";

/// Checks an image reference.
pub fn check(text: &str) -> Result<(), PlanError> {
    if is_reference(text) {
        Ok(())
    } else {
        Err(PlanError::invalid_text(Field::Image, text, VALID))
    }
}

/// Reads an image reference.
pub fn parse(text: &str) -> Result<String, PlanError> {
    check(text).map(|()| text.to_owned())
}

fn is_reference(text: &str) -> bool {
    let (tagged, digest) = match text.split_once('@') {
        Some((tagged, digest)) => (tagged, Some(digest)),
        None => (text, None),
    };
    // A colon before the last slash belongs to the registry's port.
    let (name, tag) = match tagged.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        Some(_) | None => (tagged, None),
    };
    name.len() <= NAME_CHARS_MAX && is_image_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest)
}

fn is_image_name(name: &str) -> bool {
    let is_path = |path: &str| path.split('/').all(is_path_component);
    is_path(name)
        || name
            .split_once('/')
            .is_some_and(|(registry, path)| is_registry(registry) && is_path(path))
}

/// Lowercase letters and digits, in groups joined by `.`, `_`, `__` or any number of `-`.
fn is_path_component(component: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator =
        |run: &str| matches!(run, "." | "_" | "__") || (!run.is_empty() && run.bytes().all(|b| b == b'-'));
    component.starts_with(is_alphanumeric)
        && component.ends_with(is_alphanumeric)
        && component
            .split(is_alphanumeric)
            .filter(|run| !run.is_empty())
            .all(is_separator)
}

fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (registry, None),
    };
    is_host(host) && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// A domain name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    }
}

fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= TAG_CHARS_MAX
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

/// `algorithm:hex`; the algorithms that registries use have a fixed length.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return false;
    };
    let fits = match algorithm {
        "sha256" => hex.len() == 64,
        "sha384" => hex.len() == 96,
        "sha512" => hex.len() == 128,
        _ => hex.len() >= 32,
    };
    let is_part = |part: &str| {
        part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    fits && algorithm.split(['-', '_', '+', '.']).all(is_part) && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_accepted_and_refused_as_registries_do() {
        let digest = format!("ttg-worker@sha256:{}", "0af9".repeat(16));
        let both = format!("localhost:5000/ttg-worker:1.0@sha256:{}", "0".repeat(64));
        for good in [
            "ttg-worker",
            "ttg-worker:latest",
            "localhost:5000/ttg-worker",
            "localhost:5000/ttg-worker:v1.0-rc_1",
            "registry.example/team/sub/ttg-worker:1",
            "REGISTRY.example/team/ttg",
            "[::1]:5000/ttg",
            "127.0.0.1/a__b/c.d/e---f_g",
            digest.as_str(),
            both.as_str(),
        ] {
            assert_eq!(parse(good), Ok(good.to_owned()));
        }
        let long_name = "a".repeat(256);
        let long_tag = format!("a:{}", "t".repeat(129));
        for bad in [
            "",
            "Worker",
            "team/Worker",
            "a b",
            "a:",
            "a:b:c",
            "a/",
            "/a",
            "a//b",
            "a..b",
            "a___b",
            "a._b",
            "-a",
            "a@sha256:00",
            "a@sha256",
            "a@",
            "host:port/a",
            "https://host/a",
            "a:-tag",
            "a\n",
            long_name.as_str(),
            long_tag.as_str(),
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
