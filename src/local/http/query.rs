//! The query of a request: parameters by name, decoded.

use std::collections::HashMap;

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

    /// Returns a flag: `true`, `1`, or present without a value.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.0
            .get(name)
            .is_some_and(|v| matches!(v.as_str(), "" | "true" | "1"))
    }

    /// Returns a number, or refuses what is not one.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Status> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|e| Status::bad_request(format!("invalid value {text:?} of parameter {name}: {e}")))
    }

    /// Tells whether the request is only to be tried.
    pub(super) fn dry_run(&self) -> Result<bool, Status> {
        match self.get("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => Err(Status::bad_request(format!(
                "Invalid value: {other:?}: supported values of dryRun: \"All\""
            ))),
        }
    }
}

/// Decodes `%41` and `+`; what is malformed stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let hex = |b: &u8| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
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
        assert!(Query::parse("limit=x").number("limit").is_err());
    }
}
