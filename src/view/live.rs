//! The screen of a run as it happens: where each worker is and how far, the last minute, the figures, the events. Pure.
//!
//! The cursor is on a pod, a node or an event, not on a row: what it is on stays in sight when rows come and go.

use jiff::Timestamp;

use crate::model::Model;
use crate::run::fact::CompletionIndex;
use crate::run::state::Attempt;
use crate::view::able::{PROBLEMS, problems, worst};
use crate::view::explain;
use crate::view::gesture::{Act, Gesture, Spot};
use crate::view::run_keys;
use crate::view::text::TextField;
use crate::view::tone::Line;
use crate::view::words;
use events::{matching, position};
use figures::Pace;
use gather::{Gathered, Home, Keep};
use lanes::Scene;

mod events;
mod figures;
mod gather;
mod lanes;
#[cfg(test)]
mod tests;
mod time;

pub use events::{EventRow, Events};
pub use lanes::{Lane, Row};
pub use time::{Moment, Slot, Timeline};

/// Up to how many groups of pods each shows its workers; more are one line each.
const GROUPS_OPEN_MAX: usize = 8;
/// A page of rows.
const PAGE: usize = 10;
/// From how many columns and rows on the timeline and the figures have panels.
const WIDE: (u16, u16) = (100, 24);

/// What is said where a key is about a pod and there is none.
const NO_POD: &str = "no pod has been made yet";

/// What can have the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    Lanes,
    Events,
}

/// What the cursor of the lanes can be on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    /// A pod: where it is, its index, its name.
    Pod(Home, CompletionIndex, String),
    /// A node.
    Node(Home),
}

impl Item {
    /// Returns where it is.
    fn home(&self) -> &Home {
        match self {
            Self::Node(home) | Self::Pod(home, _, _) => home,
        }
    }
}

/// What the person chose on this screen.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    pane: Pane,
    cursor: Option<Item>,
    /// The node that is shown alone.
    open: Option<Home>,
    /// The number of the event under the cursor; none follows the newest.
    event: Option<u64>,
    filter: TextField,
    typing: bool,
}

/// Part of the screen's body, in cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// The first column.
    pub x: u16,
    /// The first row.
    pub y: u16,
    /// How many columns.
    pub columns: u16,
    /// How many rows.
    pub rows: u16,
}

/// The screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Where workers are and how far.
    pub lanes: Vec<Lane>,
    /// The last minute, and where it is.
    pub time: Option<(Area, Timeline)>,
    /// The figures, where they are, and whether in a frame.
    pub figures: (Area, Vec<Line>, bool),
    /// The events, and where they are.
    pub events: (Area, Events),
    /// Whether the keys move among the events.
    pub events_focused: bool,
}

/// Where the parts of the screen are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Layout {
    lanes: Area,
    time: Option<Area>,
    figures: Area,
    events: Area,
}

impl Layout {
    fn new(columns: u16, rows: u16) -> Self {
        let area = |x, y, columns, rows| Area { x, y, columns, rows };
        if columns >= WIDE.0 && rows >= WIDE.1 {
            let middle = if rows < 40 { 6 } else { 12 };
            let events = (rows / 5).clamp(5, 14);
            let lanes = rows - middle - events;
            let left = columns / 2;
            return Self {
                lanes: area(0, 0, columns, lanes),
                time: Some(area(0, lanes, left, middle)),
                figures: area(left, lanes, columns - left, middle),
                events: area(0, lanes + middle, columns, events),
            };
        }
        let (figures, events) = match rows {
            0..6 => (0, 0),
            6..12 => (1, 0),
            12..16 => (1, 4),
            16.. => (2, (rows / 4 + 1).min(9)),
        };
        let lanes = rows - figures - events;
        Self {
            lanes: area(0, 0, columns, lanes),
            time: None,
            figures: area(0, lanes, columns, figures),
            events: area(0, lanes + figures, columns, events),
        }
    }
}

