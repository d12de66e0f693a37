//! What becomes of Jobs: the order of their conditions, the states that each pod goes through, and the events.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::golden::Book;
use super::normal::normalise;
use super::place::{Follower, Place, Site};
use crate::world::within;

/// How long a watch may be behind.
const CATCHING_UP: Duration = Duration::from_secs(20);

/// Where the API tells of Jobs and of pods, below a namespace.
const FOLLOWED: [(&str, &str); 2] = [("jobs", "/apis/batch/v1"), ("pods", "/api/v1")];

/// How the state of a pod begins whose container waits for something.
const WAITS: &str = "Pending ";

/// The state that a kubelet reports only when the container takes a while to start.
const STARTING: &str = "Pending ContainerCreating";

/// How the message of an event begins whose end is the runtime's own.
const RUNTIMES_WORDS: &str = "Failed to pull image \"";

/// A Job, and what is done to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    /// The name of the Job, and of its answer.
    pub(crate) id: String,
    /// What it is about, for people.
    #[serde(rename = "about")]
    _about: String,
    /// The script, which ends when there is nothing more to come.
    run: String,
    /// States that a pod may pass too quickly to be seen.
    #[serde(default)]
    fleeting: Vec<String>,
}

/// Reads the stories.
pub(crate) fn stories(file: &Path) -> Vec<Story> {
    let text = fs::read_to_string(file).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

impl Story {
    /// Returns the name of its answer.
    pub(crate) fn at(&self) -> String {
        format!("states/{}", self.id)
    }

    /// Lets it happen in a namespace of its own, and watches.
    pub(crate) fn happen(&self, site: &Site, book: &Book) {
        let place = Place::new(site);
        let version = place.shell("kubectl get --raw /api/v1/namespaces/$NS/pods");
        let list: Value = serde_json::from_str(&version.stdout).expect("a list of pods comes");
        let since = text(&list["metadata"]["resourceVersion"]).to_owned();
        // All that happens is seen, as the watches begin before it does.
        let [jobs, pods] = FOLLOWED.map(|(kind, group)| {
            let path = format!(
                "{group}/namespaces/{}/{kind}?watch=1&resourceVersion={since}",
                place.namespace()
            );
            place.follow(&path, kind)
        });
        let told = place.shell(&format!("set -e\n{}", self.run));
        let trouble = if told.code == 0 { String::new() } else { told.stderr };
        within(CATCHING_UP, || {
            (has_caught_up(&place, "jobs", &jobs) && has_caught_up(&place, "pods", &pods)).then_some(())
        });
        // The watches go on meanwhile: the last word on a pod may be as late as an event.
        book.settle(&self.at(), true, || {
            self.tell(&place, &jobs.objects(), &pods.objects()) + &trouble
        });
    }

    fn tell(&self, place: &Place<'_>, jobs: &[Value], pods: &[Value]) -> String {
        let names = place.names();
        let mut said = String::from("conditions\n");
        for condition in conditions(jobs) {
            writeln!(said, "  {condition}").expect("a text can be written to");
        }
        said.push_str("pods\n");
        for (way, count) in self.ways(pods) {
            writeln!(said, "  {count} x {way}").expect("a text can be written to");
        }
        said.push_str("events\n");
        let list = place.shell("kubectl get events -o json").stdout;
        let events: Value = serde_json::from_str(&list).unwrap_or_default();
        for event in event_lines(&events, &names) {
            writeln!(said, "  {event}").expect("a text can be written to");
        }
        said
    }

    /// Returns the ways that pods went, and how many went each.
    fn ways(&self, pods: &[Value]) -> BTreeMap<String, usize> {
        let mut of_pods: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for change in pods {
            let way = of_pods.entry(text(&change["object"]["metadata"]["name"])).or_default();
            let gone = (change["type"] == "DELETED").then(|| "gone".to_owned());
            for state in pod_state(&change["object"]).into_iter().chain(gone) {
                let is_fleeting = state == STARTING || self.fleeting.contains(&state);
                if !is_fleeting && way.last() != Some(&state) && !is_turn(way, &state) {
                    way.push(state);
                }
            }
        }
        let mut ways = BTreeMap::new();
        for way in of_pods.into_values() {
            *ways.entry(way.join(" -> ")).or_default() += 1;
        }
        ways
    }
}

/// Tells whether a pod that waits does so for a reason that it had before: those of a back-off take turns as long as one looks.
fn is_turn(way: &[String], state: &str) -> bool {
    let waited = way.last().is_some_and(|last| last.starts_with(WAITS));
    waited && state.starts_with(WAITS) && way.iter().any(|earlier| earlier == state)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Tells whether a watch has told all that a list now tells.
fn has_caught_up(place: &Place<'_>, kind: &str, follower: &Follower) -> bool {
    let list = place.shell(&format!("kubectl get {kind} -o json")).stdout;
    let Ok(list) = serde_json::from_str::<Value>(&list) else {
        return false;
    };
    let entry = |object: &Value| {
        let metadata = &object["metadata"];
        (
            text(&metadata["name"]).to_owned(),
            text(&metadata["resourceVersion"]).to_owned(),
        )
    };
    let now: BTreeMap<String, String> = items(&list["items"]).map(entry).collect();
    let mut seen = BTreeMap::new();
    for change in follower.objects() {
        let (name, version) = entry(&change["object"]);
        if change["type"] == "DELETED" {
            seen.remove(&name);
        } else {
            seen.insert(name, version);
        }
    }
    seen == now
}

/// Returns the conditions in the order in which they came to be or changed.
fn conditions(jobs: &[Value]) -> Vec<String> {
    let mut last: BTreeMap<&str, String> = BTreeMap::new();
    let mut order = Vec::new();
    for condition in jobs
        .iter()
        .flat_map(|change| items(&change["object"]["status"]["conditions"]))
    {
        let [kind, status, reason] = ["type", "status", "reason"].map(|field| text(&condition[field]));
        let told = format!("{kind}={status} {reason}");
        if last.get(kind) != Some(&told) {
            order.push(told.clone());
            last.insert(kind, told);
        }
    }
    order
}

/// Returns the phase of a pod, its reason, and why its containers wait or have ended.
///
/// None at the moment between the end of the containers and the end of the pod, which may be too short to be seen.
fn pod_state(pod: &Value) -> Option<String> {
    let status = &pod["status"];
    let phase = text(&status["phase"]);
    let mut state = vec![phase.to_owned()];
    state.extend(status["reason"].as_str().map(str::to_owned));
    for container in items(&status["containerStatuses"]) {
        state.extend(container["state"]["waiting"]["reason"].as_str().map(str::to_owned));
        let ended = &container["state"]["terminated"];
        if ended.is_object() {
            if phase == "Pending" || phase == "Running" {
                return None;
            }
            state.push(format!("{} {}", text(&ended["reason"]), ended["exitCode"]));
        }
    }
    Some(state.join(" "))
}

fn event_lines(events: &Value, names: &[(String, String)]) -> BTreeSet<String> {
    let line = |event: &Value| {
        let [kind, reason] = ["type", "reason"].map(|field| text(&event[field]));
        let object = text(&event["involvedObject"]["kind"]);
        let message = normalise(&without_runtimes_words(text(&event["message"])), names);
        format!("{object} {kind} {reason}: {message}")
    };
    items(&events["items"]).map(line).collect()
}

/// Leaves out what the container runtime adds in words of its own.
fn without_runtimes_words(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let image = first.strip_prefix(RUNTIMES_WORDS).and_then(|rest| rest.split_once('"'));
    match image {
        Some((image, _)) => format!("{RUNTIMES_WORDS}{image}\" …"),
        None => first.to_owned(),
    }
}

#[test]
fn a_pods_way_is_told_without_the_moments_that_may_be_missed() {
    let ended = serde_json::json!({"state": {"terminated": {"reason": "Error", "exitCode": 64}}});
    let waiting = |reason: &str| serde_json::json!({"state": {"waiting": {"reason": reason}}});
    let (creating, failed, later) = (
        waiting("ContainerCreating"),
        waiting("ErrImagePull"),
        waiting("ImagePullBackOff"),
    );
    let change = |kind: &str, phase: &str, containers: &[&Value]| {
        serde_json::json!({"type": kind, "object": {
            "metadata": {"name": "a"}, "status": {"phase": phase, "containerStatuses": containers}}})
    };
    let ends = [
        change("ADDED", "Pending", &[]),
        change("MODIFIED", "Pending", &[]),
        change("MODIFIED", "Pending", &[&creating]),
        change("MODIFIED", "Running", &[]),
        change("MODIFIED", "Running", &[&ended]),
        change("DELETED", "Failed", &[&ended]),
    ];
    let takes_turns = [&failed, &later, &failed, &later].map(|reason| change("MODIFIED", "Pending", &[reason]));
    let falls_back = [
        change("ADDED", "Pending", &[&failed]),
        change("MODIFIED", "Running", &[]),
        change("MODIFIED", "Pending", &[&failed]),
    ];
    let story = |fleeting: &[&str]| Story {
        id: "a".to_owned(),
        _about: String::new(),
        run: String::new(),
        fleeting: fleeting.iter().map(|state| (*state).to_owned()).collect(),
    };
    let table: [(&[&str], &[Value], &str); 4] = [
        (&[], &ends, "Pending -> Running -> Failed Error 64 -> gone"),
        (&["Running"], &ends, "Pending -> Failed Error 64 -> gone"),
        (&[], &takes_turns, "Pending ErrImagePull -> Pending ImagePullBackOff"),
        (
            &[],
            &falls_back,
            "Pending ErrImagePull -> Running -> Pending ErrImagePull",
        ),
    ];
    for (fleeting, changes, way) in table {
        let ways = story(fleeting).ways(changes);
        assert_eq!(ways, BTreeMap::from([(way.to_owned(), 1)]));
    }
}
