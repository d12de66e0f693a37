//! What a person reads of a replay while it goes on: one line. Pure.

use super::words;
use crate::replay::Player;

/// Writes where a replay stands.
pub fn line(player: &Player) -> String {
    let recording = player.recording();
    let torn = recording.torn.as_ref().filter(|_| player.is_at_end());
    let state = if let Some(torn) = torn {
        format!("torn here: {}", torn.why)
    } else if player.is_at_end() {
        "at the end".to_owned()
    } else if player.is_paused() {
        "paused".to_owned()
    } else {
        "playing".to_owned()
    };
    let (before, next) = player.markers_around();
    let mut line = format!(
        "replay {} of {}  ×{}  {state}",
        words::fine_clock(player.now_ms()),
        words::fine_clock(recording.duration_ms()),
        speed(player.speed_quarters()),
    );
    for (sign, marker) in [("after", before), ("next", next)] {
        if let Some(marker) = marker {
            line.extend(["  ", sign, ": ", &marker.what]);
        }
    }
    line
}

fn speed(quarters: u64) -> &'static str {
    match quarters {
        1 => "0.25",
        2 => "0.5",
        4 => "1",
        8 => "2",
        16 => "4",
        32 => "8",
        64 => "16",
        128 => "32",
        _ => "64",
    }
}
