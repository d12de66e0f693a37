//! What stands beside the source and must say the same: the Dockerfile and the image that the suite packs, the manifests and what
//! `manifest` prints, the guides and the command line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use ttg_tui::cli::visible;
use ttg_tui::plan::manifest::manifest;
use ttg_tui::plan::{Plan, RunId, names};

use super::common::repository;

/// The variable that names the folder with the scripts of the test cluster.
const CLUSTER: &str = "TTG_CLUSTER";

/// How many bytes of a tar archive belong together.
const TAR_BLOCK: usize = 512;

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// One stage of a Dockerfile: its instructions, each a word in capitals and the rest of its line.
#[derive(Debug)]
struct Stage {
    name: String,
    base: String,
    instructions: Vec<(String, String)>,
}

impl Stage {
    fn all(&self, word: &str) -> Vec<&str> {
        let found = self.instructions.iter().filter(|(found, _)| found == word);
        found.map(|(_, rest)| rest.as_str()).collect()
    }

    fn only(&self, word: &str) -> &str {
        let found = self.all(word);
        assert_eq!(found.len(), 1, "{word} in {self:?}");
        found[0]
    }
}

/// Reads the stages of a Dockerfile.
fn stages(text: &str) -> Vec<Stage> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let joined = code.join("\n").replace("\\\n", " ");
    let mut stages: Vec<Stage> = Vec::new();
    for line in joined.lines().filter(|line| !line.trim().is_empty()) {
        let (word, rest) = line.trim().split_once(' ').unwrap();
        if word == "FROM" {
            let (base, name) = rest.split_once(" AS ").unwrap();
            stages.push(Stage {
                name: name.to_owned(),
                base: base.to_owned(),
                instructions: Vec::new(),
            });
        } else if let Some(stage) = stages.last_mut() {
            stage.instructions.push((word.to_owned(), rest.trim().to_owned()));
        } else {
            // What stands before the first stage is for the names of the bases.
            assert_eq!(word, "ARG", "{line}");
        }
    }
    stages
}

/// What an image is: what is started, as whom, and its files with their modes.
#[derive(Debug, PartialEq, Eq)]
struct Image {
    entrypoint: Vec<String>,
    user: String,
    files: Vec<(String, u32)>,
}

/// Returns the image that a final stage makes; panics where the stage does more than the suite's script.
fn image_of(stage: &Stage) -> Image {
    assert_eq!(stage.base, "scratch", "{stage:?}");
    for (word, _) in &stage.instructions {
        let known = ["ARG", "LABEL", "COPY", "USER", "ENTRYPOINT"];
        assert!(known.contains(&word.as_str()), "{word} in {stage:?}");
    }
    let copy: Vec<&str> = stage.only("COPY").split_whitespace().collect();
    let ["--from=build", mode, source, target] = copy.as_slice() else {
        panic!("one file from the build: {copy:?}")
    };
    assert_eq!(Path::new(source).file_name(), Path::new(target).file_name());
    let mode = mode.strip_prefix("--chmod=").unwrap();
    Image {
        entrypoint: serde_json::from_str(stage.only("ENTRYPOINT")).unwrap(),
        user: stage.only("USER").to_owned(),
        files: vec![(
            target.trim_start_matches('/').to_owned(),
            u32::from_str_radix(mode, 8).unwrap(),
        )],
    }
}

/// Reads the files of a tar archive: name, mode, content.
fn tar_files(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let text = |field: &[u8]| {
        let text = String::from_utf8_lossy(field);
        text.trim_end_matches(['\0', ' ']).to_owned()
    };
    let octal = |field: &[u8]| usize::from_str_radix(text(field).trim_start(), 8).unwrap();
    let mut files = Vec::new();
    let mut at = 0;
    while at + TAR_BLOCK <= bytes.len() && bytes[at] != 0 {
        let header = &bytes[at..at + TAR_BLOCK];
        let size = octal(&header[124..136]);
        let begin = at + TAR_BLOCK;
        let mode = u32::try_from(octal(&header[100..108])).unwrap();
        files.push((text(&header[..100]), mode, bytes[begin..begin + size].to_vec()));
        at = begin + size.div_ceil(TAR_BLOCK) * TAR_BLOCK;
    }
    files
}

