//! The files in `manifests/`, as kubectl takes them and as the tool uses what they make.
//!
//! Each is put into the test's own namespace: only its name and that of the image are changed. What needs rights, Pod Security or
//! quotas is for a real cluster alone, as the local one has one user who may do everything. Without kubectl nothing is tested here,
//! and that is said.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use ttg_tui::cluster::connect::connect_context;
use ttg_tui::cluster::preflight;
use ttg_tui::plan::{Plan, RunId};

use crate::world::{World, eventually, image};

/// π(10⁷).
const PRIMES: &str = "664579";

/// The run in `manifests/job.yaml`.
const CANONICAL: &str = "ttg-computation";

/// The namespace that the manifests name.
const NAMESPACE: &str = "ttg";

/// How many cases are looked at together: each starts a program and may start a run.
const AT_ONCE: usize = 4;

/// What a command said, to both outputs.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    text: String,
}

/// The cluster of a world, as kubectl and the tool reach it under some name.
struct Site {
    folder: PathBuf,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Site {
    /// Looks at the cluster of a world; none, and a word why, where there is no kubectl.
    fn new(world: &World) -> Option<Self> {
        let mut version = Command::new("kubectl");
        version.args(["version", "--client"]).stdout(Stdio::null());
        if !version.status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: kubectl, which takes the manifests, is not installed");
            return None;
        }
        Some(Self {
            folder: world.folder().to_owned(),
            kubeconfig: world.kubeconfig().to_owned(),
            namespace: world.namespace().to_owned(),
        })
    }

    /// Runs a command to its end.
    fn finish(&self, command: &mut Command) -> Told {
        let path = self.folder.join(format!("{:016x}.told", rand::random::<u64>()));
        let out = File::create(&path).unwrap();
        let err = out.try_clone().unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        let what = format!("the end of {command:?}");
        let status = eventually(&what, || child.try_wait().unwrap());
        Told {
            code: status.code(),
            text: String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
        }
    }

    /// Asks kubectl, in the namespace.
    fn kubectl(&self, arguments: &[&str]) -> Told {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command.args(["-n", &self.namespace]).args(arguments);
        self.finish(&mut command)
    }

    /// Asks kubectl for what it must be able to do; returns what it said.
    fn done(&self, arguments: &[&str]) -> String {
        let told = self.kubectl(arguments);
        assert_eq!(told.code, Some(0), "{arguments:?}: {told:?}");
        told.text
    }

    /// Runs the tool, in the namespace and with a state folder of its own for each kubeconfig.
    fn tool(&self, arguments: &[&str]) -> Told {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ttg-tui"));
        let state = self.kubeconfig.file_stem().unwrap();
        command
            .env("XDG_STATE_HOME", self.folder.join("states").join(state))
            .env("XDG_RUNTIME_DIR", self.folder.join("runtime"))
            .env("XDG_CONFIG_HOME", self.folder.join("config"))
            .env_remove("KUBERNETES_SERVICE_HOST")
            .args(arguments)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(["-n", &self.namespace]);
        self.finish(&mut command)
    }

    /// Puts a file of `manifests/` into the namespace, unchanged but for the names of namespace and image.
    fn placed(&self, name: &str) -> PathBuf {
        let text = fs::read_to_string(manifests().join(name)).unwrap();
        let own = &self.namespace;
        let mut text = text
            .replace(&format!("namespace: {NAMESPACE}\n"), &format!("namespace: {own}\n"))
            .replace("ttg-worker:latest", &image())
            // What belongs to no namespace must not be that of another test.
            .replace("ttg-tui-nodes", &nodes_role(own));
        if name == "namespace.yaml" {
            text = text.replace(&format!("\n  name: {NAMESPACE}\n"), &format!("\n  name: {own}\n"));
        }
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn apply(&self, name: &str) -> String {
        let path = self.placed(name);
        self.done(&["apply", "-f", path.to_str().unwrap()])
    }

    /// Lets the server check a file as if it were applied.
    fn check(&self, name: &str) -> String {
        let path = self.placed(name);
        self.done(&["apply", "--dry-run=server", "-f", path.to_str().unwrap()])
    }

    fn apply_objects(&self, objects: &[Value]) {
        let path = self.folder.join(format!("{:016x}.json", rand::random::<u64>()));
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        fs::write(&path, list.to_string()).unwrap();
        self.done(&["apply", "-f", path.to_str().unwrap()]);
    }

    /// Returns the same place for somebody else: the cluster's kubeconfig with this user in it.
    fn with_user(&self, name: &str, change: impl Fn(&mut Value)) -> Self {
        let view = self.done(&["config", "view", "--minify", "--raw", "-o", "json"]);
        let mut kubeconfig: Value = serde_json::from_str(&view).unwrap();
        change(&mut kubeconfig["users"][0]["user"]);
        let path = self.folder.join(format!("{name}.kubeconfig"));
        fs::write(&path, kubeconfig.to_string()).unwrap();
        Self {
            folder: self.folder.clone(),
            kubeconfig: path,
            namespace: self.namespace.clone(),
        }
    }

    /// Returns the same place for somebody whom the cluster's user impersonates.
    fn impersonating(&self, user: &str) -> Self {
        self.with_user(user, |entry| entry["as"] = json!(user))
    }

    /// Returns the same place for the service account of the manifests, with a token as a pod would have it.
    fn as_service_account(&self) -> Self {
        let token = self.done(&["create", "token", "ttg-tui", "--duration", "1h"]);
        self.with_user("account", |entry| *entry = json!({"token": token.trim()}))
    }

    /// Waits until the API server knows that somebody may do this.
    fn wait_until_allowed(&self, verb: &str, resource: &str) {
        eventually(&format!("the right to {verb} {resource}"), || {
            let told = self.kubectl(&["auth", "can-i", verb, resource]);
            (told.code == Some(0)).then_some(())
        });
    }
}

/// Removes what belongs to no namespace and would stay.
struct ClusterWide<'s>(&'s Site);

