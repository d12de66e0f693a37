//! The terminal side of a session: inputs in, frames out, and the errands that concern neither the run nor its cluster.
//!
//! At most [`FRAMES_PER_SECOND`] frames are drawn, and none when nothing has changed. With reduced motion news is drawn once a second.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most inputs are no letters, and a question has letters as answers"
)]

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crossterm::event::{Event as TermEvent, EventStream, KeyCode, KeyEventKind};
use futures::StreamExt;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::guide::Guide;
use crate::terminal::{COPY_BYTES_MAX, Terminal};
use crate::ui::app::{App, Errand, Subject};

/// How many frames are drawn in a second at most.
pub const FRAMES_PER_SECOND: u64 = 30;

/// The least time from one frame to the next.
const FRAME: Duration = Duration::from_micros(1_000_000 / FRAMES_PER_SECOND);
/// The least time from one frame to the next one with news, with reduced motion.
const CALM: Duration = Duration::from_secs(1);

/// What a screen has to say.
pub enum Heard {
    /// An input; an error means that the terminal is gone.
    Input(io::Result<TermEvent>),
    /// A frame is due.
    Frame,
}

/// The terminal side of a session.
pub struct Face {
    terminal: Terminal,
    inputs: EventStream,
    /// The person's side: what is shown.
    pub app: App,
    /// A script that leads through the run.
    pub guide: Option<Guide>,
    /// When the last frame was drawn.
    drawn_at: Option<Instant>,
    /// How long after the last frame the next one is due; none when nothing has changed.
    due_after: Option<Duration>,
    /// The same when there is news.
    news_after: Duration,
}

impl Face {
    /// Takes the terminal.
    pub fn enter(app: App, mouse: bool, reduced_motion: bool) -> io::Result<Self> {
        Ok(Self {
            terminal: Terminal::enter(mouse)?,
            inputs: EventStream::new(),
            app,
            guide: None,
            drawn_at: None,
            due_after: Some(Duration::ZERO),
            news_after: if reduced_motion { CALM } else { FRAME },
        })
    }

    /// Notes that there is news.
    pub fn touch(&mut self) {
        self.schedule(self.news_after);
    }

    /// Has the next frame drawn so long after the last one, if not sooner.
    fn schedule(&mut self, after: Duration) {
        self.due_after = Some(self.due_after.map_or(after, |due| due.min(after)));
    }

