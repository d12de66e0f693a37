//! Keys, clicks, pastes and sizes: what each does, and that none of them holds the program up.

use super::screen::{CTRL_P, CTRL_U, DOWN, ENTER, ESCAPE, SMALL, TAB, USUAL, line};
use super::{FORM, HEAD, RUNNING, form, live};
use crate::common::World;

/// The title of the help, and some of what it must list on a live run.
const HELP: &str = "Keys";
const HELP_LINES: [&str; 4] = ["one worker more", "suspend the Job", "Ctrl-P", "cancel the run"];
/// What a page says as long as it is open.
const PAGE: &str = "Esc closes";

const PALETTE: &str = "Commands";
const FOUND: &str = "suspend the Job, or resume it";
const SUSPENDED: &str = "SUSPENDED";

const QUESTION: &str = "Cancel Job ttg-primes-";
const CANCELLED: &str = "CANCELLED";
/// The head says so once the session of a run is over.
const ENDED: &str = "ended";
const CANCELLED_CODE: u32 = 4;
const CANCELLED_PRINTED: &str = "CANCELLED";

const TAB_TO_CLICK: &str = "3 Shards";
const CLICKED: &str = "[3 Shards]";

const TOO_SMALL: &str = "enlarge";

/// How many tabs there are from the first field of the form to the workers.
const TABS_TO_WORKERS: usize = 4;
const PASTE_BYTES: usize = 1_000_000;
const TAKEN: [&str; 2] = ["parallelism: 5", "--workers 5"];
/// How long a key after a paste may take: far less than a person waits, and enough for a build without optimization.
const PASTE_S: i64 = 5;

#[test]
fn help_and_palette_name_what_can_be_done() {
    let world = World::new();
    let mut screen = live(&world);
    screen.press("?");
    screen.wait_for(HELP);
    for words in HELP_LINES {
        screen.wait_for(words);
    }
    screen.press(ESCAPE);
    screen.wait_for_no(PAGE);
    screen.press(CTRL_P);
    screen.wait_for(PALETTE);
    screen.press("suspend");
    screen.wait_for(FOUND);
    screen.press(ENTER);
    screen.wait_for_line(HEAD, SUSPENDED);
    screen.wait_for_no(PALETTE);
    screen.press("s");
    screen.wait_for_line(HEAD, RUNNING);
    screen.press(":");
    screen.wait_for(PALETTE);
    screen.press(ESCAPE);
    screen.wait_for_no(PALETTE);
}

#[test]
fn a_cancel_is_asked_about_and_no_is_the_default() {
    let world = World::new();
    let mut screen = live(&world);
    screen.press("x");
    screen.wait_for(QUESTION);
    screen.press(ENTER);
    screen.wait_for_no(QUESTION);
    screen.wait_for_line(HEAD, RUNNING);
    screen.press("x");
    screen.wait_for(QUESTION);
    screen.press(&format!("{DOWN}{ENTER}"));
    screen.wait_for_line(HEAD, CANCELLED);
    screen.wait_for_line(HEAD, ENDED);
    screen.press("q");
    let left = screen.end();
    assert_eq!(left.code, CANCELLED_CODE, "{}", left.printed);
    assert!(left.printed.contains(CANCELLED_PRINTED), "{}", left.printed);
    world.wait_until_empty();
}

#[test]
fn a_click_on_a_tab_shows_its_screen() {
    let world = World::new();
    let mut screen = live(&world);
    screen.click(HEAD, TAB_TO_CLICK);
    screen.wait_for_line(HEAD, CLICKED);
}

#[test]
fn every_size_is_survived() {
    let world = World::new();
    let screen = form(&world);
    screen.resize((10, 5));
    screen.wait_for(TOO_SMALL);
    let lengths = [0, 1, 2, 3, 7, 20, 59, 60, 80, 200];
    for columns in lengths {
        for rows in lengths {
            screen.resize((columns, rows));
        }
    }
    // Of what was drawn before nothing fits into one cell: what is seen after it was drawn anew.
    for size in [(500, 200), SMALL, USUAL] {
        screen.resize((1, 1));
        screen.resize(size);
        screen.wait_for(FORM);
    }
}

#[test]
fn a_long_paste_holds_nothing_up() {
    let world = World::new();
    let mut screen = form(&world);
    screen.press(&TAB.repeat(TABS_TO_WORKERS));
    screen.paste(&"7".repeat(PASTE_BYTES));
    screen.press(&format!("{CTRL_U}5"));
    screen.wait_within(PASTE_S, "the key after the paste", |screen| {
        (0..usize::from(SMALL.1)).any(|row| TAKEN.iter().any(|words| line(screen, row).contains(words)))
    });
}
