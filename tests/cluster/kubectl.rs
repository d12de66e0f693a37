//! kubectl against the cluster: what it is asked, and what a real Kubernetes answers.
//!
//! `kubectl/dialogues/` holds what is asked, `kubectl/states.yaml` Jobs and what is done to them, `golden/` what a real cluster
//! answered. Any cluster must give the same answers; the local one but for the known differences in `kubectl/differences.yaml`.
//!
//! `TTG_RECORD_GOLDEN=1` records the answers anew, from the cluster that `TTG_TEST_KUBECONFIG` names and never from a local one.
//! Words differ from one kubectl to the next and from one Kubernetes to the next, so nothing is compared with other versions than
//! those that gave the answers. The scripts of the dialogues need `sh`, `sed`, `awk` and `jq`.

mod dialogue;
mod differences;
mod golden;
mod normal;
mod place;
mod states;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::world::World;
use dialogue::{Dialogue, dialogues};
use differences::{differences, is_at};
use golden::{Book, Purpose, VERSIONS, record_versions, versions};
use place::Site;
use states::{Story, stories};

/// The variable that has the golden answers recorded.
const RECORD: &str = "TTG_RECORD_GOLDEN";

/// How many dialogues are held at the same time.
const AT_ONCE: usize = 8;

/// What the scripts call.
const TOOLS: [&str; 5] = ["kubectl", "sh", "sed", "awk", "jq"];

/// Returns a path below the folder of these tests.
fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster").join(name)
}

fn all_dialogues() -> Vec<Dialogue> {
    dialogues(&here("kubectl/dialogues"))
}

fn all_stories() -> Vec<Story> {
    stories(&here("kubectl/states.yaml"))
}

/// Something to ask.
#[derive(Clone, Copy)]
enum Task<'t> {
    Dialogue(&'t Dialogue),
    Story(&'t Story),
}

impl Task<'_> {
    /// Returns the names of its answers.
    fn answers(self) -> Vec<String> {
        match self {
            Self::Dialogue(dialogue) => {
                let steps = dialogue.steps.iter();
                steps.map(|step| format!("{}/{}", dialogue.name, step.id)).collect()
            }
            Self::Story(story) => vec![story.at()],
        }
    }

    fn ask(self, site: &Site, book: &Book) {
        match self {
            Self::Dialogue(dialogue) => dialogue.hold(site, book),
            Self::Story(story) => story.happen(site, book),
        }
    }
}

fn is_installed(tool: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .stdout(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

/// Returns what is to be done with the answers; none, and a word why, where they mean nothing.
fn purpose(site: &Site) -> Option<Purpose> {
    let (kubectl, server) = site.versions();
    if std::env::var_os(RECORD).is_some_and(|value| value == "1") {
        assert!(
            !site.is_local,
            "golden answers are recorded from a real cluster: name one in TTG_TEST_KUBECONFIG"
        );
        record_versions(&here("golden"), &kubectl, &server);
        return Some(Purpose::Record);
    }
    let recorded = fs::read_to_string(here("golden").join(VERSIONS)).unwrap();
    let asked = versions(&kubectl, &server);
    if asked != recorded {
        eprintln!("skipped, as the answers of other versions were recorded:\n{recorded}here are:\n{asked}");
        return None;
    }
    Some(if site.is_local {
        Purpose::CompareLocal
    } else {
        Purpose::Compare
    })
}

/// Asks everything, several at once.
fn ask_all(world: &World, tasks: &[Task<'_>]) {
    let site = Site::new(world, &here("kubectl/manifests"));
    let Some(purpose) = purpose(&site) else {
        return;
    };
    let known = differences(&here("kubectl/differences.yaml"));
    let book = Book::new(here("golden"), purpose, known);
    let queue = Mutex::new(tasks.iter());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(tasks.len()) {
            scope.spawn(|| {
                while let Some(task) = next() {
                    task.ask(&site, &book);
                }
            });
        }
    });
    let answers: Vec<String> = tasks.iter().flat_map(|task| task.answers()).collect();
    book.close(|pattern| answers.iter().any(|at| is_at(pattern, at)));
}

/// Tells whether all tools are there; says which is not.
fn has_tools() -> bool {
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !is_installed(tool)).collect();
    if !missing.is_empty() {
        eprintln!("skipped, as these are not installed: {}", missing.join(", "));
    }
    missing.is_empty()
}

#[test]
fn kubectl_gets_the_answers_of_a_real_cluster() {
    if !has_tools() {
        return;
    }
    let (dialogues, stories) = (all_dialogues(), all_stories());
    let shared = dialogues.iter().filter(|dialogue| !dialogue.serial).map(Task::Dialogue);
    // Jobs take longest, so they go first.
    let tasks: Vec<Task<'_>> = stories.iter().map(Task::Story).chain(shared).collect();
    ask_all(&World::new(), &tasks);
}

#[test]
fn kubectl_handles_nodes_as_on_a_real_cluster() {
    if !has_tools() {
        return;
    }
    let dialogues = all_dialogues();
    let world = World::alone();
    for dialogue in dialogues.iter().filter(|dialogue| dialogue.serial) {
        ask_all(&world, &[Task::Dialogue(dialogue)]);
    }
}

#[test]
fn every_answer_is_recorded_and_nothing_else() {
    let (dialogues, stories) = (all_dialogues(), all_stories());
    let tasks = dialogues
        .iter()
        .map(Task::Dialogue)
        .chain(stories.iter().map(Task::Story));
    let mut asked = Vec::new();
    for task in tasks {
        asked.extend(task.answers());
    }
    let expected: BTreeSet<String> = asked.iter().cloned().collect();
    assert_eq!(expected.len(), asked.len(), "two answers have the same name");
    let mut recorded = BTreeSet::new();
    for folder in fs::read_dir(here("golden")).unwrap().map(Result::unwrap) {
        if folder.file_type().unwrap().is_file() {
            assert_eq!(folder.file_name(), VERSIONS);
            continue;
        }
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let name = file.file_name().to_string_lossy().into_owned();
            let step = name.strip_suffix(".txt").expect("golden answers are text files");
            recorded.insert(format!("{}/{step}", folder.file_name().to_string_lossy()));
        }
    }
    assert_eq!(recorded, expected);
}
