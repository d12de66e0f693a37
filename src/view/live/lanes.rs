//! The lanes: where each worker is and how far. A few nodes are panels side by side or one list; many are one line each, the worst
//! first. What does not fit is counted. Pure.

use jiff::Timestamp;

use super::figures::Pace;
use super::gather::{Gathered, Group, Ranked};
use super::{Area, Choices, GROUPS_OPEN_MAX, Item, Pane, WIDE};
use crate::model::Model;
use crate::report::lines::stop_words;
use crate::run::fact::{CompletionIndex, Reason};
use crate::run::state::{Attempt, IndexState, Stand};
use crate::run::told::{Next, Stop};
use crate::view::explain;
use crate::view::gesture::Spot;
use crate::view::tone::{Line, Tone, dim, plain, span, state_word, strong};
use crate::view::words::{self, Piece};

/// The columns that a panel of a node needs.
const PANEL_COLUMNS_MIN: u16 = 36;
/// The rows that a panel of a node needs, with its frame.
const PANEL_ROWS_MIN: u16 = 4;
/// The columns of a node in one line.
const NODE_COLUMNS_MIN: u16 = 38;
/// The columns behind a bar: hundredths, and the rate or what stands in its place.
const TAIL_COLUMNS: u16 = 16;
/// The columns at the right of a node in one line.
const NODE_TAIL_COLUMNS: u16 = 1;
/// A worker that said nothing for so long has its silence told instead of its rate.
const SILENT_MS: u64 = 5_000;

/// An area with rows, perhaps in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Where it is.
    pub area: Area,
    /// The titles at the left and at the right of its frame; none without a frame.
    pub frame: Option<(Vec<Piece>, Line)>,
    /// Whether what the keys move in is here.
    pub focused: bool,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// One row: a glyph, words, a bar, more words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The glyph of this state.
    pub glyph: Option<Tone>,
    /// The words before the bar.
    pub head: Vec<Piece>,
    /// Done, of how many, and what that means.
    pub bar: Option<(u64, u64, Tone)>,
    /// The columns that the words behind the bar take. Without a bar: 0 when they follow the words before, else they stand at
    /// the right.
    pub tail_columns: u16,
    /// The words behind the bar.
    pub tail: Line,
    /// Whether the cursor is on it.
    pub selected: bool,
    /// What a click on it means.
    pub spot: Option<Spot>,
}

/// What all lanes are made from.
pub(super) struct Scene<'a> {
    pub(super) model: &'a Model,
    pub(super) choices: &'a Choices,
    pub(super) cursor: Option<&'a Item>,
    pub(super) pace: &'a Pace,
    pub(super) gathered: &'a Gathered<'a>,
    pub(super) at: Timestamp,
}

/// Makes the lanes of an area.
pub(super) fn lanes(scene: &Scene<'_>, area: Area) -> Vec<Lane> {
    let groups = &scene.gathered.groups;
    let open = scene.choices.open.as_ref();
    if let Some(group) = open.and_then(|home| groups.iter().find(|group| group.is_at(home))) {
        let mut title = heading(group);
        title.push(dim("  Esc back to all nodes").into());
        return vec![scene.lane(area, (title, note(scene.model, group)), group)];
    }
    if groups.is_empty() {
        return vec![scene.framed(area, vec![text_row("no node and no pod is known yet")])];
    }
    if groups.len() > GROUPS_OPEN_MAX {
        return scene.many(area);
    }
    scene
        .panels(area)
        .unwrap_or_else(|| vec![scene.framed(area, scene.list(area))])
}

