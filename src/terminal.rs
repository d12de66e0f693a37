//! The terminal: raw mode and the alternate screen, and leaving them sane on every path.
//!
//! [`Terminal::enter`] takes the terminal, dropping it gives it back; so does the hook that a panic runs first, and
//! [`give_back`] is safe to call twice and when the terminal is gone. Once it was given back so, nothing is drawn any more. Nothing here knows what is drawn. The cursor's position and the
//! terminal's abilities are never asked for: a terminal that does not answer would hold the program up for seconds.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write, stdin, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// How much of a frame is written at once: more than a full frame of 200×60 with colours.
const FRAME_BYTES: usize = 256 << 10;

/// The longest text that terminals take over OSC 52.
pub const COPY_BYTES_MAX: usize = 74_000;

/// Has the terminal report clicks and the wheel, as numbers of any size. What else could be reported, each move of the mouse, would
/// be nothing but noise.
const CLICKS_ON: &str = "\x1b[?1000h\x1b[?1006h";
/// The opposite of [`CLICKS_ON`].
const CLICKS_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether clicks are reported to us now.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// Tells whether a person sits in front of this program: its input and its output are terminals.
pub fn is_interactive() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// The terminal while the screen is ours.
pub struct Terminal {
    backend: CrosstermBackend<BufWriter<Stdout>>,
    shown: Buffer,
    next: Buffer,
    cursor: Option<Position>,
    synchronized: bool,
    mouse: bool,
}

impl Terminal {
    /// Takes the terminal.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        install_panic_hook();
        // Without this crossterm answers NO_COLOR by resetting every attribute where a colour would be, and with it bold and
        // reverse. A look without colours sets none.
        crossterm::style::force_color_output(true);
        let mut terminal = Self {
            backend: CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, stdout())),
            shown: Buffer::default(),
            next: Buffer::default(),
            cursor: None,
            // tmux paints its whole pane again for each synchronized frame.
            synchronized: std::env::var_os("TMUX").is_none(),
            mouse,
        };
        terminal.take()?;
        Ok(terminal)
    }

    fn take(&mut self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        self.report_clicks(self.mouse)?;
        self.shown = Buffer::default();
        self.cursor = None;
        Ok(())
    }

    /// Gives the terminal back for a while: to an editor, or to the shell that stopped this program.
    pub fn pause(&mut self) {
        give_back();
    }

    /// Takes the terminal again after a pause; everything is drawn anew.
    pub fn resume(&mut self) -> io::Result<()> {
        self.take()
    }

    /// Has clicks reported, or leaves the mouse to the terminal.
    pub fn report_clicks(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if MOUSE.swap(on, Ordering::SeqCst) == on {
            return Ok(());
        }
        execute!(stdout(), Print(if on { CLICKS_ON } else { CLICKS_OFF }))
    }

    /// Draws one frame: `draw` fills the cells and says where the cursor sits; what has changed is written.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Buffer) -> Option<Position>) -> io::Result<()> {
        if !TAKEN.load(Ordering::SeqCst) {
            // A panic on another thread has given it back, and its words stand there now.
            return Err(io::Error::other("the terminal was given back"));
        }
        let (columns, rows) = size()?;
        let area = Rect::new(0, 0, columns, rows);
        let is_new_size = self.shown.area != area;
        self.next.resize(area);
        self.next.reset();
        let cursor = draw(&mut self.next);
        if is_new_size {
            self.shown = Buffer::empty(area);
        }
        let changes = self.shown.diff(&self.next);
        if changes.is_empty() && !is_new_size && cursor == self.cursor {
            return Ok(());
        }
        if self.synchronized {
            queue!(self.backend, BeginSynchronizedUpdate)?;
        }
        queue!(self.backend, Hide)?;
        if is_new_size {
            queue!(self.backend, Clear(ClearType::All))?;
        }
        self.backend.draw(changes.into_iter())?;
        if let Some(Position { x, y }) = cursor {
            queue!(self.backend, MoveTo(x, y), Show)?;
        }
        if self.synchronized {
            queue!(self.backend, EndSynchronizedUpdate)?;
        }
        self.cursor = cursor;
        std::mem::swap(&mut self.shown, &mut self.next);
        Write::flush(&mut self.backend)
    }

    /// Hands a text to the person's clipboard, through the terminal.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.backend, CopyToClipboard::to_clipboard_from(text))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, if it is ours. A terminal that is gone needs nothing.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    if MOUSE.swap(false, Ordering::SeqCst) {
        execute!(out, Print(CLICKS_OFF)).ok();
    }
    execute!(
        out,
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    )
    .ok();
    disable_raw_mode().ok();
}

/// A panic's words must be seen: the terminal is given back before they are written.
fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
    });
}