/// Packs a file as the suite does; none where its script, or Python, is not there.
fn packed() -> Option<Image> {
    let cluster = std::env::var_os(CLUSTER).map_or_else(|| repository("../shared/cluster"), PathBuf::from);
    let folder = TempDir::new().unwrap();
    let (binary, archive) = (folder.path().join("ttg-worker"), folder.path().join("worker.tar"));
    fs::write(&binary, "not much of an executable").unwrap();
    let mut script = Command::new(cluster.join("oci-image"));
    script
        .arg("ttg-worker:latest")
        .arg(&binary)
        .arg(&archive)
        .stdout(Stdio::null());
    if !script.status().is_ok_and(|status| status.success()) {
        return None;
    }
    let blobs = tar_files(&fs::read(&archive).unwrap());
    let json = |blob: &[u8]| serde_json::from_slice::<Value>(blob).ok();
    let mut described = blobs.iter().filter_map(|(_, _, blob)| json(blob));
    let config = described.find(|json| json.get("rootfs").is_some()).unwrap();
    // What is not JSON is a layer.
    let layers = blobs.iter().filter(|(_, _, blob)| json(blob).is_none());
    let files = layers.flat_map(|(_, _, blob)| tar_files(blob));
    let files = files.map(|(name, mode, _)| (name, mode)).collect();
    Some(Image {
        entrypoint: serde_json::from_value(config["config"]["Entrypoint"].clone()).unwrap(),
        user: config["config"]["User"].as_str().unwrap().to_owned(),
        files,
    })
}

#[test]
fn the_dockerfile_ends_with_what_the_suite_runs() {
    let stages = stages(&read("Dockerfile"));
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(
        names,
        ["build", "tool", "worker"],
        "the last one is what is built when none is named"
    );
    let [build, tool, worker] = stages.as_slice() else {
        unreachable!()
    };
    let image = image_of(worker);
    assert_eq!(image.entrypoint, ["/ttg-worker"]);
    assert_eq!(image_of(tool).entrypoint, ["/ttg-tui"]);
    assert_eq!(image_of(tool).user, image.user);
    match packed() {
        Some(packed) => assert_eq!(image, packed),
        None => eprintln!("skipped in part: {CLUSTER} names no folder in which oci-image runs"),
    }
    let security = &documents("manifests/job.yaml")[0]["spec"]["template"]["spec"]["securityContext"];
    let user = format!("{}:{}", security["runAsUser"], security["runAsGroup"]);
    assert_eq!(image.user, user, "by number, as runAsNonRoot cannot tell names");
    let (run, env) = (build.only("RUN"), build.only("ENV"));
    assert!(run.contains("--locked") && run.contains("--release"), "{run}");
    assert!(
        env.contains("target-feature=+crt-static") && env.contains("SOURCE_DATE_EPOCH="),
        "{env}"
    );
    for stage in [tool, worker] {
        let labels = stage.only("LABEL");
        for label in ["title", "description", "licenses", "version", "revision"] {
            assert!(
                labels.contains(&format!("org.opencontainers.image.{label}=")),
                "{label}: {labels}"
            );
        }
        assert!(
            stage
                .all("ARG")
                .contains(&concat!("VERSION=", env!("CARGO_PKG_VERSION"))),
            "{stage:?}"
        );
    }
}

/// The canonical plan: three shards, three workers.
fn canonical() -> Plan {
    Plan {
        workers: 3,
        shards: 3,
        ..Plan::new(RunId::parse("ttg-computation").unwrap())
    }
}

#[test]
fn the_canonical_run_is_what_manifest_prints() {
    let printed: Vec<Value> = serde_saphyr::from_multiple(&manifest(&canonical(), Some("ttg")).unwrap()).unwrap();
    let kept = [documents("manifests/configmap.yaml"), documents("manifests/job.yaml")].concat();
    for (kept, printed) in kept.iter().zip(&printed) {
        assert_eq!(
            kept, printed,
            "manifests/ holds the first, `ttg-tui manifest` prints the second"
        );
    }
    assert_eq!((kept.len(), printed.len()), (2, 2));
}

