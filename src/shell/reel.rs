//! What of a session is recorded: where the person asked for it, and in the run's own folder, bounded, for the last runs.
//!
//! The run's folder is known only once the run is submitted; what happens before waits here. Every event is recorded in the order in
//! which the model had it. Of two [`Event::Drained`] with nothing between them the second one decides nothing more, unless time
//! does; then it had an effect, and is recorded, too.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::RECORDING_BYTES_MAX;
use crate::model::event::Event;
use crate::recording::{Recorder, Terms, at_ms, ms_since};

/// How many events wait for the run's folder: a run is submitted or it is not.
const EARLY_MAX: usize = 4_096;
/// How long the end of the recordings is waited for.
const END: Duration = Duration::from_secs(10);

/// What is to be recorded.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// The new file that the person asked for.
    pub file: Option<PathBuf>,
    /// Texts that are hidden in what is recorded of logs.
    pub redact: Vec<String>,
    /// Whether the run's own folder has a recording, too.
    pub keeps: bool,
}

/// The recordings of a session.
pub(super) struct Reel {
    began_at: Timestamp,
    redact: Vec<String>,
    asked: Option<Recorder>,
    kept: Kept,
    was_drained: bool,
    /// Why the recording that was asked for could not begin.
    trouble: Option<String>,
}

/// The recording in the run's folder.
enum Kept {
    /// There is none.
    No,
    /// The folder is not known yet.
    Early(Vec<(Timestamp, Event)>),
    /// It goes on.
    On(Recorder),
}

impl Reel {
    /// Begins the recordings of a session that began then.
    pub(super) fn start(records: Records, began_at: Timestamp) -> Self {
        let mut reel = Self {
            began_at,
            redact: records.redact,
            asked: None,
            kept: if records.keeps {
                Kept::Early(Vec::new())
            } else {
                Kept::No
            },
            was_drained: false,
            trouble: None,
        };
        if let Some(path) = records.file {
            match Recorder::start(&path, began_at, reel.terms(None)) {
                Ok(recorder) => reel.asked = Some(recorder),
                Err(error) => reel.trouble = Some(format!("nothing is recorded in {}: {error}", path.display())),
            }
        }
        reel
    }

    fn terms(&self, bytes_max: Option<u64>) -> Terms {
        Terms {
            redact: self.redact.clone(),
            bytes_max,
            replaces: bytes_max.is_some(),
        }
    }

    /// Rounds a time down to what a recording keeps of it.
    pub(super) fn rounded(&self, at: Timestamp) -> Timestamp {
        at_ms(self.began_at, ms_since(self.began_at, at))
    }

    /// Returns the event, if it is to be recorded once the model has had it.
    pub(super) fn copy(&self, event: &Event) -> Option<Event> {
        let is_wanted = self.asked.is_some() || !matches!(self.kept, Kept::No);
        is_wanted.then(|| event.clone())
    }

    /// Records an event that the model has had; `is_idle` when nothing followed from it.
    pub(super) fn note(&mut self, at: Timestamp, event: Event, is_idle: bool) {
        let is_drained = event == Event::Drained;
        if std::mem::replace(&mut self.was_drained, is_drained) && is_drained && is_idle {
            return;
        }
        if let Some(asked) = &self.asked {
            asked.push(at, event.clone());
        }
        match &mut self.kept {
            Kept::No => {}
            Kept::Early(events) if events.len() < EARLY_MAX => events.push((at, event)),
            Kept::Early(_) => self.kept = Kept::No,
            Kept::On(recorder) => recorder.push(at, event),
        }
    }

    /// Goes on in the run's folder, or without a recording there. That this one cannot be written is told nowhere: nobody asked for it.
    pub(super) fn keep_in(&mut self, path: Option<&Path>) {
        self.kept = match std::mem::replace(&mut self.kept, Kept::No) {
            Kept::Early(events) => path.map_or(Kept::No, |path| self.begin(path, events)),
            other @ (Kept::No | Kept::On(_)) => other,
        };
    }

    fn begin(&self, path: &Path, events: Vec<(Timestamp, Event)>) -> Kept {
        let Ok(recorder) = Recorder::start(path, self.began_at, self.terms(Some(RECORDING_BYTES_MAX))) else {
            return Kept::No;
        };
        for (at, event) in events {
            recorder.push(at, event);
        }
        Kept::On(recorder)
    }

    /// Waits until everything is written; returns why the recording that was asked for is not complete, if it is not.
    pub(super) async fn finish(self) -> Option<String> {
        let kept = match self.kept {
            Kept::On(recorder) => Some(recorder),
            Kept::No | Kept::Early(_) => None,
        };
        let asked = self.asked;
        let ending = tokio::task::spawn_blocking(move || {
            if let Some(kept) = kept {
                // Nobody asked for it.
                kept.finish().ok();
            }
            asked.map_or(Ok(()), Recorder::finish)
        });
        let ended = match tokio::time::timeout(END, ending).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err("it ended by itself".to_owned()),
            Err(_) => Err(format!("it could not be written in {} s", END.as_secs())),
        };
        let cut = ended.err().map(|why| format!("the recording is not complete: {why}"));
        self.trouble.or(cut)
    }
}
