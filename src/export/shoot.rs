//! Shooting: a player's run drawn by the program's own screens at equal steps of the recording's time.

use crossterm::event::{Event as TermEvent, KeyEvent};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::film::{Film, Ground, Mark, Picture};
use crate::demo::{Script, press, words};
use crate::model::Model;
use crate::replay::Player;
use crate::ui::app::{App, Subject};
use crate::ui::keymap::Keymap;
use crate::ui::theme::{Look, Theme};
use crate::view::gesture::Screen;

/// How long a film rests on its last picture, before it begins again.
const REST_MS: u64 = 3_000;
/// The most pictures that are taken.
const PICTURES_MAX: u64 = 20_000;

/// Which screen is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// The run as it happens, also when it has ended.
    Live,
    /// Every index.
    Shards,
    /// The result.
    Result,
    /// One index.
    Detail(u32),
}

impl Shows {
    /// Returns the keys that lead there.
    fn keys(self) -> String {
        match self {
            Self::Live => "2".to_owned(),
            Self::Shards => "3".to_owned(),
            Self::Result => "5".to_owned(),
            Self::Detail(index) => format!("4g{index}\r"),
        }
    }
}

/// How a film is shot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The columns and rows.
    pub size: (u16, u16),
    /// How many pictures a second of the film has at most.
    pub fps: u64,
    /// How many milliseconds of the run a second of the film shows.
    pub speed_milli: u64,
    /// Where the film begins in the recording.
    pub from_ms: u64,
    /// Where it ends; without it with the recording.
    pub to_ms: Option<u64>,
    /// How meanings look.
    pub look: Look,
    /// Whether only ASCII characters are drawn.
    pub ascii: bool,
    /// Which screen is shown; without it the run, and its result once it has ended.
    pub shows: Option<Shows>,
    /// The script that presses the keys and has the captions.
    pub script: Option<Script>,
}

/// Shoots a film of a recording.
pub fn shoot(player: &mut Player, options: Options) -> Result<Film, String> {
    let to_ms = options.to_ms.unwrap_or(u64::MAX).min(player.recording().duration_ms());
    let from_ms = options.from_ms.min(to_ms);
    let speed = options.speed_milli.max(1);
    let film_ms = |run_ms: u64| run_ms.saturating_sub(from_ms).saturating_mul(1000) / speed;
    let (size, step_ms) = (options.size, 1000 / options.fps.clamp(1, 1000));
    if film_ms(to_ms) / step_ms >= PICTURES_MAX {
        return Err(format!("the film would have more than {PICTURES_MAX} pictures"));
    }
    let mut film = Film {
        title: String::new(),
        size,
        ground: Ground::of(options.look),
        frames: Vec::new(),
        marks: Vec::new(),
        length_ms: film_ms(to_ms) + REST_MS,
    };
    let mut camera = Camera::new(options);
    for number in 0..=PICTURES_MAX {
        let at_ms = number * step_ms;
        let run_ms = from_ms.saturating_add(at_ms.saturating_mul(speed) / 1000);
        player.seek(run_ms.min(to_ms));
        let picture = camera.picture(player.model(), player.now(), film.ground);
        film.push(at_ms.min(film_ms(to_ms)), picture);
        if run_ms >= to_ms {
            break;
        }
    }
    film.title = format!("ttg-tui: {}", player.model().run().plan().run);
    let marks = player
        .markers()
        .iter()
        .filter(|mark| (from_ms..=to_ms).contains(&mark.ms));
    film.marks = marks
        .map(|mark| Mark {
            at_ms: film_ms(mark.ms),
            what: mark.what.clone(),
        })
        .collect();
    Ok(film)
}

/// What takes the pictures: the program's screens without a terminal.
struct Camera {
    app: App,
    cells: Buffer,
    script: Option<Script>,
    /// Whether the result is shown once the run has ended.
    follows_end: bool,
    /// Keys that are still to be pressed.
    keys: Vec<KeyEvent>,
}

impl Camera {
    fn new(options: Options) -> Self {
        let (columns, rows) = options.size;
        let theme = Theme::new(options.look, options.ascii);
        let keys = options.shows.map(Shows::keys).unwrap_or_default();
        Self {
            app: App::new(Screen::Live, theme, Keymap::default(), false),
            cells: Buffer::empty(Rect::new(0, 0, columns, rows)),
            script: options.script,
            follows_end: options.shows.is_none(),
            keys: keys.chars().map(press).collect(),
        }
    }

    fn picture(&mut self, model: &Model, at: Timestamp, ground: Ground) -> Picture {
        let subject = &mut Subject::Run(model);
        for key in self.keys.drain(..) {
            // What is to be done about a key was done when the run was recorded.
            self.app.input(&TermEvent::Key(key), subject, at);
        }
        self.app.refresh(model, at);
        if self.follows_end {
            self.app.show_end(model);
        }
        if let Some(caption) = self.script.as_ref().and_then(Script::caption) {
            self.app.say(caption);
        }
        self.cells.reset();
        self.app.draw(subject, at, &mut self.cells);
        if let Some(script) = &mut self.script {
            self.keys = script.look(&words(&self.cells), at).keys;
        }
        Picture::of(&self.cells, ground)
    }
}