impl Drop for ClusterWide<'_> {
    fn drop(&mut self) {
        let name = nodes_role(&self.0.namespace);
        self.0.kubectl(&["delete", "clusterrole,clusterrolebinding", &name]);
    }
}

fn nodes_role(namespace: &str) -> String {
    format!("ttg-tui-nodes-{namespace}")
}

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests")
}

#[test]
fn the_canonical_job_is_picked_up_and_proven() {
    let world = World::new();
    let Some(site) = Site::new(&world) else { return };
    site.apply("configmap.yaml");
    site.apply("job.yaml");
    let attached = world.elsewhere(&["attach", CANONICAL, "--output", "json"]).finish();
    let summary = attached.expect_proven(PRIMES);
    assert_eq!(summary["shards"], 3, "{summary}");
}

#[test]
fn every_manifest_is_taken_and_the_run_fits_its_limits() {
    let Some(world) = World::real("the local cluster serves no roles, quotas and network policies") else {
        return;
    };
    let Some(site) = Site::new(&world) else { return };
    let _nodes = ClusterWide(&site);
    let mut files: BTreeSet<String> = fs::read_dir(manifests())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // These two are not for a cluster: kubectl and kind read them themselves.
    for own in ["kustomization.yaml", "kind.yaml"] {
        assert!(files.remove(own), "{own}");
    }
    // Pods need these to be there before them.
    let first = ["namespace.yaml", "quota.yaml", "rbac.yaml", "configmap.yaml"];
    let rest: Vec<&str> = files
        .iter()
        .map(String::as_str)
        .filter(|name| !first.contains(name))
        .collect();
    for name in first.into_iter().chain(rest) {
        // The tool's own image need not be there, so its Job is only checked.
        let said = if name == "tool.yaml" {
            site.check(name)
        } else {
            site.apply(name)
        };
        // kubectl's own warning about a namespace that it did not make is none of Pod Security.
        assert!(!said.contains("would violate PodSecurity"), "{name}: {said}");
    }
    let attached = world.elsewhere(&["attach", CANONICAL, "--output", "json"]).finish();
    attached.expect_proven(PRIMES);
    // Beside three pods that may still be counted the quota has room for as many workers as this.
    let own = site.tool(&[
        "run",
        "--image",
        &image(),
        "--parameters",
        "1e6",
        "--workers",
        "7",
        "--shards",
        "7",
    ]);
    assert_eq!(own.code, Some(0), "{own:?}");
    assert!(!own.text.contains("exceeded quota"), "{own:?}");
}

