//! The person's side of a session: which screen is shown, what lies over it, and what each key does there.
//!
//! An input goes to what lies on top: a question, a page, the palette, then the screen. What has to be done outside of the
//! screen comes back as errands. Nothing here waits, knows the cluster or reads a clock.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a gesture that is not about everything is handed on to the screen that is shown"
)]

use crossterm::event::{Event as TermEvent, KeyEvent, KeyEventKind, MouseButton, MouseEventKind};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::canvas::{Canvas, top};
use super::glossary::Glossary;
use super::keymap::{Keymap, Place};
use super::overlay::{Overlay, Palette};
use super::theme::Theme;
use super::{detail as draw_detail, foot, head as draw_head, learn as draw_learn, live as draw_live};
use super::{new_run as draw_new_run, overlay, result as draw_result, shards as draw_shards};
use crate::model::Model;
use crate::model::intent::Intent;
use crate::plan::Plan;
use crate::run::fact::CompletionIndex;
use crate::view::able::{Able, able};
use crate::view::gesture::{Act, Answer, Gesture, Playback, Question, Screen, Spot};
use crate::view::new_run::Form;
use crate::view::text::Edit;
use crate::view::{detail, head, learn, live, new_run, result, run_keys, shards};

/// The smallest size at which the screens are readable.
const COLUMNS_MIN: u16 = 60;
/// See [`COLUMNS_MIN`].
const ROWS_MIN: u16 = 15;
/// The rows of the head and of the foot.
const HEAD_ROWS: u16 = 3;
/// See [`HEAD_ROWS`].
const FOOT_ROWS: u16 = 2;
/// How many lines a turn of the wheel moves.
const WHEEL_ROWS: usize = 3;

/// Something that has to be done outside of the screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Errand {
    /// Hand an intent to the model.
    Intent(Intent),
    /// Copy a text to the person's clipboard.
    Copy(String),
    /// Write a text to a file of this name in the working folder.
    Save {
        /// The file's name.
        name: String,
        /// Its content.
        text: String,
    },
    /// Open a text in the person's editor.
    Edit(String),
    /// Stop the program as a job of the shell.
    Stop,
    /// Report clicks, or leave the mouse to the terminal.
    Mouse(bool),
    /// Submit a plan.
    Submit(Box<Plan>),
    /// Leave the run and submit one more Job for what is missing or disputed.
    Rerun,
    /// Leave the run and open the form.
    NewRun,
    /// Leave the program.
    Leave,
    /// Leave the program at once, as a signal would.
    Interrupt,
    /// Do what a key of a replay means.
    Playback(Playback),
}

/// What the screen is about: a form, or a run.
pub enum Subject<'a> {
    /// A run that is to be submitted.
    Form(&'a mut Form),
    /// A run.
    Run(&'a Model),
}

impl Subject<'_> {
    fn model(&self) -> Option<&Model> {
        match self {
            Self::Form(_) => None,
            Self::Run(model) => Some(model),
        }
    }
}

/// The person's side of a session.
#[expect(clippy::struct_excessive_bools, reason = "each is an answer of its own")]
pub struct App {
    screen: Screen,
    live: live::Choices,
    shards: shards::Choices,
    detail: detail::Choices,
    result: result::Choices,
    learn: learn::Choices,
    /// Whether a run begins with the lessons.
    learns: bool,
    overlay: Option<Overlay>,
    said: Option<String>,
    keymap: Keymap,
    theme: Theme,
    spots: Vec<(Rect, Spot)>,
    mouse: bool,
    /// Whether the end of the run was shown.
    has_shown_end: bool,
    /// Where a replay stands, in words; none for a form or a run.
    playback: Option<String>,
    /// The screen from which the one of an index was opened.
    opened_from: Option<Screen>,
    /// Whether there is a run behind the form, whose screens can be looked at.
    has_last: bool,
}

impl App {
    /// Makes the screen of a form or of a run.
    pub fn new(screen: Screen, theme: Theme, keymap: Keymap, mouse: bool) -> Self {
        Self {
            screen,
            live: live::Choices::default(),
            shards: shards::Choices::new(theme.has_half_blocks()),
            detail: detail::Choices::default(),
            result: result::Choices::default(),
            learn: learn::Choices::default(),
            learns: false,
            overlay: None,
            said: None,
            keymap,
            theme,
            spots: Vec::new(),
            mouse,
            has_shown_end: false,
            playback: None,
            opened_from: None,
            has_last: false,
        }
    }

