//! Who gets at a local cluster: whoever has its token, and nobody else.
//!
//! Requests are written by hand, so that they can be what no client would send.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::attach::{end, local};
use super::common::World;

/// How long an answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// As long as an alert of TLS, which is all that plain HTTP may get.
const ALERT_BYTES: usize = 7;

/// What is there and what is not, to ask for without a token.
const PATHS: [(&str, &str); 20] = [
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/version"),
    ("GET", "/openapi/v2"),
    ("GET", "/openapi/v3"),
    ("GET", "/openapi/v3/api/v1"),
    ("GET", "/api"),
    ("GET", "/apis"),
    ("GET", "/apis/batch/v1"),
    ("GET", "/api/v1/pods"),
    ("GET", "/api/v1/pods?watch=true"),
    ("GET", "/api/v1/namespaces/default/pods/none/log?follow=true"),
    ("GET", "/api/v1/nodes/node-1"),
    ("POST", "/api/v1/namespaces"),
    ("PATCH", "/api/v1/nodes/node-1"),
    ("DELETE", "/api/v1/namespaces/default/pods"),
    ("OPTIONS", "/apis"),
    ("GET", "/no/such/path"),
];

/// The way to a cluster that runs.
struct Door {
    address: String,
    token: String,
    tls: Arc<ClientConfig>,
}

/// An answer: its code, its headers but for the date, and its body.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    code: u16,
    headers: Vec<String>,
    body: String,
}

impl Door {
    /// Reads the kubeconfig of the cluster of a world.
    fn of(world: &World) -> Self {
        let kubeconfig = fs::read_to_string(world.runtime_folder().join("local.kubeconfig")).unwrap();
        let value = |key: &str| {
            let mut lines = kubeconfig.lines();
            let found = lines.find_map(|line| line.trim().strip_prefix(key));
            found.unwrap_or_else(|| panic!("no {key} in the kubeconfig")).to_owned()
        };
        let authority = STANDARD.decode(value("certificate-authority-data: ")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&authority).unwrap()).unwrap();
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            address: value("server: https://"),
            token: value("token: "),
            tls: Arc::new(tls),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(ANSWER_TIME)).unwrap();
        stream
    }

    /// Asks, with this header or none to say who asks.
    fn ask(&self, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answer {
        let connection = ClientConnection::new(Arc::clone(&self.tls), ServerName::try_from("127.0.0.1").unwrap());
        let mut stream = StreamOwned::new(connection.unwrap(), self.connect());
        stream
            .write_all(request(method, path, authorization, body).as_bytes())
            .unwrap();
        Answer::parse(&read_all(stream))
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no whole answer: {text:?}"));
        let mut lines = head.lines();
        let code = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers: Vec<String> = lines.map(str::to_owned).collect();
        headers.retain(|line| !line.to_ascii_lowercase().starts_with("date:"));
        Self {
            code,
            headers,
            body: body.to_owned(),
        }
    }
}

