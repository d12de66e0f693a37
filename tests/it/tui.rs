//! The screens as a person meets them: the program in a terminal of its own, keys typed into it, and what it shows read back.
//!
//! [`screen::Screen`] is the terminal. The words that are looked for stand at the top of each module.

use self::screen::{SMALL, Screen, USUAL};
use crate::common::World;

mod contact;
mod dialogue;
mod keys;
mod leaving;
mod relay;
mod screen;

/// The row of the head that tells how a run stands, and which screen is shown.
const HEAD: usize = 0;
/// The row of the head that counts the indexes in each state.
const COUNTS: usize = 2;

/// A run stands so while a worker computes.
const RUNNING: &str = "RUNNING";
/// The label of a field that the form always shows.
const FORM: &str = "Workers";

/// Starts a run that is long enough to be disturbed for sure, and waits until a worker computes.
fn live(world: &World) -> Screen {
    let arguments = ["run", "--shards", "60", "--pace", "40s"];
    let screen = Screen::start(world, USUAL, &arguments, &[]);
    screen.wait_for_line(HEAD, RUNNING);
    screen
}

/// Starts the program without a command, and waits for its form.
fn form(world: &World) -> Screen {
    let screen = Screen::start(world, SMALL, &[], &[]);
    screen.wait_for(FORM);
    screen
}