    /// Says something in the line above the footer.
    pub fn say(&mut self, text: impl Into<String>) {
        self.said = Some(text.into());
    }

    /// Shows where a replay stands; from then on its keys count.
    pub fn show_playback(&mut self, words: String) {
        self.playback = Some(words);
    }

    /// Notes that the screens of the last run can be looked at from the form.
    pub fn keep_last(&mut self) {
        self.has_last = true;
    }

    /// Shows the form again after the last run was looked at.
    pub fn return_to_form(&mut self) {
        self.screen = Screen::New;
    }

    /// Tells whether a question is open.
    pub fn is_asking(&self) -> bool {
        matches!(self.overlay, Some(Overlay::Question { .. }))
    }

    /// Asks something.
    pub fn ask(&mut self, question: Question) {
        self.overlay = Some(Overlay::Question { question, chosen: 0 });
    }

    /// Begins each run with the lessons, until the person leaves them.
    pub fn begin_lessons(&mut self, lessons: learn::Choices) {
        (self.learn, self.learns) = (lessons, true);
    }

    /// Begins with a form or a run: what was shown of the one before is forgotten, but for the lessons.
    pub fn begin(&mut self, screen: Screen) {
        let keymap = std::mem::take(&mut self.keymap);
        let said = self.said.take();
        let (learn, learns) = (std::mem::take(&mut self.learn), self.learns);
        let screen = match screen {
            Screen::Live if learns => Screen::Learn,
            _ => screen,
        };
        *self = Self::new(screen, self.theme.clone(), keymap, self.mouse);
        (self.said, self.learn, self.learns) = (said, learn, learns);
    }

    /// Lets the screen follow what has changed in the run.
    pub fn refresh(&mut self, model: &Model, at: Timestamp) -> Vec<Errand> {
        if self.learns {
            self.learn.refresh(model, at);
        }
        if self.screen != Screen::Detail {
            return Vec::new();
        }
        let acts = self.detail.refresh(model);
        self.carry_out(acts, &mut Subject::Run(model), at)
    }

    /// Returns the screen that is shown.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// Shows the result once the run has ended, unless the person looks at something else by then.
    pub fn show_end(&mut self, model: &Model) {
        if model.end().is_none() || std::mem::replace(&mut self.has_shown_end, true) {
            return;
        }
        if self.is_asking() {
            // It was about a run that went on; its answers mean nothing any more.
            self.overlay = None;
        }
        if self.screen == Screen::Live {
            self.screen = Screen::Result;
        }
    }

    /// Takes one input of the terminal; answers with what is to be done.
    pub fn input(&mut self, input: &TermEvent, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        match input {
            TermEvent::Key(event) if event.kind != KeyEventKind::Release => match self.gesture(subject, *event) {
                Some(gesture) => self.take(&gesture, subject, at),
                None => Vec::new(),
            },
            TermEvent::Paste(text) => {
                if self.place(subject) == Place::Text {
                    self.take(&Gesture::Edit(Edit::Paste(text.clone())), subject, at)
                } else {
                    Vec::new()
                }
            }
            TermEvent::Mouse(event) => match event.kind {
                MouseEventKind::Down(MouseButton::Left) => self.click(event.column, event.row, subject, at),
                MouseEventKind::ScrollUp => self.wheel(&Gesture::Up, subject, at),
                MouseEventKind::ScrollDown => self.wheel(&Gesture::Down, subject, at),
                MouseEventKind::Down(_)
                | MouseEventKind::Up(_)
                | MouseEventKind::Drag(_)
                | MouseEventKind::Moved
                | MouseEventKind::ScrollLeft
                | MouseEventKind::ScrollRight => Vec::new(),
            },
            TermEvent::Key(_) | TermEvent::FocusGained | TermEvent::FocusLost | TermEvent::Resize(..) => Vec::new(),
        }
    }

    fn place(&self, subject: &Subject<'_>) -> Place {
        match &self.overlay {
            Some(Overlay::Palette(_) | Overlay::Glossary(_)) => return Place::Text,
            Some(Overlay::Question { .. } | Overlay::Page { .. }) => return Place::Page,
            None => {}
        }
        let is_text = match subject {
            Subject::Form(form) => form.wants_text(),
            Subject::Run(_) => self.is_typing(),
        };
        if is_text { Place::Text } else { Place::of(self.screen) }
    }

    /// Returns what a key means here. Over a replay its own keys come first.
    fn gesture(&self, subject: &Subject<'_>, event: KeyEvent) -> Option<Gesture> {
        let first = self.first_place(subject);
        let meant = self.keymap.gesture(first, event);
        meant.or_else(|| self.keymap.gesture(self.place(subject), event))
    }

