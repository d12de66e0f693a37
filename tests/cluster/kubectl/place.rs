//! A cluster as kubectl sees it, and a namespace of its own there, in which a shell runs commands.
//!
//! It knows nothing of what is asked or expected.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::world::{World, image, within};

/// How long a command may take.
const COMMAND_TIME: Duration = Duration::from_secs(120);

/// What is told instead of an exit code of a command that was ended by a signal.
const BY_SIGNAL: i32 = -1;

/// What is told instead of an exit code of a command that did not end in time.
const NOT_IN_TIME: i32 = -2;

/// How long a new namespace may take to get what every namespace has.
const NAMESPACE_TIME: Duration = Duration::from_secs(5);

/// What would lead requests for a local cluster elsewhere.
const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "https_proxy",
    "http_proxy",
    "all_proxy",
];

/// What a command of the shell told.
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A cluster and a folder for all that is asked of it.
pub(crate) struct Site {
    folder: PathBuf,
    kubeconfig: PathBuf,
    image: String,
    server: String,
    nodes: Vec<String>,
    /// Whether it is a local cluster of the program.
    pub(crate) is_local: bool,
}

impl Site {
    /// Looks at the cluster of a world. The manifests are those of this folder, with the worker's image in them.
    pub(crate) fn new(world: &World, manifests: &Path) -> Self {
        let mut site = Self {
            folder: world.folder().join("kubectl"),
            kubeconfig: world.kubeconfig().to_owned(),
            // The kubelets tell the whole name, so that is what is asked for.
            image: whole_name(&image()),
            server: String::new(),
            nodes: Vec::new(),
            is_local: world.is_local(),
        };
        let copies = site.folder.join("manifests");
        fs::create_dir_all(&copies).unwrap();
        for entry in fs::read_dir(manifests).unwrap() {
            let entry = entry.unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            fs::write(copies.join(entry.file_name()), text.replace("IMAGE", &site.image)).unwrap();
        }
        let server = "kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}'";
        site.server = site.shell(&site.kubeconfig, &[], server).stdout;
        let nodes = site.shell(&site.kubeconfig, &[], "kubectl get nodes -o name").stdout;
        site.nodes = nodes
            .lines()
            .filter_map(|line| line.strip_prefix("node/"))
            .map(str::to_owned)
            .collect();
        assert!(!site.nodes.is_empty(), "kubectl sees no nodes");
        site
    }

    /// Returns what `kubectl version` tells of itself and of the server, such as `1.32` and `1.35`.
    pub(crate) fn versions(&self) -> (String, String) {
        let told = self.shell(&self.kubeconfig, &[], "kubectl version -o json");
        let versions: Value = serde_json::from_str(&told.stdout).unwrap();
        let minor = |side: &str| {
            let text = |field: &str| versions[side][field].as_str().unwrap_or_default().to_owned();
            // Vendors write `35+`.
            format!("{}.{}", text("major"), text("minor").trim_end_matches('+'))
        };
        (minor("clientVersion"), minor("serverVersion"))
    }

    fn shell(&self, kubeconfig: &Path, variables: &[(&str, OsString)], script: &str) -> Told {
        let number = rand::random::<u64>();
        let path = |kind: &str| self.folder.join(format!("{number:016x}.{kind}"));
        let (out, err) = (path("out"), path("err"));
        let mut command = self.command("sh", kubeconfig);
        command
            .args(["-c", script])
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap());
        for (name, value) in variables {
            command.env(name, value);
        }
        let mut child = Running(command.spawn().expect("there is a shell"));
        let status = within(COMMAND_TIME, || child.0.try_wait().unwrap());
        let code = status.map_or(NOT_IN_TIME, |status| status.code().unwrap_or(BY_SIGNAL));
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Told {
            code,
            stdout: read(&out),
            stderr: read(&err),
        }
    }

    fn command(&self, program: &str, kubeconfig: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.join("manifests"))
            .env("KUBECONFIG", kubeconfig)
            .env("KUBECACHEDIR", self.folder.join("cache"))
            .env("TMPDIR", &self.folder)
            .env("LC_ALL", "C")
            .env_remove("KUBERNETES_SERVICE_HOST")
            .stdin(Stdio::null());
        if self.is_local {
            for proxy in PROXIES {
                command.env_remove(proxy);
            }
        }
        command
    }
}

/// A namespace of its own, removed at the end, and a kubeconfig for it.
pub(crate) struct Place<'s> {
    site: &'s Site,
    namespace: String,
    kubeconfig: PathBuf,
}

