//! What `doctor` found, as lines for people and as NDJSON for programs. Pure.
//!
//! Must not know how anything is found out.

use serde::Serialize;
use ttg_worker::protocol::number::Grouped;

use super::json::{SCHEMA, broken};
use super::{Glyph, Style, count};

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// This program and its worker.
    Program,
    /// The terminal.
    Terminal,
    /// Where runs are kept.
    StateFolder,
    /// A local cluster that another call of this program keeps running.
    PublishedCluster,
    /// A local cluster of this call's own.
    LocalCluster,
    /// The kubeconfig.
    Kubeconfig,
    /// A context of it, or the cluster around this pod.
    Cluster,
    /// What the server allows.
    Rights,
    /// What the server makes of a Job, without storing it.
    Rehearsal,
    /// What the server makes of a pod of that Job, without storing it.
    PodRehearsal,
    /// The nodes.
    Nodes,
}

impl Check {
    fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Terminal => "terminal",
            Self::StateFolder => "state folder",
            Self::PublishedCluster => "published local cluster",
            Self::LocalCluster => "local cluster",
            Self::Kubeconfig => "kubeconfig",
            Self::Cluster => "cluster",
            Self::Rights => "rights",
            Self::Rehearsal => "rehearsed Job",
            Self::PodRehearsal => "rehearsed pod",
            Self::Nodes => "nodes",
        }
    }
}

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It works.
    Ok,
    /// It works in part, or does not matter for the cluster that is meant.
    Note,
    /// It does not work.
    Problem,
    /// It was not looked at.
    Skipped,
}

impl Mark {
    fn glyph(self) -> Glyph {
        match self {
            Self::Ok => Glyph::Done,
            Self::Note => Glyph::Note,
            Self::Problem => Glyph::Failed,
            Self::Skipped => Glyph::Pending,
        }
    }
}

/// One thing that was found. Serialized, it is the NDJSON object of type `finding`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// Which one of several, such as a context's name.
    pub subject: Option<String>,
    /// How it is to be taken.
    pub mark: Mark,
    /// What was found, with the other side's words.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How the program ends because of it; 0 for what does not keep anything from working.
    #[serde(skip)]
    pub exit_code: u8,
}

impl Finding {
    /// Makes a finding.
    pub fn new(check: Check, mark: Mark, what: impl Into<String>) -> Self {
        Self {
            check,
            subject: None,
            mark,
            what: what.into(),
            hint: None,
            exit_code: 0,
        }
    }

    /// Says which one of several it is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes it the reason for which the program ends with this code.
    #[must_use]
    pub fn with_exit_code(mut self, code: u8) -> Self {
        self.exit_code = code;
        self
    }
}

/// How many findings there are of each mark. Serialized, it is the last NDJSON object, of type `summary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// What works.
    pub ok: u64,
    /// What works in part.
    pub notes: u64,
    /// What does not work.
    pub problems: u64,
    /// What was not looked at.
    pub skipped: u64,
    /// The exit code.
    pub exit_code: u8,
}

impl Tally {
    /// Counts a finding. The first one that says how the program ends has the word.
    pub fn count(&mut self, finding: &Finding) {
        match finding.mark {
            Mark::Ok => self.ok += 1,
            Mark::Note => self.notes += 1,
            Mark::Problem => self.problems += 1,
            Mark::Skipped => self.skipped += 1,
        }
        if self.exit_code == 0 {
            self.exit_code = finding.exit_code;
        }
    }
}

#[derive(Serialize)]
struct Object<'a, T> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    fields: &'a T,
}

/// Writes a finding as a line, and its hint as a second one, each with its end.
pub fn finding_text(finding: &Finding, style: Style) -> String {
    let subject = finding
        .subject
        .as_ref()
        .map_or_else(String::new, |subject| format!(" {subject}"));
    let line = format!("{}{subject}: {}", finding.check.word(), finding.what);
    let mut text = style.marked(finding.mark.glyph(), &line);
    text.push('\n');
    if let Some(hint) = &finding.hint {
        text.push_str(&style.plain(&format!("  hint: {hint}")));
        text.push('\n');
    }
    text
}

/// Writes the object of a finding, without a line end.
pub fn finding_line(finding: &Finding) -> String {
    object_line("finding", finding)
}

/// Writes how many findings there are, as a line with its end.
pub fn tally_text(tally: Tally, style: Style) -> String {
    let verdict = match (tally.exit_code, tally.problems) {
        (0, 0) => "everything that is needed works",
        (0, _) => "what is meant works",
        (_, _) => "what is meant does not work",
    };
    let skipped = match tally.skipped {
        0 => String::new(),
        skipped => format!(", {} not asked", Grouped(skipped)),
    };
    let text = format!(
        "{verdict}: {} ok, {}, {}{skipped}",
        Grouped(tally.ok),
        count(tally.notes, "note", "notes"),
        count(tally.problems, "problem", "problems")
    );
    style.plain(&text) + "\n"
}

/// Writes the object of the tally, without a line end.
pub fn tally_line(tally: Tally) -> String {
    object_line("summary", &tally)
}

fn object_line<T: Serialize>(kind: &'static str, fields: &T) -> String {
    let object = Object {
        schema: SCHEMA,
        kind,
        fields,
    };
    serde_json::to_string(&object).unwrap_or_else(|why| broken(&why))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Style = Style {
        ascii: true,
        color: false,
    };

    fn refused() -> Finding {
        Finding::new(Check::Cluster, Mark::Problem, "no answer\nwithin 3 s")
            .about("prod")
            .with_hint("try kubectl")
            .with_exit_code(5)
    }

    #[test]
    fn a_finding_is_a_line_and_its_hint_another() {
        let fine = Finding::new(Check::StateFolder, Mark::Ok, "/s — 3 runs");
        for (finding, style, expected) in [
            (&fine, Style::default(), "✓ state folder: /s — 3 runs\n"),
            (&fine, ASCII, "# state folder: /s - 3 runs\n"),
            (
                &refused(),
                ASCII,
                "X cluster prod: no answer within 3 s\n  hint: try kubectl\n",
            ),
        ] {
            assert_eq!(finding_text(finding, style), expected);
        }
        assert_eq!(
            finding_line(&refused()),
            concat!(
                r#"{"schema":"ttg-tui/1","type":"finding","check":"cluster","subject":"prod","mark":"problem","#,
                r#""what":"no answer\nwithin 3 s","hint":"try kubectl"}"#
            )
        );
    }

    #[test]
    fn the_first_reason_to_fail_is_the_exit_code() {
        let later = Finding::new(Check::Rights, Mark::Problem, "no").with_exit_code(6);
        let note = Finding::new(Check::Nodes, Mark::Note, "not visible");
        let skipped = Finding::new(Check::Cluster, Mark::Skipped, "not asked").about("b");
        let mut tally = Tally::default();
        assert_eq!(
            tally_text(tally, ASCII),
            "everything that is needed works: 0 ok, 0 notes, 0 problems\n"
        );
        for finding in [&note, &skipped, &refused(), &later] {
            tally.count(finding);
        }
        assert_eq!(
            tally_text(tally, ASCII),
            "what is meant does not work: 0 ok, 1 note, 2 problems, 1 not asked\n"
        );
        assert_eq!(
            tally_line(tally),
            r#"{"schema":"ttg-tui/1","type":"summary","ok":0,"notes":1,"problems":2,"skipped":1,"exit_code":5}"#
        );
    }
}