impl Scene<'_> {
    fn is_focused(&self) -> bool {
        self.choices.pane == Pane::Lanes
    }

    fn lane(&self, area: Area, (title, note): (Vec<Piece>, Line), group: &Group<'_>) -> Lane {
        let rows = self.rows(group, usize::from(area.rows.saturating_sub(2)));
        Lane {
            area,
            focused: self.is_focused() && rows.iter().any(|row| row.selected),
            frame: Some((title, note)),
            rows,
        }
    }

    fn framed(&self, area: Area, rows: Vec<Row>) -> Lane {
        let number = u64::try_from(self.gathered.groups.iter().filter(|group| group.node.is_some()).count());
        let number = words::count(number.unwrap_or(u64::MAX), "node", "nodes");
        Lane {
            area,
            frame: Some((vec![span("Workers by node", Tone::Title).into()], vec![dim(number)])),
            focused: self.is_focused(),
            rows,
        }
    }

    /// Makes one panel a node; none when they do not fit.
    fn panels(&self, area: Area) -> Option<Vec<Lane>> {
        let groups = &self.gathered.groups;
        let count = u16::try_from(groups.len()).ok()?;
        let across = (area.columns / PANEL_COLUMNS_MIN).min(count);
        let down = count.checked_div(across).map(|_| count.div_ceil(across))?;
        let across = count.div_ceil(down);
        let (columns, rows) = (area.columns / across, area.rows / down);
        if rows < PANEL_ROWS_MIN || (down > 1 && (area.columns < WIDE.0 || rows == PANEL_ROWS_MIN)) {
            return None;
        }
        let lane = |(number, group): (u16, &Group<'_>)| {
            let (column, line) = (number % across, number / across);
            let is_last = (column + 1 == across, line + 1 == down);
            let place = Area {
                x: area.x + column * columns,
                y: area.y + line * rows,
                columns: if is_last.0 {
                    area.columns - column * columns
                } else {
                    columns
                },
                rows: if is_last.1 { area.rows - line * rows } else { rows },
            };
            self.lane(place, (heading(group), note(self.model, group)), group)
        };
        Some((0..).zip(groups).map(lane).collect())
    }

    /// Makes one list of all nodes, each with as many of its workers as there is room for.
    fn list(&self, area: Area) -> Vec<Row> {
        let groups = &self.gathered.groups;
        let room = usize::from(area.rows.saturating_sub(2));
        let mut spare = room.saturating_sub(groups.len());
        let mut rows = Vec::with_capacity(room);
        for (number, group) in groups.iter().enumerate() {
            let left = groups.len() - number;
            let here = spare.div_ceil(left).min(group.tally.pods());
            spare -= here;
            rows.push(Self::node_row(group, number, note(self.model, group)));
            let workers = if here == 0 { Vec::new() } else { self.rows(group, here) };
            // Without room for its worker the cursor is drawn on the node.
            if workers.iter().all(|row| !row.selected)
                && self.is_in(group)
                && let Some(row) = rows.last_mut()
            {
                row.selected = true;
            }
            rows.extend(workers);
        }
        cut(rows, room)
    }

    /// Makes one line a node, in as many columns as fit, the worst first.
    fn many(&self, area: Area) -> Vec<Lane> {
        let groups = &self.gathered.groups;
        let mut lanes = vec![self.framed(area, Vec::new())];
        let (inner_columns, inner_rows) = (area.columns.saturating_sub(2), area.rows.saturating_sub(2));
        let across = (inner_columns / NODE_COLUMNS_MIN).max(1);
        let room = usize::from(across) * usize::from(inner_rows);
        let columns = inner_columns / across;
        let selected = groups.iter().position(|group| self.is_in(group)).unwrap_or(0);
        let fits = groups.len() <= room;
        let shown = if fits { room } else { room.saturating_sub(1) };
        let skipped = (selected + 1).saturating_sub(shown.max(1));
        let mut rows: Vec<Row> = groups
            .iter()
            .enumerate()
            .skip(skipped)
            .take(shown)
            .map(|(number, group)| Row {
                selected: number == selected,
                ..Self::node_row(group, number, flags(group))
            })
            .collect();
        if !fits {
            rows.push(rest_of_nodes(groups, skipped..skipped + rows.len()));
        }
        for (number, row) in (0_u16..).zip(rows) {
            let Some(line) = number.checked_div(across).filter(|line| *line < inner_rows) else {
                break;
            };
            lanes.push(Lane {
                area: Area {
                    x: area.x + 1 + (number % across) * columns,
                    y: area.y + 1 + line,
                    columns: columns.saturating_sub(1),
                    rows: 1,
                },
                frame: None,
                focused: self.is_focused() && row.selected,
                rows: vec![row],
            });
        }
        lanes
    }

    /// Makes a node's workers, what matters most first; the cursor's worker is always among them.
    fn rows(&self, group: &Group<'_>, room: usize) -> Vec<Row> {
        let pods = group.pods();
        let total = group.tally.pods();
        let cursor = self.cursor_in(group, &pods);
        // In one row there is only room for a worker; its node's line counts the others.
        let top_is_undone = pods.first().is_some_and(|ranked| !ranked.is_done());
        let cursor_is_done = cursor.and_then(|cursor| pods.get(cursor)).is_some_and(Ranked::is_done);
        // In two, there is for one that is not done and the cursor's.
        let fits = total <= room || room == 1 || (room == 2 && top_is_undone && cursor_is_done);
        let shown = if fits { room } else { room.saturating_sub(1) };
        let visible = visible(&pods, cursor, shown);
        let row = |(number, ranked): &(usize, &Ranked<'_>)| Row {
            selected: cursor == Some(*number),
            ..self.worker(ranked)
        };
        let mut rows: Vec<Row> = visible.iter().map(row).collect();
        if !fits && room > 0 {
            let known = visible.iter().map(|(_, ranked)| *ranked);
            rows.push(rest_of_workers(group, known, total - rows.len()));
        }
        if total == 0 && room > 0 {
            rows.push(Row {
                selected: self.is_in(group),
                ..text_row("idle")
            });
        }
        rows
    }

    /// Tells whether the cursor is in a group; without one it is in the first.
    fn is_in(&self, group: &Group<'_>) -> bool {
        match self.cursor {
            Some(Item::Node(home) | Item::Pod(home, _, _)) => group.is_at(home),
            None => self
                .gathered
                .groups
                .first()
                .is_some_and(|first| first.node == group.node),
        }
    }

    fn cursor_in(&self, group: &Group<'_>, pods: &[Ranked<'_>]) -> Option<usize> {
        if !self.is_in(group) {
            return None;
        }
        let Some(Item::Pod(_, index, name)) = self.cursor else {
            return Some(0).filter(|_| !pods.is_empty());
        };
        let same = pods.iter().position(|ranked| ranked.pod.pod == *name);
        let same = same.or_else(|| pods.iter().position(|ranked| ranked.pod.index == *index));
        same.or_else(|| Some(0).filter(|_| !pods.is_empty()))
    }

    /// Makes the line of a node, with what is to be said of the node itself.
    fn node_row(group: &Group<'_>, number: usize, note: Line) -> Row {
        let name = group.node.map_or("not placed", |node| node.0.as_str());
        let mut head: Vec<Piece> = vec![strong(format!("{name:<9}")).into()];
        head.extend(counts(group));
        let tally = group.tally;
        let mut tail = vec![dim(format!("{:>7} ", words::short_rate(tally.per_second)))];
        tail.extend(note);
        Row {
            glyph: Some(group.tone()),
            head,
            tail,
            tail_columns: NODE_TAIL_COLUMNS,
            spot: Some(Spot::Node(number)),
            ..Row::default()
        }
    }

    fn worker(&self, ranked: &Ranked<'_>) -> Row {
        let pod = &ranked.pod;
        let digits = words::grouped(self.model.run().plan().shards.saturating_sub(1)).len();
        let row = Row {
            glyph: Some(ranked.tone),
            head: vec![plain(format!("{:>digits$} ", words::grouped(pod.index.0))).into()],
            spot: Some(Spot::Index(pod.index)),
            ..Row::default()
        };
        match pod.stand {
            Stand::Running => self.running(ranked, row),
            Stand::Done if ranked.tone == Tone::Done => self.done(pod.index, row),
            Stand::Waiting | Stand::Done | Stand::Failed => Row {
                tail: vec![span(self.trouble(ranked), ranked.tone)],
                ..row
            },
        }
    }

    fn running(&self, ranked: &Ranked<'_>, row: Row) -> Row {
        let Some(progress) = ranked.pod.progress else {
            return Row {
                bar: Some((0, 1, Tone::Running)),
                tail_columns: TAIL_COLUMNS,
                tail: vec![dim("  0 % no log yet")],
                ..row
            };
        };
        let silent_ms = ranked
            .pod
            .heard_at
            .map_or(0, |heard_at| words::since_ms(heard_at, self.at));
        let tone = if self.pace.is_slow(ranked.pod.index) {
            Tone::Warning
        } else {
            Tone::Plain
        };
        let last = if silent_ms >= SILENT_MS {
            let old = format!("{} old", words::age(silent_ms));
            span(format!("{old:>11}"), Tone::Warning)
        } else {
            span(format!("{:>11}", words::short_rate(progress.per_second)), tone)
        };
        let percent = words::percent(progress.done, progress.total);
        Row {
            bar: Some((progress.done, progress.total, ranked.tone)),
            tail_columns: TAIL_COLUMNS,
            tail: vec![span(format!("{percent:>3} %"), tone), last],
            ..row
        }
    }

    fn done(&self, index: CompletionIndex, row: Row) -> Row {
        let run = self.model.run();
        let tail = run.accepted_result(index).map_or_else(
            || state_word(run.index_state(index)).to_owned(),
            |accepted| {
                let value = accepted.value;
                let plan = run.plan();
                let value = plan
                    .kernel()
                    .map_or_else(|| words::grouped(value), |kernel| kernel.describe(plan.domain(), value));
                format!("{:>6} {value:>9}", took(accepted.elapsed_ms))
            },
        );
        Row {
            bar: Some((1, 1, Tone::Done)),
            tail_columns: TAIL_COLUMNS,
            tail: vec![plain(tail)],
            ..row
        }
    }

    /// Says why a pod does not compute, and what comes next.
    fn trouble(&self, ranked: &Ranked<'_>) -> String {
        let run = self.model.run();
        let (index, state) = (ranked.pod.index, run.index_state(ranked.pod.index));
        if ranked.pod.stand == Stand::Waiting {
            return ranked.pod.waiting.map_or_else(|| "starting".to_owned(), reason);
        }
        let attempts = run.attempts(index);
        let Some(attempt) = attempts.iter().find(|attempt| attempt.pod == ranked.pod.pod) else {
            return state_word(state).to_owned();
        };
        let (stop, next) = run.after(index, attempt);
        if let Some(stop) = stop.filter(|_| [IndexState::NotStarted, IndexState::Retrying].contains(&state)) {
            return stopped(stop, run.job().is_some_and(|job| job.suspend));
        }
        let said = ending(attempt);
        if state != IndexState::Retrying {
            let tries = words::count(u64::try_from(attempts.len()).unwrap_or(u64::MAX), "attempt", "attempts");
            return format!("{}: {said}; {tries}", state_word(state));
        }
        if attempts.last().is_some_and(|last| last.pod != ranked.pod.pod) {
            return format!("{said}; a new pod is there");
        }
        let ended_at = ranked.pod.finished_at;
        match next {
            Some(Next::Again { after_ms, attempt, of }) => {
                let since_ms = ended_at.map_or(0, |ended_at| words::since_ms(ended_at, self.at));
                let when = match after_ms.saturating_sub(since_ms) {
                    0 => "soon".to_owned(),
                    left_ms => format!("in about {}", words::age(left_ms)),
                };
                format!("{said}; again {when}, attempt {attempt} of {of}")
            }
            Some(Next::NoRetries | Next::Hopeless) => format!("{said}; not tried again"),
            None => format!("{said}; again soon"),
        }
    }
}

