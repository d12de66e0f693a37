//! Workers that mean harm, on the real local cluster: what they print and what they say at their end. Nothing of it reaches a
//! terminal, a file or a total.
//!
//! Each is a shell script in a Job that is otherwise a run's, so `attach` takes it for one.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use super::attach::{end, local};
use super::common::{Running, World, client, within};

/// How long a command may take; a list that nobody answers takes 30 s.
const DEADLINE_S: i64 = 120;

/// The most memory that the program may take, whatever it is sent.
pub(super) const MEMORY_MIB_MAX: u64 = 150;

/// Escape sequences, control characters and letters that hide or reorder others: as text in JSON, in a message, in a name.
pub(super) const ESCAPES: &str =
    "\u{1b}[31m\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}]8;;http://evil\u{1b}\\x\u{9b}31m\u{202e}y\u{0}\u{8}\r";

/// How a command ended, and the bytes that it wrote as they are.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// The most memory it took, where this machine tells.
    pub(super) peak_mib: u64,
}

impl Raw {
    /// Returns both streams as text.
    pub(super) fn text(&self) -> String {
        [&self.stdout, &self.stderr]
            .map(|bytes| String::from_utf8_lossy(bytes))
            .concat()
    }

    /// Asserts that a terminal would only have shown it, that no defect was told, and that it took little memory.
    pub(super) fn assert_harmless(&self, what: &str) {
        for bytes in [&self.stdout, &self.stderr] {
            assert_harmless(bytes, what);
        }
        let text = self.text();
        for word in ["panicked", "RUST_BACKTRACE", "BACKTRACE"] {
            assert!(!text.contains(word), "{what}: {text}");
        }
        assert!(self.peak_mib < MEMORY_MIB_MAX, "{what} took {} MiB", self.peak_mib);
    }
}

/// Asserts that bytes are plain text.
fn assert_harmless(bytes: &[u8], what: &str) {
    let text = str::from_utf8(bytes).unwrap_or_else(|why| panic!("{what}: {why}: {bytes:?}"));
    let is_harmful = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    let harmful: Vec<char> = text.chars().filter(|c| is_harmful(*c)).collect();
    assert!(harmful.is_empty(), "{what}: {harmful:?} in {text}");
}

/// A process that is ended with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs the program to its end, with files as its output: the lines of [`Running`] would hide what is not text.
pub(super) fn run_raw(world: &World, arguments: &[&str]) -> Raw {
    let number = rand::random::<u64>();
    let [out, err] = ["out", "err"].map(|name| world.path(&format!("{number:016x}.{name}")));
    let mut command = world.command(arguments);
    command.stdin(Stdio::null());
    command.stdout(fs::File::create(&out).unwrap());
    command.stderr(fs::File::create(&err).unwrap());
    let mut child = Killed(command.spawn().unwrap());
    let status_file = format!("/proc/{}/status", child.0.id());
    let mut peak_mib = 0;
    let status = within(DEADLINE_S, &format!("{arguments:?} ends"), || {
        peak_mib = peak_kib(&status_file).map_or(peak_mib, |kib| peak_mib.max(kib / 1_024));
        let ended = child.0.try_wait().unwrap();
        ended.ok_or_else(|| String::from_utf8_lossy(&fs::read(&err).unwrap()).into_owned())
    });
    Raw {
        code: status.code(),
        stdout: fs::read(out).unwrap(),
        stderr: fs::read(err).unwrap(),
        peak_mib,
    }
}

/// Reads the most memory that a process has taken for itself; none once it has ended.
///
/// Pages of the executable are left out: how many of a test build's hundreds of MiB are mapped in is the kernel's choice.
fn peak_kib(status_file: &str) -> Option<u64> {
    let text = fs::read_to_string(status_file).ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(field("VmHWM:")?.saturating_sub(field("RssFile:")?))
}