/// Makes the screen for a body of so many columns and rows.
pub fn view(model: &Model, choices: &Choices, at: Timestamp, columns: u16, rows: u16) -> View {
    let layout = Layout::new(columns, rows);
    let cursor = choices.resolved(model);
    let home = cursor.as_ref().map(Item::home);
    let many = model.run().nodes().count() > GROUPS_OPEN_MAX;
    let keep = Keep {
        rows: if many { 0 } else { usize::from(layout.lanes.rows) },
        whole: choices.open.as_ref().or(home.filter(|_| !many)),
    };
    let gathered = Gathered::new(model, &keep);
    let pace = Pace::new(model, at);
    let scene = Scene {
        model,
        choices,
        cursor: cursor.as_ref(),
        pace: &pace,
        gathered: &gathered,
        at,
    };
    let inner_rows = |area: Area| usize::from(area.rows.saturating_sub(2));
    let mut events = events::events(model, choices.filter.text(), choices.event, inner_rows(layout.events));
    events.typing = choices.typing.then(|| choices.filter.cursor_columns());
    let time = layout.time.map(|area| {
        let timeline = time::timeline(model, at, area.columns.saturating_sub(2), inner_rows(area));
        (area, timeline)
    });
    let mut figures = figures::lines(model, &pace, &gathered, at);
    if time.is_none() {
        figures.truncate(usize::from(layout.figures.rows));
    }
    View {
        lanes: lanes::lanes(&scene, layout.lanes),
        figures: (layout.figures, figures, time.is_some()),
        time,
        events: (layout.events, events),
        events_focused: choices.pane == Pane::Events,
    }
}

impl Choices {
    /// Tells whether letters are text: a filter is being typed.
    pub fn wants_text(&self) -> bool {
        self.typing
    }

    /// Tells whether [`Gesture::Back`] means something on this screen: a node is open, or there is a filter.
    pub fn wants_back(&self) -> bool {
        self.typing || self.open.is_some() || !self.filter.text().is_empty()
    }

    /// Takes a gesture; returns what the program shall do about it.
    pub fn take(&mut self, gesture: &Gesture, model: &Model, at: Timestamp) -> Vec<Act> {
        if self.typing {
            return self.take_typed(gesture);
        }
        if self.cursor.is_some() {
            self.cursor = self.resolved(model);
        }
        match (self.pane, gesture) {
            (_, Gesture::NextPane | Gesture::PreviousPane) => {
                self.pane = if self.pane == Pane::Lanes {
                    Pane::Events
                } else {
                    Pane::Lanes
                };
            }
            (_, Gesture::Filter) => (self.pane, self.typing) = (Pane::Events, true),
            (_, Gesture::Back | Gesture::Quit) => return self.back(),
            (_, Gesture::NextProblem) => return self.go_to_problem(model, true),
            (_, Gesture::PreviousProblem) => return self.go_to_problem(model, false),
            (_, Gesture::Click(spot)) => return self.click(*spot, model),
            (Pane::Events, Gesture::Open | Gesture::Explain) => return self.explain(model),
            (Pane::Lanes, Gesture::Explain) => {
                return self.on_index(model, |index| Act::Explain(explain::of_index(index, model)));
            }
            (Pane::Lanes, Gesture::Open) => return self.open(model),
            (_, Gesture::Logs | Gesture::Describe) => return self.on_index(model, Act::OpenIndex),
            (Pane::Lanes, Gesture::Left) => self.go_to_group(model, false),
            (Pane::Lanes, Gesture::Right) => self.go_to_group(model, true),
            (pane, gesture) => {
                let Some(step) = Step::of(gesture) else {
                    return run_keys::take(gesture, model, at).unwrap_or_default();
                };
                match pane {
                    Pane::Lanes => self.move_in_lanes(model, step),
                    Pane::Events => self.move_in_events(model, step),
                }
            }
        }
        Vec::new()
    }

    /// Returns the cursor where it is now: a pod may have been bound to a node since, or its index may have another one. As long as
    /// nobody has moved it, it is on what is worst off.
    fn resolved(&self, model: &Model) -> Option<Item> {
        match &self.cursor {
            Some(Item::Pod(_, index, name)) => Self::pod(*index, name, model),
            Some(Item::Node(home)) => Some(Item::Node(home.clone())),
            None => {
                let worst = worst(model.run()).and_then(|index| Self::pod(index, "", model));
                let is_shown = |item: &Item| self.open.as_ref().is_none_or(|open| item.home() == open);
                worst.filter(is_shown)
            }
        }
    }

