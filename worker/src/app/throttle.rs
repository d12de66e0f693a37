//! For how long a CPU limit has held this container back, as its control group counts it.
//!
//! Not guaranteed to be known: not on macOS, not without a CPU limit, not where the control group is hidden. Outside a
//! container the number is that of the whole group the process is in, and may include others.

use std::fs;
use std::time::Duration;

/// Where a container sees the counters of its own group: cgroup v2 first, then v1.
const FILES: [&str; 3] = [
    "/sys/fs/cgroup/cpu.stat",
    "/sys/fs/cgroup/cpu/cpu.stat",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.stat",
];

/// Reads the time that this container was held back so far.
pub(super) fn read() -> Option<Duration> {
    FILES.iter().find_map(|file| parse(&fs::read_to_string(file).ok()?))
}

/// Finds the time in a `cpu.stat` file: microseconds in cgroup v2, nanoseconds in v1.
fn parse(text: &str) -> Option<Duration> {
    text.lines().find_map(|line| {
        let (key, number) = line.split_once(' ')?;
        let unit: fn(u64) -> Duration = match key {
            "throttled_usec" => Duration::from_micros,
            "throttled_time" => Duration::from_nanos,
            _ => return None,
        };
        Some(unit(number.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_control_groups_are_read() {
        let v2 = "usage_usec 1207346\nuser_usec 1000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 250000\n";
        let v1 = "nr_periods 10\nnr_throttled 4\nthrottled_time 250000000\n";
        let cases = [
            (v2, Some(Duration::from_millis(250))),
            (v1, Some(Duration::from_millis(250))),
            ("usage_usec 1207346\nuser_usec 1000000\n", None),
            ("throttled_usec many\n", None),
            ("throttled_usec\n", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
