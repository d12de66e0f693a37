//! What a network and a server can do to the program: whatever they do, it goes on, or ends in time with its own words and exit
//! code, and never with a wrong total.

use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};

use super::common::World;
use super::fake_server::{ALWAYS, Action, FakeServer, RUN, Rule, status, true_result};
use super::hostile::{ESCAPES, run_raw};

/// How many rows are tried at once; many of them wait for a pause of the program.
const AT_ONCE: usize = 12;

const VERSION: &str = "/version";
const REHEARSAL: &str = "/jobs?&dryRun=All";
const SUBMISSION: &str = "/jobs?&fieldManager";
const JOBS: &str = "/jobs?";
const JOB: &str = "/jobs/ttg-fake";
const PODS: &str = "/pods?&labelSelector";
const WATCH: &str = "/pods?&watch=true";

const JSON: &str = "application/json";

/// What is asked of the program while a server behaves like this, and how it must end.
struct Row {
    name: &'static str,
    arguments: &'static [&'static str],
    rules: Vec<Rule>,
    code: i32,
    words: &'static str,
}

/// Makes a row of a server that does one thing to the requests of one kind.
fn row(name: &'static str, (method, part): (&'static str, &'static str), times: usize, action: Action) -> Row {
    let calls = if times == 0 { ALWAYS } else { 0..times };
    let rule = Rule {
        method,
        part,
        calls,
        action,
    };
    Row {
        name,
        arguments: RUN,
        rules: vec![rule],
        code: 0,
        words: "PROVEN  168 primes",
    }
}

impl Row {
    fn ends(mut self, code: i32, words: &'static str) -> Self {
        (self.code, self.words) = (code, words);
        self
    }

    fn of(mut self, arguments: &'static [&'static str]) -> Self {
        self.arguments = arguments;
        self
    }

    /// Plays the row. A command on a run finds one that another person has submitted.
    fn play(self) {
        let Self {
            name,
            arguments,
            rules,
            code,
            words,
        } = self;
        let server = FakeServer::start();
        if arguments != RUN {
            let before = World::new();
            let submitted = command(&before, &server, RUN);
            assert_eq!(submitted.code, Some(0), "{name}: {}", submitted.text());
        }
        if arguments.first() == Some(&"scale") {
            // A finished Job is not scaled, and then nothing is sent that could go wrong.
            server.go_on();
        }
        server.behave(rules);
        let world = World::new();
        let raw = command(&world, &server, arguments);
        let text = raw.text();
        raw.assert_harmless(name);
        assert_eq!(raw.code, Some(code), "{name}: {text}");
        assert!(text.contains(words), "{name}: {words} is not in {text}");
        assert_eq!(text.contains("PROVEN"), words.contains("PROVEN"), "{name}: {text}");
    }
}

fn command(world: &World, server: &FakeServer, arguments: &[&str]) -> super::hostile::Raw {
    let kubeconfig = server.kubeconfig(world);
    let flags = ["--kubeconfig", kubeconfig.to_str().unwrap()];
    run_raw(world, &[arguments, &flags].concat())
}

fn refuse(code: u16, reason: &'static str, words: &str) -> Action {
    Action::Refuse(code, reason, format!("{words}{ESCAPES}"))
}

fn html(code: u16) -> Action {
    Action::Answer(code, "text/html", format!("<html>proxy{ESCAPES}</html>").into_bytes())
}

fn answer(value: &Value) -> Action {
    Action::Answer(200, JSON, value.to_string().into_bytes())
}

/// Servers that take a request and never answer it: the program waits as long as it says.
fn silences() -> Vec<Row> {
    let version = ("GET", VERSION);
    vec![
        row("silence", version, 0, Action::Silence).ends(5, "no answer within 10 s"),
        row("only the head of an answer", version, 0, Action::HeadOnly).ends(5, "no answer within 10 s"),
        row("no answer to the rehearsal", ("POST", REHEARSAL), 0, Action::Silence).ends(5, "no answer within 15 s"),
        row("a list that never comes", ("GET", JOBS), 0, Action::Silence)
            .of(&["list"])
            .ends(5, "no answer within 30 s"),
    ]
}

