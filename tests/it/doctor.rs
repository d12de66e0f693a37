//! `doctor`: what it finds, what it asks of whom, and the exit codes that follow.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::attach::{end, local};
use super::common::{Finished, Running, World};

/// Returns the findings of a kind, and asserts that the form is kept to.
fn findings(finished: &Finished, check: &str) -> Vec<Value> {
    let objects = finished.objects();
    let (last, findings) = objects.split_last().unwrap();
    assert_eq!(last["type"], "summary", "{finished:?}");
    assert_eq!(last["exit_code"].as_i64(), finished.code.map(i64::from), "{finished:?}");
    for finding in findings {
        assert_eq!(
            (&finding["schema"], &finding["type"]),
            (&"ttg-tui/1".into(), &"finding".into())
        );
    }
    let of_check = findings.iter().filter(|finding| finding["check"] == check);
    of_check.cloned().collect()
}

/// Asserts that the only finding of a kind has this mark and these words.
fn assert_found(finished: &Finished, check: &str, mark: &str, words: &str) {
    let found = findings(finished, check);
    assert_eq!(found.len(), 1, "{check}: {finished:?}");
    assert_eq!(found[0]["mark"], mark, "{finished:?}");
    let what = found[0]["what"].as_str().unwrap();
    assert!(what.contains(words), "{words} is not in {what}");
}

/// An API server that tells its version and refuses everything else.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || answer(stream, &kept));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers one request and closes the connection.
fn answer(mut stream: TcpStream, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    let mut length = 0;
    for line in reader.by_ref().lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        head.push(line);
    }
    let Some(line) = head.first() else { return };
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request = line.trim_end_matches(" HTTP/1.1").to_owned();
    let (status, text) = if request == "GET /version" {
        let version = r#"{"major":"1","minor":"35","gitVersion":"v1.35.0","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#;
        ("200 OK", version)
    } else {
        let refusal = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"not for you"}"#;
        ("403 Forbidden", refusal)
    };
    asked.lock().unwrap().push(request);
    // The client may be gone.
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
    .ok();
}

