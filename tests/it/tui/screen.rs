//! A terminal for the program: a pseudo-terminal, a thread that reads what is drawn, and a screen that can be waited for.
//!
//! Nothing here answers what a program may ask of its terminal: one that asked would be held up, and that must be seen.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use ttg_tui::shell::Clock;
use vt100::MouseProtocolMode;

use crate::common::{World, within};

/// The size that the screens are made for, in columns and rows.
pub(super) const USUAL: (u16, u16) = (120, 34);
/// The size that they must work at.
pub(super) const SMALL: (u16, u16) = (80, 24);

pub(super) const ENTER: &str = "\r";
pub(super) const TAB: &str = "\t";
/// What is sent after it must wait for what it does: together they would be another key.
pub(super) const ESCAPE: &str = "\x1b";
pub(super) const DOWN: &str = "\x1b[B";
pub(super) const CTRL_C: &str = "\x03";
pub(super) const CTRL_P: &str = "\x10";
pub(super) const CTRL_U: &str = "\x15";
pub(super) const CTRL_Z: &str = "\x1a";

/// How long something on the screen may take to be seen.
const DEADLINE_S: i64 = 20;
/// How long the program may take to end, once it was asked to.
const END_S: i64 = 20;
/// How long it may take to end once its terminal is gone.
const HANG_UP_S: i64 = 5;
/// How often a deadline is looked at while nothing is drawn.
const GLANCE: Duration = Duration::from_millis(100);

/// How a screen is left, and how a text is handed to the clipboard.
const LEAVE: &[u8] = b"\x1b[?1049l";
const COPY: &[u8] = b"\x1b]52;c;";

/// The columns and rows in which what was printed after the screen is read: nothing of it is broken or scrolled away.
const PAPER: u16 = 500;

/// What the terminal has been sent.
struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// Whether nothing more will come.
    is_closed: bool,
    /// Whether the reader shall stop reading.
    is_hung_up: bool,
}

struct Shared {
    seen: Mutex<Seen>,
    news: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The program in a terminal; it is killed when this is dropped.
pub(super) struct Screen {
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
    writer: Option<Box<dyn Write + Send>>,
    master: Option<Box<dyn MasterPty + Send>>,
    child: Box<dyn Child + Send + Sync>,
    has_ended: bool,
    first_modes: String,
}

/// How the program left its terminal.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) code: u32,
    /// What it sent while the screen was its own.
    pub(super) drawn: Vec<u8>,
    /// What it printed after that.
    pub(super) printed: String,
}

impl Screen {
    /// Starts the program in a terminal of so many columns and rows.
    pub(super) fn start(
        world: &World,
        (columns, rows): (u16, u16),
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(pty_size(columns, rows)).unwrap();
        let first_modes = format!("{:?}", pair.master.get_termios());
        let child = pair
            .slave
            .spawn_command(command(world, arguments, environment))
            .unwrap();
        // While this end is open here too, the end of the output is never seen.
        drop(pair.slave);
        let shared = Arc::new(Shared {
            seen: Mutex::new(Seen {
                parser: vt100::Parser::new(at_least_one(rows), at_least_one(columns), 0),
                raw: Vec::new(),
                is_closed: false,
                is_hung_up: false,
            }),
            news: Condvar::new(),
        });
        let from = pair.master.try_clone_reader().unwrap();
        let told = Arc::clone(&shared);
        Self {
            shared,
            reader: thread::spawn(move || read(from, &told)),
            writer: Some(pair.master.take_writer().unwrap()),
            master: Some(pair.master),
            child,
            has_ended: false,
            first_modes,
        }
    }