#[test]
fn the_role_suffices_for_every_command() {
    let Some(world) = World::real("the local cluster has one user, who may do everything") else {
        return;
    };
    let Some(site) = Site::new(&world) else { return };
    site.apply("rbac.yaml");
    let account = site.as_service_account();
    account.wait_until_allowed("create", "jobs.batch");
    let image = image();
    let steps: [(&[&str], &str); 7] = [
        (
            &[
                "run",
                "--image",
                &image,
                "--name",
                "ttg-steps",
                "--shards",
                "3",
                "--pace",
                "15s",
                "--detach",
            ][..],
            "",
        ),
        (&["list"][..], "ttg-steps"),
        (&["scale", "ttg-steps", "2"][..], "scaled to 2 workers"),
        (&["suspend", "ttg-steps"][..], "suspended the run"),
        (&["resume", "ttg-steps"][..], "resumed the run"),
        (&["attach", "ttg-steps"][..], "PROVEN  664,579"),
        (&["delete", "ttg-steps"][..], "deleted the Job"),
    ];
    for (step, words) in steps {
        let told = account.tool(step);
        assert_eq!(told.code, Some(0), "{step:?}: {told:?}");
        assert!(told.text.contains(words), "{step:?}: {told:?}");
    }
    let lacking = |account: &Site| -> Vec<String> {
        let told = account.tool(&["doctor"]);
        assert_eq!(told.code, Some(0), "{told:?}");
        let lines = told
            .text
            .lines()
            .filter(|line| line.contains("you may not ") && line.contains("rights:"));
        lines.map(str::to_owned).collect()
    };
    let without_nodes = lacking(&account);
    assert_eq!(without_nodes.len(), 2, "{without_nodes:?}");
    assert!(
        without_nodes.iter().all(|line| line.contains(" nodes: ")),
        "{without_nodes:?}"
    );
    let _nodes = ClusterWide(&site);
    site.apply("rbac-nodes.yaml");
    account.wait_until_allowed("watch", "nodes");
    assert_eq!(lacking(&account), Vec::<String>::new());
}

#[test]
fn a_viewer_watches_and_changes_nothing() {
    let Some(world) = World::real("the local cluster has one user, who may do everything") else {
        return;
    };
    let Some(site) = Site::new(&world) else { return };
    for name in ["rbac.yaml", "configmap.yaml", "job.yaml"] {
        site.apply(name);
    }
    let viewer = format!("viewer-of-{}", site.namespace);
    site.done(&[
        "create",
        "rolebinding",
        "viewer",
        "--role",
        "ttg-viewer",
        "--user",
        &viewer,
    ]);
    let viewer = site.impersonating(&viewer);
    viewer.wait_until_allowed("list", "jobs.batch");
    let attached = viewer.tool(&["attach", CANONICAL]);
    assert_eq!(attached.code, Some(0), "{attached:?}");
    assert!(attached.text.contains("PROVEN  664,579"), "{attached:?}");
    let deleted = viewer.tool(&["delete", CANONICAL]);
    assert_eq!(deleted.code, Some(6), "{deleted:?}");
    assert!(deleted.text.contains("cannot delete resource \"jobs\""), "{deleted:?}");
}

/// A right of the Role: a verb, and a resource, perhaps with its subresource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    verb: &'static str,
    resource: &'static str,
}

impl Right {
    fn group(self) -> &'static str {
        if self.resource == "jobs" { "batch" } else { "" }
    }

    /// Names the right as kubectl and `doctor` do.
    fn kubectl_resource(self) -> String {
        match self.group() {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }

    fn user(self) -> String {
        format!("without-{}-{}", self.verb, self.resource.replace('/', "-"))
    }
}

/// What shows that a right is missing.
#[derive(Clone, Copy, Debug)]
enum Shows {
    /// This command ends with this exit code and the server's words about the right.
    Command(&'static [&'static str], i32),
    /// A run of its own ends with this exit code, and tells the server's words about the right.
    Run(i32),
    /// `doctor` says what does not work; a run says nothing, as it needs the right only when something else went wrong, or for what
    /// moves bars.
    Doctor,
    /// The form for a new run says it.
    Form,
}

/// The run that is there for the commands.
const THERE: &str = "ttg-there";

/// Every right of the Role, and what its lack shows.
#[rustfmt::skip] // A table with one row a right.
const RIGHTS: [(Right, Shows); 16] = [
    (Right { verb: "create", resource: "jobs" }, Shows::Run(6)),
    (Right { verb: "get", resource: "jobs" }, Shows::Command(&["attach", THERE], 6)),
    (Right { verb: "list", resource: "jobs" }, Shows::Command(&["list"], 6)),
    (Right { verb: "watch", resource: "jobs" }, Shows::Run(0)),
    (Right { verb: "patch", resource: "jobs" }, Shows::Command(&["scale", THERE, "2"], 6)),
    (Right { verb: "delete", resource: "jobs" }, Shows::Command(&["delete", THERE], 6)),
    (Right { verb: "create", resource: "configmaps" }, Shows::Run(6)),
    (Right { verb: "get", resource: "configmaps" }, Shows::Doctor),
    (Right { verb: "patch", resource: "configmaps" }, Shows::Run(0)),
    (Right { verb: "delete", resource: "configmaps" }, Shows::Doctor),
    (Right { verb: "list", resource: "pods" }, Shows::Run(3)),
    (Right { verb: "watch", resource: "pods" }, Shows::Run(0)),
    (Right { verb: "get", resource: "pods/log" }, Shows::Doctor),
    (Right { verb: "list", resource: "events" }, Shows::Run(0)),
    (Right { verb: "watch", resource: "events" }, Shows::Run(0)),
    (Right { verb: "list", resource: "resourcequotas" }, Shows::Form),
];

