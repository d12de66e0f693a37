//! A made-up API server on loopback, over plain HTTP: an honest core that can carry one run to its proven end, and behaviours that
//! take its place for some requests.
//!
//! The cluster behind it is played in advance: three pods are made, run and succeed, then the Job is complete. The first list of a
//! kind shows the beginning, so the rest must come by watch; every later list shows the end. The Job is complete only after the pods'
//! results were sent, so a run cannot end before what disturbs it.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use ttg_worker::kernel::find;
use ttg_worker::protocol::ResultMessage;
use ttg_worker::protocol::result::RESULT_VERSION;
use ttg_worker::shard::{CompletionIndex, Domain};

use super::common::World;

/// The parameters of the run that this server can carry.
const PARAMETERS: u64 = 1_000;

/// Its shards, each with a pod of its own.
const SHARDS: u32 = 3;

/// What to submit so that the server's results fit.
pub(crate) const RUN: &[&str] = &[
    "run",
    "--yes",
    "--name",
    "ttg-fake",
    "--parameters",
    "1000",
    "--shards",
    "3",
    "--workers",
    "3",
];

/// The uid of everything that is stored.
const UID: &str = "11111111-2222-3333-4444-555555555555";

/// At which revision the first list of a kind is, and every later one.
const REVISIONS: [u64; 2] = [10, 99];

/// The revision at which the Job is complete.
const COMPLETE: u64 = 40;

/// How long to wait for the client before looking for news to send to it.
const POLL: Duration = Duration::from_millis(10);

/// How many bytes an answer without an end has at most, so that a client without a limit cannot exhaust the machine.
const ENDLESS_BYTES_MAX: usize = 400 << 20;

/// Any number of calls.
pub(crate) const ALWAYS: Range<usize> = 0..usize::MAX;

