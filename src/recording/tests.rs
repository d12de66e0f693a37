//! A small session, recorded; and what is left of it after damage.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::recorder::Film;
use super::*;
use crate::model::effect::{Effect, End};
use crate::model::event::{ApiCost, Outcome, Task};
use crate::model::intent::Intent;
use crate::model::log_tail::{TailPart, TailWhat};
use crate::model::{Model, update};
use crate::replay::Player;
use crate::run::fact::{Delta, LogFact, LogPart, PodFact};
use crate::run::partial::Kept;
use crate::run::state::fixtures::{at, done, exited, job, plan, pod, running};

/// The primes from 100 to 130.
const TOTAL: i128 = 6;
const SECRET: &str = "s3cr3t-token";

/// A session as the shell plays it, noting every event.
struct Session {
    model: Model,
    events: Vec<(Timestamp, Event)>,
    second: i64,
}

impl Session {
    fn say(&mut self, event: Event) {
        self.second += 1;
        for event in [event, Event::Drained] {
            let now = at(self.second);
            self.events.push((now, event.clone()));
            for effect in update(&mut self.model, now, event) {
                if let Effect::Keep(partials) = effect {
                    self.say(Event::Outcome(Outcome::Kept(partials)));
                } else if let Effect::Leave(end) = effect {
                    let cost = ApiCost::default();
                    self.events.push((at(self.second), Event::Cost(cost)));
                    self.model.finish(cost, end);
                }
            }
        }
    }

    fn pod(&mut self, fact: PodFact) {
        self.say(Event::Pod(Delta::Applied(Box::new(fact))));
    }
}

/// A run of three shards that loses an attempt and is proven: how it ended, and its events.
pub(crate) fn session() -> (Model, Vec<(Timestamp, Event)>) {
    let started = Started {
        task: Task::Submit,
        plan: plan(3),
        job: None,
        cluster: "local".into(),
        namespace: "default".into(),
        reach_flags: " --kubeconfig /home/ada/.kube/secret".into(),
        outlives: true,
        seed: 1,
        kept: Kept::default(),
    };
    let mut session = Session {
        model: Model::new(at(0), started.clone()),
        events: Vec::new(),
        second: -1,
    };
    session.say(Event::Started(Box::new(started)));
    session.say(Event::Outcome(Outcome::Submitted {
        job: Box::new(job(3, 1)),
        plan: Box::new(plan(3)),
        remarks: Vec::new(),
    }));
    session.say(Event::Job(Delta::Applied(Box::new(job(3, 2)))));
    for index in 0..3 {
        session.pod(pod(index, 2, 3));
        session.pod(running(index, 2, 4));
    }
    let text = format!("the password is {SECRET}");
    session.say(Event::Log(LogFact {
        pod: pod(0, 2, 0).uid,
        what: LogPart::Text(text.clone()),
    }));
    let name = pod(0, 2, 0).name;
    session.say(Event::Intent(Intent::ReadLog(Some(name.clone()))));
    session.say(Event::LogTail(TailPart {
        pod: name,
        what: TailWhat::Lines(vec![text]),
    }));
    session.pod(exited(1, 2, 5, 1));
    session.say(Event::Tick);
    session.pod(done(3, 0, 2, 5, 4));
    session.pod(running(1, 12, 6));
    session.pod(done(3, 1, 12, 7, 1));
    session.pod(done(3, 2, 2, 5, 1));
    assert_eq!(session.model.end(), Some(&End::Proven));
    assert_eq!(session.model.run().total(), Some(TOTAL));
    (session.model, session.events)
}

/// The same on disk.
fn bytes() -> Vec<u8> {
    let terms = Terms {
        redact: vec![SECRET.to_owned()],
        ..Terms::default()
    };
    let mut film = Film::begin(Vec::new(), at(0), terms).unwrap();
    for (at, mut event) in session().1 {
        film.write(at, &mut event).unwrap();
    }
    film.end(None).unwrap()
}

/// The same, read back.
pub(crate) fn recording() -> Recording {
    parse(&bytes()).unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[test]
fn what_was_recorded_is_read_back_but_for_secrets() {
    let recording = recording();
    let (_, events) = session();
    assert_eq!((recording.began_at, &recording.torn), (at(0), &None));
    assert_eq!(recording.entries.len(), events.len());
    let is_changed = |event: &Event| matches!(event, Event::Started(_) | Event::Log(_) | Event::LogTail(_));
    for (entry, (time, event)) in recording.entries.iter().zip(&events) {
        assert_eq!(recording.at(entry.ms), *time);
        assert!(is_changed(event) || entry.event == *event, "{event:?}");
    }
    let text = format!("{recording:?}");
    for secret in [SECRET, "kubeconfig", "/home/ada"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(text.matches("the password is ███").count(), 2);
}

#[test]
fn damage_never_invents_a_total_and_what_is_before_it_plays() {
    let (whole, truth) = (bytes(), recording());
    let mut random = 1_u64;
    let mut below = |limit: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % limit
    };
    let (mut played, mut refused) = (0, 0);
    for round in 0..1_000 {
        let mut bytes = whole.clone();
        if round % 2 == 0 {
            bytes.truncate(below(whole.len()));
        } else {
            bytes[below(whole.len())] ^= 1_u8 << below(8);
        }
        let Ok(read) = parse(&bytes) else {
            refused += 1;
            continue;
        };
        played += 1;
        assert_eq!(read.entries[..], truth.entries[..read.entries.len()], "round {round}");
        let mut player = Player::new(read);
        player.seek(u64::MAX);
        if player.model().end() == Some(&End::Proven) {
            assert_eq!(player.model().run().total(), Some(TOTAL), "round {round}");
        }
    }
    assert!(played > 300 && refused > 0, "{played} played, {refused} refused");
    let torn = parse(&whole[..whole.len() - 1]).unwrap();
    assert_eq!(torn.entries, truth.entries);
    assert!(torn.torn.is_some());
}

#[test]
fn what_cannot_be_played_is_refused_with_the_reason() {
    let header = r#"{"ttg_recording":1,"began_at":"2027-01-15T08:00:00Z"}"#;
    for (bytes, words) in [
        (Vec::new(), "empty"),
        (b"{}".to_vec(), "no recording"),
        (gzip("hello\n"), "no recording"),
        (gzip("{\"ttg_recording\":2}\n"), "newer"),
        (gzip(&format!("{header}\n")), "empty"),
        (gzip(header), "torn"),
        (gzip(&format!("{header}\n0000000000000000 0 \"tick\"\n")), "torn"),
        (bytes()[..5].to_vec(), "torn"),
    ] {
        let why = parse(&bytes).unwrap_err().to_string();
        assert!(why.contains(words), "{words}: {why}");
    }
}

#[test]
fn a_file_is_for_its_owner_and_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.ttg");
    let (_, events) = session();
    let record = |terms: Terms| {
        let recorder = Recorder::start(&path, at(0), terms)?;
        for (at, event) in events.clone() {
            recorder.push(at, event);
        }
        std::io::Result::Ok(recorder.finish())
    };
    assert_eq!(record(Terms::default()).unwrap(), Ok(()));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(open(&path).unwrap().entries.len(), events.len());
    let again = record(Terms::default()).unwrap_err();
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
    let full = Terms {
        bytes_max: Some(1),
        replaces: true,
        ..Terms::default()
    };
    assert!(record(full).unwrap().unwrap_err().contains("full"));
    let left = open(&path).unwrap();
    assert_eq!(left.entries.len(), 1);
    assert!(left.torn.is_some_and(|torn| torn.why.contains("full")));
}
