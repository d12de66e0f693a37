//! A Job's successPolicy: whether the indexes that succeeded are enough.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::SuccessPolicy;

use super::indexes;

/// Returns which rule is met, in upstream's words; none while no rule is.
pub(super) fn met(policy: &SuccessPolicy, completions: u32, succeeded: &BTreeSet<u32>) -> Option<String> {
    if succeeded.is_empty() {
        return None;
    }
    let enough = |count: Option<i32>, got: usize| count.is_some_and(|c| usize::try_from(c).is_ok_and(|c| got >= c));
    let at = policy.rules.iter().position(|rule| match &rule.succeeded_indexes {
        Some(text) => {
            let wanted = indexes::parse(text, completions);
            let got = wanted.intersection(succeeded).count();
            // A list that names nothing is no rule, rather than one that is always met.
            !wanted.is_empty() && (got == wanted.len() || enough(rule.succeeded_count, got))
        }
        None => enough(rule.succeeded_count, succeeded.len()),
    })?;
    Some(format!("Matched rules at index {at}"))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::SuccessPolicyRule;

    use super::*;

    #[test]
    fn a_rule_is_met_by_its_indexes_or_by_enough_of_them() {
        let rule = |indexes: Option<&str>, count: Option<i32>| SuccessPolicyRule {
            succeeded_indexes: indexes.map(Into::into),
            succeeded_count: count,
        };
        let two = vec![rule(Some("0,2-3"), Some(2)), rule(None, Some(4))];
        let cases: [(&[SuccessPolicyRule], &[u32], Option<&str>); 8] = [
            (&two, &[], None),
            (&two, &[0, 1], None),
            (&two, &[0, 1, 3], Some("Matched rules at index 0")),
            (&two, &[1, 4, 5, 6], Some("Matched rules at index 1")),
            (&[rule(Some("1-2"), None)], &[1], None),
            (&[rule(Some("1-2"), None)], &[1, 2], Some("Matched rules at index 0")),
            (&[rule(Some(""), None)], &[1], None),
            (&[rule(None, Some(1))], &[7], Some("Matched rules at index 0")),
        ];
        for (rules, succeeded, want) in cases {
            let policy = SuccessPolicy { rules: rules.to_vec() };
            let succeeded = succeeded.iter().copied().collect();
            assert_eq!(met(&policy, 8, &succeeded).as_deref(), want, "{rules:?} {succeeded:?}");
        }
    }
}
