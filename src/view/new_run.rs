//! The form of a new run: what is to be computed and where, the Job as it would be sent, and what the cluster says to it.
//!
//! There is no run yet, so this screen has a [`Form`] where others have choices and a model. It must not know how a cluster is
//! asked: checks come in as lines, and what is to be done goes out as acts.

mod edited;
mod fields;
mod form;
mod words;
mod yaml;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::tone::{Line, Span, Tone, dim, plain, span, strong};
use super::wrap;
pub use crate::model::preflight::{CheckLine, Mark};
use crate::plan::PlanError;
use fields::{FIELDS, FieldRow, Kind};
pub use form::{ClusterChoice, ClusterTarget, Form, Start};

/// From how many columns on the Job is shown beside the form.
const COLUMNS_FOR_YAML: u16 = 100;

/// From how many rows on the commands that do the same are shown below.
const ROWS_FOR_TWINS: u16 = 8;

/// The columns of a check's mark with the blanks around it, and one at the right.
const MARK_COLUMNS: usize = 4;

/// From how many columns inside of the form's panel on its title names all keys beside the last run.
const COLUMNS_FOR_KEYS: u16 = 66;

/// The columns that the legend of the Job takes behind its title: what marks a changed line.
const LEGEND_COLUMNS: usize = 13;

/// The columns around the two titles of a panel that are not theirs.
const TITLE_EDGES: usize = 9;

/// The rows of the panel that says why, its frame included.
const WHY_ROWS: u16 = 7;

/// The form, as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The columns of the form's panel.
    pub form_columns: u16,
    /// The columns of the box that a field's text is in, its brackets included.
    pub box_columns: u16,
    /// What stands at the right of the form's title.
    pub shown: Line,
    /// The fields that are shown.
    pub rows: Vec<Row>,
    /// How many fields are not shown, and which.
    pub hidden: Option<Line>,
    /// What stands at the foot of the form: what the cluster says, and the estimate.
    pub foot: Vec<Note>,
    /// The Job, where there is room for it.
    pub job: Option<JobView>,
    /// The commands that do the same; none where there is no room.
    pub twins: Option<Line>,
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its place in the whole form.
    pub position: usize,
    /// What it is called.
    pub label: &'static str,
    /// What stands before and behind its text.
    pub brackets: (&'static str, &'static str),
    /// Its text.
    pub text: Span,
    /// The column of the text at which the cursor is, while it is typed.
    pub cursor: Option<u16>,
    /// What it comes to, or what is wrong with it.
    pub remark: Span,
    /// Whether it has the focus.
    pub is_focused: bool,
}

/// A line with a mark before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Note {
    /// The mark; none without one.
    pub mark: Option<Mark>,
    /// The line.
    pub line: Line,
}

/// The Job as it would be sent, and why the field in focus is there.
#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    /// The title: an invalid form shows the last Job that was valid.
    pub title: Span,
    /// Whether there is room for what marks a changed line.
    pub has_legend: bool,
    /// What stands at the right of the title: where in the YAML this is. Where it would be cut there is none.
    pub shown: Line,
    /// The lines that are shown.
    pub lines: Vec<JobLine>,
    /// The title of the panel below.
    pub why_title: Line,
    /// What it says.
    pub why: Vec<Span>,
    /// The rows of the panel below, its frame included.
    pub why_rows: u16,
}

/// One line of the Job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobLine {
    /// Whether it differs from that of the defaults.
    pub is_changed: bool,
    /// Whether it is what the field in focus becomes.
    pub is_focused: bool,
    /// Its text.
    pub line: Line,
}

