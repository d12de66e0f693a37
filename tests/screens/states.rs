//! The table of states: each is a story of a run, or a form with something in it.

use std::sync::LazyLock;

use jiff::Timestamp;
use ttg_tui::model::Model;
use ttg_tui::model::event::{Contact, ContactState, Event, Task, WatchOf};
use ttg_tui::model::intent::Intent;
use ttg_tui::plan::DEFAULT_RETRIES;
use ttg_tui::run::fact::CompletionIndex;
use ttg_tui::view::gesture::{Gesture, Screen, Spot};
use ttg_tui::view::new_run::{CheckLine, ClusterChoice, ClusterTarget, Form, Mark, Start};
use ttg_tui::view::text::Edit;

use super::facts::{Story, at, kept, plan, why};

/// Shards of a run that is no large one.
const SHARDS: u32 = 12;
/// The large run: its shards, those that an earlier session kept, and the pods of this one.
const LARGE: (u32, u32, u32) = (100_000, 60_000, 10_000);
/// The name of the large run, which takes long to draw in a test.
pub(crate) const LARGE_NAME: &str = "large";
/// The position of the workers in the form.
const WORKERS_FIELD: usize = 4;

/// What a screen is about.
pub(crate) enum About {
    /// A run.
    Run(Box<Model>),
    /// A run that is to be submitted.
    Form(Box<Form>),
}

/// One state.
pub(crate) struct State {
    pub(crate) name: &'static str,
    /// The index that is looked at.
    pub(crate) index: u32,
    pub(crate) about: About,
    pub(crate) at: Timestamp,
}

