//! `local`, and what other programs do with its cluster: `run`, `attach`, a client of Kubernetes.

use rustix::process::Signal;

use super::common::{Finished, Running, World};

/// What `local` says once it is ready.
const READY: &str = "a local cluster of 3 nodes runs at https://127.0.0.1:";

pub(super) fn local(world: &World) -> Running {
    let local = world.spawn(&["local"]);
    local.wait_for_stderr("Ctrl-C ends it");
    local
}

/// Ends a cluster as a person does.
pub(super) fn end(local: Running) {
    local.signal(Signal::INT);
    let finished = local.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.starts_with(READY), "{finished:?}");
}

pub(super) fn assert_proven(finished: &Finished, run: &str) {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let summary = finished.summary();
    assert_eq!(summary["run"], run);
    assert_eq!(summary["headline"], "proven");
    assert_eq!(summary["value"], "664579");
}

/// Changes the last character of a name to another one that a name may have.
pub(super) fn misspelt(run: &str) -> String {
    let mut name = run.to_owned();
    let last = if name.pop() == Some('2') { '3' } else { '2' };
    name.push(last);
    name
}

#[test]
fn two_programs_watch_one_run_and_see_the_same_end() {
    let world = World::new();
    let local = local(&world);
    let first = world.spawn(&["run", "--pace", "4s", "--output", "json"]);
    first.wait_for_stdout("\"type\":\"worker_started\"");
    let second = world.run(&["attach", "--output", "json"]);
    let first = first.finish();
    let run = world.only_run();
    assert_proven(&first, &run);
    assert_proven(&second, &run);
    assert_eq!(second.objects()[0]["type"], "attached");

    let wrong = misspelt(&run);
    let unknown = world.run(&["attach", &wrong]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert_eq!(
        unknown.stderr,
        format!("error: no run begins with \"{wrong}\"; the nearest is {run}\n")
    );

    // The Job is finished and still there: attaching to it says how it ended.
    let again = world.run(&["attach", &run, "--output", "json"]);
    assert_proven(&again, &run);

    end(local);
    let kept = world.run(&["result", &run, "--output", "json"]);
    assert_proven(&kept, &run);
    let gone = world.run(&["attach", &run]);
    assert_eq!(gone.code, Some(2), "{gone:?}");
    assert!(gone.stderr.contains("no local cluster is running"), "{gone:?}");
}

#[test]
fn a_second_local_cluster_is_refused_and_leaves_the_first_alone() {
    let world = World::new();
    let local = local(&world);
    let published = std::fs::read(world.runtime_folder().join("local.json")).unwrap();
    let second = world.run(&["local"]);
    assert_eq!(second.code, Some(2), "{second:?}");
    let words = "error: a local cluster runs already at https://127.0.0.1:";
    assert!(second.stderr.starts_with(words), "{second:?}");
    assert!(second.stdout.is_empty(), "{second:?}");
    let after = std::fs::read(world.runtime_folder().join("local.json")).unwrap();
    assert_eq!(published, after);
    end(local);
    assert!(!world.runtime_folder().join("local.json").exists());
    assert!(!world.runtime_folder().join("local.kubeconfig").exists());
}

#[test]
fn the_key_to_the_cluster_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new();
    let local = local(&world);
    for (name, expected) in [("local.kubeconfig", 0o600), ("local.json", 0o600), (".", 0o700)] {
        let mode = std::fs::metadata(world.runtime_folder().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
    end(local);
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::collections::BTreeSet;
    use std::fs;

    use k8s_openapi::api::core::v1::Pod;
    use kube::Api;
    use kube::api::PostParams;
    use rustix::process::Signal;
    use serde_json::json;

    use super::super::common::{World, client, eventually};
    use super::{end, local};

    /// How `/proc/net/tcp` writes the state of a socket that listens.
    const LISTENS: &str = "0A";
    /// How it writes 127.0.0.1.
    const LOOPBACK: &str = "0100007F";

    #[test]
    fn the_cluster_listens_on_loopback_alone() {
        let world = World::new();
        let local = local(&world);
        let sockets: BTreeSet<String> = fs::read_dir(format!("/proc/{}/fd", local.pid()))
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .filter_map(|link| {
                let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                Some(inode.to_owned())
            })
            .collect();
        let mut listeners = Vec::new();
        for table in ["tcp", "tcp6"] {
            // A machine without IPv6 has no such table.
            let text = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
            for line in text.lines().skip(1) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                if fields[3] == LISTENS && sockets.contains(fields[9]) {
                    listeners.push((table, fields[1].to_owned()));
                }
            }
        }
        assert!(!listeners.is_empty(), "the API listens somewhere: {sockets:?}");
        for (table, address) in &listeners {
            assert!(*table == "tcp" && address.starts_with(LOOPBACK), "{listeners:?}");
        }
        end(local);
    }

    #[test]
    fn a_pods_whole_family_ends_with_a_program_that_is_killed() {
        let world = World::new();
        let local = local(&world);
        let kubeconfig = fs::read_to_string(world.runtime_folder().join("local.kubeconfig")).unwrap();
        // One child in a session of its own where there is setsid, and one whose parent has ended.
        let script = "$(command -v setsid) sleep 1000 & (sleep 1000 &); wait";
        let pod: Pod = serde_json::from_value(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "family"},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "family", "image": "none", "command": ["sh", "-c", script]}],
            },
        }))
        .unwrap();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let pods = Api::<Pod>::namespaced(client(&kubeconfig).await, "default");
            pods.create(&PostParams::default(), &pod).await.unwrap();
        });
        eventually("both of the pod's grandchildren run", || {
            let processes = world.processes();
            let sleeping = processes.iter().filter(|process| process.argv == ["sleep", "1000"]);
            if sleeping.count() == 2 {
                Ok(())
            } else {
                Err(format!("{processes:?}"))
            }
        });
        local.signal(Signal::KILL);
        assert_eq!(local.finish().code, None);
        world.wait_until_empty();
    }

    #[test]
    fn a_cluster_that_was_killed_is_not_found_and_can_be_followed_by_another() {
        let world = World::new();
        let first = local(&world);
        first.signal(Signal::KILL);
        assert_eq!(first.finish().code, None);
        let attached = world.run(&["attach"]);
        assert_eq!(attached.code, Some(2), "{attached:?}");
        assert!(attached.stderr.contains("no local cluster is running"), "{attached:?}");
        end(local(&world));
        let left: Vec<String> = fs::read_dir(world.runtime_folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("pods-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