/// Makes what is drawn of the form in an area of this size.
pub fn view(form: &Form, columns: u16, rows: u16) -> View {
    let has_twins = rows >= ROWS_FOR_TWINS;
    let rows = rows.saturating_sub(u16::from(has_twins));
    let form_columns = if columns >= COLUMNS_FOR_YAML {
        columns / 2 + columns / 50
    } else {
        columns
    };
    let inner = form_columns.saturating_sub(2);
    let height = usize::from(rows.saturating_sub(2));
    let is_alone = form_columns == columns;
    let foot = foot(form, inner, height, is_alone);
    let box_columns = (inner / 8 * 3).clamp(12, 44);
    let (shown, hidden) = rows_shown(form, height.saturating_sub(foot.len()));
    let rows_of = |position: usize| {
        FIELDS
            .get(position)
            .map(|row| row_view(form, position, row, box_columns))
    };
    View {
        form_columns,
        box_columns,
        shown: vec![dim(keys(form, inner))],
        rows: shown.filter_map(rows_of).collect(),
        hidden,
        foot,
        job: (!is_alone).then(|| job(form, columns - form_columns, rows)),
        twins: has_twins.then(|| twins(form)),
    }
}

/// Says which keys lead on.
fn keys(form: &Form, inner: u16) -> &'static str {
    match (form.has_last, inner >= COLUMNS_FOR_KEYS) {
        (false, _) => "Tab next · left/right change",
        (true, false) => "F5 last result · Tab next",
        (true, true) => "F5 the last run's result · Tab next · left/right change",
    }
}

/// Returns which fields are shown in so many rows, and what is said of the others.
fn rows_shown(form: &Form, room: usize) -> (std::ops::Range<usize>, Option<Line>) {
    let count = FIELDS.len();
    if room >= count {
        return (0..count, None);
    }
    // One row says what is not shown, unless the field in focus needs the only one.
    let shown = if room > 1 { room - 1 } else { room };
    // The one after the field in focus is seen too.
    let start = (form.focus + 2)
        .saturating_sub(shown)
        .min(count - shown)
        .min(form.focus);
    let range = start..start + shown;
    let outside = [(range.start, "above"), (count - range.end, "below")];
    let outside = outside.into_iter().filter(|(fields, _)| *fields > 0);
    let outside: Vec<String> = outside.map(|(fields, place)| format!("{fields} {place}")).collect();
    let line = vec![plain(format!("  {}", outside.join(", "))), dim(" · PgUp, PgDn")];
    (range, (room > 1).then_some(line))
}

fn row_view(form: &Form, position: usize, row: &'static FieldRow, box_columns: u16) -> Row {
    let is_focused = position == form.focus;
    let is_typed = is_focused && form.wants_text();
    let text = words::value(form, position);
    let room = usize::from(box_columns.saturating_sub(4));
    let is_wrong = form.error(position).is_some();
    let (text, cursor) = match form.texts.get(position) {
        Some(field) if is_typed => {
            let (text, cursor) = window(field.text(), field.cursor_columns(), room);
            (text, u16::try_from(cursor).ok())
        }
        Some(_) | None => (text.to_owned(), None),
    };
    let automatic = if text.is_empty() && !is_wrong {
        words::automatic(form, row.id)
    } else {
        None
    };
    let tone = match (is_wrong, row.kind) {
        (true, _) => Tone::Failed,
        (false, Kind::Choice) => Tone::Accent,
        (false, Kind::Text | Kind::Offered) => Tone::Plain,
    };
    Row {
        position,
        label: row.label,
        brackets: match row.kind {
            Kind::Choice | Kind::Offered => ("‹", "›"),
            Kind::Text => ("[", "]"),
        },
        text: automatic.map_or_else(|| span(text, tone), dim),
        cursor,
        remark: words::remark(form, position),
        is_focused,
    }
}

/// Cuts the beginning off a text so that the cursor is inside of so many columns; a sign says that something is cut off.
fn window(text: &str, cursor: usize, room: usize) -> (String, usize) {
    if cursor < room {
        return (text.to_owned(), cursor);
    }
    // The sign takes one column, and the cursor behind the last character another.
    let excess = (cursor + 2).saturating_sub(room);
    let mut gone = 0;
    let rest = text.chars().skip_while(|character| {
        let goes = gone < excess;
        gone += if goes { character.width().unwrap_or(0) } else { 0 };
        goes
    });
    let rest: String = rest.collect();
    let before = text.width().saturating_sub(rest.width());
    (format!("<{rest}"), (cursor + 1).saturating_sub(before))
}