/// Writes a request in HTTP 1.0, of which the answer ends with the connection.
fn request(method: &str, path: &str, authorization: Option<&str>, body: &str) -> String {
    let authorization = authorization.map_or_else(String::new, |value| format!("Authorization: {value}\r\n"));
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n{authorization}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Reads until the other side closes, in whichever way.
fn read_all(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    // A connection that is closed without a word is closed all the same; what came before is kept.
    stream.read_to_end(&mut bytes).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns a token that differs at one place.
fn changed_at(token: &str, at: usize) -> String {
    let change = |(i, c): (usize, char)| match (i == at, c) {
        (false, _) => c,
        (true, 'x') => 'y',
        (true, _) => 'x',
    };
    token.chars().enumerate().map(change).collect()
}

#[test]
fn without_a_token_every_path_gets_the_same_answer() {
    let world = World::new();
    let local = local(&world);
    let door = Door::of(&world);
    let expected = door.ask("GET", "/api", None, "");
    assert_eq!(expected.code, 401, "{expected:?}");
    assert!(expected.body.contains(r#""message":"Unauthorized""#), "{expected:?}");
    for (method, path) in PATHS {
        for authorization in [None, Some("Bearer wrong"), Some("Basic dGVzdDp0ZXN0")] {
            let answer = door.ask(method, path, authorization, r#"{"kind":"Namespace"}"#);
            assert_eq!(answer, expected, "{method} {path} {authorization:?}");
        }
    }
    end(local);
}

#[test]
fn nothing_but_the_token_opens_the_door() {
    let world = World::new();
    let local = local(&world);
    let door = Door::of(&world);
    let token = &door.token;
    let last = token.len() - 1;
    let table = [
        (format!("Bearer {token}"), 200),
        // A real API server takes the scheme in any case, too.
        (format!("bearer {token}"), 200),
        (format!("Bearer {token}x"), 401),
        (format!("Bearer x{token}"), 401),
        (format!("Bearer {}", token.split_at(last).0), 401),
        (format!("Bearer {}", token.split_at(1).1), 401),
        (format!("Bearer {}", changed_at(token, 0)), 401),
        (format!("Bearer {}", changed_at(token, last / 2)), 401),
        (format!("Bearer {}", changed_at(token, last)), 401),
        (format!("Bearer  {token}"), 401),
        (format!("Bearer{token}"), 401),
        ("Bearer".to_owned(), 401),
        (token.clone(), 401),
        (format!("Token {token}"), 401),
        (format!("Basic {token}"), 401),
        (format!("Basic {}", STANDARD.encode(format!("ttg-local:{token}"))), 401),
    ];
    for (authorization, code) in table {
        let answer = door.ask("GET", "/version", Some(&authorization), "");
        let kind = authorization.replace(token, "TOKEN");
        assert_eq!(answer.code, code, "{kind}");
    }
    for query in ["access_token", "token"] {
        let answer = door.ask("GET", &format!("/version?{query}={token}"), None, "");
        assert_eq!(answer.code, 401, "a token in the address, as {query}");
    }
    end(local);
}

#[test]
fn plain_http_gets_no_answer_even_with_the_token() {
    let world = World::new();
    let local = local(&world);
    let door = Door::of(&world);
    let mut stream = door.connect();
    let authorization = format!("Bearer {}", door.token);
    stream
        .write_all(request("GET", "/version", Some(&authorization), "").as_bytes())
        .unwrap();
    let answer = read_all(stream);
    assert!(answer.chars().count() <= ALERT_BYTES, "{answer:?}");
    end(local);
}

/// Asks `/proc` what only it can tell, and runs commands of Linux.
#[cfg(target_os = "linux")]
mod on_linux {
    use std::collections::HashSet;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;

    use rustix::process::{Signal, geteuid};
    use serde_json::json;

    use super::super::attach::{end, local};
    use super::super::common::{Running, World, eventually};
    use super::{Answer, Door};

    /// Another user of the machine.
    const OTHER: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

    /// The state of a socket that listens, as `/proc/net/tcp` writes it.
    const LISTENS: &str = "0A";

    /// Returns the paths of the files below a folder in which these words are.
    fn files_with(folder: &Path, words: &str) -> Vec<String> {
        let mut found = Vec::new();
        // A folder may go while it is looked at, as those of pods do.
        for entry in fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.extend(files_with(&path, words));
            } else if String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(words) {
                found.push(path.display().to_string());
            }
        }
        found
    }

    /// Asks as the cluster's owner.
    fn ask_rightly(door: &Door, method: &str, path: &str, body: &str) -> Answer {
        door.ask(method, path, Some(&format!("Bearer {}", door.token)), body)
    }

    /// Puts words before a command, such as those of `setpriv`.
    fn under(words: &[&str], command: &Command) -> Command {
        let mut whole = Command::new(words[0]);
        whole.args(&words[1..]).arg(command.get_program());
        whole.args(command.get_args()).env_clear();
        whole.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| value.map(|value| (name, value))),
        );
        if let Some(folder) = command.get_current_dir() {
            whole.current_dir(folder);
        }
        whole
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A world that another user may look into, with a runtime folder into which everybody may write, and a copy of the program
    /// for that user. None, and a word why, where no other user can be played.
    fn shared_world() -> Option<World> {
        let world = World::new();
        set_mode(&world.path(""), 0o755);
        for folder in ["runtime", "other"] {
            fs::create_dir(world.path(folder)).unwrap();
            set_mode(&world.path(folder), 0o777);
        }
        fs::write(world.path("control"), "for all\n").unwrap();
        set_mode(&world.path("control"), 0o644);
        let control = Command::new(OTHER[0])
            .args(&OTHER[1..])
            .arg("cat")
            .arg(world.path("control"))
            .output();
        if !geteuid().is_root() || !control.is_ok_and(|output| output.stdout == b"for all\n") {
            eprintln!("skipped: another user is played by root, with setpriv, where TMPDIR is open to all");
            return None;
        }
        fs::copy(env!("CARGO_BIN_EXE_ttg-tui"), world.path("program")).unwrap();
        set_mode(&world.path("program"), 0o755);
        Some(world)
    }

    /// Makes a command of the program that the other user runs, in the same runtime folder.
    fn as_other(world: &World, arguments: &[&str]) -> Command {
        let program = world.path("program");
        let mut words = OTHER.to_vec();
        words.push(program.to_str().unwrap());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(arguments).env_clear();
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", world.path("other"))
            .env("XDG_STATE_HOME", world.path("other"))
            .env("XDG_RUNTIME_DIR", world.path("runtime"))
            .current_dir(world.path("other"));
        command
    }

    #[test]
    fn what_it_writes_is_for_its_owner_alone_whatever_the_umask() {
        let world = World::new();
        let lax = ["sh", "-c", r#"umask 000; exec "$0" "$@""#];
        let local = Running::start(&mut under(&lax, &world.command(&["local"])));
        local.wait_for_stderr("Ctrl-C ends it");
        let run = Running::start(&mut under(&lax, &world.command(&["run", "--name", "ttg-lax"])));
        assert_eq!(run.finish().code, Some(0));

        let runtime = world.runtime_folder();
        let state = world.path("state/ttg-tui");
        let mut folders = vec![
            runtime.clone(),
            state.clone(),
            state.join("runs"),
            state.join("runs/ttg-lax"),
        ];
        let mut files = Vec::new();
        for folder in [&runtime, &state.join("runs/ttg-lax")] {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    files.push(entry.path());
                }
            }
        }
        let pods = folders
            .iter()
            .find(|folder| folder.to_string_lossy().contains("/pods-"));
        files.push(pods.unwrap().join("lock"));
        for folder in &folders {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        for file in &files {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        for name in ["local.kubeconfig", "local.json", "local.lock", "moment.lock"] {
            assert!(files.contains(&runtime.join(name)), "{name} is not in {files:?}");
        }
        end(local);
    }

    #[test]
    fn it_listens_on_loopback_alone() {
        let world = World::new();
        let local = local(&world);
        let folder = format!("/proc/{}", local.pid());
        let sockets: HashSet<String> = fs::read_dir(format!("{folder}/fd"))
            .unwrap()
            .filter_map(|entry| {
                let link = fs::read_link(entry.unwrap().path()).ok()?;
                let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                Some(inode.to_owned())
            })
            .collect();
        let mut listening = Vec::new();
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            // A machine may have no IPv6.
            let text = fs::read_to_string(format!("{folder}/net/{table}")).unwrap_or_default();
            for line in text.lines().skip(1) {
                let columns: Vec<&str> = line.split_whitespace().collect();
                let is_open = columns[3] == LISTENS || table.starts_with("udp");
                if is_open && sockets.contains(columns[9]) {
                    listening.push((table, columns[1].to_owned()));
                }
            }
        }
        let port = Door::of(&world)
            .address
            .rsplit_once(':')
            .unwrap()
            .1
            .parse::<u16>()
            .unwrap();
        let address = format!("{:08X}:{port:04X}", u32::from_ne_bytes([127, 0, 0, 1]));
        assert_eq!(listening, [("tcp", address)]);
        end(local);
    }

    #[test]
    fn the_token_is_in_the_kubeconfig_and_nowhere_else() {
        let world = World::new();
        let local = local(&world);
        let door = Door::of(&world);
        // `$PPID` is the pod's supervisor, and that one's parent the program.
        let script = r"env; p=$PPID; for n in 1 2; do tr '\0' '\n' < /proc/$p/environ; tr '\0' '\n' < /proc/$p/cmdline;
            p=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$p/status); done; echo ends here; sleep 60";
        let container = json!({"name": "spy", "image": "busybox", "command": ["/bin/sh", "-c", script]});
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "spy"},
            "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]},
        });
        let pods = "/api/v1/namespaces/default/pods";
        assert_eq!(ask_rightly(&door, "POST", pods, &pod.to_string()).code, 201);
        let log = eventually("the pod has printed all", || {
            let answer = ask_rightly(&door, "GET", &format!("{pods}/spy/log"), "");
            let is_whole = answer.code == 200 && answer.body.contains("ends here\n");
            is_whole.then_some(answer.body).ok_or_else(|| answer.code.to_string())
        });
        // What was printed is not told: it is the environment of whoever runs the tests.
        assert!(
            log.contains("pod-supervise\n") && log.contains("\nlocal\n"),
            "the pod saw no parents"
        );
        assert!(!log.contains(&door.token), "the pod saw the token");
        for process in world.processes() {
            assert!(!process.argv.concat().contains(&door.token), "{process:?}");
            let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment).into_owned();
            assert!(!environment.contains(&door.token), "{process:?}");
        }

        let run = world.run(&["run", "--output", "json"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        let kubeconfig = world.runtime_folder().join("local.kubeconfig").display().to_string();
        assert_eq!(files_with(&world.path(""), &door.token), [kubeconfig]);
        local.signal(Signal::INT);
        let told = local.finish();
        assert_eq!(told.code, Some(0), "{told:?}");
        for text in [&told.stdout, &told.stderr, &run.stdout, &run.stderr] {
            assert!(!text.contains(&door.token), "the token was printed");
        }
        assert_eq!(files_with(&world.path(""), &door.token), [""; 0]);
    }

    /// That a connection of this user without a token is refused is tested above: the server cannot tell users from each other.
    #[test]
    fn another_user_of_the_machine_finds_nothing() {
        let Some(world) = shared_world() else { return };
        let local = local(&world);
        for path in ["local.kubeconfig", "local.json", "moment.lock", ""] {
            let path = world.runtime_folder().join(path);
            let output = Command::new(OTHER[0])
                .args(&OTHER[1..])
                .args(["ls", "-l"])
                .arg(&path)
                .output();
            let output = output.unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success(), "{}", path.display());
            assert!(stderr.contains("Permission denied"), "{stderr}");
        }
        let list = Running::start(&mut as_other(&world, &["list", "--local"])).finish();
        assert!(list.stderr.contains("no local cluster is running"), "{list:?}");
        end(local);
    }

    #[test]
    fn a_cluster_that_another_user_planted_is_not_believed() {
        let Some(world) = shared_world() else { return };
        let planted = Running::start(&mut as_other(&world, &["local"]));
        planted.wait_for_stderr("Ctrl-C ends it");
        let list = world.run(&["list", "--local"]);
        assert!(list.stderr.contains("no local cluster is running"), "{list:?}");
        refused(&world);
        end(planted);
    }

    #[test]
    fn a_runtime_folder_into_which_others_may_write_is_not_used() {
        let world = World::new();
        fs::create_dir_all(world.runtime_folder()).unwrap();
        set_mode(&world.runtime_folder(), 0o777);
        refused(&world);
        set_mode(&world.runtime_folder(), 0o700);
        end(local(&world));
    }

    /// Asserts that no cluster starts in the runtime folder, and that the folder is named.
    fn refused(world: &World) {
        let finished = world.run(&["local"]);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        let folder = world.runtime_folder().display().to_string();
        assert!(finished.stderr.contains(&folder), "{finished:?}");
    }
}