    /// Waits for the next input, or until a frame is due: for ever when nothing has changed. Safe to cancel.
    pub async fn next(&mut self) -> Heard {
        if let Some(key) = self.guide.as_mut().and_then(Guide::next_key) {
            return Heard::Input(Ok(key));
        }
        let (due_after, drawn_at) = (self.due_after, self.drawn_at);
        let due = async {
            match (due_after, drawn_at) {
                (Some(after), Some(drawn_at)) => sleep_until(drawn_at + after).await,
                (Some(_), None) => {}
                (None, _) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = due => Heard::Frame,
            input = self.inputs.next() => Heard::Input(input.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }

    /// Gives the terminal back for a while.
    pub fn pause(&mut self) {
        self.inputs = EventStream::new();
        self.terminal.pause();
    }

    /// Takes the terminal again.
    pub fn resume(&mut self) -> io::Result<()> {
        self.schedule(FRAME);
        self.terminal.resume()
    }

    /// Draws a frame.
    pub fn draw(&mut self, subject: &Subject<'_>, at: Timestamp) -> io::Result<()> {
        self.due_after = None;
        self.drawn_at = Some(Instant::now());
        if let Some(guide) = &self.guide {
            guide.speak(&mut self.app);
            // Time alone may bring its next step.
            self.due_after = guide.is_busy().then_some(FRAME);
        }
        let (app, guide) = (&mut self.app, &mut self.guide);
        self.terminal.draw(|cells| {
            let cursor = app.draw(subject, at, cells);
            if let Some(guide) = guide {
                guide.look(cells, at);
            }
            cursor
        })
    }

    /// Takes an input; answers with what is to be done outside of the screen. What concerns only the terminal is done here.
    pub fn input(&mut self, input: &TermEvent, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        self.schedule(FRAME);
        let answered = match input {
            TermEvent::Key(event) if event.kind != KeyEventKind::Release => match event.code {
                KeyCode::Char(letter) if event.modifiers.is_empty() => self.app.answer(letter, subject, at),
                _ => None,
            },
            _ => None,
        };
        let errands = answered.unwrap_or_else(|| self.app.input(input, subject, at));
        errands.into_iter().filter_map(|errand| self.run(errand)).collect()
    }

    /// Does an errand that concerns only the terminal; hands any other back.
    fn run(&mut self, errand: Errand) -> Option<Errand> {
        match errand {
            Errand::Copy(text) => {
                self.copy(&text);
                None
            }
            Errand::Save { name, text } => {
                let said = match save(Path::new("."), &name, &text) {
                    Ok(path) => format!("written to {}", path.display()),
                    Err(error) => unsaved(&name, &error),
                };
                self.app.say(said);
                None
            }
            Errand::Mouse(on) => {
                self.terminal.report_clicks(on).ok();
                None
            }
            Errand::Stop => {
                self.stop();
                None
            }
            Errand::Intent(_)
            | Errand::Edit(_)
            | Errand::Submit(_)
            | Errand::Rerun
            | Errand::NewRun
            | Errand::Leave
            | Errand::Playback(_)
            | Errand::Interrupt => Some(errand),
        }
    }

    fn copy(&mut self, text: &str) {
        if text.len() > COPY_BYTES_MAX {
            self.app.say(format!(
                "too long to be copied: {} bytes, at most {COPY_BYTES_MAX}",
                text.len()
            ));
            return;
        }
        let said = match self.terminal.copy(text) {
            // Also shown: a terminal that does not take it says nothing.
            Ok(()) => format!("copied: {}", text.lines().next().unwrap_or_default()),
            Err(error) => format!("cannot copy: {error}"),
        };
        self.app.say(said);
    }

    /// Stops the program as a job of the shell; goes on here once the shell continues it.
    fn stop(&mut self) {
        self.terminal.pause();
        let stopped = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
        let again = self.terminal.resume();
        if stopped.is_err() || again.is_err() {
            self.app.say("cannot be stopped here");
        }
        self.schedule(FRAME);
    }

    /// Opens a text in the person's editor, and returns it as it was left there.
    pub async fn edit(&mut self, text: &str, editor: &str) -> Result<String, String> {
        let folder = std::env::temp_dir().join(format!("ttg-tui-{}", rand::random::<u32>()));
        let file = folder.join("job.yaml");
        // While the editor has the terminal nobody else may read its keys.
        self.pause();
        let edited = run_editor(&folder, &file, text, editor).await;
        std::fs::remove_dir_all(&folder).ok();
        self.resume()
            .map_err(|error| format!("the terminal is gone: {error}"))?;
        edited
    }
}

async fn run_editor(folder: &Path, file: &Path, text: &str, editor: &str) -> Result<String, String> {
    let told = |what: &str, error: io::Error| format!("cannot {what}: {error}");
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
        .create(folder)
        .and_then(|()| std::fs::write(file, text))
        .map_err(|error| told("write a file for the editor", error))?;
    // As git does: the variable is a command line, with flags if need be.
    let status = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg(editor)
        .arg(file)
        .stdin(Stdio::inherit())
        .status()
        .await
        .map_err(|error| told(&format!("start {editor}"), error))?;
    if !status.success() {
        return Err(format!("{editor} ended with {status}: nothing was changed"));
    }
    std::fs::read_to_string(file).map_err(|error| told("read the file back", error))
}

/// Says why a file was not written, and what helps.
fn unsaved(name: &str, error: &io::Error) -> String {
    // The form's file is named after the run, which has a field there.
    let is_named = Path::new(name).extension().is_some_and(|end| end == "yaml");
    match error.kind() {
        io::ErrorKind::AlreadyExists if is_named => {
            format!("{name} exists already; move it away, or save under another name: change Name")
        }
        io::ErrorKind::AlreadyExists => format!("{name} exists already; move it away first"),
        _ => format!("cannot write {name}: {error}"),
    }
}

/// Writes a file that does not exist yet.
fn save(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    use std::io::Write;
    let path = folder.join(name);
    let mut file = std::fs::File::create_new(&path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), "a.yaml", "one").unwrap();
        let error = save(folder.path(), "a.yaml", "two").unwrap_err();
        assert_eq!(
            unsaved("a.yaml", &error),
            "a.yaml exists already; move it away, or save under another name: change Name"
        );
        assert_eq!(unsaved("a.json", &error), "a.json exists already; move it away first");
        assert_eq!(std::fs::read_to_string(folder.path().join("a.yaml")).unwrap(), "one");
    }
}
