//! The result of one completion index, as one line of JSON in the termination message.
//!
//! Guarantees: a message that is cut, garbled or of another version is an error that says so, never a value, because a
//! checksum covers every byte before it; reading never panics. Not guaranteed: that the value is right or belongs to
//! the run; whoever reads compares `job_uid`, `index` and the range with what was asked for.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::number::decimal;
use super::{RESULT_BYTES_MAX, is_name};
use crate::shard::CompletionIndex;

/// The version of the result's shape that is written and read here.
pub const RESULT_VERSION: u32 = 1;

/// What stands between the bytes that are summed and their checksum.
const BEFORE_CHECKSUM: &str = ",\"checksum\":\"";

/// What stands after the checksum.
const AFTER_CHECKSUM: &str = "\"}";

/// The hexadecimal digits of a checksum.
const CHECKSUM_DIGITS: usize = 16;

/// The result of one completion index.
///
/// It is only read by [`ResultMessage::parse`], which verifies the checksum; the derived reading does not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultMessage {
    /// The version of this shape, [`RESULT_VERSION`].
    pub version: u32,
    /// The uid of the Job, a name as of [`is_name`].
    pub job_uid: String,
    /// The completion index.
    pub index: CompletionIndex,
    /// The first parameter.
    pub start: u64,
    /// The parameter after the last.
    pub end: u64,
    /// How many parameters were computed.
    pub processed: u64,
    /// The value, a decimal string in JSON.
    #[serde(with = "decimal")]
    pub value: i128,
    /// The kernel's name, a name as of [`is_name`].
    pub kernel: String,
    /// How long the worker computed, in milliseconds.
    pub elapsed_ms: u64,
    /// For how long a CPU limit held it back, in milliseconds, where that is known.
    pub throttled_ms: Option<u64>,
}

/// Why a termination message is not a result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResultError {
    /// There is none.
    #[error("the termination message is empty")]
    Empty,
    /// It is longer than a result can be.
    #[error("the termination message has {bytes} bytes, a result has at most {RESULT_BYTES_MAX}")]
    TooLong {
        /// The bytes of the message.
        bytes: usize,
    },
    /// It does not end as a result does.
    #[error("the termination message does not end with a checksum: it is cut off, or not a result")]
    NoChecksum,
    /// Its checksum is that of other bytes.
    #[error("the checksum of the termination message does not match: it says {said}, its bytes give {computed}")]
    Checksum {
        /// The checksum in the message, 16 hexadecimal digits.
        said: String,
        /// The checksum of the bytes before it.
        computed: String,
    },
    /// Its shape is not a result's.
    #[error("the termination message is not a result: {0}")]
    NotAResult(String),
    /// It was written by another version of the worker.
    #[error("the termination message is of version {version}, only version {RESULT_VERSION} can be read")]
    Version {
        /// The version it says.
        version: u32,
    },
    /// A name in it is none.
    #[error("the {field} of the termination message is not a name of 1 to 253 of a-z, 0-9, '.' and '-'")]
    Name {
        /// The field.
        field: &'static str,
    },
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl ResultMessage {
    /// Writes the result as one line of JSON, without a line end; at most 1,024 bytes when its names are names.
    pub fn to_json(&self) -> String {
        let Self {
            version,
            index,
            start,
            end,
            processed,
            value,
            elapsed_ms,
            ..
        } = self;
        let (job_uid, kernel) = (Value::from(self.job_uid.as_str()), Value::from(self.kernel.as_str()));
        let mut json = format!(
            "{{\"version\":{version},\"job_uid\":{job_uid},\"index\":{index},\"start\":{start},\"end\":{end},\
             \"processed\":{processed},\"value\":\"{value}\",\"kernel\":{kernel},\"elapsed_ms\":{elapsed_ms}"
        );
        if let Some(throttled_ms) = self.throttled_ms {
            // Writing to a string cannot fail.
            write!(json, ",\"throttled_ms\":{throttled_ms}").ok();
        }
        let checksum = checksum(json.as_bytes());
        json.push_str(BEFORE_CHECKSUM);
        json.push_str(&checksum);
        json.push_str(AFTER_CHECKSUM);
        json
    }

    /// Reads a termination message. One line end after the result is allowed, nothing else around it.
    pub fn parse(message: &str) -> Result<Self, ResultError> {
        let text = message.strip_suffix('\n').unwrap_or(message);
        if text.is_empty() {
            return Err(ResultError::Empty);
        }
        if text.len() > RESULT_BYTES_MAX {
            return Err(ResultError::TooLong { bytes: text.len() });
        }
        let body = verified_body(text)?;
        let Versioned { version } = from_json(&body)?;
        if version != RESULT_VERSION {
            return Err(ResultError::Version { version });
        }
        let result: Self = from_json(&body)?;
        for (field, name) in [("job_uid", &result.job_uid), ("kernel", &result.kernel)] {
            if !is_name(name) {
                return Err(ResultError::Name { field });
            }
        }
        Ok(result)
    }
}

