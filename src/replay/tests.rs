//! Frames and figures of a replay, however a position was reached.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::recording::Entry;
use crate::recording::tests::{recording, session};
use crate::ui::app::{App, Subject};
use crate::ui::keymap::Keymap;
use crate::ui::theme::{Look, Theme};
use crate::view::gesture::Screen;
use crate::view::playback;

/// The recording with so many seconds of waiting in it that several scenes are held.
fn long() -> Recording {
    let mut recording = recording();
    let middle = recording.entries.len() / 2;
    let ms = recording.entries[middle - 1].ms;
    let later = recording.entries.split_off(middle);
    let ticks = (1..=5_000).map(|tick| Entry {
        ms: ms + tick * 1_000,
        event: Event::Tick,
    });
    recording.entries.extend(ticks);
    recording.entries.extend(later.into_iter().map(|entry| Entry {
        ms: entry.ms + 5_000_000,
        ..entry
    }));
    recording
}

fn frame(player: &Player) -> Buffer {
    let mut app = App::new(Screen::Live, Theme::new(Look::Dark, false), Keymap::default(), false);
    app.show_playback(playback::line(player));
    let mut cells = Buffer::empty(Rect::new(0, 0, 120, 34));
    app.draw(&Subject::Run(player.model()), player.now(), &mut cells);
    cells
}

#[test]
fn the_end_is_that_of_the_live_session() {
    let (live, _) = session();
    let mut player = Player::new(recording());
    player.seek(u64::MAX);
    assert_eq!(player.model().end(), live.end());
    let (mut replayed, mut told) = (
        player.model().final_summary().unwrap().clone(),
        live.final_summary().unwrap().clone(),
    );
    // The flags name files of the machine on which it was recorded.
    replayed.reach_flags.clear();
    told.reach_flags.clear();
    assert_eq!(replayed, told);
}

#[test]
fn a_position_looks_the_same_however_it_was_reached() {
    let recording = long();
    let (mut forward, mut jumping) = (Player::new(recording.clone()), Player::new(recording));
    assert!(forward.scenes.len() > 4, "{}", forward.scenes.len());
    let duration = forward.recording().duration_ms();
    let moments: Vec<u64> = (0..=8).map(|part| duration * part / 8).collect();
    let forwards: Vec<Buffer> = moments
        .iter()
        .map(|ms| {
            forward.seek(*ms);
            frame(&forward)
        })
        .collect();
    for (ms, expected) in moments.iter().zip(&forwards).rev() {
        jumping.seek(*ms);
        assert_eq!(&frame(&jumping), expected, "at {ms} ms");
    }
}

#[test]
fn the_clock_goes_as_fast_as_it_is_told() {
    let mut player = Player::new(recording());
    assert!(player.advance(1_000));
    assert_eq!(player.now_ms(), 1_000);
    player.take(Playback::Faster);
    player.advance(500);
    assert_eq!(player.now_ms(), 2_000);
    for _ in 0..20 {
        player.take(Playback::Slower);
    }
    // A quarter of the speed: nothing is lost between two strokes.
    for _ in 0..400 {
        player.advance(1);
    }
    assert_eq!((player.speed_quarters(), player.now_ms()), (1, 2_100));
    player.take(Playback::Toggle);
    assert!(!player.advance(1_000));
    player.seek(u64::MAX);
    assert!(player.is_at_end());
    player.take(Playback::Toggle);
    assert_eq!((player.now_ms(), player.is_playing()), (0, true));
}

#[test]
fn markers_and_told_events_are_gone_to_one_by_one() {
    let mut player = Player::new(recording());
    player.take(Playback::Toggle);
    let mut seen = Vec::new();
    while player.markers_around().1.is_some() {
        player.take(Playback::NextMarker);
        seen.push(player.markers_around().0.unwrap().what.clone());
    }
    assert_eq!(
        seen,
        ["submitted", "first worker", "attempt at index 1 lost", "the end"]
    );
    player.take(Playback::MarkerBefore);
    assert_eq!(player.markers_around().0.unwrap().what, "attempt at index 1 lost");

    player.seek(0);
    let told = |player: &Player| player.model().history().told_count();
    let mut counts = vec![told(&player)];
    for key in [
        Playback::StepOn,
        Playback::StepOn,
        Playback::StepBack,
        Playback::StepBack,
    ] {
        player.take(key);
        counts.push(told(&player));
    }
    assert!(counts[0] < counts[1] && counts[1] < counts[2], "{counts:?}");
    assert_eq!((counts[3], counts[4]), (counts[1], counts[0]), "{counts:?}");
}