/// Says who stopped an attempt that could have gone on, and what its index waits for.
fn stopped(stop: Stop, is_suspended: bool) -> String {
    let waits = match stop {
        Stop::Suspending | Stop::ScalingDown if is_suspended => ", waits for resume",
        Stop::Suspending | Stop::ScalingDown => ", waits for its turn",
        Stop::Cancelling | Stop::JobOver => "",
    };
    format!("stopped by {}{waits}", stop_words(stop))
}

/// Says how an attempt ended.
fn ending(attempt: &Attempt<'_>) -> String {
    if explain::fate(attempt) == explain::Fate::FromOutside && attempt.why.is_none_or(|why| why.reason == "Error") {
        // The exit code of a worker that obeys is no error of its own.
        return "its pod was deleted".to_owned();
    }
    let code = || attempt.exit_code.map(|code| format!("exit {code}"));
    let why = attempt.why.map(short_reason);
    let said = why.or_else(|| attempt.problem.map(str::to_owned)).or_else(code);
    said.unwrap_or_else(|| "ended".to_owned())
}

/// Chooses so many pods of those that are there, what matters most first, so that the cursor's is among them: where it is on one
/// that is done, those that are not done stay in sight before it.
fn visible<'r, 'p>(pods: &'r [Ranked<'p>], cursor: Option<usize>, shown: usize) -> Vec<(usize, &'r Ranked<'p>)> {
    let skipped = cursor.map_or(0, |cursor| (cursor + 1).saturating_sub(shown.max(1)));
    let is_on_done = cursor.and_then(|cursor| pods.get(cursor)).is_some_and(Ranked::is_done);
    let undone = pods.iter().take_while(|ranked| !ranked.is_done()).count();
    let room_above = if shown == 1 {
        usize::from(undone > 0)
    } else {
        shown.saturating_sub(1)
    };
    let kept = if skipped > 0 && is_on_done {
        undone.min(room_above)
    } else {
        0
    };
    let numbered = || pods.iter().enumerate();
    let rest = numbered().skip(skipped + kept).take(shown.saturating_sub(kept));
    numbered().take(kept).chain(rest).collect()
}

