//! Finds a run by its name, the name of a rerun's Job, or the beginning of its name. Pure.

use super::error::FindError;
use crate::plan::{Rerun, RunId};

/// How alike two names must be, between 0 and 1, for one to be offered in place of the other.
const ALIKE_MIN: f64 = 0.6;

/// Returns the run that is asked for. `runs` must have the newest first.
pub fn find(asked: &str, runs: &[RunId]) -> Result<RunId, FindError> {
    let exact = runs.iter().find(|run| run.as_str() == asked);
    let of_rerun = || runs.iter().find(|run| Rerun::is_job_of(run, asked));
    if let Some(named) = exact.or_else(of_rerun) {
        return Ok(named.clone());
    }
    let matching: Vec<&RunId> = runs.iter().filter(|run| run.as_str().starts_with(asked)).collect();
    match matching.as_slice() {
        [] => Err(FindError::Unknown {
            asked: asked.to_owned(),
            nearest: nearest(asked, runs),
        }),
        [only] => Ok((*only).clone()),
        several => Err(FindError::Ambiguous {
            asked: asked.to_owned(),
            runs: several.iter().copied().cloned().collect(),
        }),
    }
}

fn nearest(asked: &str, runs: &[RunId]) -> Option<RunId> {
    runs.iter()
        .map(|run| (likeness(asked, run.as_str()), run))
        .filter(|(likeness, _)| *likeness >= ALIKE_MIN)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, run)| run.clone())
}

/// Says how alike two names are. A part of a name is as good as the name: people remember the random end of it.
fn likeness(asked: &str, name: &str) -> f64 {
    if name.contains(asked) {
        1.0
    } else {
        strsim::jaro_winkler(asked, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_one_run_or_says_why_not() {
        let runs = ["ttg-primes-7f3a", "ttg-primes-7f", "ttg-pi-x2k9"].map(|name| RunId::parse(name).unwrap());
        let table = [
            ("ttg-primes-7f", "ttg-primes-7f"),
            ("ttg-primes-7f3", "ttg-primes-7f3a"),
            ("ttg-pi", "ttg-pi-x2k9"),
            ("ttg-pi-x2k9-r12", "ttg-pi-x2k9"),
            (
                "ttg-pr",
                "\"ttg-pr\" could be any of 2 runs: ttg-primes-7f3a, ttg-primes-7f; type more of the name",
            ),
            ("x2k9", "no run begins with \"x2k9\"; the nearest is ttg-pi-x2k9"),
            (
                "ttg-primes-7g3a",
                "no run begins with \"ttg-primes-7g3a\"; the nearest is ttg-primes-7f3a",
            ),
            ("@@@", "no run begins with \"@@@\""),
        ];
        for (asked, expected) in table {
            let found = find(asked, &runs).map_or_else(|why| why.to_string(), |run| run.to_string());
            assert_eq!(found, expected, "{asked}");
        }
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let runs: Vec<RunId> = (0..12).map(|n| RunId::parse(&format!("run-{n:02}")).unwrap()).collect();
        let said = find("run", &runs).unwrap_err().to_string();
        assert!(
            said.starts_with("\"run\" could be any of 12 runs: run-00, ") && said.contains("run-09, and 2 more;"),
            "{said}"
        );
    }
}
