//! Names and words as upstream's kubelet and container runtime write them. Pure, but for a look at the files of a command.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// Writes whole seconds as Go does: `10s`, `1m20s`, `5m0s`.
pub(super) fn go_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// Writes the whole name of an image, as the container runtime reports it: with registry and tag.
pub(super) fn whole_image_name(image: &str) -> String {
    let (name, digest) = image
        .split_once('@')
        .map_or((image, ""), |(name, digest)| (name, digest));
    let last = name.rsplit('/').next().unwrap_or(name);
    let has_registry = name
        .split_once('/')
        .is_some_and(|(first, _)| first == "localhost" || first.contains(['.', ':']));
    let prefix = match (has_registry, name.contains('/')) {
        (true, _) => "",
        (false, true) => "docker.io/",
        (false, false) => "docker.io/library/",
    };
    let suffix = match (digest.is_empty(), last.contains(':')) {
        (true, false) => ":latest".to_owned(),
        (true, true) => String::new(),
        (false, _) => format!("@{digest}"),
    };
    format!("{prefix}{name}{suffix}")
}

/// Tells why a program cannot be started, in the words of Go, in which the container runtime says it; none if it can be.
///
/// `path` is the container's `PATH`, and `folder` its working directory.
pub(super) fn why_not_executable(program: &OsStr, path: &OsStr, folder: &Path) -> Option<String> {
    let shown = program.to_string_lossy();
    if program.as_bytes().contains(&b'/') {
        return match std::fs::metadata(folder.join(program)) {
            Err(_) => Some(format!("exec: {shown:?}: stat {shown}: no such file or directory")),
            Ok(found) if is_executable(&found) => None,
            Ok(_) => Some(format!("exec: {shown:?}: permission denied")),
        };
    }
    let is_there = std::env::split_paths(path)
        .any(|place| std::fs::metadata(folder.join(place).join(program)).is_ok_and(|found| is_executable(&found)));
    (!is_there).then(|| format!("exec: {shown:?}: executable file not found in $PATH"))
}

fn is_executable(file: &std::fs::Metadata) -> bool {
    file.is_file() && file.permissions().mode() & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (seconds, words) in [(10, "10s"), (80, "1m20s"), (300, "5m0s")] {
            assert_eq!(go_duration(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn images_have_registry_and_tag() {
        for (image, whole) in [
            ("ttg-worker", "docker.io/library/ttg-worker:latest"),
            ("ttg-worker:1", "docker.io/library/ttg-worker:1"),
            ("a/b", "docker.io/a/b:latest"),
            ("localhost/b:1", "localhost/b:1"),
            ("host:5000/b", "host:5000/b:latest"),
            ("x.io/b@sha256:0", "x.io/b@sha256:0"),
        ] {
            assert_eq!(whole_image_name(image), whole);
        }
    }

    #[test]
    fn programs_that_cannot_be_started() {
        let why = |program: &str| why_not_executable(program.as_ref(), "/usr/bin:/bin".as_ref(), Path::new("/"));
        assert_eq!(why("sh"), None);
        assert_eq!(why("/bin/sh"), None);
        assert_eq!(
            why("/nope").unwrap(),
            "exec: \"/nope\": stat /nope: no such file or directory"
        );
        assert_eq!(why("/etc/passwd").unwrap(), "exec: \"/etc/passwd\": permission denied");
        assert_eq!(
            why("no-such-program").unwrap(),
            "exec: \"no-such-program\": executable file not found in $PATH"
        );
    }
}