/// Writes how long an index took in at most six columns, up to a hundred minutes.
fn took(ms: u64) -> String {
    if ms < 60_000 {
        words::duration(ms)
    } else {
        words::clock(ms)
    }
}

/// Writes why a pod waits: what that means in a few words, and then as Kubernetes says it.
fn reason(why: &Reason) -> String {
    let said = kube_reason(why);
    explain::short(why).map_or_else(|| said.clone(), |short| format!("{short}; {said}"))
}

fn kube_reason(why: &Reason) -> String {
    match (why.reason.as_str(), why.message.as_str()) {
        ("", "") => "starting".to_owned(),
        (one, "") | ("", one) => one.to_owned(),
        (short, long) => format!("{short}: {long}"),
    }
}

/// The reason alone where there is one: the message is in the events.
fn short_reason(why: &Reason) -> String {
    let text = if why.reason.is_empty() {
        &why.message
    } else {
        &why.reason
    };
    if text.is_empty() {
        "ended".to_owned()
    } else {
        text.clone()
    }
}

/// Writes a node's name and how many pods stand how there.
fn heading(group: &Group<'_>) -> Vec<Piece> {
    let name = group.node.map_or("not placed", |node| node.0.as_str());
    let mut title = vec![span(name.to_owned(), Tone::Title).into()];
    title.extend(counts(group));
    title
}

