//! The last two rows: what was said last, or how far the last change is with its kubectl twin; and the keys that work now.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::canvas::{Canvas, columns, right_of, row};
use super::keymap::{Binding, KEYMAP, Keymap, Place};
use crate::model::Model;
use crate::view::able::{Able, able, word};
use crate::view::gesture::Gesture;
use crate::view::head;
use crate::view::tone::{Line, Span, Tone, dim, span};

/// The keys that lead to all others: they are named however narrow the terminal is.
const ALWAYS: [Gesture; 2] = [Gesture::Help, Gesture::Quit];
/// How many columns the sign takes that stands where others were left out.
const LEFT_OUT_COLUMNS: u16 = 3;

/// Draws both rows.
pub(super) fn render(
    keymap: &Keymap,
    place: Place,
    model: Option<&Model>,
    words: &[Span],
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    canvas.line(row(area, 0), words);
    let shown = |number: usize, binding: &Binding| {
        let tone = match able(&binding.gesture, model) {
            Able::Yes => Tone::Accent,
            Able::Refused(_) => Tone::Dim,
            Able::Nothing(_) => return None,
        };
        let text = if tone == Tone::Dim { Tone::Dim } else { Tone::Plain };
        let word = match binding.word {
            "" => "take",
            named => word(&binding.gesture, model, named),
        };
        Some([
            span(shown_keys(keymap, number), tone),
            dim(" "),
            span(word, text),
            dim("  "),
        ])
    };
    let here = KEYMAP
        .iter()
        .enumerate()
        .filter(|(_, row)| row.is_at(place) && is_named(row, place, model.is_some()));
    let (last, others): (Vec<_>, Vec<_>) = here.partition(|(_, row)| ALWAYS.contains(&row.gesture));
    let last: Vec<Span> = last
        .into_iter()
        .filter_map(|(number, row)| shown(number, row))
        .flatten()
        .collect();
    let mut left = row(area, 1);
    let reserved = last
        .iter()
        .fold(0, |sum: u16, span| sum.saturating_add(columns(&span.text)));
    let entries = others.into_iter().filter_map(|(number, row)| shown(number, row));
    let mut entries = entries.peekable();
    while let Some(entry) = entries.next() {
        let needed = entry
            .iter()
            .fold(0, |sum: u16, span| sum.saturating_add(columns(&span.text)));
        let is_last = entries.peek().is_none();
        let sign = if is_last { 0 } else { LEFT_OUT_COLUMNS };
        if needed.saturating_add(reserved).saturating_add(sign) > left.width {
            let cut = canvas.theme.glyphs.cut;
            canvas.text(left, cut, Tone::Dim);
            left = right_of(left, LEFT_OUT_COLUMNS);
            break;
        }
        let used = canvas.line(left, &entry);
        left = right_of(left, used);
    }
    canvas.line(left, &last);
}

/// The footer names one key of each row; for more and fewer workers both, since they belong together.
fn shown_keys(keymap: &Keymap, number: usize) -> String {
    let first = |number| {
        keymap
            .key_names(number)
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let is_pair = KEYMAP.get(number).is_some_and(|row| row.word == "workers");
    match number.checked_sub(1).filter(|_| is_pair) {
        Some(before) => format!("{} {}", first(before), first(number)),
        None => first(number),
    }
}

/// Returns what was said last, or else how far the last change of the Job is.
pub(super) fn last_words(model: Option<&Model>, said: Option<&str>, at: Timestamp) -> Line {
    if let Some(said) = said {
        return vec![span(format!(" {said}"), Tone::Strong)];
    }
    model.and_then(|model| head::last_change(model, at)).unwrap_or_default()
}

/// Tells whether a row has its place in the footer. While a text of a run is typed, what takes it does; the form says itself what
/// its keys do.
fn is_named(row: &Binding, place: Place, of_run: bool) -> bool {
    if place == Place::Text && of_run {
        [Gesture::Open, Gesture::Back].contains(&row.gesture)
    } else {
        !row.word.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Started, Task};
    use crate::run::partial::Kept;
    use crate::run::state::fixtures::{at, plan};
    use crate::ui::theme::{Look, Theme};
    use ratatui::buffer::Buffer;

    fn keys(place: Place, columns: u16) -> String {
        let started = Started {
            task: Task::Attach,
            plan: plan(3),
            job: None,
            cluster: "local".into(),
            namespace: "lab".into(),
            reach_flags: String::new(),
            outlives: true,
            seed: 1,
            kept: Kept::default(),
        };
        let model = Model::new(at(0), started);
        let area = Rect::new(0, 0, columns, 2);
        let mut cells = Buffer::empty(area);
        let theme = Theme::new(Look::Mono, false);
        let mut canvas = Canvas {
            cells: &mut cells,
            theme: &theme,
            spots: &mut Vec::new(),
            cursor: &mut None,
        };
        render(&Keymap::default(), place, Some(&model), &[], area, &mut canvas);
        let line: String = (0..columns).map(|x| cells[(x, 1)].symbol()).collect();
        line.trim_end().to_owned()
    }

    #[test]
    fn what_is_left_out_leaves_a_sign_and_a_text_is_taken_with_enter() {
        let narrow = keys(Place::Live, 40);
        assert!(narrow.contains("…  ") && narrow.ends_with("q quit"), "{narrow}");
        assert!(!keys(Place::Live, 400).contains('…'));
        assert_eq!(keys(Place::Text, 80), "Esc back  Enter take");
    }
}