/// Makes the lines at the foot of the form: why, where the Job is not beside it; the checks; the estimate.
fn foot(form: &Form, inner: u16, height: usize, is_alone: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    if height < 4 {
        return notes;
    }
    let checks_room = height
        .saturating_sub(FIELDS.len() + 1)
        .clamp(if height < 12 { 1 } else { 3 }, 8);
    let room = usize::from(inner.saturating_sub(1));
    if is_alone && height >= 12 {
        let mut lines = why(form, room, 2);
        lines.resize(2, Span::default());
        notes.extend(lines.into_iter().map(|line| Note {
            mark: None,
            line: vec![plain(" "), line],
        }));
    }
    let estimate = wrap::line(&words::estimate(form), room);
    // A second row is taken from the checks where these have some to spare.
    let rows = if checks_room > 3 { estimate.len().min(2) } else { 1 };
    notes.extend(checks(form, checks_room + 1 - rows, room));
    let mut estimate = estimate.into_iter();
    let mut lines: Vec<Line> = estimate.by_ref().take(rows).collect();
    if let Some(last) = lines.last_mut() {
        // What is too long even so is cut where it is drawn, with a sign.
        last.extend(estimate.flatten());
    }
    notes.extend(lines.into_iter().map(|line| Note {
        mark: None,
        line: std::iter::once(plain(" ")).chain(line).collect(),
    }));
    notes
}

/// Wraps a text to at most so many lines; the last one holds all of the rest, which is cut where it is drawn, with a sign.
fn lines_of(text: &str, columns: usize, rows: usize) -> Vec<String> {
    let mut lines = wrap::words(text, columns);
    let rest = lines.split_off(rows.min(lines.len()));
    if let Some(last) = lines.last_mut() {
        for line in rest {
            last.extend([" ", &line]);
        }
    }
    lines
}

/// Makes exactly so many lines of the checks, the worst first. A long one has more lines where all of them fit.
fn checks(form: &Form, room: usize, columns: usize) -> Vec<Note> {
    let mut sorted: Vec<(Mark, &str)> = form
        .checks
        .iter()
        .map(|check| (check.mark, check.text.as_str()))
        .collect();
    if !form.is_checked() {
        // What was found about an older revision is most likely still so, and is being asked again.
        for (mark, _) in &mut sorted {
            *mark = Mark::Asking;
        }
    }
    sorted.sort_by_key(|(mark, _)| *mark);
    let asking = if form.made.errors.is_empty() {
        format!("asking {} …", form.cluster().label)
    } else {
        format!("{} is asked once every field is valid", form.cluster().label)
    };
    if sorted.is_empty() && !form.is_checked() {
        sorted.push((Mark::Asking, asking.as_str()));
    }
    let shown = if sorted.len() > room {
        room.saturating_sub(1)
    } else {
        room
    };
    let rest = sorted.get(shown..).unwrap_or_default();
    let mut spare = room.saturating_sub(sorted.len());
    let mut notes = Vec::with_capacity(room);
    for (mark, text) in sorted.iter().take(shown) {
        let lines = lines_of(text, columns.saturating_sub(MARK_COLUMNS), 1 + spare.min(2));
        spare = spare.saturating_sub(lines.len() - 1);
        notes.extend(check_notes(*mark, lines));
    }
    if let Some((mark, _)) = rest.first() {
        let more = format!("+{} more: Ctrl-P explain shows all of them", rest.len());
        notes.extend(check_notes(*mark, vec![more]));
    }
    notes.resize(room, Note::default());
    notes
}

