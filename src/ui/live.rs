//! Draws the screen of a run as it happens.

use ratatui::layout::{Position, Rect};

use super::canvas::{Canvas, columns, left, right_of, row, top};
use super::head::spans;
use crate::view::gesture::Spot;
use crate::view::live::{Area, EventRow, Events, Lane, Moment, Row, Slot, Timeline, View};
use crate::view::tone::{Line, Tone, dim, plain, span};

/// The columns of a time.
const CLOCK_COLUMNS: u16 = 9;
/// The least columns of a bar that says anything.
const BAR_COLUMNS_MIN: u16 = 4;

/// Draws the screen.
pub(super) fn render(view: &View, area: Rect, canvas: &mut Canvas<'_>) {
    for lane in &view.lanes {
        draw_lane(lane, area, canvas);
    }
    if let Some((place, timeline)) = &view.time {
        draw_time(timeline, inside(*place, area), canvas);
    }
    let (place, lines, has_frame) = &view.figures;
    draw_figures(lines, *has_frame, inside(*place, area), canvas);
    let (place, events) = &view.events;
    draw_events(events, view.events_focused, inside(*place, area), canvas);
}

/// Returns a part of the body on the screen.
fn inside(place: Area, area: Rect) -> Rect {
    let x = area.x.saturating_add(place.x);
    let y = area.y.saturating_add(place.y);
    Rect::new(x, y, place.columns, place.rows).intersection(area)
}

fn draw_lane(lane: &Lane, area: Rect, canvas: &mut Canvas<'_>) {
    let area = inside(lane.area, area);
    if area.is_empty() {
        return;
    }
    let mut inner = area;
    if let Some((title, note)) = &lane.frame {
        canvas.spot(area, Spot::Pane(0));
        let title = spans(canvas.theme, title);
        inner = canvas.panel(area, &title, note, lane.focused);
    }
    for (number, content) in (0..inner.height).zip(&lane.rows) {
        draw_row(content, lane.focused, row(inner, number), canvas);
    }
}

fn draw_row(content: &Row, focused: bool, area: Rect, canvas: &mut Canvas<'_>) {
    if area.is_empty() {
        return;
    }
    let mut rest = area;
    if let Some(tone) = content.glyph {
        let glyph = canvas.theme.glyph(tone);
        canvas.text(rest, glyph, tone);
        rest = right_of(rest, 2);
    }
    let head = spans(canvas.theme, &content.head);
    let used = canvas.line(rest, &head);
    rest = right_of(rest, used);
    if let Some((done, total, tone)) = content.bar {
        let (bar, tail) = left(rest, rest.width.saturating_sub(content.tail_columns.saturating_add(1)));
        if bar.width >= BAR_COLUMNS_MIN {
            canvas.bar(bar, done, total, tone);
            rest = right_of(tail, 1);
        }
        canvas.line(rest, &content.tail);
    } else if content.tail_columns > 0 {
        canvas.line_right(right_of(rest, 1), &content.tail);
    } else {
        canvas.line(rest, &content.tail);
    }
    if let Some(spot) = content.spot {
        canvas.spot(area, spot);
    }
    if content.selected && focused {
        select(area, canvas);
    }
}

/// Makes a row look selected, with a sign in the column before it, which is free or a frame's; and puts the real cursor there.
fn select(area: Rect, canvas: &mut Canvas<'_>) {
    canvas.select(area);
    if let Some(x) = area.x.checked_sub(1) {
        let (cursor, style) = (canvas.theme.glyphs.cursor, canvas.style(Tone::Accent));
        canvas.put(x, area.y, cursor, style);
    }
    *canvas.cursor = Some(Position::new(area.x, area.y));
}

fn draw_time(timeline: &Timeline, area: Rect, canvas: &mut Canvas<'_>) {
    let mut right = vec![dim("last 60 s")];
    if timeline.more > 0 {
        right.insert(0, span(format!("+ {} more rows, ", timeline.more), Tone::Warning));
    }
    let inner = canvas.panel(area, &[span("Time, one row a worker", Tone::Title)], &right, false);
    for (number, slot) in (0..inner.height).zip(&timeline.rows) {
        draw_slot(slot, timeline.name_columns, row(inner, number), canvas);
    }
}

fn draw_slot(slot: &Slot, name_columns: u16, area: Rect, canvas: &mut Canvas<'_>) {
    let (name, cells) = left(area, name_columns);
    canvas.text(name, &slot.name, Tone::Plain);
    let cells = right_of(cells, 1);
    for (x, moment) in (cells.x..cells.right()).zip(&slot.cells) {
        let glyphs = canvas.theme.glyphs;
        let (symbol, tone) = match moment {
            Moment::Idle => (glyphs.dot, Tone::Dim),
            Moment::Worked => (glyphs.block, Tone::Done),
            Moment::Finished => (glyphs.changed, Tone::Done),
            Moment::Failed => (canvas.theme.glyph(Tone::Failed), Tone::Failed),
            Moment::Working => (glyphs.block, Tone::Running),
            Moment::Now => (canvas.theme.glyph(Tone::Running), Tone::Running),
        };
        let style = canvas.style(tone);
        canvas.put(x, cells.y, symbol, style);
    }
}

