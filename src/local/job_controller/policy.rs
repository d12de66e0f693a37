//! What a failed pod means: the Job's podFailurePolicy, and the back-off before an index is tried again.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{PodFailurePolicy, PodFailurePolicyRule};

use super::pod::PodView;

/// What the policy says of a failed pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts towards the back-off limit.
    Count,
    /// It does not count.
    Ignore,
    /// Its index fails without another try.
    FailIndex,
    /// The Job fails; the words.
    FailJob(String),
}

/// Applies the first rule that matches; without one the failure counts.
pub fn judge(policy: Option<&PodFailurePolicy>, namespace: &str, pod: &PodView) -> Verdict {
    for (i, rule) in policy.iter().flat_map(|p| p.rules.iter()).enumerate() {
        let Some(matched) = matching(rule, namespace, pod) else {
            continue;
        };
        return match rule.action.as_str() {
            "Ignore" => Verdict::Ignore,
            "FailIndex" => Verdict::FailIndex,
            "FailJob" => Verdict::FailJob(format!("{matched} matching FailJob rule at index {i}")),
            _ => Verdict::Count,
        };
    }
    Verdict::Count
}

/// Returns what of the pod matches the rule, in upstream's words.
fn matching(rule: &PodFailurePolicyRule, namespace: &str, pod: &PodView) -> Option<String> {
    let name = &pod.name;
    if let Some(codes) = &rule.on_exit_codes {
        return pod.exit_codes.iter().find_map(|(container, code)| {
            let named = codes.container_name.as_ref().is_none_or(|n| n == container);
            let listed = codes.values.contains(code);
            // Exit code 0 is no failure, whatever the operator.
            let hit = *code != 0 && if codes.operator == "NotIn" { !listed } else { listed };
            (named && hit)
                .then(|| format!("Container {container} for pod {namespace}/{name} failed with exit code {code}"))
        });
    }
    let patterns = rule.on_pod_conditions.as_deref().unwrap_or_default();
    let hit = pod
        .conditions
        .iter()
        .find(|(kind, status)| patterns.iter().any(|p| p.type_ == *kind && p.status == *status));
    hit.map(|(kind, _)| format!("Pod {namespace}/{name} has condition {kind}"))
}

/// The delay before a failed pod is replaced: base × 2^(failures − 1), at most the cap.
#[derive(Clone, Copy, Debug)]
pub struct BackOff {
    /// The first delay; upstream's is 10 s.
    pub base: SignedDuration,
    /// The longest delay; upstream's is 10 min.
    pub cap: SignedDuration,
}

impl BackOff {
    /// Returns how long to wait still, after so many failures, the last of which was then; zero when the wait is over.
    pub fn remaining(&self, failures: u32, last: Option<Timestamp>, now: Timestamp) -> SignedDuration {
        let Some(last) = last.filter(|_| failures > 0) else {
            return SignedDuration::ZERO;
        };
        let doubled = 1_i32.checked_shl((failures - 1).min(30)).unwrap_or(i32::MAX);
        let delay = self.base.checked_mul(doubled).unwrap_or(self.cap).min(self.cap);
        (delay - now.duration_since(last)).max(SignedDuration::ZERO)
    }
}

/// How a Job without limits for each index has fared lately: upstream's back-off record, which is kept in memory alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackOffRecord {
    /// How many pods have failed since the last one that succeeded.
    pub failures: u32,
    /// When the last of them failed.
    pub last_failure: Option<Timestamp>,
}