    /// Returns the place whose keys come first.
    fn first_place(&self, subject: &Subject<'_>) -> Place {
        let place = self.place(subject);
        let is_over = [Place::Text, Place::Page].contains(&place);
        if self.playback.is_some() && !is_over {
            Place::Replay
        } else {
            place
        }
    }

    fn wheel(&mut self, gesture: &Gesture, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        (0..WHEEL_ROWS).flat_map(|_| self.take(gesture, subject, at)).collect()
    }

    fn click(&mut self, x: u16, y: u16, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        let position = Position { x, y };
        let hit = self
            .spots
            .iter()
            .rev()
            .find(|(area, _)| area.contains(position))
            .map(|(_, spot)| *spot);
        match hit {
            Some(Spot::Tab(screen)) => self.take(&Gesture::Show(screen), subject, at),
            Some(spot) => self.take(&Gesture::Click(spot), subject, at),
            None => Vec::new(),
        }
    }

    /// Takes one gesture.
    pub fn take(&mut self, gesture: &Gesture, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        match gesture {
            Gesture::Interrupt => return vec![Errand::Interrupt],
            Gesture::Stop => return vec![Errand::Stop],
            Gesture::Playback(key) => {
                self.said = None;
                return vec![Errand::Playback(*key)];
            }
            _ => {}
        }
        if self.overlay.is_some() {
            return self.take_over(gesture, subject, at);
        }
        self.said = None;
        match able(gesture, subject.model()) {
            Able::Yes => {}
            Able::Nothing(why) => {
                self.say(why);
                return Vec::new();
            }
            Able::Refused(why) => {
                self.say(why);
                return Vec::new();
            }
        }
        let acts = match gesture {
            Gesture::Show(screen) => vec![Act::Show(*screen)],
            Gesture::Help => {
                let places = [self.first_place(subject), self.place(subject)];
                self.overlay = Some(overlay::help(&self.keymap, &places, subject.model()));
                Vec::new()
            }
            Gesture::Palette => {
                self.overlay = Some(Overlay::Palette(Palette::new(Place::of(self.screen))));
                Vec::new()
            }
            Gesture::Glossary => {
                self.overlay = Some(Overlay::Glossary(Glossary::new(self.term())));
                Vec::new()
            }
            Gesture::ToggleMouse => {
                self.mouse = !self.mouse;
                self.say(if self.mouse {
                    "clicks are reported; M leaves the mouse to the terminal"
                } else {
                    "the mouse is the terminal's again"
                });
                return vec![Errand::Mouse(self.mouse)];
            }
            _ => self.on_screen(gesture, subject, at),
        };
        self.carry_out(acts, subject, at)
    }

    /// Hands a gesture to the screen that is shown.
    fn on_screen(&mut self, gesture: &Gesture, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Act> {
        let model = match subject {
            Subject::Form(form) => {
                if *gesture == Gesture::Quit {
                    return vec![Act::Leave];
                }
                let acts = form.take(gesture);
                let is_at_top = acts.is_empty() && *gesture == Gesture::Back;
                return if is_at_top { vec![esc_stays()] } else { acts };
            }
            Subject::Run(model) => *model,
        };
        let typing = self.is_typing();
        let mut acts = match self.screen {
            Screen::Live | Screen::New => self.live.take(gesture, model, at),
            Screen::Shards => self.shards.take(gesture, model, at),
            Screen::Detail => self.detail.take(gesture, model, at),
            Screen::Result => self.result.take(gesture, model, at),
            Screen::Learn => self.learn.take(gesture, model, at),
        };
        if acts.is_empty() && !typing {
            acts = run_keys::take(gesture, model, at).unwrap_or_default();
        }
        match gesture {
            Gesture::Quit | Gesture::Back if acts.is_empty() && !typing => self.back(gesture, model),
            _ => acts,
        }
    }

    /// One level back: from an index to where it was opened, from another screen to the run, from there out.
    fn back(&self, gesture: &Gesture, model: &Model) -> Vec<Act> {
        if let Some(screen) = self.opened_from.filter(|_| self.screen == Screen::Detail) {
            return vec![Act::Show(screen)];
        }
        let home = if model.end().is_some() {
            Screen::Result
        } else {
            Screen::Live
        };
        if self.screen != home && !(self.screen == Screen::Live && model.end().is_some()) {
            return vec![Act::Show(home)];
        }
        if self.has_last {
            return vec![Act::NewRun];
        }
        if *gesture == Gesture::Back {
            return vec![esc_stays()];
        }
        if model.end().is_some() || self.playback.is_some() {
            return vec![Act::Leave];
        }
        vec![Act::Ask(leave_question(model, Act::Leave))]
    }

    /// Takes a gesture for what lies over the screen.
    fn take_over(&mut self, gesture: &Gesture, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        let Some(mut top) = self.overlay.take() else {
            return Vec::new();
        };
        match top.take(gesture, &self.keymap, subject.model()) {
            overlay::Next::Stay => {
                self.overlay = Some(top);
                Vec::new()
            }
            overlay::Next::Close => Vec::new(),
            overlay::Next::Acts(acts) => self.carry_out(acts, subject, at),
            overlay::Next::Gesture(gesture) => {
                if self.is_typing() && subject.model().is_some() {
                    // Else the text that is typed below would take the command, and nothing would come of it.
                    self.on_screen(&Gesture::Back, subject, at);
                }
                self.take(&gesture, subject, at)
            }
        }
    }

    /// Returns the word that the glossary opens at.
    fn term(&self) -> &'static str {
        let of_step = self.learn.term().filter(|_| self.screen == Screen::Learn);
        of_step.unwrap_or_else(|| learn::term_of(self.screen))
    }

