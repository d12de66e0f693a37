//! Whole workers, with real kernels and result files, but no environment and no signals.

use std::fs;

use super::*;
use crate::protocol::env as names;

/// A result file that is gone with the test.
struct ResultFile(PathBuf);

impl ResultFile {
    fn new(test: &str) -> Self {
        let path = env::temp_dir().join(format!("ttg-worker-test-{}-{test}", std::process::id()));
        fs::remove_file(&path).ok();
        Self(path)
    }

    fn read(&self) -> Option<String> {
        fs::read_to_string(&self.0).ok()
    }
}

impl Drop for ResultFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

fn settings(kernel: &str, total: &str, level: &str, path: &Path) -> Settings {
    let path = path.to_str().unwrap();
    Settings::from(&|name| {
        let value = match name {
            names::WORKER_ID => "1",
            names::TOTAL_WORKERS => "3",
            names::TOTAL_PARAMETERS => total,
            names::KERNEL => kernel,
            names::LOG_LEVEL => level,
            names::JOB_UID => "uid-1",
            names::POD_NAME => "ttg-primes-1-abcde",
            names::RESULT_PATH => path,
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap()
}

/// A log whose reader is gone.
struct Broken;

impl Write for Broken {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_worker_says_what_it_does_and_leaves_a_result() {
    let file = ResultFile::new("whole");
    fs::write(&file.0, "x".repeat(5_000)).unwrap();
    let mut log: Vec<u8> = Vec::new();
    compute(
        &settings("primes", "100000", "info", &file.0),
        &AtomicBool::new(false),
        &mut log,
    )
    .unwrap();

    let lines: Vec<Line> = log
        .split_inclusive(|byte| *byte == b'\n')
        .map(|l| Line::parse(l.trim_ascii_end()).unwrap())
        .collect();
    assert!(
        lines.iter().zip(1_u64..).all(|(line, number)| line.number == number),
        "{lines:?}"
    );
    assert!(
        matches!(
            &lines[0].kind,
            LineKind::Parameters {
                start: 33_334,
                end: 66_667,
                ..
            }
        ),
        "{:?}",
        lines[0]
    );
    assert!(
        matches!(lines[1].kind, LineKind::Progress { total: 33_333, .. }),
        "{:?}",
        lines[1]
    );
    assert_eq!(lines[lines.len() - 2].kind, LineKind::Processed { count: 33_333 });

    let result = ResultMessage::parse(&file.read().unwrap()).unwrap();
    assert_eq!(lines[lines.len() - 1].kind, LineKind::Result { value: result.value });
    // π(66,666) − π(33,333).
    assert_eq!(result.value, 3_076);
    assert_eq!((result.start, result.end, result.processed), (33_334, 66_667, 33_333));
    assert_eq!(
        (result.index, result.job_uid.as_str(), result.kernel.as_str()),
        (CompletionIndex(1), "uid-1", "primes")
    );
}

#[test]
fn the_log_level_says_how_much_is_written() {
    let file = ResultFile::new("level");
    for (level, expected) in [("error", 0), ("warn", 3), ("info", 4), ("debug", 5)] {
        let mut log: Vec<u8> = Vec::new();
        compute(
            &settings("primes", "30", level, &file.0),
            &AtomicBool::new(false),
            &mut log,
        )
        .unwrap();
        assert_eq!(log.split(|byte| *byte == b'\n').count() - 1, expected, "{level}");
        assert!(ResultMessage::parse(&file.read().unwrap()).is_ok(), "{level}");
    }
}

#[test]
fn a_broken_log_does_not_end_the_work() {
    let file = ResultFile::new("broken");
    compute(
        &settings("collatz", "3000", "debug", &file.0),
        &AtomicBool::new(false),
        &mut Broken,
    )
    .unwrap();
    assert!(ResultMessage::parse(&file.read().unwrap()).is_ok());
}

#[test]
fn without_a_result_nothing_is_written_and_the_exit_code_is_not_0() {
    let cases = [
        ("primes", "100000", true, exit::STOPPED, "told to stop"),
        (
            "pi",
            "3000000000000",
            false,
            exit::REFUSED,
            "kernel pi refuses its input: pi cannot do 3000000000000",
        ),
    ];
    for (kernel, total, stopped, code, words) in cases {
        let file = ResultFile::new(&format!("none-{code}"));
        let stop = AtomicBool::new(stopped);
        let end = compute(&settings(kernel, total, "info", &file.0), &stop, &mut io::sink()).unwrap_err();
        assert_eq!(end.exit_code(), code);
        assert!(end.to_string().starts_with(words), "{end}");
        assert_eq!(file.read(), None);
    }
}

#[test]
fn a_result_that_cannot_be_written_is_an_internal_error() {
    let folder = ResultFile::new("no-such-folder");
    let path = folder.0.join("result");
    let end = compute(
        &settings("primes", "30", "info", &path),
        &AtomicBool::new(false),
        &mut io::sink(),
    )
    .unwrap_err();
    assert_eq!(end.exit_code(), exit::INTERNAL);
    assert!(end.to_string().contains("no-such-folder"), "{end}");
}