fn check_notes(mark: Mark, lines: Vec<String>) -> impl Iterator<Item = Note> {
    let tone = match mark {
        Mark::Wrong => Tone::Failed,
        Mark::Note => Tone::Warning,
        Mark::Asking => Tone::Dim,
        Mark::Ok => Tone::Plain,
    };
    lines.into_iter().enumerate().map(move |(number, text)| {
        if number == 0 {
            Note {
                mark: Some(mark),
                line: vec![span(text, tone)],
            }
        } else {
            Note {
                mark: None,
                line: vec![plain("   "), span(text, tone)],
            }
        }
    })
}

/// Says what is wrong with the field in focus, or why it is there; and below that what is wrong with another one.
fn why(form: &Form, columns: usize, rows: usize) -> Vec<Span> {
    let said = |error: &PlanError| {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{error}{hint}")
    };
    let (text, tone) = match form.error(form.focus) {
        Some(error) => (said(error), Tone::Failed),
        None => (form.row().why.to_owned(), Tone::Plain),
    };
    let other = form.made.errors.iter().find(|(row, _)| *row != form.focus);
    let other = other.and_then(|(row, error)| Some(format!("{}: {}", FIELDS.get(*row)?.label, said(error))));
    let other_rows = if rows < 4 { rows / 2 } else { 2 };
    let below = other.map_or_else(Vec::new, |text| lines_of(&text, columns, other_rows));
    let above = lines_of(&text, columns, rows.saturating_sub(below.len()));
    let above = above.into_iter().map(|line| span(line, tone));
    above
        .chain(below.into_iter().map(|line| span(line, Tone::Failed)))
        .collect()
}

/// Shows the Job around the line that the field in focus becomes.
fn job(form: &Form, columns: u16, rows: u16) -> JobView {
    let inner = usize::from(columns.saturating_sub(2));
    let why_rows = if rows > 3 * WHY_ROWS { WHY_ROWS } else { rows / 3 };
    let room = usize::from(rows.saturating_sub(why_rows + 2));
    let lines = &form.made.lines;
    let focus = lines.iter().position(|line| yaml::begins(&line.text, form.row().yaml));
    let start = focus
        .unwrap_or(0)
        .saturating_sub(room / 3)
        .min(lines.len().saturating_sub(room));
    let shown = lines.iter().enumerate().skip(start).take(room);
    let shown: Vec<JobLine> = shown
        .map(|(number, line)| JobLine {
            is_changed: line.changed,
            is_focused: focus == Some(number),
            // One character more than there is room for, so that what is cut shows it.
            line: yaml::toned(&line.text, inner),
        })
        .collect();
    let last = start + shown.len();
    let is_valid = form.made.errors.is_empty();
    let title = if is_valid {
        span("Job, as it would be sent", Tone::Title)
    } else {
        dim("Job, last valid")
    };
    let place = format!("{}-{last} of {}", (start + 1).min(last), lines.len());
    let fits = |more: usize| title.text.width() + more + TITLE_EDGES <= usize::from(columns);
    let why = why(form, inner.saturating_sub(2), usize::from(why_rows.saturating_sub(2)));
    JobView {
        has_legend: fits(place.width() + LEGEND_COLUMNS),
        shown: if fits(place.width()) {
            vec![dim(place)]
        } else {
            Line::new()
        },
        title,
        lines: if is_valid { shown } else { dimmed(shown) },
        why_title: vec![span(format!("Why {}", form.row().label), Tone::Title)],
        why,
        why_rows,
    }
}

/// Shows that lines are not what would be sent.
fn dimmed(lines: Vec<JobLine>) -> Vec<JobLine> {
    let dimmed = lines.into_iter().map(|line| JobLine {
        line: line.line.into_iter().map(|piece| dim(piece.text)).collect(),
        ..line
    });
    dimmed.collect()
}

/// The commands that do the same.
fn twins(form: &Form) -> Line {
    if !form.made.errors.is_empty() {
        return vec![dim(" not valid yet; Enter goes to what is wrong")];
    }
    let mut line = vec![dim(" $ "), strong(form.command())];
    if let Some(kubectl) = form.kubectl() {
        line.extend([dim("    save, then $ "), plain(kubectl)]);
    }
    line
}

#[cfg(test)]
mod tests;