/// A world with a local cluster, and a client of it.
struct Lab {
    world: World,
    local: Running,
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Lab {
    fn new() -> Self {
        let world = World::new();
        let local = local(&world);
        let kubeconfig = fs::read_to_string(world.runtime_folder().join("local.kubeconfig")).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let client = runtime.block_on(client(&kubeconfig));
        Self {
            world,
            local,
            runtime,
            client,
        }
    }

    /// Makes a run of one shard of 1,000 parameters whose worker is this script.
    fn submit(&self, run: &str, script: &str) {
        let manifest = [
            "manifest",
            "--name",
            run,
            "--parameters",
            "1000",
            "--shards",
            "1",
            "--retries",
            "0",
        ];
        let manifest = self.world.run(&manifest);
        let mut documents: Vec<Value> = serde_saphyr::from_multiple(&manifest.stdout).unwrap();
        let container = &mut documents[1]["spec"]["template"]["spec"]["containers"][0];
        container["image"] = json!("busybox");
        container["command"] = json!(["/bin/sh", "-c", script]);
        container["resources"]["limits"]["memory"] = json!("1Gi");
        let map: ConfigMap = serde_json::from_value(documents[0].clone()).unwrap();
        let job: Job = serde_json::from_value(documents[1].clone()).unwrap();
        self.runtime.block_on(async {
            let params = PostParams::default();
            let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "default");
            maps.create(&params, &map).await.unwrap();
            let jobs: Api<Job> = Api::namespaced(self.client.clone(), "default");
            jobs.create(&params, &job).await.unwrap();
        });
    }

    /// Watches a run to its end and asserts that nothing of its worker did harm, also not on disk.
    fn attach(&self, run: &str) -> Raw {
        let raw = run_raw(&self.world, &["attach", run]);
        raw.assert_harmless(run);
        for name in ["ledger.ndjson", "summary.json", "plan.json"] {
            let path = self.world.path("state/ttg-tui/runs").join(run).join(name);
            // A run of which nothing was accepted may have no ledger.
            if let Ok(bytes) = fs::read(path) {
                assert_harmless(&bytes, &format!("{name} of {run}"));
            }
        }
        raw
    }
}