/// How each state of a run comes to be, and which index of it is looked at.
/// A name, an index worth looking at, and how the run came there.
type Run = (&'static str, u32, fn() -> Story);
/// A name, and what was done to the form.
type Filled = (&'static str, fn(&mut Form));

static RUNS: [Run; 14] = [
    ("submitting", 0, submitting),
    ("starting", 1, starting),
    ("pending", 1, pending),
    ("running", 6, running),
    ("retrying", 4, retrying),
    ("disconnected", 6, disconnected),
    ("suspended", 4, suspended),
    ("cancelled", 4, cancelled),
    ("failed", 3, failed),
    ("incomplete", 4, incomplete),
    ("disputed", 2, disputed),
    ("not-proven", 5, not_proven),
    ("proven", 11, proven),
    (LARGE_NAME, 69_650, large),
];

/// What is done to a form.
static FORMS: [Filled; 3] = [("fresh", |_| {}), ("wrong", wrong), ("checked", checked)];

static RUN_STATES: LazyLock<Vec<State>> = LazyLock::new(|| {
    let state = |(name, index, tell): &(&'static str, u32, fn() -> Story)| {
        let mut story = tell();
        story.read_log(*index);
        State {
            name,
            index: *index,
            at: story.now(),
            about: About::Run(Box::new(story.model)),
        }
    };
    RUNS.iter().map(state).collect()
});

static FORM_STATES: LazyLock<Vec<State>> = LazyLock::new(|| {
    let state = |(name, change): &(&'static str, fn(&mut Form))| {
        let mut form = form();
        change(&mut form);
        State {
            name,
            index: 0,
            at: at(0),
            about: About::Form(Box::new(form)),
        }
    };
    FORMS.iter().map(state).collect()
});

/// Returns the states that a screen can be in.
pub(crate) fn states(screen: Screen) -> &'static [State] {
    if screen == Screen::New {
        &FORM_STATES
    } else {
        &RUN_STATES
    }
}

/// Returns every screen with every state it can be in.
pub(crate) fn all() -> impl Iterator<Item = (Screen, &'static State)> {
    let of = |screen| states(screen).iter().map(move |state| (screen, state));
    Screen::ALL.into_iter().flat_map(of)
}

fn submitting() -> Story {
    Story::begin(&plan(SHARDS, 3), Task::Submit, Vec::new())
}

fn starting() -> Story {
    let mut story = Story::submitted(SHARDS);
    for index in 0..2 {
        story.bind(index);
        story.change(index, |pod| pod.waiting = Some(why("ContainerCreating", "")));
    }
    story.make(2);
    story.tell_job(|_| {});
    story.wait(3);
    story
}

fn pending() -> Story {
    let mut story = Story::submitted(SHARDS);
    let words = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption \
                 victims found for incoming pod.";
    for index in 0..3 {
        story.make(index);
        story.change(index, |pod| pod.waiting = Some(why("Unschedulable", words)));
    }
    story.tell_job(|_| {});
    story.wait(40);
    story
}

/// Four shards are done, and three are being computed.
fn running() -> Story {
    let mut story = Story::submitted(SHARDS);
    story.wait(2);
    story.course(&[0, 1, 2], |story, index| story.done(index, 0));
    for index in 3..6 {
        story.run(index);
    }
    story.work(8);
    story.done(3, 0);
    story.run(6);
    story.tell_job(|_| {});
    story.work(3);
    story
}

fn retrying() -> Story {
    let mut story = running();
    story.kube_event(5, why("FailedMount", "MountVolume.SetUp failed: 設定がありません"), 3);
    story.kill(4);
    story.kill(5);
    story.tell_job(|_| {});
    story.work(6);
    story
}

fn disconnected() -> Story {
    let mut story = running();
    let words = "error trying to connect: tcp connect error: Connection refused (os error 111)";
    for watch in [WatchOf::Job, WatchOf::Pods] {
        story.say(Event::Contact(Contact {
            watch,
            state: ContactState::Lost(words.to_owned()),
        }));
    }
    story.wait(14);
    story
}

fn suspended() -> Story {
    let mut story = running();
    story.suspend(Intent::Suspend, "suspended ttg-primes-7f3a2c", None);
    story.wait(4);
    story
}

fn cancelled() -> Story {
    let mut story = running();
    let by = Some("ada at 2027-01-15T08:00:24Z");
    story.suspend(Intent::Cancel, "cancelled ttg-primes-7f3a2c", by);
    story
}

/// Runs every index but these to its end.
fn all_but(others: &[u32]) -> Story {
    let mut story = Story::submitted(SHARDS);
    let indexes: Vec<u32> = (0..SHARDS).filter(|index| !others.contains(index)).collect();
    story.course(&indexes, |story, index| story.done(index, 0));
    story
}

fn failed() -> Story {
    let mut story = all_but(&[3, 7]);
    for _ in 0..=DEFAULT_RETRIES {
        story.course(&[3, 7], Story::kill);
        story.wait(10);
    }
    story.tell_job(|job| job.failed_indexes = [3, 7].map(CompletionIndex).into_iter().collect());
    story.conclude("Failed", "FailedIndexes", "Job has failed indexes");
    story
}

fn incomplete() -> Story {
    let mut story = all_but(&[4, 9]);
    story.course(&[4, 9], |story, index| story.end(index, 0, "Completed", String::new()));
    story.conclude(
        "Complete",
        "CompletionsReached",
        "Reached expected number of succeeded pods",
    );
    story
}

fn disputed() -> Story {
    let mut story = all_but(&[2, 5]);
    // The second result comes before the first one is in the ledger: else the run would be over.
    story.course(&[2, 5], |story, index| {
        story.done(index, 0);
        story.run(index);
        story.done(index, 40);
    });
    story.conclude(
        "Complete",
        "CompletionsReached",
        "Reached expected number of succeeded pods",
    );
    story
}

fn not_proven() -> Story {
    let mut story = Story::submitted(SHARDS);
    story.is_honest = false;
    let indexes: Vec<u32> = (0..SHARDS).collect();
    story.course(&indexes, |story, index| story.done(index, 0));
    story
}

fn proven() -> Story {
    all_but(&[])
}

fn large() -> Story {
    let (shards, kept_before, pods) = LARGE;
    let plan = plan(shards, pods);
    let before = (0..kept_before).map(|index| kept(&plan, index)).collect();
    let mut story = Story::begin(&plan, Task::Attach, before);
    story.have_nodes(20);
    for index in kept_before..kept_before + pods {
        if index < kept_before + 9_700 {
            story.run(index);
        } else {
            story.make(index);
            story.change(index, |pod| {
                pod.waiting = Some(why("Unschedulable", "0/20 nodes are available"));
            });
        }
    }
    story.wait(4);
    for index in kept_before..kept_before + 512 {
        story.progress(index);
    }
    for index in kept_before + 7_000..kept_before + 9_700 {
        if index < kept_before + 9_600 {
            story.done(index, 0);
        } else {
            story.kill(index);
        }
    }
    story.tell_job(|_| {});
    story.wait(2);
    story
}

fn form() -> Form {
    let cluster = |label: &str, about: &str, target| ClusterChoice {
        label: label.to_owned(),
        about: about.to_owned(),
        target,
    };
    Form::new(Start {
        plan: plan(12, 3),
        clusters: vec![
            cluster("local", "this machine, 3 nodes", ClusterTarget::Local),
            cluster(
                "kind-ttg",
                "https://127.0.0.1:6443",
                ClusterTarget::Context("kind-ttg".to_owned()),
            ),
        ],
        cluster: 0,
        namespace: None,
        pace_ms: None,
    })
}

fn wrong(form: &mut Form) {
    let keys = [
        Gesture::Click(Spot::Field(WORKERS_FIELD)),
        Gesture::Edit(Edit::Clear),
        Gesture::Edit(Edit::Insert('0')),
    ];
    for gesture in keys {
        form.take(&gesture);
    }
}

fn checked(form: &mut Form) {
    let lines = [
        (Mark::Ok, "the cluster answers: v1.33.0, 3 nodes"),
        (Mark::Note, "namespace lab has no quota"),
        (Mark::Wrong, "no node has 64 CPUs: its pods would never be placed"),
    ];
    let lines = lines.map(|(mark, text)| CheckLine::new(mark, text));
    form.checked(form.revision(), lines.into());
}
