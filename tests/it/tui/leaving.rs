//! Leaving, by every way there is: the terminal is given back, and no process of the run stays.

use std::fs;

use rustix::process::{Pid, Signal};

use super::screen::{CTRL_C, CTRL_Z, assert_given_back};
use super::{FORM, form, live};
use crate::common::{World, eventually};

/// What is printed when a run is left before its end.
const UNFINISHED: &str = "UNFINISHED";
/// The question before a live run is left, and the key of the answer that leaves it.
const QUESTION: &str = "Leave it?";
const LEAVE: &str = "l";
/// Leaving a run that goes on, or could, is no failure.
const LEFT_CODE: u32 = 0;
/// How a panic ends; printing to a terminal that is gone is one.
const PANIC_CODE: u32 = 101;
/// How the form is left.
const FORM_CODE: u32 = 0;

/// Returns the letter by which the kernel tells what a process does.
fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap();
    // The name before it may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.chars().next()
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let world = World::new();
    let screen = live(&world);
    screen.signal(Signal::TERM);
    let left = screen.end();
    assert_eq!(left.code, 143, "{}", left.printed);
    assert!(left.printed.contains(UNFINISHED), "{}", left.printed);
    world.wait_until_empty();
}

#[test]
fn ctrl_c_gives_the_terminal_back() {
    let world = World::new();
    let mut screen = live(&world);
    screen.press(CTRL_C);
    let left = screen.end();
    assert_eq!(left.code, 130, "{}", left.printed);
    assert!(left.printed.contains(UNFINISHED), "{}", left.printed);
    world.wait_until_empty();
}

#[test]
fn a_live_run_is_asked_about_before_it_is_left() {
    let world = World::new();
    let mut screen = live(&world);
    screen.press("q");
    screen.wait_for(QUESTION);
    screen.press("q");
    screen.wait_for_no(QUESTION);
    screen.press("q");
    screen.wait_for(QUESTION);
    screen.press(LEAVE);
    let left = screen.end();
    assert_eq!(left.code, LEFT_CODE, "{}", left.printed);
    assert!(left.printed.contains(UNFINISHED), "{}", left.printed);
    world.wait_until_empty();
}

#[test]
fn a_terminal_that_is_closed_ends_the_program() {
    let world = World::new();
    let screen = live(&world);
    assert_ne!(screen.hang_up(), PANIC_CODE);
    world.wait_until_empty();
}

#[test]
fn ctrl_z_stops_the_program_and_it_comes_back() {
    let world = World::new();
    let mut screen = form(&world);
    screen.press(CTRL_Z);
    eventually("the program is stopped", || match state(screen.pid()) {
        Some('T') => Ok(()),
        other => Err(format!("{other:?}: {}", screen.contents())),
    });
    screen.wait("the shell's own screen", |screen| !screen.alternate_screen());
    screen.read(assert_given_back);
    screen.assert_modes_are_as_at_first();
    screen.signal(Signal::CONT);
    screen.wait("the form again", |screen| {
        screen.alternate_screen() && screen.contents().contains(FORM)
    });
    screen.press("q");
    let left = screen.end();
    assert_eq!(left.code, FORM_CODE, "{}", left.printed);
}