fn first_calls() -> Vec<Row> {
    let version = ("GET", VERSION);
    let unreachable = "error: cannot reach the cluster fake";
    vec![
        row(
            "the login has expired",
            version,
            0,
            refuse(401, "Unauthorized", "Unauthorized"),
        )
        .ends(6, "log in again"),
        row("no right to the version", version, 0, refuse(403, "Forbidden", "no")),
        row("come again later", version, 0, refuse(429, "TooManyRequests", "later")).ends(5, unreachable),
        row("a broken proxy", version, 0, html(502)).ends(5, unreachable),
        row("a captive portal", version, 0, html(200)).ends(5, unreachable),
        row("another protocol", version, 0, Action::Raw(b"SSH-2.0-x\x1b[31m\r\n\0")).ends(5, unreachable),
        row("a closed connection", version, 0, Action::Close).ends(5, unreachable),
        row("half an answer", version, 0, Action::Half).ends(5, unreachable),
        row("a redirect", version, 0, Action::Answer(302, "text/html", Vec::new())).ends(5, unreachable),
        row("another media type", version, 0, Action::As("text/html")),
        row(
            "escapes in the version",
            version,
            0,
            answer(&json!({"major": "1", "minor": "1", "gitVersion": ESCAPES})),
        ),
    ]
}

fn submissions() -> Vec<Row> {
    let (rehearsal, submission) = (("POST", REHEARSAL), ("POST", SUBMISSION));
    let failed = "cannot create the Job ttg-fake in default";
    let nobody = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "ttg-fake"}});
    vec![
        row(
            "no right to submit",
            rehearsal,
            0,
            refuse(403, "Forbidden", "jobs is forbidden"),
        )
        .ends(6, failed),
        row("an invalid Job", rehearsal, 0, refuse(422, "Invalid", "Job is invalid")).ends(6, failed),
        row("a page instead of a Job", rehearsal, 0, html(200)).ends(5, failed),
        row("half a rehearsal", rehearsal, 0, Action::Half).ends(5, failed),
        row("a slow rehearsal", rehearsal, 0, Action::Drip),
        row(
            "a server that is busy for a while",
            submission,
            2,
            refuse(429, "TooManyRequests", "later"),
        ),
        row(
            "a Job that was stored though its answer was lost",
            submission,
            1,
            Action::Half,
        ),
        row("a Job that was not stored", submission, 1, Action::Close).ends(5, "whether it was stored all the same"),
        row("a Job without a uid", submission, 1, answer(&nobody)).ends(5, "makes no sense"),
        row("an answer to something else", submission, 1, answer(&json!({}))).ends(5, failed),
        row(
            "names that are taken",
            submission,
            0,
            refuse(409, "AlreadyExists", "exists"),
        )
        .ends(6, failed),
    ]
}

fn lists() -> Vec<Row> {
    let (pods, nodes) = (("GET", PODS), ("GET", "/nodes?"));
    let list = |metadata: Value, items: Value| {
        answer(&json!({"apiVersion": "v1", "kind": "PodList", "metadata": metadata, "items": items}))
    };
    let again = json!({"resourceVersion": "3", "continue": "again"});
    let pod = json!({"metadata": {"name": ESCAPES, "uid": ESCAPES, "labels": {ESCAPES: ESCAPES}}, "spec": {"nodeName": ESCAPES}});
    let page = list(json!({"resourceVersion": "3"}), json!([pod]));
    vec![
        row("a broken proxy before the pods", pods, 2, html(500)),
        row("half a list of pods", pods, 1, Action::Half),
        row("garbage for a list of pods", pods, 1, Action::Raw(b"\x1b[31m\n\n\n")),
        row("a list of nothing", pods, 1, list(json!({}), Value::Null)),
        row("a list that goes on and on", pods, 5, list(again, json!([]))),
        row("pods that are none", pods, 1, page),
        row(
            "no right to the nodes",
            nodes,
            0,
            refuse(403, "Forbidden", "nodes is forbidden"),
        ),
    ]
}

