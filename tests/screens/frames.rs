//! Every screen in every state, as text and as styles, against what was reviewed before.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use ttg_tui::view::gesture::Screen;

use super::shown::{SIZES, Shown, dark};
use super::states::{State, states};

/// The size at which every style is written out; at the others their sum is.
const STYLES_AT: (u16, u16) = SIZES[0];
/// The size of the frames in `assets/screens`, and the states of which there are some.
const ASSETS: ((u16, u16), [&str; 3]) = (SIZES[1], ["running", "proven", "fresh"]);

fn drawn(screen: Screen, state: &'static State, size: (u16, u16)) -> String {
    let frame = Shown::new(screen, state, dark()).draw(size);
    let (mut text, styles) = (frame.text(), frame.styles());
    if size == STYLES_AT {
        text += &styles;
    } else {
        writeln!(text, "styles {:016x}", fnv(&styles)).unwrap();
    }
    text
}

/// Sums a text up, the same on every machine and for ever: FNV-1a.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn compare(screen: Screen) {
    for (columns, rows) in SIZES {
        let mut text = String::new();
        for state in states(screen) {
            let drawn = drawn(screen, state, (columns, rows));
            write!(text, "=== {} ===\n{drawn}\n", state.name).unwrap();
        }
        let name = format!("{}-{columns}x{rows}", screen.name().to_lowercase());
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn the_form_looks_as_it_did() {
    compare(Screen::New);
}

#[test]
fn the_run_looks_as_it_did() {
    compare(Screen::Live);
}

#[test]
fn the_shards_look_as_they_did() {
    compare(Screen::Shards);
}

#[test]
fn an_index_looks_as_it_did() {
    compare(Screen::Detail);
}

#[test]
fn the_result_looks_as_it_did() {
    compare(Screen::Result);
}

#[test]
fn the_frames_among_the_assets_are_those_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/screens");
    let is_written = std::env::var_os("TTG_UPDATE_ASSETS").is_some();
    let (size, names) = ASSETS;
    let mut differing = Vec::new();
    for screen in Screen::ALL {
        for state in states(screen).iter().filter(|state| names.contains(&state.name)) {
            let text = Shown::new(screen, state, dark()).draw(size).text();
            let file = folder.join(format!("{}-{}.txt", screen.name().to_lowercase(), state.name));
            if is_written {
                fs::write(&file, text).unwrap();
            } else if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
                differing.push(file);
            }
        }
    }
    assert!(
        differing.is_empty(),
        "TTG_UPDATE_ASSETS=1 writes these anew: {differing:#?}"
    );
}