/// Writes how many pods of a group stand how, each with its glyph.
fn counts(group: &Group<'_>) -> Vec<Piece> {
    let tally = group.tally;
    let table = [
        (Tone::Failed, tally.failed),
        (Tone::Retrying, tally.retrying),
        (Tone::Running, tally.running),
        (Tone::Pending, tally.waiting + tally.stopped),
        (Tone::Done, tally.done),
    ];
    let mut pieces = Vec::new();
    for (tone, number) in table.into_iter().filter(|(_, number)| *number > 0) {
        pieces.push(plain(" ").into());
        pieces.push(Piece::Glyph(tone));
        pieces.push(span(words::grouped(number), tone).into());
    }
    if pieces.is_empty() {
        pieces.push(dim(" idle").into());
    }
    pieces
}

/// Writes what is wrong with a node.
fn flags(group: &Group<'_>) -> Line {
    let mut flags = Vec::new();
    if group.is_lost() {
        let is_silent = group.fact.is_some_and(|fact| fact.ready.is_none());
        flags.push(span(if is_silent { "lost " } else { "not ready " }, Tone::Failed));
    }
    if group.is_cordoned() {
        flags.push(span("cordoned ", Tone::Warning));
    }
    flags
}

/// Writes what is to be said of a node itself.
fn note(model: &Model, group: &Group<'_>) -> Line {
    let mut note = flags(group);
    let Some(fact) = group.fact else { return note };
    let pods = u128::from(group.tally.running) + u128::from(group.tally.waiting);
    let requested = model.run().plan().cpu.request.milli().saturating_mul(pods);
    let (requested, all) = (words::cpu(requested), words::cpu(u128::from(fact.cpu_milli)));
    note.push(dim(format!("{requested} of {all} CPU")));
    note
}