impl BackOffRecord {
    /// Returns the record after these pods have ended, by the times at which they did.
    #[must_use]
    pub fn after(self, succeeded: &[Timestamp], failed: &[Timestamp]) -> Self {
        let last_success = succeeded.iter().max();
        let since = failed.iter().filter(|f| last_success.is_none_or(|s| *f > s));
        let failures = u32::try_from(since.clone().count()).unwrap_or(u32::MAX);
        match (last_success, failed.iter().max()) {
            (None, None) => self,
            (None, Some(last)) => Self {
                failures: self.failures.saturating_add(failures),
                last_failure: Some(*last),
            },
            (Some(_), _) => Self {
                failures,
                last_failure: since.max().copied(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::{PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern};

    use super::*;

    fn rules() -> PodFailurePolicy {
        let disrupted = PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".into(),
            status: "True".into(),
        };
        let codes = |operator: &str, values: &[i32]| PodFailurePolicyOnExitCodesRequirement {
            container_name: Some("worker".into()),
            operator: operator.into(),
            values: values.to_vec(),
        };
        PodFailurePolicy {
            rules: vec![
                PodFailurePolicyRule {
                    action: "Ignore".into(),
                    on_pod_conditions: Some(vec![disrupted]),
                    on_exit_codes: None,
                },
                PodFailurePolicyRule {
                    action: "FailIndex".into(),
                    on_exit_codes: Some(codes("In", &[64, 65])),
                    on_pod_conditions: None,
                },
            ],
        }
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let pod = |code: i32, disrupted: bool| PodView {
            exit_codes: vec![("worker".into(), code)],
            conditions: if disrupted {
                vec![("DisruptionTarget".into(), "True".into())]
            } else {
                vec![]
            },
            ..PodView::default()
        };
        let rules = rules();
        assert_eq!(judge(Some(&rules), "lab", &pod(64, false)), Verdict::FailIndex);
        assert_eq!(judge(Some(&rules), "lab", &pod(64, true)), Verdict::Ignore);
        assert_eq!(judge(Some(&rules), "lab", &pod(1, false)), Verdict::Count);
        assert_eq!(judge(None, "lab", &pod(64, false)), Verdict::Count);
        let fatal = PodFailurePolicy {
            rules: rules
                .rules
                .into_iter()
                .map(|rule| PodFailurePolicyRule {
                    action: "FailJob".into(),
                    ..rule
                })
                .collect(),
        };
        let named = PodView {
            name: "p".into(),
            ..pod(64, false)
        };
        let words = "Container worker for pod lab/p failed with exit code 64 matching FailJob rule at index 1";
        assert_eq!(judge(Some(&fatal), "lab", &named), Verdict::FailJob(words.into()));
    }

    #[test]
    fn the_delay_doubles_up_to_the_cap() {
        let back_off = BackOff {
            base: SignedDuration::from_secs(10),
            cap: SignedDuration::from_secs(600),
        };
        let last = Timestamp::UNIX_EPOCH;
        for (failures, want_s) in [(0, 0), (1, 10), (2, 20), (3, 40), (7, 600), (60, 600)] {
            assert_eq!(
                back_off.remaining(failures, Some(last), last).as_secs(),
                want_s,
                "{failures} failures"
            );
        }
        let later = last + SignedDuration::from_secs(11);
        assert_eq!(back_off.remaining(1, Some(last), later), SignedDuration::ZERO);
    }

    #[test]
    fn a_success_ends_the_row_of_failures() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let record = |failures, last: Option<i64>| BackOffRecord {
            failures,
            last_failure: last.map(at),
        };
        let cases: [(BackOffRecord, &[i64], &[i64], BackOffRecord); 5] = [
            (record(2, Some(5)), &[], &[], record(2, Some(5))),
            (record(2, Some(5)), &[], &[9, 7], record(4, Some(9))),
            (record(2, Some(5)), &[8], &[], record(0, None)),
            (record(2, Some(5)), &[8], &[7, 9, 8], record(1, Some(9))),
            (record(0, None), &[3], &[1], record(0, None)),
        ];
        for (before, succeeded, failed, want) in cases {
            let times = |all: &[i64]| all.iter().map(|s| at(*s)).collect::<Vec<_>>();
            assert_eq!(before.after(&times(succeeded), &times(failed)), want);
        }
    }
}