    /// Returns the attempt of an index that the cursor is on: the one of this name, or else the one that matters now.
    fn pod(index: CompletionIndex, name: &str, model: &Model) -> Option<Item> {
        let run = model.run();
        let attempts = run.attempts(index);
        let has_problem = PROBLEMS.contains(&run.index_state(index));
        let matters = |attempt: &&Attempt<'_>| {
            has_problem || attempt.has_result || !(attempt.gone || attempt.phase.is_terminal())
        };
        let named = attempts.iter().find(|attempt| attempt.pod == name).filter(matters);
        let attempt = named
            .or_else(|| attempts.iter().rev().find(matters))
            .or(attempts.last())?;
        Some(Item::Pod(Home::of(attempt.node), index, attempt.pod.to_owned()))
    }

    fn take_typed(&mut self, gesture: &Gesture) -> Vec<Act> {
        if let Gesture::Edit(edit) = gesture {
            if self.filter.edit(edit) {
                self.event = None;
            }
            if self.filter.cut() > 0 {
                let cut = words::grouped(u64::try_from(self.filter.cut()).unwrap_or(u64::MAX));
                return vec![Act::Say(format!("{cut} characters of the paste were left out"))];
            }
        } else if matches!(gesture, Gesture::Open | Gesture::Back | Gesture::NextPane) {
            self.typing = false;
        }
        Vec::new()
    }

    /// Goes one level back on this screen, and says so; without a level that is the program's matter.
    fn back(&mut self) -> Vec<Act> {
        if !self.wants_back() {
            return Vec::new();
        }
        let said = if self.open.is_some() {
            self.cursor = self.open.take().map(Item::Node);
            "every node is shown again"
        } else {
            self.filter.set("");
            self.event = None;
            "every event is shown again"
        };
        vec![Act::Say(said.to_owned())]
    }

    /// Returns what the cursor can be on, by group.
    fn items(&self, model: &Model) -> Vec<Vec<Item>> {
        let many = model.run().nodes().count() > GROUPS_OPEN_MAX;
        let keep = Keep {
            rows: if many { 0 } else { usize::MAX },
            whole: self.open.as_ref(),
        };
        let gathered = Gathered::new(model, &keep);
        let pods = |group: &gather::Group<'_>| -> Vec<Item> {
            let pod = |ranked: gather::Ranked<'_>| Item::Pod(group.home(), ranked.pod.index, ranked.pod.pod.to_owned());
            group.pods().into_iter().map(pod).collect()
        };
        let groups = &gathered.groups;
        if let Some(group) = self
            .open
            .as_ref()
            .and_then(|home| groups.iter().find(|group| group.is_at(home)))
        {
            return vec![pods(group)];
        }
        let is_collapsed = groups.len() > GROUPS_OPEN_MAX;
        let of_group = |group: &gather::Group<'_>| {
            let pods = if is_collapsed { Vec::new() } else { pods(group) };
            if pods.is_empty() {
                vec![Item::Node(group.home())]
            } else {
                pods
            }
        };
        groups.iter().map(of_group).collect()
    }

    /// Returns what the cursor is on: what was chosen, or else what is worst off, or else the first.
    fn item(&self, model: &Model) -> Option<Item> {
        self.resolved(model)
            .or_else(|| self.items(model).into_iter().flatten().next())
    }

    fn index(&self, model: &Model) -> Option<CompletionIndex> {
        match self.item(model)? {
            Item::Pod(_, index, _) => Some(index),
            Item::Node(_) => None,
        }
    }

    /// Does something with the index under the cursor of the lanes, or says why there is none.
    fn on_index(&self, model: &Model, act: impl FnOnce(CompletionIndex) -> Act) -> Vec<Act> {
        let act = match self.item(model) {
            Some(Item::Pod(_, index, _)) => act(index),
            Some(Item::Node(_)) => Act::Say("the cursor is on a node: Enter shows its pods".to_owned()),
            None => Act::Say(NO_POD.to_owned()),
        };
        vec![act]
    }

    fn open(&mut self, model: &Model) -> Vec<Act> {
        match self.item(model) {
            Some(Item::Pod(_, index, _)) => vec![Act::OpenIndex(index)],
            Some(Item::Node(home)) => {
                (self.open, self.cursor) = (Some(home), None);
                Vec::new()
            }
            None => vec![Act::Say(NO_POD.to_owned())],
        }
    }

    fn move_in_lanes(&mut self, model: &Model, step: Step) {
        let items: Vec<Item> = self.items(model).into_iter().flatten().collect();
        let cursor = self.item(model);
        let now = items.iter().position(|item| Some(item) == cursor.as_ref());
        // Where only nodes are shown, a pod's place is its node's.
        let home = || {
            items
                .iter()
                .position(|item| Some(item.home()) == cursor.as_ref().map(Item::home))
        };
        let now = now.or_else(home).unwrap_or(0);
        self.cursor = items.get(step.apply(now, items.len())).cloned();
    }

    /// Moves to the same place in the next group, or in the one before.
    fn go_to_group(&mut self, model: &Model, forward: bool) {
        let groups = self.items(model);
        let cursor = self.item(model);
        let mut places = groups.iter().enumerate();
        let now = places.find_map(|(number, items)| {
            let place = items.iter().position(|item| Some(item) == cursor.as_ref())?;
            Some((number, place))
        });
        let (number, place) = now.unwrap_or((0, 0));
        let to = if forward { number + 1 } else { number.saturating_sub(1) };
        if let Some(items) = groups.get(to) {
            self.cursor = items.get(place).or_else(|| items.last()).cloned();
        }
    }

    fn move_in_events(&mut self, model: &Model, step: Step) {
        let events = matching(model, self.filter.text());
        let to = step.apply(position(&events, self.event), events.len());
        // On the newest the cursor stays on the newest.
        self.event = events.get(to).filter(|_| to > 0).map(|(number, _)| *number);
    }

    fn explain(&self, model: &Model) -> Vec<Act> {
        let events = matching(model, self.filter.text());
        let event = events.get(position(&events, self.event));
        let act = event.map_or_else(
            || Act::Say("no event is under the cursor".to_owned()),
            |(_, told)| Act::Explain(explain::of_event(&told.event, model)),
        );
        vec![act]
    }

    /// Moves to the next index with a problem, or to the one before; one that is in no lane is opened.
    fn go_to_problem(&mut self, model: &Model, forward: bool) -> Vec<Act> {
        let problems = problems(model.run());
        let now = self.cursor.as_ref().and_then(|_| self.index(model));
        let after = |index: &CompletionIndex| now.is_none_or(|now| *index > now);
        let before = |index: &CompletionIndex| now.is_some_and(|now| *index < now);
        let found = if forward {
            problems.indexes().find(after).or_else(|| problems.indexes().next())
        } else {
            problems
                .indexes()
                .filter(before)
                .last()
                .or_else(|| problems.indexes().last())
        };
        let Some(index) = found else {
            return vec![Act::Say("no index has a problem".to_owned())];
        };
        let before = (self.pane, self.index(model));
        self.pane = Pane::Lanes;
        if self.go_to_index(index, model) {
            let is_there = before == (Pane::Lanes, Some(index));
            let only = format!("index {index} is the only one with a problem; e explains it");
            is_there.then_some(Act::Say(only)).into_iter().collect()
        } else {
            vec![Act::OpenIndex(index)]
        }
    }

    /// Moves to the pod of an index that matters most; tells whether there is one.
    fn go_to_index(&mut self, index: CompletionIndex, model: &Model) -> bool {
        let mut items = self.items(model).into_iter().flatten();
        let found = items.find(|item| matches!(item, Item::Pod(_, of, _) if *of == index));
        let is_found = found.is_some();
        if is_found {
            self.cursor = found;
        }
        is_found
    }

    /// The first click moves the cursor, a second one opens.
    fn click(&mut self, spot: Spot, model: &Model) -> Vec<Act> {
        match spot {
            Spot::Index(index) => {
                self.pane = Pane::Lanes;
                let is_second = self.cursor.is_some() && self.index(model) == Some(index);
                if is_second || !self.go_to_index(index, model) {
                    return vec![Act::OpenIndex(index)];
                }
            }
            Spot::Node(number) => {
                self.pane = Pane::Lanes;
                let item = self
                    .items(model)
                    .into_iter()
                    .nth(number)
                    .and_then(|items| items.into_iter().next());
                if item.is_some() && item == self.cursor {
                    return self.open(model);
                }
                self.cursor = item.or_else(|| self.cursor.take());
            }
            Spot::Row(number) => {
                let number = u64::try_from(number).unwrap_or(u64::MAX);
                if self.pane == Pane::Events && self.event == Some(number) {
                    return self.explain(model);
                }
                (self.pane, self.event) = (Pane::Events, Some(number));
            }
            Spot::Pane(0) => self.pane = Pane::Lanes,
            Spot::Pane(_) => self.pane = Pane::Events,
            Spot::Tab(_) | Spot::Field(_) => {}
        }
        Vec::new()
    }
}

/// A step of a cursor in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Back(usize),
    On(usize),
}

impl Step {
    fn of(gesture: &Gesture) -> Option<Self> {
        let table = [
            (Gesture::Up, Self::Back(1)),
            (Gesture::Down, Self::On(1)),
            (Gesture::PageUp, Self::Back(PAGE)),
            (Gesture::PageDown, Self::On(PAGE)),
            (Gesture::First, Self::Back(usize::MAX)),
            (Gesture::Last, Self::On(usize::MAX)),
        ];
        table.into_iter().find(|(of, _)| of == gesture).map(|(_, step)| step)
    }

    fn apply(self, position: usize, count: usize) -> usize {
        match self {
            Self::Back(rows) => position.saturating_sub(rows),
            Self::On(rows) => position.saturating_add(rows).min(count.saturating_sub(1)),
        }
    }
}
