//! A made-up run of twenty seconds in every format.

use std::num::NonZeroU16;

use ttg_worker::protocol::{Line, LineKind};

use super::Format;
use super::film::{Film, Picture};
use super::shoot::{Options, Shows, shoot};
use crate::demo::{DEMO, Script};
use crate::model::event::{Event, Outcome, Started, Task};
use crate::recording::{Entry, Recording};
use crate::replay::Player;
use crate::run::fact::{CompletionIndex, Delta, LogFact, LogPart, PodFact};
use crate::run::partial::Kept;
use crate::run::state::fixtures::{at, done, job, plan, pod, running};
use crate::ui::theme::Look;

const SHARDS: u32 = 12;
const FORMATS: [Format; 5] = [Format::Text, Format::Cast, Format::Svg, Format::Gif, Format::Png];

/// A run of twelve shards by three workers, each of which takes five seconds and tells its progress five times a second.
fn recording() -> Recording {
    let started = Started {
        task: Task::Submit,
        plan: plan(SHARDS),
        job: None,
        cluster: "local".into(),
        namespace: "default".into(),
        reach_flags: String::new(),
        outlives: false,
        seed: 1,
        kept: Kept::default(),
    };
    let submitted = Outcome::Submitted {
        job: Box::new(job(SHARDS, 1)),
        plan: Box::new(plan(SHARDS)),
        remarks: Vec::new(),
    };
    let mut entries = vec![
        (0, Event::Started(Box::new(started.clone()))),
        (10, Event::Outcome(submitted)),
        (20, Event::Job(Delta::Applied(Box::new(job(SHARDS, 2))))),
    ];
    entries.extend((0..SHARDS).flat_map(work));
    entries.extend((1..21).map(|second| (second * 1000, Event::Tick)));
    entries.sort_by_key(|(ms, _)| *ms);
    let drained = entries
        .into_iter()
        .flat_map(|(ms, event)| [(ms, event), (ms, Event::Drained)]);
    Recording {
        began_at: at(0),
        started,
        entries: drained.map(|(ms, event)| Entry { ms, event }).collect(),
        torn: None,
    }
}

/// What is seen of one index.
fn work(index: u32) -> Vec<(u64, Event)> {
    let second = i64::from(index / 3) * 5;
    let began_ms = u64::from(index / 3) * 5000 + 100;
    let applied = |pod: PodFact| Event::Pod(Delta::Applied(Box::new(pod)));
    let uid = pod(index, second, 0).uid;
    let log = |what| {
        let pod = uid.clone();
        Event::Log(LogFact { pod, what })
    };
    let mut events = vec![
        (began_ms, applied(pod(index, second, 10))),
        (began_ms + 50, applied(running(index, second, 11))),
        (began_ms + 60, log(LogPart::Opened { sampled: false })),
        (began_ms + 4800, applied(done(SHARDS, index, second, 12, 4))),
    ];
    events.extend((1..24).map(|number| {
        let kind = LineKind::Progress {
            done: number * 10 / 24,
            total: 10,
            per_second: 2,
            partial: 1,
        };
        let line = Line {
            worker: CompletionIndex(index),
            number,
            kind,
        };
        (began_ms + number * 200, log(LogPart::Line(line)))
    }));
    events
}

fn options() -> Options {
    Options {
        size: (120, 34),
        fps: 5,
        speed_milli: 1000,
        from_ms: 0,
        to_ms: None,
        look: Look::Dark,
        ascii: false,
        shows: None,
        script: None,
    }
}

fn film() -> Film {
    shoot(&mut Player::new(recording()), options()).unwrap()
}

fn last_lines(film: &Film) -> Vec<String> {
    film.frames.last().unwrap().picture.rows().map(Picture::line).collect()
}

#[test]
fn the_same_recording_gives_the_same_bytes_within_the_budget() {
    let (one, other) = (film(), film());
    assert!(one.frames.len() > 30, "{}", one.frames.len());
    for format in FORMATS {
        let bytes = format.write(&one).unwrap();
        assert_eq!(bytes, format.write(&other).unwrap(), "{format:?}");
        let most = match format {
            Format::Gif | Format::Cast => 1_000_000,
            Format::Svg | Format::Text => 1_500_000,
            Format::Png => 300_000,
        };
        assert!((500..most).contains(&bytes.len()), "{format:?}: {} bytes", bytes.len());
    }
}