fn draw_figures(lines: &[Line], has_frame: bool, area: Rect, canvas: &mut Canvas<'_>) {
    let inner = if has_frame {
        canvas.panel(area, &[span("Run", Tone::Title)], &[], false)
    } else {
        area
    };
    for (number, line) in (0..inner.height).zip(lines) {
        canvas.line(right_of(row(inner, number), 1), line);
    }
}

fn draw_events(events: &Events, focused: bool, area: Rect, canvas: &mut Canvas<'_>) {
    if area.is_empty() {
        return;
    }
    canvas.spot(area, Spot::Pane(1));
    let mut title = vec![span("Events, newest first", Tone::Title)];
    for (number, word) in [(events.newer, "newer"), (events.older, "older")] {
        if number > 0 {
            title.push(dim(format!("  + {number} {word}")));
        }
    }
    if events.forgotten > 0 {
        title.push(dim(format!("  {} forgotten", events.forgotten)));
    }
    let right = filter_line(events);
    let inner = canvas.panel(area, &title, &right, focused);
    if let Some(typed) = events.typing {
        let end = area.right().saturating_sub(3);
        let back = columns(&events.filter)
            .saturating_add(1)
            .saturating_sub(u16::try_from(typed).unwrap_or(0));
        *canvas.cursor = Some(Position::new(end.saturating_sub(back).max(area.x), area.y));
    }
    if events.rows.is_empty() {
        let text = if events.filter.is_empty() {
            "nothing happened yet"
        } else {
            "no event fits the filter"
        };
        canvas.text(right_of(top(inner, 1).0, 1), text, Tone::Dim);
    }
    let is_typing = events.typing.is_some();
    for (number, event) in (0..inner.height).zip(&events.rows) {
        draw_event(event, focused && !is_typing, row(inner, number), canvas);
    }
}

/// Writes the filter, with a column for the cursor behind it while it is typed.
fn filter_line(events: &Events) -> Line {
    match (events.typing, events.filter.is_empty()) {
        (Some(_), _) => vec![dim("/ "), span(events.filter.clone(), Tone::Accent), plain(" ")],
        (None, true) => vec![dim("/ filter · Enter explain")],
        (None, false) => vec![dim("/ "), span(events.filter.clone(), Tone::Accent), dim(" · Esc all")],
    }
}

fn draw_event(event: &EventRow, focused: bool, area: Rect, canvas: &mut Canvas<'_>) {
    let (clock, rest) = left(right_of(area, 1), CLOCK_COLUMNS);
    canvas.text(clock, &event.clock, Tone::Dim);
    let glyph = if event.tone == Tone::Warning {
        "!"
    } else {
        canvas.theme.glyph(event.tone)
    };
    let words = [span(glyph, event.tone), plain(" "), plain(event.text.clone())];
    canvas.line(rest, &words);
    if let Ok(number) = usize::try_from(event.number) {
        canvas.spot(area, Spot::Row(number));
    }
    if event.selected && focused {
        select(area, canvas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{Look, Theme};
    use ratatui::buffer::Buffer;

    fn drawn(view: &View, columns: u16, rows: u16, ascii: bool) -> String {
        let area = Rect::new(0, 0, columns, rows);
        let mut cells = Buffer::empty(area);
        let theme = Theme::new(Look::Mono, ascii);
        let mut canvas = Canvas {
            cells: &mut cells,
            theme: &theme,
            spots: &mut Vec::new(),
            cursor: &mut None,
        };
        render(view, area, &mut canvas);
        let line = |y| (0..columns).map(|x| cells[(x, y)].symbol()).collect::<String>();
        (0..rows).map(line).collect::<Vec<_>>().join("\n")
    }

    fn lane() -> Lane {
        Lane {
            area: Area {
                x: 0,
                y: 0,
                columns: 40,
                rows: 3,
            },
            frame: Some((vec![span("node-1", Tone::Title).into()], vec![dim("cordoned")])),
            focused: true,
            rows: vec![Row {
                glyph: Some(Tone::Running),
                head: vec![plain("4 ").into()],
                bar: Some((1, 2, Tone::Running)),
                tail_columns: 6,
                tail: vec![plain(" 50 %")],
                selected: true,
                spot: None,
            }],
        }
    }

    #[test]
    fn a_lane_has_its_worker_with_bar_and_numbers() {
        let view = View {
            lanes: vec![lane()],
            ..View::default()
        };
        let text = drawn(&view, 40, 3, true);
        assert!(
            text.is_ascii() && text.contains(">> 4 ====") && text.contains(" 50 %"),
            "{text}"
        );
        for columns in 0..50 {
            for rows in 0..6 {
                drawn(&view, columns, rows, false);
            }
        }
    }
}