#[test]
fn the_manifests_fit_together() {
    let entries = fs::read_dir(repository("manifests")).unwrap();
    let files: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut kinds = BTreeSet::new();
    for file in &files {
        for object in documents(&format!("manifests/{file}")) {
            let kind = object["kind"].as_str().unwrap().to_owned();
            let of_cluster = [
                "Namespace",
                "ClusterRole",
                "ClusterRoleBinding",
                "Cluster",
                "Kustomization",
            ];
            let namespace = &object["metadata"]["namespace"];
            let expected = if of_cluster.contains(&kind.as_str()) {
                Value::Null
            } else {
                json!("ttg")
            };
            assert_eq!(*namespace, expected, "{file}: {kind}");
            kinds.insert(kind);
        }
    }
    assert!(
        kinds.contains("NetworkPolicy") && kinds.contains("LimitRange"),
        "{kinds:?}"
    );
    let kustomization = &documents("manifests/kustomization.yaml")[0];
    let resources: BTreeSet<String> = serde_json::from_value(kustomization["resources"].clone()).unwrap();
    // Those are optional, an example, for an image of its own, and for other programs than kubectl apply.
    let left_out = [
        "kind.yaml",
        "kustomization.yaml",
        "rbac-nodes.yaml",
        "secret-example.yaml",
        "tool.yaml",
    ];
    let expected: BTreeSet<String> = files
        .iter()
        .filter(|file| !left_out.contains(&file.as_str()))
        .cloned()
        .collect();
    assert_eq!(resources, expected);
    let kind = &documents("manifests/kind.yaml")[0];
    let workers = kind["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["role"] == "worker");
    assert_eq!(workers.count(), 3);
    let policy = &documents("manifests/networkpolicy.yaml")[0]["spec"];
    assert_eq!(policy["podSelector"]["matchLabels"][names::APP_LABEL], names::APP);
    assert_eq!(
        (&policy["ingress"], &policy["egress"]),
        (&Value::Null, &Value::Null),
        "nothing is allowed"
    );
    let setup = read("docs/setup.md");
    for file in &files {
        assert!(
            setup.contains(&format!("../manifests/{file}")),
            "docs/setup.md does not name {file}"
        );
    }
}

/// Returns the rights that `doctor` asks for, as resource and verb, from its table.
fn rights_of_doctor(cluster_wide: bool) -> BTreeSet<(String, String)> {
    let source = read("src/commands/doctor/rights.rs");
    let (table, _) = source.split_once("\n#[cfg(test)]\n").unwrap();
    let call = if cluster_wide {
        "cluster_wide(\""
    } else {
        "namespaced(\""
    };
    let rights = table.split(call).skip(1).map(|rest| {
        let (arguments, _) = rest.split_once(')').unwrap();
        let words: Vec<&str> = arguments.split('"').step_by(2).collect();
        match words.as_slice() {
            [verb, resource] | [verb, _, resource, ""] => ((*resource).to_owned(), (*verb).to_owned()),
            [verb, _, resource, below] => (format!("{resource}/{below}"), (*verb).to_owned()),
            other => panic!("the table of rights has another form: {other:?}"),
        }
    });
    // Pods are made by the Job controller; creating one is only rehearsed, by who may.
    let rehearsed = ("pods".to_owned(), "create".to_owned());
    rights.filter(|right| *right != rehearsed).collect()
}

/// Returns the rights that a Role of a file gives, as resource and verb.
fn rights_in(file: &str, name: &str) -> BTreeSet<(String, String)> {
    let objects = documents(file);
    let is_it = |object: &&Value| object["rules"].is_array() && object["metadata"]["name"] == name;
    let role = objects.iter().find(is_it).unwrap();
    let texts = |value: &Value| serde_json::from_value::<Vec<String>>(value.clone()).unwrap();
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for resource in texts(&rule["resources"]) {
            rights.extend(texts(&rule["verbs"]).into_iter().map(|verb| (resource.clone(), verb)));
        }
    }
    rights
}

#[test]
fn the_role_gives_what_doctor_asks_for() {
    let mut needed = rights_of_doctor(false);
    // Only the form asks for it, and can do without.
    needed.insert(("resourcequotas".to_owned(), "list".to_owned()));
    assert_eq!(rights_in("manifests/rbac.yaml", "ttg-tui"), needed);
    assert_eq!(
        rights_in("manifests/rbac-nodes.yaml", "ttg-tui-nodes"),
        rights_of_doctor(true)
    );
    let viewer = rights_in("manifests/rbac.yaml", "ttg-viewer");
    assert!(viewer.is_subset(&needed));
    assert!(
        viewer
            .iter()
            .all(|(_, verb)| ["get", "list", "watch"].contains(&verb.as_str())),
        "{viewer:?}"
    );
}

