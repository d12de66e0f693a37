//! The last two rows: what was said last or the kubectl twin of the last change, and the keys that work now.

use ratatui::layout::Rect;

use super::canvas::{Canvas, columns, right_of, row};
use super::keymap::{KEYMAP, Keymap, Place};
use crate::model::Model;
use crate::model::change::ChangeStage;
use crate::view::able::{Able, able, word};
use crate::view::tone::{Span, Tone, dim, span};

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
    let mut left = row(area, 1);
    for (number, binding) in KEYMAP
        .iter()
        .enumerate()
        .filter(|(_, row)| row.is_at(place) && !row.word.is_empty())
    {
        let tone = match able(&binding.gesture, model) {
            Able::Yes => Tone::Accent,
            Able::Refused(_) => Tone::Dim,
            Able::Nothing(_) => continue,
        };
        let keys = shown_keys(keymap, number);
        let word = word(&binding.gesture, model, binding.word);
        let needed = columns(&keys) + 1 + columns(word) + 2;
        if needed > left.width {
            break;
        }
        let text = if tone == Tone::Dim { Tone::Dim } else { Tone::Plain };
        let used = canvas.line(left, &[span(keys, tone), dim(" "), span(word, text), dim("  ")]);
        left = right_of(left, used);
    }
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