    /// Returns the process of the program.
    pub(super) fn pid(&self) -> Pid {
        let pid = self.child.process_id().unwrap();
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Types keys.
    pub(super) fn press(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Hands a text over at once, as terminals do when one is pasted.
    pub(super) fn paste(&mut self, text: &str) {
        self.press(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Clicks on the first of these words in a row.
    pub(super) fn click(&mut self, row: usize, words: &str) {
        let line = self.read(|screen| line(screen, row));
        let before = line
            .split_once(words)
            .unwrap_or_else(|| panic!("{words} is not in {line}"))
            .0;
        // Mice count from one.
        let (x, y) = (before.chars().count() + 1, row + 1);
        self.press(&format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"));
    }

    /// Gives the terminal another size.
    pub(super) fn resize(&self, (columns, rows): (u16, u16)) {
        // What is drawn for the new size must find it here.
        let screen_rows = at_least_one(rows);
        self.shared.lock().parser.set_size(screen_rows, at_least_one(columns));
        self.master.as_ref().unwrap().resize(pty_size(columns, rows)).unwrap();
    }

    /// Reads the screen as it is now.
    pub(super) fn read<T>(&self, read: impl FnOnce(&vt100::Screen) -> T) -> T {
        read(self.shared.lock().parser.screen())
    }

    pub(super) fn contents(&self) -> String {
        self.read(vt100::Screen::contents)
    }

    /// Waits until the screen is like this.
    pub(super) fn wait(&self, what: &str, check: impl Fn(&vt100::Screen) -> bool) {
        self.wait_within(DEADLINE_S, what, check);
    }

    /// As [`Screen::wait`], with a deadline of the caller's.
    pub(super) fn wait_within(&self, seconds: i64, what: &str, check: impl Fn(&vt100::Screen) -> bool) {
        self.wait_until(seconds, what, |seen| check(seen.parser.screen()));
    }

    /// Waits until the screen shows this.
    pub(super) fn wait_for(&self, words: &str) {
        self.wait(words, |screen| screen.contents().contains(words));
    }

    /// Waits until the screen shows one of these.
    pub(super) fn wait_for_any(&self, words: &[&str]) {
        self.wait(&format!("one of {words:?}"), |screen| {
            let contents = screen.contents();
            words.iter().any(|words| contents.contains(words))
        });
    }

    /// Waits until the screen no longer shows this.
    pub(super) fn wait_for_no(&self, words: &str) {
        self.wait(&format!("no {words}"), |screen| !screen.contents().contains(words));
    }

    /// Waits until a row shows this.
    pub(super) fn wait_for_line(&self, row: usize, words: &str) {
        self.wait(&format!("{words} in row {row}"), |screen| {
            line(screen, row).contains(words)
        });
    }

    fn wait_until(&self, seconds: i64, what: &str, check: impl Fn(&Seen) -> bool) {
        let clock = Clock::start();
        let began = clock.now();
        let mut seen = self.shared.lock();
        while !check(&seen) {
            assert!(
                clock.now().duration_since(began).as_secs() < seconds,
                "waited {seconds} s for this: {what}\nthe screen:\n{}",
                seen.parser.screen().contents()
            );
            let woken = self.shared.news.wait_timeout(seen, GLANCE);
            seen = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns the text that was handed to the clipboard last.
    pub(super) fn copied(&self) -> Option<String> {
        let seen = self.shared.lock();
        let from = last(&seen.raw, COPY)? + COPY.len();
        let text = &seen.raw[from..];
        let end = text.iter().position(|byte| [0x07, 0x1b].contains(byte))?;
        String::from_utf8(STANDARD.decode(&text[..end]).ok()?).ok()
    }

    /// Asserts that keys are the terminal's own again: echoed, in lines, and with their signals. Once the program has ended this
    /// tells nothing, since the kernel itself resets the terminal then.
    pub(super) fn assert_modes_are_as_at_first(&self) {
        let modes = format!("{:?}", self.master.as_ref().unwrap().get_termios());
        assert_eq!(modes, self.first_modes);
    }

    /// Waits for the end; the terminal must be as it was before.
    pub(super) fn end(mut self) -> Left {
        let code = self.wait_for_end(END_S);
        self.wait_until(DEADLINE_S, "the end of the output", |seen| seen.is_closed);
        self.read(assert_given_back);
        let seen = self.shared.lock();
        let leave = last(&seen.raw, LEAVE).expect("the screen was never left");
        let (drawn, printed) = seen.raw.split_at(leave);
        let paper = at_least_one(PAPER);
        let mut parser = vt100::Parser::new(paper, paper, 0);
        parser.process(printed);
        Left {
            code,
            drawn: drawn.to_vec(),
            printed: parser.screen().contents(),
        }
    }

    /// Takes the terminal away, as closing its window does, and waits for the end; returns the exit code.
    pub(super) fn hang_up(mut self) -> u32 {
        self.shared.lock().is_hung_up = true;
        // The reader holds the terminal as well; a new size makes the program draw, and so wakes it.
        self.resize((USUAL.0 + 1, USUAL.1));
        within(HANG_UP_S, "the reader stops", || {
            let has_stopped = self.reader.is_finished();
            has_stopped.then_some(()).ok_or_else(|| self.contents())
        });
        self.writer = None;
        self.master = None;
        self.wait_for_end(HANG_UP_S)
    }

    fn wait_for_end(&mut self, seconds: i64) -> u32 {
        let status = within(seconds, "the program ends", || {
            self.child.try_wait().unwrap().ok_or_else(|| self.contents())
        });
        self.has_ended = true;
        assert_eq!(status.signal(), None, "{}", self.contents());
        status.exit_code()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !self.has_ended {
            // This is for a test that failed before.
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Asserts that nothing of the program's screen is left on a terminal.
pub(super) fn assert_given_back(screen: &vt100::Screen) {
    let contents = screen.contents();
    assert!(!screen.alternate_screen(), "the screen was not left: {contents}");
    assert!(!screen.hide_cursor(), "the cursor is hidden: {contents}");
    assert!(!screen.bracketed_paste(), "pastes are marked: {contents}");
    assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None, "{contents}");
}

/// Returns a row of the screen.
pub(super) fn line(screen: &vt100::Screen, row: usize) -> String {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).nth(row).unwrap_or_default()
}

fn command(world: &World, arguments: &[&str], environment: &[(&str, &str)]) -> CommandBuilder {
    let plain = world.command(arguments);
    let mut command = CommandBuilder::new(plain.get_program());
    command.env_clear();
    command.args(plain.get_args());
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]
        .iter()
        .chain(environment)
    {
        command.env(name, value);
    }
    command.env("XDG_CONFIG_HOME", world.path("config"));
    command.cwd(plain.get_current_dir().unwrap());
    command
}

/// Reads what is sent until there is no more, or nobody wants it.
fn read(mut from: Box<dyn Read + Send>, shared: &Shared) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut bytes).unwrap_or(0);
        let mut seen = shared.lock();
        seen.parser.process(&bytes[..count]);
        seen.raw.extend_from_slice(&bytes[..count]);
        seen.is_closed = count == 0;
        let is_over = seen.is_closed || seen.is_hung_up;
        drop(seen);
        shared.news.notify_all();
        if is_over {
            return;
        }
    }
}

fn last(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).rposition(|window| window == part)
}

fn pty_size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// A screen has at least one cell, also where the terminal says that it has none.
fn at_least_one(length: u16) -> NonZeroU16 {
    NonZeroU16::new(length).unwrap_or(NonZeroU16::MIN)
}