    /// Tells whether a text is typed on the screen of a run.
    fn is_typing(&self) -> bool {
        match self.screen {
            Screen::Live => self.live.wants_text(),
            Screen::Shards => self.shards.wants_text(),
            Screen::Detail => self.detail.wants_text(),
            Screen::New | Screen::Result | Screen::Learn => false,
        }
    }

    /// Takes a key that an open question may know.
    pub fn answer(&mut self, letter: char, subject: &mut Subject<'_>, at: Timestamp) -> Option<Vec<Errand>> {
        let Some(Overlay::Question { question, .. }) = &self.overlay else {
            return None;
        };
        let answer = question
            .answers
            .iter()
            .find(|answer| answer.key.eq_ignore_ascii_case(&letter))?;
        let acts = answer.acts.clone();
        self.overlay = None;
        Some(self.carry_out(acts, subject, at))
    }

    fn carry_out(&mut self, acts: Vec<Act>, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        let mut errands = Vec::new();
        for act in acts {
            match act {
                Act::Intent(intent) => errands.push(Errand::Intent(intent)),
                Act::Show(screen) => errands.extend(self.show(screen, subject, at)),
                Act::OpenIndex(index) => errands.extend(self.open(index, subject, at)),
                Act::Ask(question) => self.overlay = Some(Overlay::Question { question, chosen: 0 }),
                Act::Copy(text) => errands.push(Errand::Copy(text)),
                Act::Save { name, text } => errands.push(Errand::Save { name, text }),
                Act::Edit(text) => errands.push(Errand::Edit(text)),
                Act::Explain(explained) => self.overlay = Some(overlay::explain(&explained)),
                Act::Page { title, lines } => self.overlay = Some(Overlay::page(title, lines)),
                Act::Say(text) => self.say(text),
                Act::Submit(plan) => errands.push(Errand::Submit(plan)),
                Act::Rerun => errands.push(Errand::Rerun),
                Act::NewRun => errands.push(Errand::NewRun),
                Act::Leave => errands.push(Errand::Leave),
            }
        }
        errands
    }

    fn show(&mut self, screen: Screen, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        let model = match subject {
            Subject::Form(_) => {
                if self.has_last {
                    self.screen = screen;
                } else if screen != Screen::New {
                    self.say("there is no run yet: Enter submits one");
                }
                return Vec::new();
            }
            Subject::Run(model) => *model,
        };
        match screen {
            Screen::New if model.end().is_some() || self.playback.is_some() => return vec![Errand::NewRun],
            Screen::New => {
                let question = leave_question(model, Act::NewRun);
                return self.carry_out(vec![Act::Ask(question)], subject, at);
            }
            Screen::Detail => {
                let index = self.detail.index();
                return self.open(index, subject, at);
            }
            Screen::Learn => self.learns = true,
            // Whoever goes to the run itself has left the lessons.
            Screen::Live => self.learns = false,
            Screen::Shards | Screen::Result => {}
        }
        self.leave_detail(screen).into_iter().collect()
    }