#[test]
fn a_gif_has_every_picture_for_its_time() {
    let film = film();
    let bytes = Format::Gif.write(&film).unwrap();
    let mut gif = gif::DecodeOptions::new().read_info(&bytes[..]).unwrap();
    assert_eq!((gif.width(), gif.height()), (960, 544));
    let (mut pictures, mut hundredths) = (0, 0);
    while let Some(frame) = gif.read_next_frame().unwrap() {
        pictures += 1;
        hundredths += u64::from(frame.delay);
    }
    assert_eq!(pictures, film.frames.len());
    assert!(
        hundredths.abs_diff(film.length_ms / 10) <= 1,
        "{hundredths} of {}",
        film.length_ms
    );
}

#[test]
fn a_png_has_two_pixels_for_one() {
    let bytes = Format::Png.write(&film()).unwrap();
    let png = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    assert_eq!((png.info().width, png.info().height), (1920, 1088));
}

#[test]
fn a_cast_shows_a_terminal_what_was_drawn() {
    let film = film();
    let cast = String::from_utf8(Format::Cast.write(&film).unwrap()).unwrap();
    let mut lines = cast.lines();
    let head: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    for (name, want) in [("version", 2), ("width", 120), ("height", 34)] {
        assert_eq!(head[name], want, "{name}");
    }
    let mut terminal = vt100::Parser::new(NonZeroU16::new(34).unwrap(), NonZeroU16::new(120).unwrap(), 0);
    let mut before = 0.0;
    for line in lines {
        let (at, code, data): (f64, String, String) = serde_json::from_str(line).unwrap();
        assert!(at >= before, "{at} after {before}");
        before = at;
        if code == "o" {
            terminal.process(data.as_bytes());
        }
    }
    let shown: Vec<String> = terminal
        .screen()
        .rows(0, 120)
        .map(|row| row.trim_end().to_owned())
        .collect();
    assert_eq!(shown, last_lines(&film));
}

#[test]
fn an_svg_is_well_formed_and_stands_alone() {
    let svg = String::from_utf8(Format::Svg.write(&film()).unwrap()).unwrap();
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap();
        assert!(!text.contains('"') || text.contains("font:"), "{text}");
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name)),
            (false, false) => open.push(name),
            (false, true) => {}
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(open.is_empty(), "{open:?}");
    for outside in ["<script", "<image", "@import", "url(", "href=\"h"] {
        assert!(!svg.contains(outside), "{outside}");
    }
    assert_eq!(svg.matches("http").count(), 1, "only the name of SVG itself");
}

#[test]
fn a_part_of_a_run_can_be_shown_faster_and_on_another_screen() {
    let part = Options {
        from_ms: 2_000,
        to_ms: Some(12_000),
        speed_milli: 2_000,
        shows: Some(Shows::Detail(1)),
        ..options()
    };
    let film = shoot(&mut Player::new(recording()), part).unwrap();
    assert_eq!(film.length_ms, 5_000 + 3_000);
    assert!(last_lines(&film)[0].contains("[4 Detail]"), "{:#?}", last_lines(&film));
    let shots: Vec<(u64, u64)> = film.shots().map(|(frame, until_ms)| (frame.at_ms, until_ms)).collect();
    assert!(shots.iter().all(|(from, until)| from < until), "{shots:?}");
}

#[test]
fn a_script_says_its_captions() {
    let narrated = Options {
        script: Some(Script::new(DEMO)),
        ..options()
    };
    let film = shoot(&mut Player::new(recording()), narrated).unwrap();
    let text = String::from_utf8(Format::Text.write(&film).unwrap()).unwrap();
    assert!(text.starts_with("--- 0.000 s ---\n"));
    for step in &DEMO[..2] {
        assert!(text.contains(step.caption), "{}", step.caption);
    }
}
