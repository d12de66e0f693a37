//! The way to the cluster breaks while a run is watched: the last truth stays, with its age, and contact comes back by itself.

use super::relay::Relay;
use super::screen::{Screen, USUAL, line};
use super::{HEAD, RUNNING};
use crate::attach::{end, local};
use crate::common::World;

const RUN: &str = "ttg-relayed";
const LOST: &str = "reconnecting, ";
const STALE: &str = " stale";
const LIVE: &str = "live";

/// The time between two tries grows; contact is back with the next one.
const BACK_S: i64 = 40;

/// Returns how old the head says that everything is.
fn age(screen: &vt100::Screen) -> Option<String> {
    let head = line(screen, HEAD);
    let (_, rest) = head.split_once(LOST)?;
    let (age, _) = rest.split_once(STALE)?;
    Some(age.to_owned())
}

#[test]
fn lost_contact_has_an_age_and_comes_back_by_itself() {
    let world = World::new();
    let local = local(&world);
    let submitted = world.run(&["run", "--detach", "--name", RUN, "--shards", "60", "--pace", "60s"]);
    assert_eq!(submitted.code, Some(0), "{submitted:?}");
    let (relay, kubeconfig) = Relay::start(&world);
    let arguments = ["attach", RUN, "--kubeconfig", kubeconfig.to_str().unwrap()];
    let screen = Screen::start(&world, USUAL, &arguments, &[]);
    screen.wait_for_line(HEAD, RUNNING);
    screen.wait_for_line(HEAD, LIVE);

    relay.cut();
    screen.wait("contact is lost", |screen| age(screen).is_some());
    let first = screen.read(age);
    screen.wait("its age grows", |screen| age(screen) != first);
    screen.read(|screen| assert!(line(screen, HEAD).contains(RUNNING), "{}", screen.contents()));

    relay.mend();
    screen.wait_within(BACK_S, "contact is back", |screen| {
        let head = line(screen, HEAD);
        head.contains(LIVE) && !head.contains(LOST)
    });
    drop(screen);
    end(local);
    world.wait_until_empty();
}