fn watches() -> Vec<Row> {
    let watch = ("GET", WATCH);
    let expired = json!({"type": "ERROR", "object": status(410, "Expired", "too old resource version")});
    let line = |event: &Value| format!("{event}\n").into_bytes();
    let strange = [
        json!({"type": "MODIFIED", "object": {"apiVersion": "example.com/v1", "kind": "Other", "metadata": {"name": "x"}}}),
        json!({"type": "DANCED", "object": {}}),
        json!(ESCAPES),
    ];
    let huge = |mib: usize| {
        let note = "x".repeat(mib << 20);
        let metadata = json!({"name": "huge", "uid": "huge", "resourceVersion": "12", "annotations": {"note": note}});
        line(&json!({"type": "ADDED", "object": {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}}))
    };
    vec![
        row("a version that is gone", watch, 1, refuse(410, "Expired", "gone")),
        row(
            "an event that says the version is gone",
            watch,
            1,
            Action::Only(line(&expired)),
        ),
        row(
            "a watch that must wait",
            watch,
            1,
            refuse(429, "TooManyRequests", "later"),
        ),
        row("a watch that is closed at once", watch, 1, Action::Close),
        row("a watch that ends at once", watch, 3, Action::Only(Vec::new())),
        row("a watch in small pieces", watch, 0, Action::Pieces(7)),
        row("a watch that ends within a character", watch, 1, Action::HalfCharacter),
        row("a watch out of order", watch, 0, Action::Shuffled),
        row(
            "a watch of something else",
            watch,
            1,
            Action::First(strange.iter().flat_map(line).collect()),
        ),
        row(
            "a watch of garbage",
            watch,
            1,
            Action::Only(b"{\"type\":{{\n\xff\xfe\x1b[31m\n\0\n".to_vec()),
        ),
        row("a watch of nothing", watch, 1, Action::First(b"\n\n\r\n\n".to_vec())),
        row(
            "a watch that is redirected",
            watch,
            1,
            Action::Answer(302, "text/html", Vec::new()),
        ),
        row("a page instead of a watch", watch, 1, html(200)),
        row("a large object", watch, 1, Action::First(huge(8))),
        row("an object that is too large", watch, 1, Action::First(huge(20))),
    ]
}

/// Answers without an end. Without a limit they would fill the memory.
fn endless() -> Vec<Row> {
    vec![
        row("an endless answer", ("GET", VERSION), 0, Action::Endless(200, "{", " "))
            .ends(5, "longer than 67108864 bytes"),
        row(
            "an endless refusal",
            ("POST", REHEARSAL),
            0,
            Action::Endless(500, "no", "x"),
        )
        .ends(5, "longer than 1048576 bytes"),
        row(
            "an endless event",
            ("GET", WATCH),
            1,
            Action::Endless(200, "{\"type\":\"", "x"),
        ),
        row(
            "an endless list",
            ("GET", JOBS),
            0,
            Action::Endless(200, "{\"items\":[", " "),
        )
        .of(&["list"])
        .ends(5, "longer than 67108864 bytes"),
        row("an endless head", ("GET", VERSION), 0, Action::EndlessHead).ends(5, "cannot reach the cluster fake"),
    ]
}

/// A Job that no cluster would make.
fn hostile_job(name: &str, plan: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": name, "namespace": ESCAPES, "uid": ESCAPES, "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"ttg-tui/plan": plan, "ttg-tui/cancelled": ESCAPES},
        },
        "spec": {"completions": -5, "parallelism": i32::MAX, "template": {}},
        "status": {
            "completedIndexes": "0-4294967295", "failedIndexes": ESCAPES,
            "conditions": [{"type": ESCAPES, "status": "True", "reason": ESCAPES, "message": ESCAPES}],
        },
    })
}

fn looks() -> Vec<Row> {
    let attach: &[&str] = &["attach", "ttg-fake"];
    let listed = json!({
        "apiVersion": "batch/v1", "kind": "JobList", "metadata": {"resourceVersion": "9"},
        "items": [hostile_job(&format!("ttg-{ESCAPES}"), ESCAPES)],
    });
    vec![
        row("an honest list", ("GET", "nothing"), 0, Action::Close)
            .of(&["list"])
            .ends(0, "ttg-fake"),
        row("a list of hostile names", ("GET", JOBS), 0, answer(&listed))
            .of(&["list"])
            .ends(0, "ttg-"),
        row(
            "a list that is forbidden",
            ("GET", JOBS),
            0,
            refuse(403, "Forbidden", "no"),
        )
        .of(&["list"])
        .ends(6, "cannot list the runs"),
        row(
            "an honest run that is attached to",
            ("GET", "nothing"),
            0,
            Action::Close,
        )
        .of(attach),
        row("a run that is half there", ("GET", JOB), 0, Action::Half)
            .of(attach)
            .ends(5, "cannot get the Job ttg-fake"),
        row(
            "a plan that is none",
            ("GET", JOB),
            0,
            answer(&hostile_job("ttg-fake", ESCAPES)),
        )
        .of(attach)
        .ends(2, "is not a plan"),
        row(
            "a plan without a bottom",
            ("GET", JOB),
            0,
            answer(&hostile_job("ttg-fake", &"[".repeat(100_000))),
        )
        .of(attach)
        .ends(2, "is not a plan"),
    ]
}

