//! Label selectors: `a=b,c in (d,e),!f,g>1`, read by upstream's grammar. Pure.
//!
//! A key and a value must be such as a label can have, so a selector that can never match is refused instead of matching nothing.

use std::collections::BTreeSet;

use crate::local::names;
use crate::local::object::Labels;
use crate::local::status::Status;

/// A label selector: all of its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    Absent,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    /// Parses `a=b,c==d,e!=f,g in (h,i),j notin (k),l,!m,n>1,o<2`.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let tokens = lex(text);
        let found = Parser { rest: &tokens }.requirements();
        found.map(Self).map_err(Status::bad_request)
    }

    /// Tells whether the labels satisfy every requirement.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|r| {
            let value = labels.get(&r.key);
            let number = || value.and_then(|v| v.parse::<i64>().ok());
            match &r.operator {
                Operator::Exists => value.is_some(),
                Operator::Absent => value.is_none(),
                Operator::In(values) => value.is_some_and(|v| values.contains(v)),
                // As upstream: a label that is absent satisfies != and notin.
                Operator::NotIn(values) => value.is_none_or(|v| !values.contains(v)),
                Operator::Above(bound) => number().is_some_and(|n| n > *bound),
                Operator::Below(bound) => number().is_some_and(|n| n < *bound),
            }
        })
    }
}

/// A piece of a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    End,
    Identifier,
    Open,
    Close,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    In,
    NotIn,
}

/// The words that are not keys or values. Of two that begin alike the longer one comes first.
const WORDS: [(&str, Token); 11] = [
    ("==", Token::DoubleEquals),
    ("!=", Token::NotEquals),
    ("=", Token::Equals),
    ("!", Token::Not),
    ("(", Token::Open),
    (")", Token::Close),
    (",", Token::Comma),
    (">", Token::Greater),
    ("<", Token::Less),
    ("in", Token::In),
    ("notin", Token::NotIn),
];

const SIGNS: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

fn lex(text: &str) -> Vec<(Token, &str)> {
    // To upstream's reader a zero byte is the end.
    let mut rest = text.split('\0').next().unwrap_or_default();
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start_matches(SPACES);
        if rest.is_empty() {
            return tokens;
        }
        let length = if rest.starts_with(SIGNS) {
            let sign = WORDS.iter().find(|(word, _)| rest.starts_with(word));
            sign.map_or(rest.len(), |(word, _)| word.len())
        } else {
            let end = rest.find(|c: char| SIGNS.contains(&c) || SPACES.contains(&c));
            end.unwrap_or(rest.len())
        };
        let (word, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let known = WORDS.iter().find(|(known, _)| *known == word);
        tokens.push((known.map_or(Token::Identifier, |(_, token)| *token), word));
        rest = after;
    }
}

/// Reads requirements from what is left of the tokens. A method that fails says why, in upstream's words.
struct Parser<'t> {
    rest: &'t [(Token, &'t str)],
}

impl<'t> Parser<'t> {
    fn next_operator(&self) -> (Token, &'t str) {
        self.rest.first().copied().unwrap_or((Token::End, ""))
    }

    /// Returns the next token where a key or a value may stand: there `in` and `notin` are names as any other.
    fn next(&self) -> (Token, &'t str) {
        let (token, word) = self.next_operator();
        if matches!(token, Token::In | Token::NotIn) {
            return (Token::Identifier, word);
        }
        (token, word)
    }

    fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    fn take(&mut self) -> (Token, &'t str) {
        let next = self.next();
        self.skip();
        next
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, String> {
        let begins = |token: Token| matches!(token, Token::Identifier | Token::Not);
        let mut found = Vec::new();
        let (token, word) = self.next();
        if token == Token::End {
            return Ok(found);
        }
        if !begins(token) {
            return Err(format!("found '{word}', expected: !, identifier, or 'end of string'"));
        }
        loop {
            let requirement = self.requirement();
            found.push(requirement.map_err(|why| format!("unable to parse requirement: {why}"))?);
            let (token, word) = self.take();
            if token == Token::End {
                return Ok(found);
            }
            if token != Token::Comma {
                return Err(format!("found '{word}', expected: ',' or 'end of string'"));
            }
            let (token, word) = self.next();
            if !begins(token) {
                return Err(format!("found '{word}', expected: identifier after ','"));
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut token, mut key) = self.take();
        let is_absent = token == Token::Not;
        if is_absent {
            (token, key) = self.take();
        }
        if token != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        let problems = names::qualified(key);
        if !problems.is_empty() {
            return Err(format!("<nil>: Invalid value: {key:?}: {}", problems.join("; ")));
        }
        let operator = if is_absent {
            Operator::Absent
        } else if matches!(self.next().0, Token::End | Token::Comma) {
            Operator::Exists
        } else {
            self.operator(key)?
        };
        Ok(Requirement {
            key: key.to_owned(),
            operator,
        })
    }

    fn operator(&mut self, key: &str) -> Result<Operator, String> {
        let (token, word) = self.next_operator();
        self.skip();
        match token {
            Token::In => Ok(Operator::In(checked(key, self.values()?)?)),
            Token::NotIn => Ok(Operator::NotIn(checked(key, self.values()?)?)),
            Token::Equals | Token::DoubleEquals => {
                let value = self.value()?;
                Ok(Operator::In(checked(key, BTreeSet::from([value]))?))
            }
            Token::NotEquals => {
                let value = self.value()?;
                Ok(Operator::NotIn(checked(key, BTreeSet::from([value]))?))
            }
            Token::Greater => Ok(Operator::Above(bound(key, &self.value()?)?)),
            Token::Less => Ok(Operator::Below(bound(key, &self.value()?)?)),
            Token::End | Token::Identifier | Token::Open | Token::Close | Token::Comma | Token::Not => {
                Err(format!("found '{word}', expected: in, notin, =, ==, !=, gt, lt"))
            }
        }
    }

    /// Reads one value; nothing at all is the empty value.
    fn value(&mut self) -> Result<String, String> {
        if matches!(self.next().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        let (token, word) = self.take();
        if token == Token::Identifier {
            Ok(word.to_owned())
        } else {
            Err(format!("found '{word}', expected: identifier"))
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        let (token, word) = self.take();
        if token != Token::Open {
            return Err(format!("found '{word}' expected: '('"));
        }
        let (token, word) = self.next();
        if token == Token::Close {
            self.skip();
            return Ok(BTreeSet::from([String::new()]));
        }
        if !matches!(token, Token::Identifier | Token::Comma) {
            return Err(format!("found '{word}', expected: ',', ')' or identifier"));
        }
        self.list()
    }

    /// Reads values up to the closing parenthesis. Where one is left out the empty value is meant.
    fn list(&mut self) -> Result<BTreeSet<String>, String> {
        let mut values = BTreeSet::new();
        loop {
            let (token, word) = self.take();
            let (next, next_word) = self.next();
            if token == Token::Identifier {
                values.insert(word.to_owned());
                if !matches!(next, Token::Comma | Token::Close) {
                    return Err(format!("found '{next_word}', expected: ',' or ')'"));
                }
            } else if token == Token::Comma {
                if values.is_empty() || matches!(next, Token::Comma | Token::Close) {
                    values.insert(String::new());
                }
            } else {
                return Err(format!("found '{word}', expected: ',', or identifier"));
            }
            if next == Token::Close {
                self.skip();
                return Ok(values);
            }
        }
    }
}

/// Refuses values that no label can have.
fn checked(key: &str, values: BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    let problems: Vec<String> = values
        .iter()
        .enumerate()
        .filter_map(|(position, value)| value_problem(key, position, value))
        .collect();
    joined(&problems).map_or(Ok(values), Err)
}

/// Reads the number that a label's value is compared with.
fn bound(key: &str, value: &str) -> Result<i64, String> {
    let number = value.parse::<i64>();
    let words = "for 'Gt', 'Lt' operators, the value must be an integer";
    let no_number = number
        .is_err()
        .then(|| format!("values[0]: Invalid value: {value:?}: {words}"));
    let problems: Vec<String> = no_number.into_iter().chain(value_problem(key, 0, value)).collect();
    match (number, joined(&problems)) {
        (Ok(number), None) => Ok(number),
        (_, why) => Err(why.unwrap_or_default()),
    }
}

/// Joins problems as upstream does; none when there are none.
fn joined(problems: &[String]) -> Option<String> {
    match problems {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}

fn value_problem(key: &str, position: usize, value: &str) -> Option<String> {
    let problems = names::label_value(value);
    let words = problems.join("; ");
    (!problems.is_empty()).then(|| format!("values[{position}][{key}]: Invalid value: {value:?}: {words}"))
}

#[cfg(test)]
mod tests;
