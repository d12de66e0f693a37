//! The name of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::{Field, PlanError};
use super::labels::is_dns_label;

/// The longest name: with `-` and an index of five digits a pod's hostname still is a DNS label of 63 characters.
pub const RUN_ID_CHARS_MAX: usize = 57;

/// The characters of the random part: Crockford's base 32, without letters that are taken for others.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'j', 'k', 'm', 'n', 'p',
    'q', 'r', 's', 't', 'v', 'w', 'x', 'y', 'z',
];

/// How many characters are random.
const RANDOM_CHARS: u32 = 6;

/// The longest part of a kernel's name that fits between `ttg-` and the random part.
const KERNEL_CHARS_MAX: usize = 46;

/// The name of a run: of its first Job, of that one's `ConfigMap`, and the value of the label of all of its Jobs.
///
/// It always is a DNS label of at most 57 characters, also when it was read from a file or a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        if is_dns_label(text, RUN_ID_CHARS_MAX) {
            Ok(Self(text.to_owned()))
        } else {
            let valid = format!("1 to {RUN_ID_CHARS_MAX} characters of a-z, 0-9 and -, with - neither first nor last");
            Err(PlanError::invalid_text(Field::Name, text, valid))
        }
    }

    /// Makes `ttg-<kernel>-<6 characters>` from 30 of the random bits.
    ///
    /// Characters of the kernel's name that a DNS label does not allow are left out.
    pub fn generate(kernel: &str, random: u32) -> Self {
        let allowed = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-';
        let kernel: String = kernel.chars().filter(allowed).take(KERNEL_CHARS_MAX).collect();
        let suffix: String = (0..RANDOM_CHARS)
            .map(|position| random_char(random >> (5 * position)))
            .collect();
        Self(format!("ttg-{kernel}-{suffix}"))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the character for the lowest five bits.
fn random_char(bits: u32) -> char {
    usize::try_from(bits & 31)
        .ok()
        .and_then(|position| ALPHABET.get(position))
        .copied()
        .unwrap_or('0')
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RunId {
    type Error = PlanError;

    fn try_from(text: String) -> Result<Self, PlanError> {
        Self::parse(&text)
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_name_is_valid_whatever_the_kernel() {
        assert_eq!(RunId::generate("primes", 0).as_str(), "ttg-primes-000000");
        assert_eq!(RunId::generate("primes", (1 << 29) | 31).as_str(), "ttg-primes-z0000g");
        let long = "k".repeat(80);
        for kernel in ["", "../Ü", "-", long.as_str()] {
            let run = RunId::generate(kernel, u32::MAX);
            assert_eq!(RunId::parse(run.as_str()), Ok(run.clone()), "{kernel:?}");
        }
    }

    #[test]
    fn a_name_leaves_room_for_the_index() {
        let longest = "a".repeat(57);
        let too_long = "a".repeat(58);
        assert!(RunId::parse(&longest).is_ok());
        for bad in ["", "-a", "a-", "a.b", "A", "a b", "..", too_long.as_str()] {
            assert!(RunId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bad_name_is_refused_on_reading() {
        assert_eq!(serde_json::from_str::<RunId>("\"ttg-a\"").unwrap().as_str(), "ttg-a");
        assert!(serde_json::from_str::<RunId>("\"../../etc\"").is_err());
        assert_eq!(
            serde_json::to_string(&RunId::parse("ttg-a").unwrap()).unwrap(),
            "\"ttg-a\""
        );
    }
}