/// Sums up the workers that are not shown.
fn rest_of_workers<'s, 'p: 's>(group: &Group<'_>, shown: impl Iterator<Item = &'s Ranked<'p>>, number: usize) -> Row {
    let (mut done, mut total) = (group.tally.done_parameters, group.tally.total_parameters);
    for progress in shown
        .filter(|ranked| ranked.tone == Tone::Running)
        .filter_map(|ranked| ranked.pod.progress)
    {
        done = done.saturating_sub(progress.done);
        total = total.saturating_sub(progress.total);
    }
    let number = words::grouped(u64::try_from(number).unwrap_or(u64::MAX));
    if total == 0 {
        text_row(format!("+ {number} more"))
    } else {
        text_row(format!(
            "+ {number} more, running at {} % on average",
            words::percent(done, total)
        ))
    }
}

/// Sums up the nodes that are not shown.
fn rest_of_nodes(groups: &[Group<'_>], shown: std::ops::Range<usize>) -> Row {
    let hidden = groups.iter().enumerate().filter(|(number, _)| !shown.contains(number));
    let (mut nodes, mut running, mut failed) = (0_u64, 0_u32, 0_u32);
    for (_, group) in hidden {
        nodes += 1;
        running += group.tally.running;
        failed += group.tally.failed + group.tally.retrying;
    }
    let mut row = text_row(format!("+ {} more", words::count(nodes, "node", "nodes")));
    for (tone, number) in [(Tone::Failed, failed), (Tone::Running, running)] {
        if number > 0 {
            row.head.extend([
                plain(" ").into(),
                Piece::Glyph(tone),
                span(words::grouped(number), tone).into(),
            ]);
        }
    }
    row
}

/// Cuts a list that is too long, and counts what is cut.
fn cut(mut rows: Vec<Row>, room: usize) -> Vec<Row> {
    if rows.len() > room && room > 0 {
        let hidden = rows.len() - (room - 1);
        let selected = rows.iter().position(|row| row.selected).unwrap_or(0);
        rows.drain(..(selected + 1).saturating_sub(room.saturating_sub(1).max(1)));
        rows.truncate(room - 1);
        rows.push(text_row(format!("+ {hidden} more lines")));
    }
    rows
}

fn text_row(text: impl Into<std::borrow::Cow<'static, str>>) -> Row {
    Row {
        head: vec![dim(text).into()],
        ..Row::default()
    }
}
