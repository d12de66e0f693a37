//! The lines of the ledger, and what a file of them holds. Pure: bytes in, partials out, and what was set aside of them.
//!
//! A line is a JSON object whose last field is a checksum over the bytes before it, so that a line which was damaged
//! on disk is seen, not believed. The first line is a header that says whose ledger it is. The checksum guards
//! against accidents, not against somebody who writes one on purpose.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ttg_worker::protocol::checksum;

use crate::plan::RunId;
use crate::run::partial::{Kept, Partial, SetAside};

/// The form of the ledger.
const SCHEMA: &str = "ttg-tui/ledger/1";

/// What stands before the checksum. It cannot occur earlier in a line: inside a JSON string its quotes are escaped.
const CHECKSUM_FIELD: &str = r#","checksum":""#;

/// What stands after the checksum.
const LINE_END: &str = r#""}"#;

#[derive(Serialize, Deserialize)]
struct Header {
    schema: String,
    run: String,
}

/// A line that says which results do not count. Its field tells it from a partial.
#[derive(Serialize, Deserialize)]
struct SetAsideLine {
    set_aside: SetAside,
}

/// What a ledger's bytes hold.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The valid entries.
    pub(super) kept: Kept,
    /// Whole lines that are not valid.
    pub(super) bad_lines: u64,
    /// Where the last valid line ends. What follows is of no use, and the next line belongs here.
    pub(super) good_bytes: usize,
}

/// Writes the header line of a run's ledger.
pub(super) fn header(run: &RunId) -> serde_json::Result<String> {
    seal(&Header {
        schema: SCHEMA.to_owned(),
        run: run.to_string(),
    })
}

/// Writes the line of one partial.
pub(super) fn entry(partial: &Partial) -> serde_json::Result<String> {
    seal(partial)
}

/// Writes the line that sets results aside.
pub(super) fn set_aside(decided: &SetAside) -> serde_json::Result<String> {
    seal(&SetAsideLine {
        set_aside: decided.clone(),
    })
}

/// Reads a ledger. A last line without its end was cut short by a crash and is left out without a word.
///
/// Fails, with what the header says, only when that is valid and names another run or another form.
pub(super) fn scan(bytes: &[u8], run: &RunId) -> Result<Scan, String> {
    let mut scan = Scan::default();
    let mut position = 0;
    for (number, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        position += line.len();
        let Some(line) = line.strip_suffix(b"\n") else {
            break;
        };
        // A whole line stays, also one that another version of this program may understand.
        scan.good_bytes = position;
        let header = if number == 0 { unseal::<Header>(line) } else { None };
        if let Some(header) = header {
            check_header(&header, run)?;
        } else if let Some(partial) = unseal::<Partial>(line) {
            scan.kept.partials.push(partial);
        } else if let Some(SetAsideLine { set_aside }) = unseal(line) {
            scan.kept.set_aside.push(set_aside);
        } else {
            scan.bad_lines += 1;
        }
    }
    Ok(scan)
}

fn check_header(header: &Header, run: &RunId) -> Result<(), String> {
    if header.schema != SCHEMA {
        Err(format!(
            "it is of the form {:?}, this program writes {SCHEMA:?}",
            header.schema
        ))
    } else if header.run != run.as_str() {
        Err(format!("it is the ledger of {:?}, not of {run}", header.run))
    } else {
        Ok(())
    }
}

/// Turns a value that serializes to a JSON object with fields into a line that carries its checksum.
fn seal<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    let body = json.strip_suffix('}').unwrap_or(&json);
    let checksum = checksum(body.as_bytes());
    Ok(format!("{body}{CHECKSUM_FIELD}{checksum}{LINE_END}\n"))
}

/// Reads a line without its line end; none when the checksum or the form is wrong.
fn unseal<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let line = str::from_utf8(line).ok()?;
    let (body, rest) = line.rsplit_once(CHECKSUM_FIELD)?;
    let claimed = rest.strip_suffix(LINE_END)?;
    if checksum(body.as_bytes()) == claimed {
        serde_json::from_str(line).ok()
    } else {
        None
    }
}