    fn open(&mut self, index: CompletionIndex, subject: &mut Subject<'_>, at: Timestamp) -> Vec<Errand> {
        let Subject::Run(model) = subject else {
            return Vec::new();
        };
        if self.screen != Screen::Detail {
            self.opened_from = Some(self.screen);
        }
        self.screen = Screen::Detail;
        let acts = self.detail.open(index, model);
        self.carry_out(acts, subject, at)
    }

    /// Shows another screen; a log that nobody reads any more is not read.
    fn leave_detail(&mut self, screen: Screen) -> Option<Errand> {
        let was_detail = self.screen == Screen::Detail;
        self.screen = screen;
        was_detail.then_some(Errand::Intent(Intent::ReadLog(None)))
    }

    /// Draws everything; returns where the real cursor sits.
    pub fn draw(&mut self, subject: &Subject<'_>, at: Timestamp, cells: &mut Buffer) -> Option<Position> {
        let mut spots = std::mem::take(&mut self.spots);
        spots.clear();
        let mut cursor = None;
        let area = cells.area;
        let mut canvas = Canvas {
            cells,
            theme: &self.theme,
            spots: &mut spots,
            cursor: &mut cursor,
        };
        if area.width < COLUMNS_MIN || area.height < ROWS_MIN {
            draw_head::render_small(subject.model(), at, (COLUMNS_MIN, ROWS_MIN), area, &mut canvas);
        } else {
            self.draw_screen(subject, at, area, &mut canvas);
            if let Some(over) = &self.overlay {
                // What lies below cannot be clicked: its rows are no answers.
                canvas.spots.clear();
                overlay::render(over, &self.keymap, subject.model(), area, &mut canvas);
            }
        }
        self.spots = spots;
        cursor
    }

    fn draw_screen(&self, subject: &Subject<'_>, at: Timestamp, area: Rect, canvas: &mut Canvas<'_>) {
        let (rest, foot_area) = top(area, area.height - FOOT_ROWS);
        let place = self.first_place(subject);
        let said = self.said.as_deref().or(self.playback.as_deref());
        let words = foot::last_words(subject.model(), said, at);
        foot::render(&self.keymap, place, subject.model(), &words, foot_area, canvas);
        let model = match subject {
            Subject::Form(form) => {
                let view = new_run::view(form, rest.width, rest.height);
                draw_new_run::render(&view, rest, canvas);
                return;
            }
            Subject::Run(model) => model,
        };
        let (head_area, body) = top(rest, HEAD_ROWS);
        draw_head::render(&head::view(model, self.screen, at, head_area.width), head_area, canvas);
        let (columns, rows) = (body.width, body.height);
        match self.screen {
            Screen::New | Screen::Live => {
                draw_live::render(&live::view(model, &self.live, at, columns, rows), body, canvas);
            }
            Screen::Shards => draw_shards::render(&shards::view(model, &self.shards, at, columns, rows), body, canvas),
            Screen::Detail => draw_detail::render(&detail::view(model, &self.detail, at, columns, rows), body, canvas),
            Screen::Result => draw_result::render(&result::view(model, &self.result, at, columns, rows), body, canvas),
            Screen::Learn => draw_learn::render(&learn::view(model, &self.learn, at, columns, rows), body, canvas),
        }
    }
}

/// Esc never leaves the program.
fn esc_stays() -> Act {
    Act::Say("q leaves the program".into())
}

/// Asks what becomes of a live run that is to be left.
fn leave_question(model: &Model, then: Act) -> Question {
    let run = &model.run().plan().run;
    let stay = Answer {
        key: 'n',
        text: "no, stay".into(),
        acts: Vec::new(),
    };
    let leave_text = match (&then, model.outlives()) {
        (Act::Leave, false) => "leave: the local cluster, and with it the run, ends with the program",
        (_, true) => "leave it running",
        (_, false) => "leave it running; the local cluster, and with it the run, ends with the program",
    };
    let leave = Answer {
        key: 'l',
        text: leave_text.into(),
        acts: vec![then.clone()],
    };
    let cancel = Answer {
        key: 'c',
        text: "cancel the run, then leave".into(),
        acts: vec![Act::Intent(Intent::Cancel), then],
    };
    Question {
        text: format!("{run} goes on. Leave it?"),
        notes: vec![format!("what was accepted is kept: ttg-tui result {run}")],
        // A run that cannot be cancelled now, as its Job is not stored yet, would be waited for in vain.
        answers: if run_keys::refusal(model).is_none() {
            vec![stay, leave, cancel]
        } else {
            vec![stay, leave]
        },
    }
}

#[cfg(test)]
mod tests;