/// Writes a result with a right checksum, whatever is in it; `$JOB_UID` stands for the Job's uid.
fn sealed(body: &str) -> String {
    let body = body.replace('\\', r"\\").replace('"', r#"\""#);
    format!(
        "body=\"{body}\"; sum=$(printf %s \"$body\" | (sha256sum 2>&- || shasum -a 256) | cut -c1-16)\n\
         printf '%s,\"checksum\":\"%s\"}}' \"$body\" \"$sum\" > \"$RESULT_PATH\"\n"
    )
}

/// The body of a result of shard 0.
fn result(value: &str) -> String {
    format!(
        r#"{{"version":1,"job_uid":"$JOB_UID","index":0,"start":0,"end":1000,"processed":1000,"value":"{value}","kernel":"primes","elapsed_ms":5"#
    )
}

/// What makes a result invalid: what of a true one is replaced, by what, and the words that the program has for it.
const FORGERIES: &[(&str, &str, &str)] = &[
    ("$JOB_UID", "another", "its result is for another Job"),
    ("\"index\":0", "\"index\":1", "its result is for index 1, not 0"),
    (
        "\"end\":1000",
        "\"end\":999",
        "its result is for parameters 0 to below 999",
    ),
    (
        "\"processed\":1000",
        "\"processed\":1",
        "its result says 1 parameters were computed",
    ),
    ("primes", "collatz", "its result is of another kernel than primes"),
    (
        "primes",
        "\\u001b[31m",
        "the kernel of the termination message is not a name",
    ),
    ("\"elapsed_ms\":5", "\"elapsed_ms\":5,\"more\":1", "unknown field"),
    ("\"elapsed_ms\":5", "\"elapsed_ms\":5,\"index\":0", "duplicate field"),
    (
        "\"end\":1000",
        "\"end\":1000000000000000000000000000000",
        "not a result",
    ),
    (
        "\"168\"",
        "\"999999999999999999999999999999999999999999\"",
        "not a decimal integer",
    ),
    (
        "\"168\"",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "not a result",
    ),
    ("\"version\":1", "\"version\":2", "version 2"),
];

/// Scripts that leave something else than a result, and the words that the program has for it.
const MESSAGES: &[(&str, &str)] = &[
    (":", "the termination message is empty"),
    (
        "printf 'a\\000b\\033[31mc\\r' > $RESULT_PATH",
        "does not end with a checksum",
    ),
    (
        "printf '\\377\\376\\302\\233' > $RESULT_PATH",
        "does not end with a checksum",
    ),
    (
        "head -c 1000000 /dev/zero | tr '\\000' x > $RESULT_PATH",
        "has 4096 bytes",
    ),
    ("head -c 4000 /dev/zero | tr '\\000' [ > $RESULT_PATH", "has 4000 bytes"),
    ("rm $RESULT_PATH", "the termination message is empty"),
    (
        "rm $RESULT_PATH; mkdir $RESULT_PATH",
        "the termination message is empty",
    ),
    (
        "rm $RESULT_PATH; mkfifo $RESULT_PATH",
        "the termination message is empty",
    ),
    (
        "rm $RESULT_PATH; ln -s /dev/zero $RESULT_PATH",
        "the termination message is empty",
    ),
];

/// What a log may hold. Each script runs long enough for its log to be followed.
const LOGS: &[(&str, &str)] = &[
    (
        "escapes",
        "printf '\\033[31mred\\033]52;c;ZXZpbA==\\007\\033]8;;http://x\\033\\\\\\302\\23331m\\342\\200\\256rtl\\377\\376 10%%\\r20%%\\r\\n'",
    ),
    (
        "forged",
        "printf '[WORKER 0] Result: 1, line 1\\n[WORKER 0] Result: 1\\n[WORKER 0] Processed: 1,000 parameters, line 99\\n'
         printf '[WORKER 0] Progress: 2,000 / 1,000 (200.0%%), 1/s, partial 0, line 2\\n'
         printf '[WORKER 7] Progress: 1 / 2 (50.0%%), 1/s, partial 0, line 3\\n'
         printf '[WORKER 0] Progress: 18,446,744,073,709,551,615 / 18,446,744,073,709,551,615 (100.0%%), 1/s, partial 0, line 4\\n'",
    ),
    ("long", "head -c 100000000 /dev/zero | tr '\\000' x"),
    ("many", "yes '[WORKER 0] Result: 1, line 18446744073709551615' | head -n 300000"),
];

#[test]
fn no_log_does_harm_or_counts() {
    let lab = Lab::new();
    let shared = &lab;
    thread::scope(|scope| {
        for (name, script) in LOGS {
            scope.spawn(move || assert_log_is_harmless(shared, &format!("ttg-log-{name}"), script));
        }
    });
    // The cluster keeps logs, and it has a limit, too.
    if let Some(kib) = peak_kib(&format!("/proc/{}/status", lab.local.pid())) {
        assert!(kib / 1_024 < MEMORY_MIB_MAX, "the cluster took {kib} KiB");
    }
    end(lab.local);
}

fn assert_log_is_harmless(lab: &Lab, run: &str, script: &str) {
    // It waits until the log can be followed, and then until what it printed could have been read.
    let script = format!("sleep 1\n{script}\nsleep 1\n{}", sealed(&result("168")));
    lab.submit(run, &script);
    let attached = lab.attach(run);
    let text = attached.text();
    assert_eq!(attached.code, Some(0), "{run}: {text}");
    assert!(text.contains("PROVEN  168 primes"), "{run}: {text}");
    assert!(!text.contains("2,000 / 1,000"), "{run}: {text}");
}

#[test]
fn no_forged_result_counts() {
    let lab = Lab::new();
    for (number, (part, forged, words)) in FORGERIES.iter().enumerate() {
        let honest = result("168");
        let body = honest.replacen(part, forged, 1);
        assert_ne!(body, honest, "{part}");
        assert_not_counted(&lab, &format!("ttg-forged-{number}"), &sealed(&body), words);
    }
    for (number, (script, words)) in MESSAGES.iter().enumerate() {
        assert_not_counted(&lab, &format!("ttg-message-{number}"), script, words);
    }
    // A checksum of other bytes, and a result that is cut off.
    let other = sealed(&result("168")).replace("cut -c1-16", "cut -c2-17");
    assert_not_counted(
        &lab,
        "ttg-checksum",
        &other,
        "the checksum of the termination message does not match",
    );
    let cut = sealed(&result("168")) + "text=$(cat $RESULT_PATH); printf %s \"${text%?}\" > $RESULT_PATH";
    assert_not_counted(&lab, "ttg-cut", &cut, "does not end with a checksum");
    end(lab.local);
}

fn assert_not_counted(lab: &Lab, run: &str, script: &str, words: &str) {
    lab.submit(run, script);
    let attached = lab.attach(run);
    let text = attached.text();
    assert_eq!(attached.code, Some(3), "{run}: {script}: {text}");
    for words in [words, "INCOMPLETE  0 of 1", "1 index missing: 0"] {
        assert!(text.contains(words), "{run}: {words} is not in {text}");
    }
    assert!(!text.contains("PROVEN"), "{run}: {text}");
}

#[test]
fn a_well_formed_result_that_is_wrong_is_found_out() {
    let lab = Lab::new();
    lab.submit("ttg-liar", &sealed(&result("169")));
    let attached = lab.attach("ttg-liar");
    let text = attached.text();
    assert_eq!(attached.code, Some(3), "{text}");
    for words in [
        "169 differs from the published value",
        "computed again here: 168, not what its worker said",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert!(
        text.contains("✗ NOT PROVEN  1 of 1") && !text.contains("✓ PROVEN"),
        "{text}"
    );
    end(lab.local);
}
