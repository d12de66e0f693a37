//! Any size is drawn without panic, columns stay columns, and a look without colours or with ASCII alone has nothing else.

use ratatui::style::Color;
use ttg_tui::ui::canvas::width;
use ttg_tui::ui::theme::{Look, Theme};
use ttg_tui::view::gesture::Screen;

use super::shown::{Frame, SIZES, Shown, dark};
use super::states::{LARGE_NAME, State, all};

/// Sizes about which a screen may think twice.
const COLUMNS: [u16; 8] = [20, 59, 60, 61, 79, 100, 112, 500];
/// See [`COLUMNS`].
const ROWS: [u16; 8] = [1, 5, 14, 15, 16, 24, 30, 200];
/// What can lie over a screen: help, palette, YAML, an explanation, a description, the question whether to leave or to cancel.
const OVER: [&str; 7] = ["?", ":", "Y", "e", "d", "q", "x"];

fn sizes() -> impl Iterator<Item = (u16, u16)> {
    let tiny = (0..=12).flat_map(|columns| (0..=12).map(move |rows| (columns, rows)));
    tiny.chain(COLUMNS.into_iter().flat_map(|columns| ROWS.map(|rows| (columns, rows))))
}

/// Tells what is wrong with a frame.
fn faults(frame: &Frame, theme: &Theme) -> Vec<String> {
    let (area, mut faults) = (frame.cells.area, Vec::new());
    for (x, y) in (0..area.height).flat_map(|y| (0..area.width).map(move |x| (x, y))) {
        let cell = &frame.cells[(x, y)];
        let symbol = cell.symbol();
        let is_covered = width(symbol) == 2 && x + 1 < area.width && frame.cells[(x + 1, y)].symbol() == " ";
        if width(symbol) != 1 && !is_covered {
            faults.push(format!("{symbol:?} at {x},{y} moves what is behind it"));
        }
        if theme.ascii && !symbol.is_ascii() {
            faults.push(format!("{symbol:?} at {x},{y} is not ASCII"));
        }
        if theme.look == Look::Mono && (cell.fg, cell.bg) != (Color::Reset, Color::Reset) {
            faults.push(format!("a colour at {x},{y}"));
        }
    }
    faults
}

fn check(shown: &mut Shown, theme: &Theme, about: &str, sizes: impl Iterator<Item = (u16, u16)>) {
    for size in sizes {
        let faults = faults(&shown.draw(size), theme);
        assert!(faults.is_empty(), "{about} at {size:?}: {faults:?}");
    }
}

fn about(screen: Screen, state: &State) -> String {
    format!("{} of {}", screen.name(), state.name)
}

#[test]
fn every_size_is_drawn() {
    for (screen, state) in all() {
        check(
            &mut Shown::new(screen, state, dark()),
            &dark(),
            &about(screen, state),
            sizes(),
        );
    }
}

#[test]
fn every_size_is_drawn_under_whatever_lies_over_it() {
    let some = ["running", "retrying", "proven", "fresh"];
    for (screen, state) in all().filter(|(_, state)| some.contains(&state.name)) {
        for key in OVER {
            let mut shown = Shown::new(screen, state, dark());
            shown.press(key);
            let some = sizes().filter(|(columns, rows)| *columns < 200 && *rows < 100);
            check(
                &mut shown,
                &dark(),
                &format!("{key} over {}", about(screen, state)),
                some,
            );
        }
    }
}

#[test]
fn no_look_has_what_it_must_not_have() {
    let looks = [Look::Dark, Look::Mono];
    for theme in looks
        .into_iter()
        .flat_map(|look| [false, true].map(|ascii| Theme::new(look, ascii)))
    {
        // The large one differs in numbers alone.
        for (screen, state) in all().filter(|(_, state)| state.name != LARGE_NAME) {
            for over in ["", "?", ":"] {
                let mut shown = Shown::new(screen, state, theme.clone());
                if !over.is_empty() {
                    shown.press(over);
                }
                let about = format!("{} in {theme:?}", about(screen, state));
                check(&mut shown, &theme, &about, SIZES[..2].iter().copied());
            }
        }
    }
}
