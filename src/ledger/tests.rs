//! Tests of what a crash, a second program, damage and a stranger's file do to the ledger.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::run::fact::{CompletionIndex, JobUid, NodeName, PodUid};

/// Makes a partial whose strings need escaping, so that the line format is tried too.
pub(super) fn partial(index: u32) -> Partial {
    Partial {
        index: CompletionIndex(index),
        start: u64::from(index) * 10,
        end: u64::from(index) * 10 + 10,
        processed: 10,
        value: -170_141_183_460_469_231_731_687_303_715_884_105_728,
        elapsed_ms: 7,
        throttled_ms: None,
        job_uid: JobUid::from("job"),
        pod_uid: PodUid::from("pod"),
        pod: "a \"pod\",\"checksum\":\"0\"\n".to_owned(),
        node: Some(NodeName::from("node-1")),
    }
}

fn run_named(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

fn plan() -> Plan {
    Plan::new(run_named("ttg-primes-7f3a2k"))
}

/// Makes a state folder with one run; the ledger is held open for writing.
pub(super) fn state_with_run() -> (TempDir, StateFolder, Ledger) {
    let folder = TempDir::new().unwrap();
    let state = StateFolder::open(&folder.path().join("state")).unwrap();
    let ledger = state.create_run(&plan()).unwrap();
    (folder, state, ledger)
}

fn ledger_path(state: &StateFolder) -> PathBuf {
    state.folder(&plan().run).join(LEDGER_FILE)
}

fn append_as_writer(state: &StateFolder, partials: &[Partial]) -> KeptRun {
    let OpenRun::Writer { mut ledger, kept } = state.open_run(&plan().run).unwrap() else {
        panic!("nobody else holds the lock");
    };
    ledger.append(partials).unwrap();
    kept
}

#[test]
fn a_run_is_read_back_as_it_was_kept() {
    let (_folder, state, mut ledger) = state_with_run();
    ledger.append(&[partial(0), partial(1)]).unwrap();
    ledger.append(&[]).unwrap();
    ledger.append(&[partial(2)]).unwrap();
    let kept = state.read_run(&plan().run).unwrap();
    let partials = vec![partial(0), partial(1), partial(2)];
    assert_eq!(
        kept,
        KeptRun {
            plan: plan(),
            partials,
            set_aside: Vec::new(),
            summary: None,
            dropped_lines: 0
        }
    );
    assert!(matches!(state.create_run(&plan()), Err(LedgerError::Busy { .. })));
    drop(ledger);
    assert!(matches!(state.create_run(&plan()), Err(LedgerError::Exists { .. })));
}

#[test]
fn a_ledger_cut_at_any_byte_gives_the_whole_entries_before_the_cut() {
    let (_folder, state, mut ledger) = state_with_run();
    let five: Vec<Partial> = (0..5).map(partial).collect();
    ledger.append(&five).unwrap();
    drop(ledger);
    let path = ledger_path(&state);
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        let scan = line::scan(&whole[..cut], &plan().run).unwrap();
        let lines = whole[..cut].split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(scan.kept.partials, five[..lines.saturating_sub(1)], "cut at byte {cut}");
        assert_eq!(scan.bad_lines, 0, "cut at byte {cut}");
        // Writing after a cut costs syncs, so that is tried where it differs: around each end of a line.
        if cut > 0 && !whole[cut.saturating_sub(2)..whole.len().min(cut + 1)].contains(&b'\n') {
            continue;
        }
        fs::write(&path, &whole[..cut]).unwrap();
        let kept = append_as_writer(&state, &[partial(9)]);
        assert_eq!(kept.partials, scan.kept.partials, "opened after a cut at byte {cut}");
        let after = state.read_run(&plan().run).unwrap();
        assert_eq!(
            after.partials,
            [scan.kept.partials, vec![partial(9)]].concat(),
            "appended after a cut at byte {cut}"
        );
        assert_eq!(after.dropped_lines, 0, "appended after a cut at byte {cut}");
    }
}

/// What a rerun decides about an index that the Job of [`partial`] computed.
fn aside(index: u32) -> SetAside {
    SetAside {
        index: CompletionIndex(index),
        job_uids: vec![JobUid::from("job"), JobUid::from("a \"job\",\"checksum\":\"")],
    }
}

#[test]
fn what_is_set_aside_stays_and_does_not_count() {
    let (_folder, state, mut ledger) = state_with_run();
    let again = Partial {
        job_uid: JobUid::from("rerun"),
        ..partial(1)
    };
    ledger.append(&[partial(0), partial(1)]).unwrap();
    ledger.set_aside(&[]).unwrap();
    ledger.set_aside(&[aside(1)]).unwrap();
    // A late result of the first Job, and what is computed instead.
    ledger.append(&[partial(1), again.clone()]).unwrap();
    let kept = state.read_run(&plan().run).unwrap();
    assert_eq!(kept.partials, [partial(0), partial(1), partial(1), again.clone()]);
    assert_eq!((&kept.set_aside, kept.dropped_lines), (&vec![aside(1)], 0));
    let results = kept.results();
    let counting: Vec<&Partial> = results.counting().collect();
    assert_eq!(counting, [&partial(0), &again]);
}