/// Returns the first 16 hexadecimal digits of the SHA-256 of these bytes.
pub fn checksum(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let head = digest
        .iter()
        .take(CHECKSUM_DIGITS / 2)
        .fold(0_u64, |head, byte| (head << 8) | u64::from(*byte));
    format!("{head:016x}")
}

/// Splits off the checksum, verifies it, and closes the object that is left.
fn verified_body(text: &str) -> Result<String, ResultError> {
    let (body, said) = text
        .strip_suffix(AFTER_CHECKSUM)
        .and_then(|open| open.rsplit_once(BEFORE_CHECKSUM))
        .filter(|(_, said)| said.len() == CHECKSUM_DIGITS && said.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .ok_or(ResultError::NoChecksum)?;
    let computed = checksum(body.as_bytes());
    if said != computed {
        return Err(ResultError::Checksum {
            said: said.to_owned(),
            computed,
        });
    }
    Ok(format!("{body}}}"))
}

fn from_json<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, ResultError> {
    serde_json::from_str(text).map_err(|error| ResultError::NotAResult(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::NAME_BYTES_MAX;
    use super::*;

    fn result() -> ResultMessage {
        ResultMessage {
            version: RESULT_VERSION,
            job_uid: "3f1c9f2e-7a54-4d6e-8a51-0d3b9c1e2f40".to_owned(),
            index: CompletionIndex(2),
            start: 6_666_667,
            end: 10_000_000,
            processed: 3_333_333,
            value: 215_000,
            kernel: "primes".to_owned(),
            elapsed_ms: 1_234,
            throttled_ms: Some(56),
        }
    }

    /// Closes an object with a right checksum, whatever is in it.
    fn sealed(body: &str) -> String {
        format!("{body}{BEFORE_CHECKSUM}{}{AFTER_CHECKSUM}", checksum(body.as_bytes()))
    }

    #[test]
    fn the_result_has_this_exact_shape() {
        let body = "{\"version\":1,\"job_uid\":\"3f1c9f2e-7a54-4d6e-8a51-0d3b9c1e2f40\",\"index\":2,\"start\":6666667,\
                    \"end\":10000000,\"processed\":3333333,\"value\":\"215000\",\"kernel\":\"primes\",\"elapsed_ms\":1234";
        assert_eq!(result().to_json(), sealed(&format!("{body},\"throttled_ms\":56")));
        let unthrottled = ResultMessage {
            throttled_ms: None,
            ..result()
        };
        assert_eq!(unthrottled.to_json(), sealed(body));
        assert_eq!(checksum(b"abc"), "ba7816bf8f01cfea");
    }

    #[test]
    fn the_largest_result_is_within_the_limit() {
        let name = "n".repeat(NAME_BYTES_MAX);
        let largest = ResultMessage {
            version: RESULT_VERSION,
            job_uid: name.clone(),
            index: CompletionIndex(u32::MAX),
            start: u64::MAX,
            end: u64::MAX,
            processed: u64::MAX,
            value: i128::MIN,
            kernel: name,
            elapsed_ms: u64::MAX,
            throttled_ms: Some(u64::MAX),
        };
        let json = largest.to_json();
        assert!(json.len() <= RESULT_BYTES_MAX, "{}", json.len());
        assert_eq!(ResultMessage::parse(&json), Ok(largest));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = result().to_json();
        let (body, _) = good.rsplit_once(BEFORE_CHECKSUM).unwrap();
        let cases = [
            (String::new(), "is empty"),
            ("\n".to_owned(), "is empty"),
            ("x".repeat(1_025), "has 1025 bytes"),
            (good.split_at(1).1.to_owned(), "does not match"),
            (
                good.split_at(good.len() - 1).0.to_owned(),
                "does not end with a checksum",
            ),
            (good.split_at(40).0.to_owned(), "does not end with a checksum"),
            (format!("{good}\n\n"), "does not end with a checksum"),
            (good.replace("215000", "215001"), "does not match"),
            (sealed("panicked at worker"), "not a result"),
            (
                sealed(&body.replace("\"version\":1", "\"version\":2,\"extra\":0")),
                "version 2",
            ),
            (sealed(&format!("{body},\"extra\":1")), "unknown field"),
            (sealed(&format!("{body},\"index\":3")), "duplicate field"),
            (sealed(&body.replace("\"215000\"", "215000")), "not a result"),
            (sealed(&body.replace("\"215000\"", "\"2e5\"")), "not a decimal integer"),
            (sealed(&body.replace("\"index\":2", "\"index\":-2")), "not a result"),
            (sealed(&body.replace("primes", "\\u001b[2J")), "the kernel of"),
            (sealed(&body.replace("3f1c9f2e", "$(JOB_UID)")), "the job_uid of"),
        ];
        for (message, words) in cases {
            let error = ResultMessage::parse(&message).unwrap_err().to_string();
            assert!(error.contains(words), "{message:?}: {error}");
        }
        assert_eq!(ResultMessage::parse(&format!("{good}\n")), Ok(result()));
    }

    fn any_result() -> impl Strategy<Value = ResultMessage> {
        let numbers = (any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<i128>());
        let name = "[a-z0-9.-]{1,253}";
        (numbers, name, name, any::<u64>(), any::<Option<u64>>()).prop_map(
            |((index, start, end, processed, value), job_uid, kernel, elapsed_ms, throttled_ms)| ResultMessage {
                version: RESULT_VERSION,
                job_uid,
                index: CompletionIndex(index),
                start,
                end,
                processed,
                value,
                kernel,
                elapsed_ms,
                throttled_ms,
            },
        )
    }

    /// A field of a result with a value of a result, mostly; or else with one that no result has.
    fn field() -> impl Strategy<Value = String> {
        let name = [
            "version",
            "job_uid",
            "index",
            "start",
            "end",
            "processed",
            "value",
            "kernel",
            "elapsed_ms",
            "throttled_ms",
            "extra",
        ];
        let value = [
            "1",
            "1",
            "1",
            "\"1\"",
            "\"1\"",
            "\"primes\"",
            "null",
            "-1",
            "1e3",
            "1.5",
            "18446744073709551616",
            "true",
            "[[[[[[]]]]]]",
            "{}",
            "\"\"",
            "\"\\u001b[31m\"",
            "\"\\u0000\"",
            "\"-170141183460469231731687303715884105729\"",
            "",
        ];
        let (name, value) = (
            proptest::sample::select(name.to_vec()),
            proptest::sample::select(value.to_vec()),
        );
        (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"))
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        for open in ["[", "{\"a\":", "{\"version\":["] {
            let deep = open.repeat(RESULT_BYTES_MAX / open.len());
            assert!(ResultMessage::parse(&deep).is_err());
            let body = open.repeat((RESULT_BYTES_MAX - 40) / open.len());
            assert!(ResultMessage::parse(&sealed(&body)).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn results_come_back(result in any_result()) {
            let json = result.to_json();
            prop_assert!(json.len() <= RESULT_BYTES_MAX && !json.contains('\n'));
            prop_assert_eq!(ResultMessage::parse(&json), Ok(result));
        }

        #[test]
        fn a_changed_byte_never_changes_the_result(result in any_result(), at: prop::sample::Index, byte in 0..128_u8) {
            let mut bytes = result.to_json().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(parsed) = ResultMessage::parse(&String::from_utf8(bytes).unwrap()) {
                prop_assert_eq!(parsed, result);
            }
        }

        #[test]
        fn a_cut_result_is_none(result in any_result(), at: prop::sample::Index) {
            let json = result.to_json();
            let (head, tail) = json.split_at(at.index(json.len()));
            prop_assert!(ResultMessage::parse(head).is_err());
            prop_assert!(head.is_empty() || ResultMessage::parse(tail).is_err());
        }

        #[test]
        fn whatever_is_sealed_is_a_whole_result_or_an_error(fields in proptest::collection::vec(field(), 0..14)) {
            if let Ok(parsed) = ResultMessage::parse(&sealed(&format!("{{{}", fields.join(",")))) {
                prop_assert_eq!(parsed.version, RESULT_VERSION);
                prop_assert!(is_name(&parsed.job_uid) && is_name(&parsed.kernel));
                prop_assert_eq!(ResultMessage::parse(&parsed.to_json()), Ok(parsed));
            }
        }

        #[test]
        fn garbage_is_an_error(garbage: String) {
            prop_assert!(ResultMessage::parse(&garbage).is_err());
            prop_assert!(ResultMessage::parse(&sealed(&garbage)).is_err());
        }
    }
}