#[test]
fn kustomize_makes_every_object_of_its_files() {
    let made = Command::new("kubectl")
        .arg("kustomize")
        .arg(repository("manifests"))
        .output();
    let Ok(made) = made else {
        eprintln!("skipped: kubectl, which kustomizes, is not installed");
        return;
    };
    assert!(made.status.success(), "{made:?}");
    let made: Vec<Value> = serde_saphyr::from_multiple(&String::from_utf8(made.stdout).unwrap()).unwrap();
    let kustomization = &documents("manifests/kustomization.yaml")[0];
    let resources: Vec<String> = serde_json::from_value(kustomization["resources"].clone()).unwrap();
    let written: Vec<Value> = resources
        .iter()
        .flat_map(|file| documents(&format!("manifests/{file}")))
        .collect();
    assert_eq!(made.len(), written.len());
    for object in written {
        assert!(made.contains(&object), "{object}\nis not in\n{made:?}");
    }
}

/// Returns every flag in long form, of all commands.
fn flags(command: &clap::Command, found: &mut BTreeSet<String>) {
    let long = command.get_arguments().filter_map(clap::Arg::get_long);
    found.extend(long.map(|flag| format!("--{flag}")));
    for below in command.get_subcommands() {
        flags(below, found);
    }
}

#[test]
fn the_guide_to_configuration_names_everything() {
    let page = read("docs/configuration.md");
    let cells: BTreeSet<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .flat_map(str::split_whitespace)
        .collect();
    let mut wanted = BTreeSet::from(["--help".to_owned(), "--version".to_owned()]);
    flags(&visible(), &mut wanted);
    assert!(wanted.len() > 30, "{wanted:?}");
    // Variables of workers, the keys of the ConfigMap among them.
    let protocol = read("worker/src/protocol.rs");
    let constants = protocol
        .split("pub const ")
        .filter_map(|rest| rest.split_once(": &str = \""));
    wanted.extend(
        constants
            .map(|(name, _)| name.to_owned())
            .filter(|name| !name.ends_with("_DEFAULT")),
    );
    for map in documents("manifests/configmap.yaml") {
        wanted.extend(map["data"].as_object().unwrap().keys().cloned());
    }
    // Keys of the config file.
    let file = read("src/config/file.rs");
    let (_, fields) = file.split_once("pub struct ConfigFile {\n").unwrap();
    let (fields, _) = fields.split_once("\n}\n").unwrap();
    let keys = fields
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'));
    wanted.extend(keys.map(|(key, _)| key.to_owned()));
    // Variables of the tool.
    for source in [
        "src/config.rs",
        "src/cluster/connect.rs",
        "src/commands/tui/form.rs",
        "src/terminal.rs",
        "src/shell.rs",
    ] {
        let text = read(source);
        let (code, _) = text.split_once("\n#[cfg(test)]\n").unwrap_or((text.as_str(), ""));
        wanted.extend(code.split('"').filter(|word| is_variable(word)).map(str::to_owned));
    }
    for known in ["--toleration", "SHARD_INDEXES", "XDG_CONFIG_HOME", "EDITOR", "theme"] {
        assert!(wanted.contains(known), "{known} is not looked for: {wanted:?}");
    }
    let missing: Vec<&String> = wanted.iter().filter(|name| !cells.contains(name.as_str())).collect();
    assert_eq!(
        missing,
        Vec::<&String>::new(),
        "docs/configuration.md does not name these"
    );
}

/// The variables without an underscore, which could be other words.
const SHORT_VARIABLES: [&str; 10] = [
    "COLORTERM",
    "EDITOR",
    "HOME",
    "KUBECONFIG",
    "LANG",
    "LOGNAME",
    "TERM",
    "TMUX",
    "USER",
    "VISUAL",
];

/// Tells whether a text is the name of an environment variable.
fn is_variable(text: &str) -> bool {
    let is_capital = |b: u8| b.is_ascii_uppercase() || b == b'_';
    SHORT_VARIABLES.contains(&text) || (text.contains('_') && text.len() > 3 && text.bytes().all(is_capital))
}

#[test]
fn stages_are_read_with_their_lines_joined() {
    let text = "# a\nARG V=1\nFROM rust:${V} AS build\nRUN one \\\n    && two\n# b\nFROM scratch AS last\nUSER 1:1\n";
    let stages = stages(text);
    assert_eq!(stages.len(), 2);
    assert_eq!(
        stages[0].only("RUN").split_whitespace().collect::<Vec<_>>(),
        ["one", "&&", "two"]
    );
    assert_eq!((stages[1].base.as_str(), stages[1].only("USER")), ("scratch", "1:1"));
}