#[test]
fn a_line_that_sets_aside_and_is_torn_sets_nothing_aside() {
    let (_folder, state, mut ledger) = state_with_run();
    ledger.append(&[partial(1)]).unwrap();
    let path = ledger_path(&state);
    let before = fs::read(&path).unwrap().len();
    ledger.set_aside(&[aside(1)]).unwrap();
    drop(ledger);
    let whole = fs::read(&path).unwrap();
    for cut in before..whole.len() {
        let scan = line::scan(&whole[..cut], &plan().run).unwrap();
        assert!(scan.kept.set_aside.is_empty(), "cut at byte {cut}");
        assert_eq!((scan.good_bytes, scan.bad_lines), (before, 0), "cut at byte {cut}");
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(append_as_writer(&state, &[partial(2)]).set_aside.is_empty());
    let kept = state.read_run(&plan().run).unwrap();
    assert_eq!((kept.set_aside.len(), kept.partials), (0, vec![partial(1), partial(2)]));
}

#[test]
fn a_damaged_line_is_skipped_and_counted() {
    let (_folder, state, mut ledger) = state_with_run();
    ledger.append(&[partial(0), partial(1), partial(2)]).unwrap();
    drop(ledger);
    let path = ledger_path(&state);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"index\":1,", "\"index\":3,")).unwrap();
    let kept = state.read_run(&plan().run).unwrap();
    assert_eq!((kept.partials, kept.dropped_lines), (vec![partial(0), partial(2)], 1));
    append_as_writer(&state, &[partial(1)]);
    let kept = state.read_run(&plan().run).unwrap();
    assert_eq!(
        (kept.partials, kept.dropped_lines),
        (vec![partial(0), partial(2), partial(1)], 1)
    );
}

#[test]
fn a_damaged_header_does_not_cost_the_entries() {
    let (_folder, state, mut ledger) = state_with_run();
    ledger.append(&[partial(0)]).unwrap();
    drop(ledger);
    let path = ledger_path(&state);
    fs::write(
        &path,
        fs::read_to_string(&path)
            .unwrap()
            .replacen("ttg-primes", "ttg-primas", 1),
    )
    .unwrap();
    let kept = state.read_run(&plan().run).unwrap();
    assert_eq!((kept.partials, kept.dropped_lines), (vec![partial(0)], 1));
}

#[test]
fn the_ledger_of_another_run_is_refused_and_left_alone() {
    let (_folder, state, ledger) = state_with_run();
    drop(ledger);
    let path = ledger_path(&state);
    let foreign = line::header(&run_named("ttg-primes-other")).unwrap();
    fs::write(&path, &foreign).unwrap();
    let why = state.open_run(&plan().run).unwrap_err().to_string();
    assert!(
        why.ends_with("it is the ledger of \"ttg-primes-other\", not of ttg-primes-7f3a2k"),
        "{why}"
    );
    assert!(matches!(state.read_run(&plan().run), Err(LedgerError::Foreign { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
}

#[test]
fn the_second_to_open_a_run_only_reads() {
    let (_folder, state, mut ledger) = state_with_run();
    ledger.append(&[partial(0)]).unwrap();
    let OpenRun::Reader { kept } = state.open_run(&plan().run).unwrap() else {
        panic!("two writers of one ledger");
    };
    assert_eq!(kept.partials, [partial(0)]);
    drop(ledger);
    assert!(matches!(state.open_run(&plan().run).unwrap(), OpenRun::Writer { .. }));
}

#[test]
fn only_the_owner_may_look() {
    let (folder, state, _ledger) = state_with_run();
    let run = state.folder(&plan().run);
    for path in [folder.path().join("state"), state.runs.clone(), run.clone()] {
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700, "{}", path.display());
    }
    for name in [PLAN_FILE, LEDGER_FILE, LOCK_FILE] {
        assert_eq!(fs::metadata(run.join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    File::create(&file).unwrap();
    let why = StateFolder::open(&file).unwrap_err().to_string();
    assert!(
        why.starts_with(&format!("cannot create the folder {}/runs: ", file.display())),
        "{why}"
    );
}

#[test]
fn runs_are_listed_newest_first_and_only_with_a_plan() {
    let (_folder, state, _ledger) = state_with_run();
    let names = ["ttg-pi-a", "ttg-pi-b", "ttg-pi-c"];
    for (age_s, name) in [(30, names[0]), (10, names[1]), (20, names[2])] {
        let run = run_named(name);
        state.create_run(&Plan::new(run.clone())).unwrap();
        let plan = OpenOptions::new()
            .write(true)
            .open(state.folder(&run).join(PLAN_FILE))
            .unwrap();
        plan.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 - age_s))
            .unwrap();
    }
    fs::create_dir(state.runs.join("ttg-half-made")).unwrap();
    fs::create_dir(state.runs.join("Not A Run")).unwrap();
    let listed: Vec<String> = state.runs().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["ttg-primes-7f3a2k", names[1], names[2], names[0]]);
    assert_eq!(state.find("ttg-pr").unwrap(), plan().run);
    let missing = run_named("ttg-half-made");
    assert!(matches!(state.read_run(&missing), Err(LedgerError::NotKept { .. })));
}

#[test]
fn a_whole_line_of_another_form_stays_where_it_is() {
    let (_folder, state, mut ledger) = state_with_run();
    ledger.append(&[partial(0)]).unwrap();
    drop(ledger);
    let path = ledger_path(&state);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"{\"of_the_future\":1}\n{\"torn\"");
    fs::write(&path, &bytes).unwrap();
    let OpenRun::Writer { mut ledger, .. } = state.open_run(&plan().run).unwrap() else {
        panic!("nobody else writes")
    };
    ledger.append(&[partial(1)]).unwrap();
    let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    assert!(text.contains("of_the_future") && !text.contains("torn"), "{text}");
    assert_eq!(state.read_run(&plan().run).unwrap().partials, [partial(0), partial(1)]);
}
