//! Reads the process table of Linux: who is below a process, and how much memory that holds.
//!
//! What it returns was true a moment ago: processes come and go while it reads, and what has gone is left out.

use std::fs;
use std::path::Path;

use rustix::process::Pid;

/// Returns the children of a process, ended ones that are not reaped included.
///
/// The kernel may leave out a child while others end, so a caller that needs them all asks until none is left.
pub(super) fn children_of(parent: u32) -> Vec<Pid> {
    listed_children(parent).unwrap_or_else(|| scanned_children(parent))
}

/// Returns the resident memory of all processes below a process, without itself. Shared pages count once a process.
pub(super) fn resident_bytes_below(root: u32) -> u64 {
    let mut total_bytes = 0_u64;
    let mut to_visit = children_of(root);
    while let Some(pid) = to_visit.pop() {
        let pid = pid.as_raw_pid().unsigned_abs();
        total_bytes = total_bytes.saturating_add(resident_bytes(pid).unwrap_or(0));
        to_visit.extend(children_of(pid));
    }
    total_bytes
}

/// Reads the kernel's own list of children, one file a thread; none where the kernel was built without it.
fn listed_children(parent: u32) -> Option<Vec<Pid>> {
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{parent}/task")).ok()? {
        let list = fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
        found.extend(parse_children(&list));
    }
    Some(found)
}

/// Finds children by asking every process for its parent.
fn scanned_children(parent: u32) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let pid = parse_pid(path.file_name()?.to_str()?)?;
            (parent_of(&path)? == parent).then_some(pid)
        })
        .collect()
}

fn parent_of(process: &Path) -> Option<u32> {
    let stat = fs::read(process.join("stat")).ok()?;
    parse_parent(&String::from_utf8_lossy(&stat))
}

fn resident_bytes(pid: u32) -> Option<u64> {
    parse_resident_bytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn parse_pid(text: &str) -> Option<Pid> {
    // Pid::from_raw asserts that the number is not negative.
    text.parse::<i32>().ok().filter(|&raw| raw > 0).and_then(Pid::from_raw)
}

fn parse_children(list: &str) -> impl Iterator<Item = Pid> {
    list.split_ascii_whitespace().filter_map(parse_pid)
}

/// Returns the parent's pid from a `stat` file: the second field after the name, which is in parentheses and may hold
/// any character, spaces and parentheses included.
fn parse_parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Returns the resident set from a `status` file, which gives it in units of 1,024 bytes. A zombie has none.
fn parse_resident_bytes(status: &str) -> Option<u64> {
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    size.split_ascii_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        let table = [
            ("12 (sh) S 7 12 12 0 -1", Some(7)),
            ("12 (a b) S 7 12", Some(7)),
            ("12 (x) R 1 (y)) Z 7 12", Some(7)),
            ("12 (sh) S", None),
            ("12 sh S 7", None),
            ("", None),
        ];
        for (stat, expected) in table {
            assert_eq!(parse_parent(stat), expected, "{stat:?}");
        }
    }

    #[test]
    fn only_positive_numbers_are_children() {
        let found: Vec<i32> = parse_children("31 32 \n 0 -4 x 99999999999 33")
            .map(Pid::as_raw_pid)
            .collect();
        assert_eq!(found, [31, 32, 33]);
    }

    #[test]
    fn the_resident_set_is_read_in_bytes() {
        let status = "Name:\tsh\nVmHWM:\t    9999 kB\nVmRSS:\t    1200 kB\nRssAnon:\t 100 kB\n";
        assert_eq!(parse_resident_bytes(status), Some(1_228_800));
        assert_eq!(parse_resident_bytes("Name:\tsh\nState:\tZ (zombie)\n"), None);
    }
}
