//! Who may ask: whoever carries the cluster's token.
//!
//! It reads the value of one header, and knows nothing of what is asked or of connections.

use subtle::ConstantTimeEq;

/// Tells whether the value of an `Authorization` header carries the token. It is read as upstream reads it: the scheme in any
/// case, one space, the token; what follows after another space does not count.
pub(super) fn carries(value: &str, token: &str) -> bool {
    let mut words = value.trim().splitn(3, ' ');
    let scheme = words.next().unwrap_or_default();
    let given = words.next().unwrap_or_default();
    // Constant time, so that the token cannot be found out byte by byte.
    scheme.eq_ignore_ascii_case("bearer") && !given.is_empty() && bool::from(given.as_bytes().ct_eq(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That the comparison of two tokens of the same length takes the same time wherever they differ is promised by `subtle`; the
    /// length is no secret. To measure it on a machine that does other things, too, would prove nothing. What is tested is that
    /// a difference at any place is refused.
    #[test]
    fn nothing_but_the_whole_token_is_let_in() {
        let table = [
            ("Bearer secret", true),
            ("bearer secret", true),
            ("BEARER secret", true),
            (" Bearer secret ", true),
            ("Bearer secret and more", true),
            ("Bearer Secret", false),
            ("Bearer secreT", false),
            ("Bearer seXret", false),
            ("Bearer secre", false),
            ("Bearer ecret", false),
            ("Bearer secrets", false),
            ("Bearer  secret", false),
            ("Bearer\tsecret", false),
            ("Bearersecret", false),
            ("Bearer", false),
            ("Bearer ", false),
            ("secret", false),
            ("Basic secret", false),
            ("Basic Bearer secret", false),
            ("", false),
        ];
        for (value, expected) in table {
            assert_eq!(carries(value, "secret"), expected, "{value:?}");
        }
        assert!(!carries("Bearer ", ""), "an empty token is none");
    }
}
