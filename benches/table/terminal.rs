//! A terminal for the program: what it draws, and when.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use ttg_tui::shell::Clock;

use crate::Failed;
use crate::world::World;

/// How long something may take to be seen before the figure is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many pieces of output wait to be read.
const PIECES_MAX: usize = 4_096;

/// Something that the program wrote, and when it was read.
type Piece = (Timestamp, Vec<u8>);

/// The program in a terminal; it ends with this.
pub(crate) struct Terminal {
    parser: vt100::Parser,
    pieces: Receiver<Piece>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    /// When it was started.
    pub(crate) started_at: Timestamp,
    /// The terminal lives as long as this.
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts the program in a terminal of this many columns and rows.
    pub(crate) fn start(world: &World, size: (u16, u16), arguments: &[&str]) -> Result<Self, Failed> {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ttg-tui"));
        command.args(arguments);
        Self::start_command(world, size, command, &[])
    }

    /// Starts a command in a terminal, with these variables beside those of the world.
    pub(crate) fn start_command(
        world: &World,
        (columns, rows): (u16, u16),
        mut command: CommandBuilder,
        variables: &[(&str, &str)],
    ) -> Result<Self, Failed> {
        command.env_clear();
        for (name, value) in world.environment() {
            command.env(name, value);
        }
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]
            .iter()
            .chain(variables)
        {
            command.env(name, value);
        }
        let pair = native_pty_system().openpty(PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let clock = Clock::start();
        let started_at = clock.now();
        let child = pair.slave.spawn_command(command)?;
        // While this end is open here too, the end of the output is never seen.
        drop(pair.slave);
        let from = pair.master.try_clone_reader()?;
        let (to, pieces) = sync_channel(PIECES_MAX);
        thread::spawn(move || read(from, clock, &to));
        let length = |length| NonZeroU16::new(length).ok_or("a terminal has at least one cell");
        Ok(Self {
            parser: vt100::Parser::new(length(rows)?, length(columns)?, 0),
            pieces,
            keys: pair.master.take_writer()?,
            child,
            started_at,
            _master: pair.master,
        })
    }

    /// Returns the program's process.
    pub(crate) fn pid(&self) -> Result<u32, Failed> {
        Ok(self.child.process_id().ok_or("the program has no process")?)
    }

    /// Types keys.
    pub(crate) fn press(&mut self, keys: &str) -> Result<(), Failed> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Reads what is drawn until the screen is like this; returns when it was.
    pub(crate) fn wait(&mut self, what: &str, is_there: impl Fn(&str) -> bool) -> Result<Timestamp, Failed> {
        self.watch(what, |_, text| is_there(text))
    }

    /// Reads what is drawn, and shows the screen and the time after each piece, until that returns true; returns when it did.
    pub(crate) fn watch(
        &mut self,
        what: &str,
        mut look: impl FnMut(Timestamp, &str) -> bool,
    ) -> Result<Timestamp, Failed> {
        loop {
            let Ok((at, bytes)) = self.pieces.recv_timeout(PATIENCE) else {
                return Err(format!("waited for this: {what}; the screen: {}", self.text()).into());
            };
            self.parser.process(&bytes);
            if look(at, &self.text()) {
                return Ok(at);
            }
            let has_lasted = at.duration_since(self.started_at);
            if has_lasted.as_secs() > 4 * i64::try_from(PATIENCE.as_secs())? {
                return Err(format!("{what} is never drawn; the screen: {}", self.text()).into());
            }
        }
    }

    /// Lets time pass while the program draws what it likes.
    pub(crate) fn rest(&mut self, time: Duration) {
        thread::sleep(time);
        while let Ok((_, bytes)) = self.pieces.try_recv() {
            self.parser.process(&bytes);
        }
    }

    /// Returns what stands on the screen.
    pub(crate) fn text(&self) -> String {
        self.parser.screen().contents()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads what is written until there is no more, or nobody wants it.
fn read(mut from: Box<dyn Read + Send>, clock: Clock, to: &SyncSender<Piece>) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut bytes) {
        let piece = bytes.get(..count).unwrap_or_default().to_vec();
        if count == 0 || to.send((clock.now(), piece)).is_err() {
            return;
        }
    }
}
