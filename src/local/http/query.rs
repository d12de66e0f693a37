//! The query of a request: parameters by name, decoded.

use std::collections::HashMap;
use std::num::{IntErrorKind, ParseIntError};

use crate::local::status::Status;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Query(HashMap<String, String>);

impl Query {
    /// Parses a raw query; of a parameter that is given twice the first counts.
    pub(super) fn parse(raw: &str) -> Self {
        let mut all = HashMap::new();
        for pair in raw.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            all.entry(decode(name)).or_insert_with(|| decode(value));
        }
        Self(all)
    }

    /// Returns a parameter; empty ones count as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Returns a flag: present, and not `false` or `0`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.0
            .get(name)
            .is_some_and(|v| v != "0" && !v.eq_ignore_ascii_case("false"))
    }

    /// Returns a number that is not negative, or refuses what is not one.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Status> {
        let Some(number) = self.integer(name)? else {
            return Ok(None);
        };
        u64::try_from(number)
            .map(Some)
            .map_err(|e| Status::bad_request(format!("invalid value {number} of parameter {name}: {e}")))
    }

    /// Returns a number, or refuses what is not one, in the words of Go.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Status> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|e: ParseIntError| {
            let is_too_large = matches!(e.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow);
            let why = if is_too_large {
                "value out of range"
            } else {
                "invalid syntax"
            };
            Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
        })
    }
}

/// Decodes a part of a query: `%41`, and `+` for a space.
fn decode(text: &str) -> String {
    percent_decode(&text.replace('+', " "))
}

/// Decodes `%41`; what is malformed stays as it is.
pub(super) fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let hex = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("labelSelector=a%2Fb%3Dc%2Cd+in+%28e%29&watch=1&limit=5&x=%4&follow");
        assert_eq!(query.get("labelSelector"), Some("a/b=c,d in (e)"));
        assert!(query.flag("watch") && query.flag("follow") && !query.flag("none"));
        assert_eq!(query.number("limit"), Ok(Some(5)));
        assert_eq!(query.get("x"), Some("%4"));
        for (raw, want) in [
            ("n=x", "strconv.ParseInt: parsing \"x\": invalid syntax"),
            (
                "n=99999999999999999999",
                "strconv.ParseInt: parsing \"99999999999999999999\": value out of range",
            ),
        ] {
            assert_eq!(Query::parse(raw).number("n").unwrap_err().message, want);
        }
        assert_eq!(Query::parse("n=-1").integer("n"), Ok(Some(-1)));
        assert!(Query::parse("n=-1").number("n").is_err());
        assert!(Query::parse("w=x").flag("w") && !Query::parse("w=False").flag("w"));
    }
}