#[test]
fn without_any_cluster_everything_works_and_nothing_is_left() {
    let world = World::new();
    let text = world.run(&["doctor"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{text:?}");
    for words in [
        "✓ program: ttg-tui ",
        "✓ state folder: ",
        "✓ published local cluster: none runs",
        "✓ local cluster: v1.35.0 starts",
        "✓ rights: all 17 ",
        "✓ kubeconfig: there is none at ",
        "everything that is needed works: ",
    ] {
        assert!(text.stdout.contains(words), "{words} is not in {}", text.stdout);
    }
    let ascii = world.run(&["doctor", "--ascii"]);
    assert!(
        ascii.stdout.is_ascii() && ascii.stdout.contains("# program: "),
        "{ascii:?}"
    );
    let json = world.run(&["doctor", "--output", "json"]);
    assert_eq!(json.code, Some(0), "{json:?}");
    assert_found(&json, "rehearsal", "ok", "default would store it as it is");
    assert_found(&json, "pod_rehearsal", "ok", "would let it pass");
    assert_found(&json, "nodes", "ok", "3; 3 ready");
    assert_eq!(world.runs(), Vec::<String>::new());
    #[cfg(target_os = "linux")]
    world.wait_until_empty();
}

#[test]
fn a_published_cluster_is_examined_in_place_of_its_own() {
    let world = World::new();
    let local = local(&world);
    let found = world.run(&["doctor", "--output", "json"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    let words = format!("kept by process {}", local.pid());
    assert_found(&found, "published_cluster", "ok", &words);
    assert_found(&found, "rights", "ok", "all 17 ");

    // By its kubeconfig it is a cluster like any other.
    let kubeconfig = world.runtime_folder().join("local.kubeconfig");
    let asked = world.run(&[
        "doctor",
        "--output",
        "json",
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
    ]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert_found(&asked, "cluster", "ok", "v1.35.0 (cluster ");
    assert_found(&asked, "rehearsal", "ok", "default would store it as it is");
    let absent = world.run(&[
        "doctor",
        "--output",
        "json",
        "-n",
        "absent",
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
    ]);
    assert_eq!(absent.code, Some(2), "{absent:?}");
    assert_found(&absent, "rehearsal", "problem", "namespaces \"absent\" not found");
    end(local);
}

#[test]
fn a_cluster_that_was_not_asked_for_is_asked_for_its_version_alone() {
    let world = World::new();
    let [current, other, login] = [Server::start(), Server::start(), Server::start()];
    let marker = world.path("logged-in");
    let kubeconfig = format!(
        r#"apiVersion: v1
kind: Config
current-context: current
clusters:
- {{name: current, cluster: {{server: "http://{}"}}}}
- {{name: other, cluster: {{server: "http://{}"}}}}
- {{name: login, cluster: {{server: "http://{}"}}}}
users:
- {{name: token, user: {{token: t}}}}
- {{name: plugin, user: {{exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: ["{}"], interactiveMode: Never}}}}}}
contexts:
- {{name: current, context: {{cluster: current, user: token}}}}
- {{name: other, context: {{cluster: other, user: token, namespace: lab}}}}
- {{name: login, context: {{cluster: login, user: plugin}}}}
"#,
        current.address,
        other.address,
        login.address,
        marker.display()
    );
    fs::write(world.path("contexts"), kubeconfig).unwrap();
    let doctor = |arguments: &[&str]| {
        let mut command = world.command(&["doctor", "--output", "json"]);
        command.args(arguments).env("KUBECONFIG", world.path("contexts"));
        Running::start(&mut command).finish()
    };

    // What is meant is the local cluster, which works.
    let local = doctor(&["--local"]);
    assert_eq!(local.code, Some(0), "{local:?}");
    let all = [&current, &other, &login];
    assert!(all.iter().all(|server| server.asked().is_empty()), "{local:?}");

    let beside = doctor(&[]);
    assert_eq!(beside.code, Some(0), "{beside:?}");
    let marks: Vec<String> = findings(&beside, "cluster")
        .iter()
        .map(|finding| format!("{} {}", finding["subject"], finding["mark"]))
        .collect();
    assert_eq!(
        marks,
        [r#""current" "ok""#, r#""other" "ok""#, r#""login" "skipped""#],
        "{beside:?}"
    );
    assert_eq!(other.asked(), ["GET /version"]);
    assert_eq!(login.asked(), Vec::<String>::new());
    assert!(!marker.exists(), "no login is begun unasked");
    let asked = current.asked();
    assert!(asked.len() > 2, "{asked:?}");
    for request in &asked {
        let changes_nothing = request.starts_with("GET ")
            || request.contains("/selfsubjectaccessreviews")
            || request.contains("dryRun=All");
        assert!(changes_nothing, "{request}");
    }

    // The one that is meant decides the exit code, and the others are left alone.
    let meant = doctor(&["--context", "other"]);
    assert_eq!(meant.code, Some(6), "{meant:?}");
    let rehearsal = findings(&meant, "rehearsal");
    assert!(
        rehearsal
            .iter()
            .any(|f| f["mark"] == "problem" && f["what"].as_str().unwrap().contains("not for you")),
        "{meant:?}"
    );
    assert_eq!(current.asked(), asked);
    assert_eq!(login.asked(), Vec::<String>::new());
}

#[test]
fn what_is_meant_and_does_not_work_decides_the_exit_code() {
    let world = World::new();
    let contexts = r#"apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: alpha, context: {cluster: c, user: u}}, {name: beta, context: {cluster: c, user: u}}]
"#;
    fs::write(world.path("contexts"), contexts).unwrap();
    fs::write(world.path("broken"), "\tnot: [yaml").unwrap();
    let table: [(&[&str], i32, &str, &str); 5] = [
        (
            &["--kubeconfig", "contexts", "--context", "alpha"],
            5,
            "cluster",
            "cannot reach the cluster alpha: ",
        ),
        (
            &["--kubeconfig", "contexts", "--context", "gamma"],
            2,
            "kubeconfig",
            "no context \"gamma\"; it has alpha, beta",
        ),
        (
            &["--kubeconfig", "contexts"],
            2,
            "kubeconfig",
            "names no current context",
        ),
        (
            &["--kubeconfig", "broken"],
            2,
            "kubeconfig",
            "cannot read the kubeconfig broken",
        ),
        (
            &["--kubeconfig", "absent"],
            2,
            "kubeconfig",
            "cannot read the kubeconfig absent",
        ),
    ];
    for (more, code, check, words) in table {
        let mut arguments = vec!["doctor", "--output", "json"];
        arguments.extend(more);
        let finished = world.run(&arguments);
        assert_eq!(finished.code, Some(code), "{more:?}: {finished:?}");
        let problems: Vec<Value> = findings(&finished, check)
            .into_iter()
            .filter(|finding| finding["mark"] == "problem")
            .collect();
        assert_eq!(problems.len(), 1, "{more:?}: {finished:?}");
        assert!(problems[0]["what"].as_str().unwrap().contains(words), "{problems:?}");
        assert!(problems[0]["hint"].is_string(), "{problems:?}");
    }
}

#[test]
fn a_state_folder_is_judged_by_what_it_holds() {
    let world = World::new();
    let run = world.run(&["run", "--name", "ttg-damaged", "--parameters", "1e6"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let whole = world.run(&["doctor", "--output", "json"]);
    assert_found(&whole, "state_folder", "ok", "1 run is kept");

    let ledger = world.path("state/ttg-tui/runs/ttg-damaged/ledger.ndjson");
    let text = fs::read_to_string(&ledger).unwrap();
    fs::write(&ledger, text.replacen("\"index\":", "\"inbex\":", 1)).unwrap();
    let damaged = world.run(&["doctor", "--output", "json"]);
    assert_eq!(damaged.code, Some(0), "{damaged:?}");
    assert_found(&damaged, "state_folder", "note", "ttg-damaged (damaged lines: 1)");

    let mut command = world.command(&["doctor", "--output", "json"]);
    // Below a file there can be no folder, also for root.
    command.env("XDG_STATE_HOME", "/dev/null/below");
    let refused = Running::start(&mut command).finish();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_found(&refused, "state_folder", "problem", "cannot create the folder");
}
