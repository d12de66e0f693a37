//! The last two rows: what was said last or the kubectl twin of the last change, and the keys that work now.

use ratatui::layout::Rect;

use super::canvas::{Canvas, columns, right_of, row};
use super::keymap::{Binding, KEYMAP, Keymap, Place};
use crate::model::Model;
use crate::model::change::ChangeStage;
use crate::view::able::{Able, able, word};
use crate::view::gesture::Gesture;
use crate::view::tone::{Span, Tone, dim, span};

/// The keys that lead to all others: they are named however narrow the terminal is.
const ALWAYS: [Gesture; 2] = [Gesture::Help, Gesture::Quit];

/// Draws both rows.
pub(super) fn render(
    keymap: &Keymap,
    place: Place,
    model: Option<&Model>,
    said: Option<&str>,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    canvas.line(row(area, 0), &last_words(model, said));
    let shown = |number: usize, binding: &Binding| {
        let tone = match able(&binding.gesture, model) {
            Able::Yes => Tone::Accent,
            Able::Refused(_) => Tone::Dim,
            Able::Nothing(_) => return None,
        };
        let text = if tone == Tone::Dim { Tone::Dim } else { Tone::Plain };
        let word = word(&binding.gesture, model, binding.word);
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
        .filter(|(_, row)| row.is_at(place) && !row.word.is_empty());
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
    for entry in others.into_iter().filter_map(|(number, row)| shown(number, row)) {
        let needed = entry
            .iter()
            .fold(0, |sum: u16, span| sum.saturating_add(columns(&span.text)));
        if needed.saturating_add(reserved) > left.width {
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

fn last_words(model: Option<&Model>, said: Option<&str>) -> Vec<Span> {
    if let Some(said) = said {
        return vec![span(format!(" {said}"), Tone::Strong)];
    }
    let Some(change) = model.and_then(Model::change) else {
        return Vec::new();
    };
    match &change.stage {
        ChangeStage::Failed(why) => vec![span(format!(" failed: {why}"), Tone::Failed)],
        ChangeStage::Asked | ChangeStage::Accepted(_) | ChangeStage::Followed(_) => {
            vec![dim(" $ "), span(change.twin.clone(), Tone::Dim)]
        }
    }
}
