//! What is shown of an Event: when it was seen, of what, and who reported it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::age::since;
use super::view::{Meta, View};

/// Of an Event what its row needs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event {
    metadata: Meta,
    #[serde(rename = "type")]
    kind: String,
    reason: String,
    message: String,
    involved_object: Involved,
    source: Source,
    reporting_component: String,
    reporting_instance: String,
    first_timestamp: Option<Timestamp>,
    last_timestamp: Option<Timestamp>,
    #[serde(rename = "eventTime")]
    seen_at: Option<Timestamp>,
    count: Option<i64>,
    series: Option<Series>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Involved {
    kind: String,
    name: String,
    field_path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    component: String,
    host: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Series {
    count: Option<i64>,
    last_observed_time: Option<Timestamp>,
}

impl View for Event {
    fn cells(&self, now: Timestamp) -> Vec<Value> {
        let first = self.first_timestamp.or(self.seen_at);
        let (last, count) = match &self.series {
            Some(series) => (series.last_observed_time, series.count.unwrap_or(0)),
            // An event that was written once has no count.
            None => (
                self.last_timestamp.or(first),
                self.count.filter(|c| *c != 0).unwrap_or(1),
            ),
        };
        vec![
            json!(since(last, now)),
            json!(self.kind),
            json!(self.reason),
            json!(self.about()),
            json!(self.involved_object.field_path),
            json!(self.reporter()),
            json!(self.message.trim()),
            json!(since(first, now)),
            json!(count),
            json!(self.metadata.name),
        ]
    }
}

impl Event {
    fn about(&self) -> String {
        let kind = self.involved_object.kind.to_lowercase();
        match self.involved_object.name.as_str() {
            "" => kind,
            name => format!("{kind}/{name}"),
        }
    }

    /// Returns who reported the event, and from where.
    fn reporter(&self) -> String {
        let component = first_of(&self.source.component, &self.reporting_component);
        match first_of(&self.source.host, &self.reporting_instance) {
            "" => component.to_owned(),
            host => format!("{component}, {host}"),
        }
    }
}

/// Returns the first of two texts that is not empty.
fn first_of<'t>(one: &'t str, other: &'t str) -> &'t str {
    if one.is_empty() { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;

    #[test]
    fn an_event_tells_when_it_was_seen_and_of_what() {
        let event = json!({
            "metadata": {"name": "e"}, "type": "Warning", "reason": "BackOff", "message": " x\n", "count": 2,
            "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{w}"},
            "source": {"component": "kubelet", "host": "node-1"},
            "firstTimestamp": "2026-03-01T11:00:00Z", "lastTimestamp": "2026-03-01T11:59:00Z", "eventTime": null,
        });
        let expected = json!([
            "60s",
            "Warning",
            "BackOff",
            "pod/p",
            "spec.containers{w}",
            "kubelet, node-1",
            "x",
            "60m",
            2,
            "e"
        ]);
        assert_eq!(json!(shown::<Event>(&event)), expected);
        let event = json!({
            "involvedObject": {"kind": "Node"}, "reportingComponent": "scheduler",
            "eventTime": "2026-03-01T11:59:30.000000Z",
        });
        let found = shown::<Event>(&event);
        assert_eq!(
            [&found[0], &found[3], &found[5], &found[8]],
            [&json!("30s"), &json!("node"), &json!("scheduler"), &json!(1)]
        );
        let series = json!({"series": {"count": 7, "lastObservedTime": "2026-03-01T11:59:58.000000Z"}});
        let found = shown::<Event>(&series);
        assert_eq!([&found[0], &found[8]], [&json!("2s"), &json!(7)]);
        let both = json!({"firstTimestamp": "2026-03-01T11:59:50Z", "eventTime": "2026-03-01T11:59:40.000000Z"});
        assert_eq!(shown::<Event>(&both)[7], json!("10s"), "the older field goes first");
    }
}