/// What the server does instead of answering honestly.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Answers with this code, media type and body.
    Answer(u16, &'static str, Vec<u8>),
    /// Refuses as an API server: code, reason, message.
    Refuse(u16, &'static str, String),
    /// Sends these bytes as they are, and closes.
    Raw(&'static [u8]),
    /// Closes without an answer.
    Close,
    /// Never answers.
    Silence,
    /// Sends the head of an answer and never its body.
    HeadOnly,
    /// Sends half of the honest answer and closes; whatever was asked has been done.
    Half,
    /// Sends the honest answer slowly.
    Drip,
    /// Sends the honest answer as another media type.
    As(&'static str),
    /// Sends an answer with this code that begins so and goes on so for ever.
    Endless(u16, &'static str, &'static str),
    /// Sends an endless head.
    EndlessHead,
    /// A watch: sends these bytes, then goes on honestly.
    First(Vec<u8>),
    /// A watch: sends these bytes, and closes.
    Only(Vec<u8>),
    /// A watch: sends the honest events in pieces of so many bytes.
    Pieces(usize),
    /// A watch: ends in the middle of a character.
    HalfCharacter,
    /// A watch: sends the honest events in the wrong order and several times.
    Shuffled,
}

/// Which requests get an action: method, a part of the path and query, and which of those calls.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    pub(crate) part: &'static str,
    pub(crate) calls: Range<usize>,
    pub(crate) action: Action,
}

/// The server. It ends with the test's process.
pub(crate) struct FakeServer {
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    state: Mutex<State>,
    message: fn(u32) -> String,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    /// How often each rule was met.
    met: Vec<usize>,
    job: Option<Value>,
    lists: HashMap<Kind, usize>,
    /// Whether the pods' results were sent to anybody.
    are_pods_told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Job,
    Pod,
    Node,
    Event,
}

/// Each kind's name in paths, and the `apiVersion` and `kind` of its lists.
const KINDS: [(Kind, &str, &str, &str); 4] = [
    (Kind::Job, "jobs", "batch/v1", "JobList"),
    (Kind::Pod, "pods", "v1", "PodList"),
    (Kind::Node, "nodes", "v1", "NodeList"),
    (Kind::Event, "events", "v1", "EventList"),
];

struct Asked {
    method: String,
    target: String,
    body: Vec<u8>,
}

impl Asked {
    fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    fn kind(&self) -> Option<(Kind, &'static str, &'static str, &'static str)> {
        KINDS
            .into_iter()
            .find(|(_, plural, ..)| self.path().split('/').any(|part| part == *plural))
    }

    fn is_watch(&self) -> bool {
        self.target.contains("watch=true")
    }

    /// Returns the revision that a watch begins after.
    fn revision(&self) -> u64 {
        let mut pairs = self.target.split(['?', '&']);
        let revision = pairs.find_map(|pair| pair.strip_prefix("resourceVersion="));
        revision.map_or(0, |text| text.parse().unwrap())
    }
}

impl FakeServer {
    /// Starts an honest server.
    pub(crate) fn start() -> Self {
        Self::with_messages(true_result)
    }

    /// Starts a server whose pods end with these termination messages.
    pub(crate) fn with_messages(message: fn(u32) -> String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            message,
        });
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (server, stream) = (Arc::clone(&server), stream.unwrap());
                // A client that goes away is what many of the tests are about.
                thread::spawn(move || server.serve(stream).ok());
            }
        });
        Self { shared, address }
    }

    /// Sets the behaviours; the first rule that a request meets counts.
    pub(crate) fn behave(&self, rules: Vec<Rule>) {
        let mut state = self.shared.lock();
        state.met = vec![0; rules.len()];
        state.rules = rules;
    }

    /// Returns how often each rule was met.
    pub(crate) fn met(&self) -> Vec<usize> {
        self.shared.lock().met.clone()
    }

    /// Lets the Job be complete though nobody has seen its pods yet.
    pub(crate) fn complete_at_once(&self) {
        self.shared.lock().are_pods_told = true;
    }

    /// Lets the Job go on though its pods have ended.
    pub(crate) fn go_on(&self) {
        self.shared.lock().are_pods_told = false;
    }

    /// Writes a kubeconfig for it and returns its path.
    pub(crate) fn kubeconfig(&self, world: &World) -> PathBuf {
        let path = world.path("fake.kubeconfig");
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: fake,\n\
             clusters: [{{name: c, cluster: {{server: \"http://{}\"}}}}],\n\
             users: [{{name: u, user: {{token: t}}}}],\n\
             contexts: [{{name: fake, context: {{cluster: c, user: u}}}}]}}\n",
            self.address
        );
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// The true result of a shard.
pub(crate) fn true_result(index: u32) -> String {
    let domain = Domain::new(0, PARAMETERS).unwrap();
    let index = CompletionIndex(index);
    let shard = domain.shard(SHARDS, index).unwrap();
    let value = find("primes")
        .unwrap()
        .evaluate(domain, shard.start..shard.end)
        .unwrap();
    let message = ResultMessage {
        version: RESULT_VERSION,
        job_uid: UID.to_owned(),
        index,
        start: shard.start,
        end: shard.end,
        processed: shard.end - shard.start,
        value,
        kernel: "primes".to_owned(),
        elapsed_ms: 12,
        throttled_ms: None,
    };
    message.to_json()
}

/// Makes a refusal as API servers do.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

fn head(code: u16, media_type: &str, length: Option<usize>) -> String {
    let length = length.map_or_else(String::new, |length| format!("Content-Length: {length}\r\n"));
    // Retry-After has a meaning with 429 and 503 only, Location with 3xx only.
    format!(
        "HTTP/1.1 {code} Made-Up\r\nContent-Type: {media_type}\r\n{length}Retry-After: 1\r\n\
         Location: http://127.0.0.1:1/elsewhere\r\nConnection: close\r\n\r\n"
    )
}

fn send(stream: &mut TcpStream, code: u16, media_type: &str, body: &[u8]) -> std::io::Result<()> {
    stream.write_all(head(code, media_type, Some(body.len())).as_bytes())?;
    stream.write_all(body)
}

/// Waits until the client goes away.
fn hold(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 1_024];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Reads a request; none when the client went away.
fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16_384];
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse().unwrap())
            });
            let body = &bytes[end + 4..];
            if body.len() >= length.unwrap_or(0_usize) {
                let mut words = head.lines().next().unwrap_or_default().split(' ').map(str::to_owned);
                let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                let body = body.to_vec();
                return Ok(Some(Asked { method, target, body }));
            }
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some(asked) = read_request(&mut stream)? else {
            return Ok(());
        };
        match self.action(&asked) {
            Some(action) => self.misbehave(&mut stream, &asked, &action),
            None if asked.is_watch() => self.watch(&mut stream, &asked, b""),
            None => {
                let (code, answer) = self.answer(&asked);
                send(&mut stream, code, "application/json", answer.to_string().as_bytes())
            }
        }
    }

    /// Finds what is to be done instead of an honest answer.
    fn action(&self, asked: &Asked) -> Option<Action> {
        let mut state = self.lock();
        let meets = |rule: &Rule| rule.method == asked.method && asked.target.contains(rule.part);
        let position = state.rules.iter().position(meets)?;
        let call = state.met[position];
        state.met[position] += 1;
        let rule = &state.rules[position];
        rule.calls.contains(&call).then(|| rule.action.clone())
    }

    fn misbehave(&self, stream: &mut TcpStream, asked: &Asked, action: &Action) -> std::io::Result<()> {
        let json = "application/json";
        match action {
            Action::Answer(code, media_type, body) => send(stream, *code, media_type, body),
            Action::Refuse(code, reason, message) => {
                let body = status(*code, reason, message).to_string();
                send(stream, *code, json, body.as_bytes())
            }
            Action::Raw(bytes) => stream.write_all(bytes),
            Action::Close => Ok(()),
            Action::Silence => hold(stream),
            Action::HeadOnly => {
                stream.write_all(head(200, json, Some(1_000)).as_bytes())?;
                hold(stream)
            }
            Action::Half => {
                let (code, answer) = self.answer(asked);
                let answer = answer.to_string().into_bytes();
                stream.write_all(head(code, json, Some(answer.len())).as_bytes())?;
                stream.write_all(&answer[..answer.len() / 2])
            }
            Action::Drip => {
                let (code, answer) = self.answer(asked);
                let answer = answer.to_string().into_bytes();
                stream.write_all(head(code, json, Some(answer.len())).as_bytes())?;
                pieces(stream, &answer, 64)
            }
            Action::As(media_type) => {
                let (code, answer) = self.answer(asked);
                send(stream, code, media_type, answer.to_string().as_bytes())
            }
            Action::Endless(code, first, then) => {
                stream.write_all(head(*code, json, None).as_bytes())?;
                stream.write_all(first.as_bytes())?;
                endless(stream, then)
            }
            Action::EndlessHead => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
                endless(stream, "x")
            }
            Action::First(bytes) => self.watch(stream, asked, bytes),
            Action::Only(_) | Action::Pieces(_) | Action::HalfCharacter | Action::Shuffled => {
                self.watch_badly(stream, asked, action)
            }
        }
    }

    fn watch_badly(&self, stream: &mut TcpStream, asked: &Asked, action: &Action) -> std::io::Result<()> {
        stream.write_all(head(200, "application/json", None).as_bytes())?;
        let events: Vec<Vec<u8>> = self.events(asked).into_iter().map(|(_, line)| line).collect();
        let all = events.concat();
        if let Action::Only(bytes) = action {
            return stream.write_all(bytes);
        }
        if let Action::HalfCharacter = action {
            let second_byte = all.iter().position(|byte| (0x80..0xc0).contains(byte));
            return stream.write_all(&all[..second_byte.unwrap_or(all.len())]);
        }
        if let Action::Pieces(size) = action {
            pieces(stream, &all, *size)?;
        } else {
            let backwards = events.iter().rev().chain(&events).chain(events.iter().step_by(2));
            for event in backwards {
                stream.write_all(event)?;
            }
        }
        self.lock().are_pods_told |= asked.kind().is_some_and(|(kind, ..)| kind == Kind::Pod);
        hold(stream)
    }

    /// Sends the events of a watch as they come, until the client goes away.
    fn watch(&self, stream: &mut TcpStream, asked: &Asked, first: &[u8]) -> std::io::Result<()> {
        stream.write_all(head(200, "application/json", None).as_bytes())?;
        stream.write_all(first)?;
        stream.set_read_timeout(Some(POLL))?;
        let mut after = asked.revision();
        loop {
            for (revision, line) in self.events(asked) {
                if revision > after {
                    stream.write_all(&line)?;
                    after = revision;
                }
            }
            if asked.kind().is_some_and(|(kind, ..)| kind == Kind::Pod) && after > asked.revision() {
                self.lock().are_pods_told = true;
            }
            match stream.read(&mut [0; 16]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the events of a watch so far, each with its revision and as a line.
    fn events(&self, asked: &Asked) -> Vec<(u64, Vec<u8>)> {
        let Some((kind, ..)) = asked.kind() else {
            return Vec::new();
        };
        let history = self.history(kind, &self.lock());
        let later = history
            .into_iter()
            .filter(|(revision, ..)| *revision > asked.revision());
        later
            .map(|(revision, change, object)| {
                let event = json!({"type": change, "object": object});
                (revision, format!("{event}\n").into_bytes())
            })
            .collect()
    }

    /// Answers a request that is no watch.
    fn answer(&self, asked: &Asked) -> (u16, Value) {
        let mut state = self.lock();
        if asked.path() == "/version" {
            return (200, json!({"major": "1", "minor": "35", "gitVersion": "v1.35.0"}));
        }
        if asked.method == "POST" {
            return (201, stored(asked, &mut state));
        }
        let Some((kind, plural, api_version, list)) = asked.kind() else {
            // The ConfigMap, which is only ever tied to its Job.
            return (
                200,
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ttg-fake"}}),
            );
        };
        if asked.path().ends_with("/log") {
            return (400, status(400, "BadRequest", "the log of the container is gone"));
        }
        if !asked.path().ends_with(plural) {
            let job = state.job.clone().filter(|_| kind == Kind::Job);
            return job.map_or((404, status(404, "NotFound", "not found")), |job| (200, job));
        }
        let lists = state.lists.entry(kind).or_default();
        let revision = REVISIONS[usize::from(*lists > 0)];
        *lists += 1;
        state.are_pods_told |= kind == Kind::Pod && revision > COMPLETE;
        let mut latest: HashMap<String, Value> = HashMap::new();
        for (at, _, object) in self.history(kind, &state) {
            if at <= revision {
                latest.insert(object["metadata"]["name"].to_string(), object);
            }
        }
        let items: Vec<Value> = latest.into_values().collect();
        let metadata = json!({"resourceVersion": revision.to_string()});
        (
            200,
            json!({"apiVersion": api_version, "kind": list, "metadata": metadata, "items": items}),
        )
    }

    /// Returns what has happened to the objects of a kind: revision, change, object.
    fn history(&self, kind: Kind, state: &State) -> Vec<(u64, &'static str, Value)> {
        let Some(job) = &state.job else { return Vec::new() };
        match kind {
            Kind::Node | Kind::Event => Vec::new(),
            Kind::Job => {
                let mut complete = job.clone();
                complete["metadata"]["resourceVersion"] = json!(COMPLETE.to_string());
                let conditions = ["SuccessCriteriaMet", "Complete"].map(|kind| json!({"type": kind, "status": "True"}));
                complete["status"] = json!({"succeeded": SHARDS, "completedIndexes": "0-2", "conditions": conditions});
                let made = (5, "ADDED", job.clone());
                let changes = [made, (COMPLETE, "MODIFIED", complete)].into_iter();
                changes.take(1 + usize::from(state.are_pods_told)).collect()
            }
            Kind::Pod => {
                let changes = ["ADDED", "MODIFIED", "MODIFIED"].into_iter().zip([11, 21, 31]);
                changes
                    .flat_map(|(change, from)| {
                        (0..SHARDS).map(move |index| {
                            let revision = from + u64::from(index);
                            (revision, change, self.pod(index, revision))
                        })
                    })
                    .collect()
            }
        }
    }

    /// Makes the pod of an index as it is at a revision.
    fn pod(&self, index: u32, revision: u64) -> Value {
        let (phase, state) = match revision {
            0..20 => ("Pending", Value::Null),
            20..30 => ("Running", json!({"running": {"startedAt": "2026-01-01T00:00:01Z"}})),
            _ => {
                let message = (self.message)(index);
                let terminated = json!({"exitCode": 0, "reason": "Completed", "message": message});
                ("Succeeded", json!({"terminated": terminated}))
            }
        };
        let number = index.to_string();
        let container = json!({
            "name": "worker", "image": "x", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        });
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": format!("ttg-fake-{index}-abcde"), "namespace": "default", "uid": format!("pod-{index}"),
                "resourceVersion": revision.to_string(), "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"batch.kubernetes.io/controller-uid": UID},
                "annotations": {"batch.kubernetes.io/job-completion-index": number, "note": "grün"},
            },
            "spec": {"nodeName": "knoten-ü", "containers": [{"name": "worker"}]},
            "status": {"phase": phase, "containerStatuses": [container]},
        })
    }
}

/// Answers a POST with the object as a server stores it; a Job that is not only tried is kept.
fn stored(asked: &Asked, state: &mut State) -> Value {
    let mut object: Value = serde_json::from_slice(&asked.body).unwrap();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.insert("uid".to_owned(), json!(UID));
    metadata.insert("namespace".to_owned(), json!("default"));
    metadata.insert("resourceVersion".to_owned(), json!("5"));
    metadata.insert("creationTimestamp".to_owned(), json!("2026-01-01T00:00:00Z"));
    if asked.path().ends_with("/jobs") && !asked.target.contains("dryRun") {
        state.job = Some(object.clone());
    }
    object
}

fn pieces(stream: &mut TcpStream, bytes: &[u8], size: usize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    for piece in bytes.chunks(size) {
        stream.write_all(piece)?;
        thread::yield_now();
    }
    Ok(())
}

fn endless(stream: &mut TcpStream, what: &str) -> std::io::Result<()> {
    let block = what.repeat((64 << 10) / what.len());
    for _ in 0..ENDLESS_BYTES_MAX / block.len() {
        stream.write_all(block.as_bytes())?;
    }
    hold(stream)
}
