//! What is shown of a Job: its status in one word, how much of it is done, and how long it took.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::age::human;
use super::view::{Condition, Meta, View, is_true, or_none};

/// Of a Job what its row needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Job {
    metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    completions: Option<i64>,
    parallelism: Option<i64>,
    selector: Selector,
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Selector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Expression>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Template {
    spec: TemplateSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TemplateSpec {
    containers: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    name: String,
    image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    succeeded: Option<i64>,
    start_time: Option<Timestamp>,
    completion_time: Option<Timestamp>,
    conditions: Vec<Condition>,
}

impl View for Job {
    fn cells(&self, now: Timestamp) -> Vec<Value> {
        let of_containers = |field: fn(&Container) -> &str| {
            let all: Vec<&str> = self.spec.template.spec.containers.iter().map(field).collect();
            json!(all.join(","))
        };
        vec![
            json!(self.metadata.name),
            json!(self.state()),
            json!(self.completions()),
            json!(self.duration(now)),
            json!(self.metadata.age(now)),
            of_containers(|c| &c.name),
            of_containers(|c| &c.image),
            json!(or_none(&self.spec.selector.words())),
        ]
    }
}

impl Job {
    fn state(&self) -> &'static str {
        let holds = |condition| is_true(&self.status.conditions, condition);
        // The order is upstream's: what is final comes before what is going on.
        let words = [
            (holds("Complete"), "Complete"),
            (holds("Failed"), "Failed"),
            (self.metadata.is_deleted(), "Terminating"),
            (holds("Suspended"), "Suspended"),
            (holds("FailureTarget"), "FailureTarget"),
            (holds("SuccessCriteriaMet"), "SuccessCriteriaMet"),
        ];
        words
            .into_iter()
            .find(|(applies, _)| *applies)
            .map_or("Running", |(_, word)| word)
    }

    fn completions(&self) -> String {
        let succeeded = self.status.succeeded.unwrap_or(0);
        let parallelism = self.spec.parallelism.unwrap_or(0);
        match self.spec.completions {
            Some(completions) => format!("{succeeded}/{completions}"),
            None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
            None => format!("{succeeded}/1"),
        }
    }

    fn duration(&self, now: Timestamp) -> String {
        let Some(start) = self.status.start_time else {
            return String::new();
        };
        let end = self.status.completion_time.unwrap_or(now);
        human(end.duration_since(start).as_secs())
    }
}

impl Selector {
    /// Writes the selector in the syntax of `kubectl get -l`, by key.
    fn words(&self) -> String {
        let labels = self.match_labels.iter();
        let labels = labels.map(|(key, value)| (key.as_str(), format!("{key}={value}")));
        let expressions = self.match_expressions.iter().map(|e| (e.key.as_str(), e.words()));
        let mut parts: Vec<(&str, String)> = labels.chain(expressions).collect();
        parts.sort_by_key(|(key, _)| *key);
        let words: Vec<String> = parts.into_iter().map(|(_, words)| words).collect();
        words.join(",")
    }
}

impl Expression {
    fn words(&self) -> String {
        let key = &self.key;
        let mut values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        match self.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;

    #[test]
    fn a_job_tells_its_status_completions_and_duration() {
        let job = json!({
            "metadata": {"name": "j", "creationTimestamp": "2026-03-01T11:57:50Z"},
            "spec": {
                "completions": 12,
                "selector": {
                    "matchLabels": {"b": "1"},
                    "matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}],
                },
                "template": {"spec": {"containers": [{"name": "w", "image": "i"}, {"name": "v", "image": "k"}]}},
            },
            "status": {"succeeded": 3, "startTime": "2026-03-01T11:59:00Z"},
        });
        let expected = json!(["j", "Running", "3/12", "60s", "2m10s", "w,v", "i,k", "a in (x,y),b=1"]);
        assert_eq!(json!(shown::<Job>(&job)), expected);
        let table = [
            (json!({}), json!({}), "0/1", ""),
            (json!({"parallelism": 3}), json!({}), "0/1 of 3", ""),
            (
                json!({"completions": 4, "parallelism": 3}),
                json!({"succeeded": 4, "startTime": "2026-03-01T11:00:00Z", "completionTime": "2026-03-01T11:00:11Z"}),
                "4/4",
                "11s",
            ),
        ];
        for (spec, status, completions, duration) in table {
            let found = shown::<Job>(&json!({"spec": spec, "status": status}));
            assert_eq!(found[2..4], [json!(completions), json!(duration)]);
            assert_eq!(found[7], json!("<none>"));
        }
    }

    #[test]
    fn the_status_of_a_job_is_its_condition() {
        for condition in ["Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"] {
            let mut job = json!({"status": {"conditions": [{"type": condition, "status": "True"}]}});
            assert_eq!(shown::<Job>(&job)[1], json!(condition));
            job["status"]["conditions"][0]["status"] = json!("False");
            assert_eq!(
                shown::<Job>(&job)[1],
                json!("Running"),
                "a condition that does not hold tells nothing"
            );
        }
        let mut job = json!({"metadata": {"deletionTimestamp": "2026-03-01T12:00:00Z"}, "status": {"conditions": [
            {"type": "FailureTarget", "status": "True"},
        ]}});
        assert_eq!(shown::<Job>(&job)[1], json!("Terminating"));
        job["status"]["conditions"] = json!([{"type": "Complete", "status": "True"}]);
        assert_eq!(shown::<Job>(&job)[1], json!("Complete"));
    }
}
