//! A whole run as a person leads it, from the form to the proven number, at two sizes and in three looks.

use super::screen::{CTRL_U, ENTER, SMALL, Screen, TAB, USUAL, line};
use super::{COUNTS, FORM, HEAD, RUNNING};
use crate::common::{World, eventually};

/// How many tabs there are from the first field of the form to the workers, and from there to the pace.
const TABS_TO_WORKERS: usize = 4;
const TABS_TO_PACE: usize = 2;
/// What is typed there.
const WORKERS: usize = 4;
const PACE: &str = "25s";
/// What shows that the form took it: the Job beside it, or, where there is no room for that, the command that does the same.
const TAKEN: [&str; 2] = ["parallelism: 4", "--workers 4"];

/// What shows that one worker more, and one less, was asked for or is there.
const MORE: [&str; 2] = ["parallelism", "from 4 to 5"];
const FEWER: [&str; 2] = ["parallelism", "from 5 to 4"];
const SUSPENDED: &str = "SUSPENDED";

const SHARDS: &str = "[3 Shards]";
const INDEX: &str = "index 2";
const DETAIL: &str = "[4 Detail]";
const LOG: &str = "[WORKER 2]";
const RESULT: &str = "[5 Result]";

const PROVEN: &str = "PROVEN";
const NUMBER: &str = "664,579";
/// What may be copied where a total is shown: the total, or a command.
const COPIED: [&str; 2] = ["664579", "kubectl"];
const PRINTED: &str = "PROVEN  664,579 primes among 10,000,000 parameters";

/// How long the proof may take: the pace, the Job controller's back-off of ten seconds, and a busy machine.
const PROVEN_S: i64 = 60;

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Colour,
    Mono,
    Ascii,
}

impl Look {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Colour | Self::Mono => &[],
            Self::Ascii => &["--ascii"],
        }
    }

    fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Colour | Self::Ascii => &[],
            Self::Mono => &[("NO_COLOR", "1")],
        }
    }

    /// Returns the glyph of an index that is tried again.
    fn retrying(self) -> char {
        match self {
            Self::Colour | Self::Mono => '↻',
            Self::Ascii => 'r',
        }
    }

    /// Asserts that a screen is drawn like this.
    fn assert_on(self, screen: &vt100::Screen) {
        let (rows, columns) = screen.size();
        let places = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        let cells: Vec<&vt100::Cell> = places.filter_map(|(row, column)| screen.cell(row, column)).collect();
        let is_default = |color| color == vt100::Color::Default;
        let has_colour = cells
            .iter()
            .any(|cell| !is_default(cell.fgcolor()) || !is_default(cell.bgcolor()));
        let is_marked = cells
            .iter()
            .any(|cell| cell.bold() || cell.underline() || cell.inverse());
        let contents = screen.contents();
        assert_eq!(has_colour, self != Self::Mono, "{self:?}: {contents}");
        assert!(is_marked, "{self:?}: nothing stands out in {contents}");
    }
}

/// Returns the number behind a glyph.
fn number_behind(line: &str, glyph: char) -> Option<u32> {
    let (_, rest) = line.split_once(&format!(" {glyph} "))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Waits until so many worker processes are alive on this machine, whatever the screen says.
fn wait_for_workers(world: &World, wanted: usize) {
    eventually(&format!("{wanted} workers run"), || {
        let processes = world.processes();
        let alive = processes.iter().filter(|process| process.is_worker()).count();
        (alive == wanted)
            .then_some(())
            .ok_or_else(|| format!("{alive}: {processes:?}"))
    });
}

fn submit(screen: &mut Screen) {
    screen.wait_for(FORM);
    screen.press(&TAB.repeat(TABS_TO_WORKERS));
    screen.press(&format!("{CTRL_U}{WORKERS}"));
    screen.wait_for_any(&TAKEN);
    screen.press(&TAB.repeat(TABS_TO_PACE));
    screen.press(&format!("{CTRL_U}{PACE}"));
    screen.wait_for(PACE);
    screen.press(ENTER);
    screen.wait_for_line(HEAD, RUNNING);
}

/// A worker dies, one comes and one goes, and all of them stop and start again.
fn disturb(world: &World, screen: &mut Screen, look: Look) {
    world.kill_a_worker();
    screen.wait("an index is tried again", |screen| {
        number_behind(&line(screen, COUNTS), look.retrying()).is_some_and(|number| number > 0)
    });
    for (key, words, workers) in [("+", MORE, WORKERS + 1), ("-", FEWER, WORKERS)] {
        screen.press(key);
        screen.wait_for_any(&words);
        wait_for_workers(world, workers);
    }
    screen.press("s");
    screen.wait_for_line(HEAD, SUSPENDED);
    wait_for_workers(world, 0);
    screen.press("s");
    screen.wait_for_line(HEAD, RUNNING);
}

fn open_a_log(screen: &mut Screen) {
    screen.press("3");
    screen.wait_for_line(HEAD, SHARDS);
    screen.press("g");
    screen.press(&format!("2{ENTER}"));
    screen.wait_for(INDEX);
    screen.press(ENTER);
    screen.wait_for_line(HEAD, DETAIL);
    screen.wait_for(LOG);
}

fn copy_the_result(screen: &mut Screen) {
    screen.press("5");
    screen.wait_for_line(HEAD, RESULT);
    screen.wait_within(PROVEN_S, "the proof", |screen| line(screen, HEAD).contains(PROVEN));
    screen.wait_for(NUMBER);
    screen.press("y");
    let copied = eventually("a text is copied", || screen.copied().ok_or_else(|| screen.contents()));
    assert!(COPIED.iter().any(|words| copied.contains(words)), "{copied}");
}

/// Takes about 20 s, since the Job controller waits 10 s before it replaces a failed pod, as Kubernetes does.
fn from_the_form_to_the_number(size: (u16, u16), look: Look) {
    let world = World::new();
    let mut screen = Screen::start(&world, size, look.flags(), look.environment());
    submit(&mut screen);
    screen.read(|screen| look.assert_on(screen));
    disturb(&world, &mut screen, look);
    open_a_log(&mut screen);
    screen.read(|screen| look.assert_on(screen));
    copy_the_result(&mut screen);
    screen.read(|screen| look.assert_on(screen));
    screen.press("q");
    let left = screen.end();
    assert_eq!(left.code, 0, "{}", left.printed);
    assert!(left.printed.contains(PRINTED), "{}", left.printed);
    let other = left.drawn.iter().position(|byte| !byte.is_ascii());
    assert_eq!(other.is_none(), look == Look::Ascii, "{look:?}: {other:?}");
    world.wait_until_empty();
}

#[test]
fn a_run_is_led_from_the_form_to_the_number() {
    from_the_form_to_the_number(USUAL, Look::Colour);
}

#[test]
fn a_run_is_led_without_colours() {
    from_the_form_to_the_number(USUAL, Look::Mono);
}

#[test]
fn a_run_is_led_in_ascii() {
    from_the_form_to_the_number(USUAL, Look::Ascii);
}

#[test]
fn a_run_is_led_in_a_small_terminal() {
    from_the_form_to_the_number(SMALL, Look::Colour);
}

#[test]
fn a_run_is_led_in_a_small_terminal_without_colours() {
    from_the_form_to_the_number(SMALL, Look::Mono);
}

#[test]
fn a_run_is_led_in_a_small_terminal_in_ascii() {
    from_the_form_to_the_number(SMALL, Look::Ascii);
}