impl<'s> Place<'s> {
    /// Makes the namespace and waits until pods can be made in it.
    pub(crate) fn new(site: &'s Site) -> Self {
        let namespace = format!("ttg-test-{:08x}", rand::random::<u32>());
        let view = site.shell(
            &site.kubeconfig,
            &[],
            "kubectl config view --raw --flatten --minify -o json",
        );
        let mut config: Value = serde_json::from_str(&view.stdout).expect("kubectl shows its kubeconfig");
        config["contexts"][0]["context"]["namespace"] = namespace.clone().into();
        let kubeconfig = site.folder.join(format!("{namespace}.kubeconfig"));
        fs::write(&kubeconfig, config.to_string()).unwrap();
        let place = Self {
            site,
            namespace,
            kubeconfig,
        };
        let made = place.shell(
            "kubectl create -f - <<END\n{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"$NS\"}}\nEND\n",
        );
        assert_eq!(made.code, 0, "{}", made.stderr);
        // A cluster without them is told by the answers, which lack them.
        within(NAMESPACE_TIME, || {
            let told = place.shell("kubectl get serviceaccount default && kubectl get configmap kube-root-ca.crt");
            (told.code == 0).then_some(())
        });
        place
    }

    /// Returns the name of the namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Runs a script of the shell among the manifests. `NS`, `NODE` and `IMAGE` are told to it.
    pub(crate) fn shell(&self, script: &str) -> Told {
        let node = self.site.nodes.first().cloned().unwrap_or_default();
        let variables: [(&str, OsString); 3] = [
            ("NS", self.namespace.clone().into()),
            ("NODE", node.into()),
            ("IMAGE", self.site.image.clone().into()),
        ];
        self.site.shell(&self.kubeconfig, &variables, script)
    }

    /// Follows a path of the API, such as a watch, into a file.
    pub(crate) fn follow(&self, path: &str, file: &str) -> Follower {
        let file = self.site.folder.join(format!("{}.{file}", self.namespace));
        let mut command = self.site.command("kubectl", &self.kubeconfig);
        command
            .args(["get", "--raw", path])
            .stdout(File::create(&file).unwrap())
            .stderr(Stdio::null());
        Follower {
            _running: Running(command.spawn().expect("kubectl starts")),
            file,
        }
    }

    /// Returns the names that are this cluster's own, and what stands for each.
    pub(crate) fn names(&self) -> Vec<(String, String)> {
        let folder = self.site.folder.display().to_string();
        let mut names = vec![
            (self.namespace.clone(), "NS".to_owned()),
            (folder, "DIR".to_owned()),
            (self.site.server.clone(), "SERVER".to_owned()),
            (self.site.image.clone(), "IMAGE".to_owned()),
        ];
        let mut nodes = self.site.nodes.clone();
        // A name may begin as another one: the longer goes first.
        nodes.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.extend(nodes.into_iter().map(|name| (name, "NODE".to_owned())));
        names
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // A pod that failed for its index keeps its finalizer until the next one exists, which a namespace that ends does not let
        // the Job controller make: the Jobs go first, or the namespace would stay for ever.
        self.shell("kubectl delete jobs --all --timeout=30s; kubectl delete namespace $NS --wait=false");
    }
}

/// Something of the API that is followed until this is dropped.
pub(crate) struct Follower {
    _running: Running,
    file: PathBuf,
}

impl Follower {
    /// Returns the objects that came so far.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let text = fs::read(&self.file).unwrap();
        // The last one may still be on its way.
        serde_json::Deserializer::from_slice(&text)
            .into_iter()
            .map_while(Result::ok)
            .collect()
    }
}

/// A process that does not outlive its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Returns the name of an image with the registry and the repository that are meant when none is said.
fn whole_name(image: &str) -> String {
    let first = image.split('/').next().unwrap_or(image);
    let names_registry = image.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    match (names_registry, image.contains('/')) {
        (true, _) => image.to_owned(),
        (false, true) => format!("docker.io/{image}"),
        (false, false) => format!("docker.io/library/{image}"),
    }
}

#[test]
fn an_image_without_a_registry_is_docker_hubs() {
    let table = [
        ("ttg-worker:latest", "docker.io/library/ttg-worker:latest"),
        ("somebody/worker", "docker.io/somebody/worker"),
        ("localhost/worker", "localhost/worker"),
        ("registry.example:5000/worker:1", "registry.example:5000/worker:1"),
    ];
    for (image, whole) in table {
        assert_eq!(whole_name(image), whole);
    }
}