fn changes() -> Vec<Row> {
    let scale: &[&str] = &["scale", "ttg-fake", "5"];
    let delete: &[&str] = &["delete", "ttg-fake"];
    vec![
        row(
            "a change that comes too late",
            ("PATCH", JOB),
            0,
            refuse(409, "Conflict", "modified"),
        )
        .of(scale)
        .ends(6, "cannot scale to 5 workers"),
        row("a change whose answer is lost", ("PATCH", JOB), 0, Action::Half)
            .of(scale)
            .ends(5, "cannot scale to 5 workers"),
        row(
            "a delete that is refused",
            ("DELETE", JOB),
            0,
            refuse(403, "Forbidden", "no"),
        )
        .of(delete)
        .ends(6, "cannot delete the Job"),
        row(
            "a delete of what is gone",
            ("DELETE", JOB),
            0,
            refuse(404, "NotFound", "gone"),
        )
        .of(delete)
        .ends(0, "deleted the Job"),
    ]
}

/// Plays rows, several at once. A row that fails ends the test with its name.
fn play(rows: Vec<Row>) {
    let queue = Mutex::new(rows.into_iter());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(row) = next else { return };
                    row.play();
                }
            });
        }
    });
}

/// Takes 30 s, the longest of those limits; they are waited for at the same time.
#[test]
fn a_server_that_never_answers_is_waited_for_no_longer_than_is_said() {
    play(silences());
}

#[test]
fn a_first_call_that_goes_wrong_ends_the_program_or_does_not_matter() {
    play(first_calls());
}

#[test]
fn a_submission_that_goes_wrong_is_told_and_one_that_went_well_is_found() {
    play(submissions());
}

#[test]
fn lists_and_watches_that_break_are_mended() {
    play(lists().into_iter().chain(watches()).collect());
}

#[test]
fn answers_without_an_end_do_not_fill_the_memory() {
    play(endless());
}

#[test]
fn commands_on_a_run_end_with_their_own_words() {
    play(looks().into_iter().chain(changes()).collect());
}

#[test]
fn the_last_list_of_pods_is_asked_for_again() {
    let server = FakeServer::start();
    server.complete_at_once();
    let call = |action: Action, part, calls| Rule {
        method: "GET",
        part,
        calls,
        action,
    };
    // No watch brings a pod, each ends at once: all results come from the list at the end, whose first two tries break.
    server.behave(vec![
        call(Action::Only(Vec::new()), WATCH, ALWAYS),
        call(Action::Close, PODS, 1..3),
    ]);
    let world = World::new();
    let raw = command(&world, &server, RUN);
    raw.assert_harmless("the last list");
    let [watches, lists] = server.met()[..] else {
        panic!("two rules")
    };
    assert!((1..50).contains(&watches), "the pods were watched {watches} times");
    assert!(lists >= 4, "the pods were listed {lists} times");
    assert_eq!(raw.code, Some(0), "{}", raw.text());
    assert!(raw.text().contains("PROVEN  168 primes"), "{}", raw.text());
}

#[test]
fn messages_that_no_kubelet_would_pass_on_do_not_count() {
    /// Makes the message of an index.
    type Message = fn(u32) -> String;
    let table: [(&str, Message, &str); 4] = [
        ("escapes", |_| ESCAPES.to_owned(), "INCOMPLETE  0 of 3"),
        ("a long one", |_| "x".repeat(4 << 20), "INCOMPLETE  0 of 3"),
        ("nesting", |_| "[".repeat(100_000), "INCOMPLETE  0 of 3"),
        ("another's", |_| true_result(0), "INCOMPLETE  1 of 3"),
    ];
    for (name, message, words) in table {
        let server = FakeServer::with_messages(message);
        let world = World::new();
        let raw = command(&world, &server, RUN);
        raw.assert_harmless(name);
        assert_eq!(raw.code, Some(3), "{name}: {}", raw.text());
        assert!(raw.text().contains(words), "{name}: {}", raw.text());
    }
}