/// Makes a Role with these rights, and binds it to the user of this name.
fn role(name: &str, rights: impl Iterator<Item = Right>) -> [Value; 2] {
    const API: &str = "rbac.authorization.k8s.io";
    let rule =
        |right: Right| json!({"apiGroups": [right.group()], "resources": [right.resource], "verbs": [right.verb]});
    let rules: Vec<Value> = rights.map(rule).collect();
    [
        json!({
            "apiVersion": format!("{API}/v1"), "kind": "Role", "metadata": {"name": name}, "rules": rules,
        }),
        json!({
            "apiVersion": format!("{API}/v1"), "kind": "RoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": API, "kind": "Role", "name": name},
            "subjects": [{"apiGroup": API, "kind": "User", "name": name}],
        }),
    ]
}

#[test]
fn the_rights_are_those_of_the_role() {
    let text = fs::read_to_string(manifests().join("rbac.yaml")).unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let is_role = |object: &&Value| object["kind"] == "Role" && object["metadata"]["name"] == "ttg-tui";
    let role = documents.iter().find(is_role).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().unwrap().iter();
        items.map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let mut found = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for resource in texts(&rule["resources"]) {
            for verb in texts(&rule["verbs"]) {
                found.insert((texts(&rule["apiGroups"]), resource.clone(), verb));
            }
        }
    }
    let rights = RIGHTS.map(|(right, _)| {
        let (group, resource, verb) = (right.group(), right.resource, right.verb);
        (vec![group.to_owned()], resource.to_owned(), verb.to_owned())
    });
    assert_eq!(found, BTreeSet::from(rights));
}

#[test]
fn each_right_is_needed_and_its_lack_is_named() {
    let Some(world) = World::real("the local cluster has one user, who may do everything") else {
        return;
    };
    let Some(site) = Site::new(&world) else { return };
    let all = || RIGHTS.into_iter().map(|(right, _)| right);
    let roles: Vec<Value> = all()
        .flat_map(|missing| role(&missing.user(), all().filter(move |right| *right != missing)))
        .collect();
    site.apply_objects(&roles);
    let started = site.tool(&["run", "--image", &image(), "--name", THERE, "--pace", "10m", "--detach"]);
    assert_eq!(started.code, Some(0), "{started:?}");
    for cases in RIGHTS.chunks(AT_ONCE) {
        thread::scope(|scope| {
            for (right, shows) in cases {
                let site = &site;
                scope.spawn(move || look(site, *right, *shows));
            }
        });
    }
}

/// Looks at what somebody is told who lacks one right alone.
fn look(site: &Site, right: Right, shows: Shows) {
    let own = site.impersonating(&right.user());
    // Once one of the others is known, all are: they came with the same Role.
    let other = if right.verb == "watch" { "list" } else { "watch" };
    own.wait_until_allowed(other, "pods");
    let Right { verb, resource } = right;
    let words = format!("cannot {verb} resource \"{resource}\"");
    match shows {
        Shows::Command(command, code) => {
            let told = own.tool(command);
            assert_eq!(told.code, Some(code), "{right:?}: {told:?}");
            assert!(told.text.contains(&words), "{right:?}: {told:?}");
        }
        Shows::Run(code) => {
            let image = image();
            let name = format!("ttg-{}", right.user());
            let told = own.tool(&[
                "run",
                "--image",
                &image,
                "--name",
                &name,
                "--parameters",
                "1e6",
                "--shards",
                "2",
            ]);
            assert_eq!(told.code, Some(code), "{right:?}: {told:?}");
            assert!(told.text.contains(&words), "{right:?}: {told:?}");
        }
        Shows::Form => return look_at_form(&own, &words),
        Shows::Doctor => {}
    }
    let told = own.tool(&["doctor"]);
    let named = format!(
        "you may not {verb} {} in {}: ",
        right.kubectl_resource(),
        site.namespace
    );
    assert!(told.text.contains(&named), "{right:?}: {named}: {told:?}");
}

/// Asks what the form asks before it submits.
fn look_at_form(site: &Site, words: &str) {
    let plan = Plan::new(RunId::parse("ttg-form").unwrap());
    let lines = Runtime::new().unwrap().block_on(async {
        let connection = connect_context(Some(&site.kubeconfig), None, Some(&site.namespace)).await;
        preflight::check(&connection.unwrap(), &plan).await
    });
    assert!(lines.iter().any(|line| line.text.contains(words)), "{lines:?}");
}
