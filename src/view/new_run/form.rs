//! The form: the texts of its fields, what they make, and what gestures do to them.
//!
//! Must not know how it is laid out, nor any cluster: what a cluster says comes in as lines, with the revision it was asked for.

use super::edited;
use super::fields::{Draft, FIELDS, FieldRow, Id, Kind, offers, position, position_of};
use super::words;
use super::yaml::{YamlLine, marked};
use crate::model::preflight::CheckLine;
use crate::plan::manifest::manifest;
use crate::plan::{Plan, PlanError};
use crate::view::gesture::{Act, Explained, Gesture, Spot};
use crate::view::text::{Edit, TextField};
use crate::view::words::count;

/// How many fields a page up or down goes.
const PAGE: usize = 6;

/// What is chosen when there is nothing to choose from.
static NO_CHOICE: ClusterChoice = ClusterChoice {
    label: String::new(),
    about: String::new(),
    target: ClusterTarget::Local,
};

/// A cluster that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterChoice {
    /// Its name.
    pub label: String,
    /// What it is, such as `this machine, 3 nodes`.
    pub about: String,
    /// How it is reached.
    pub target: ClusterTarget,
}

/// How a cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterTarget {
    /// The local cluster.
    Local,
    /// A context of the kubeconfig.
    Context(String),
    /// The cluster around this pod.
    InCluster,
}

/// What the form begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The plan of the flags and the configuration. Its pauses are those of the pace, where there is one.
    pub plan: Plan,
    /// The clusters there are.
    pub clusters: Vec<ClusterChoice>,
    /// Which of them is chosen.
    pub cluster: usize,
    /// The namespace; none is the context's own.
    pub namespace: Option<String>,
    /// How long the run should take; none for as fast as it can be.
    pub pace_ms: Option<u64>,
}

/// The form of a new run.
#[derive(Clone, Debug)]
pub struct Form {
    pub(super) clusters: Vec<ClusterChoice>,
    pub(super) cluster: usize,
    suffix: String,
    /// One text for each of [`FIELDS`].
    pub(super) texts: Vec<TextField>,
    pub(super) focus: usize,
    /// Whether keys are text while a text field has the focus.
    typing: bool,
    revision: u64,
    pub(super) made: Made,
    pub(super) checks: Vec<CheckLine>,
    /// Which revision the checks are about.
    pub(super) checked: Option<u64>,
    /// A YAML that could not be taken, with the reason as a comment: it is what is edited next.
    pub(super) rejected: Option<String>,
    /// Whether there is a last run, whose screens can be looked at from here.
    pub has_last: bool,
}

/// What the texts make.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// What is wrong, and in which row.
    pub(super) errors: Vec<(usize, PlanError)>,
    /// What the texts say; of a field that is wrong the default.
    pub(super) draft: Draft,
    /// The last plan that was valid.
    pub(super) plan: Plan,
    /// Its manifest.
    pub(super) yaml: String,
    /// Its manifest, line by line.
    pub(super) lines: Vec<YamlLine>,
}

impl Form {
    /// Makes a form.
    pub fn new(start: Start) -> Self {
        let draft = Draft::of(&start.plan, start.namespace, start.pace_ms);
        let texts = FIELDS.iter().map(|row| TextField::new(&(row.show)(&draft))).collect();
        let mut form = Self {
            cluster: start.cluster.min(start.clusters.len().saturating_sub(1)),
            clusters: start.clusters,
            suffix: draft.suffix.clone(),
            texts,
            focus: 0,
            typing: true,
            revision: 0,
            made: Made {
                errors: Vec::new(),
                draft,
                plan: start.plan,
                yaml: String::new(),
                lines: Vec::new(),
            },
            checks: Vec::new(),
            checked: None,
            rejected: None,
            has_last: false,
        };
        form.remake();
        form
    }

    /// Tells whether letters, digits and signs are text.
    pub fn wants_text(&self) -> bool {
        self.typing && self.row().kind != Kind::Choice
    }

    /// Returns the plan, or what is wrong with the first field that is.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        match self.made.errors.first() {
            Some((_, error)) => Err(error.clone()),
            None => Ok(self.made.plan.clone()),
        }
    }

    /// Returns the cluster that is chosen.
    pub fn cluster(&self) -> &ClusterChoice {
        self.clusters.get(self.cluster).unwrap_or(&NO_CHOICE)
    }

    /// Returns the namespace; none is the context's own.
    pub fn namespace(&self) -> Option<&str> {
        self.made.draft.namespace.as_deref()
    }

    /// Returns the manifest of the last plan that was valid.
    pub fn yaml(&self) -> &str {
        &self.made.yaml
    }

    /// Returns a number that changes with every change of what would be sent, or of where to.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Takes what the cluster was found to make of a revision. What is about an older one is of no use any more.
    pub fn checked(&mut self, revision: u64, checks: Vec<CheckLine>) {
        if revision == self.revision {
            self.checks = checks;
            self.checked = Some(revision);
        }
    }

    /// Tells whether the cluster's answer is about what the form says now.
    pub(super) fn is_checked(&self) -> bool {
        self.checked == Some(self.revision)
    }

    /// Returns the command that submits the same run.
    pub fn command(&self) -> String {
        words::command(self)
    }

    /// Returns the command of kubectl that does the same with the file that is saved; none for the local cluster of this
    /// program, which no kubeconfig leads to.
    pub fn kubectl(&self) -> Option<String> {
        words::kubectl(self)
    }

    /// Takes a YAML that comes back from an editor.
    pub fn set_yaml(&mut self, text: &str) -> Vec<Act> {
        edited::take(self, text)
    }

    /// Takes a gesture.
    pub fn take(&mut self, gesture: &Gesture) -> Vec<Act> {
        match gesture {
            Gesture::Up => self.go_back(1),
            Gesture::Down => self.go_on(1),
            Gesture::PageUp => self.go_back(PAGE),
            Gesture::PageDown => self.go_on(PAGE),
            Gesture::First => self.go_back(usize::MAX),
            Gesture::Last => self.go_on(usize::MAX),
            Gesture::NextPane => self.go_around(1),
            Gesture::PreviousPane => self.go_around(FIELDS.len() - 1),
            Gesture::NextProblem => self.go_to_problem(),
            Gesture::Left => return self.edit(&Edit::Left),
            Gesture::Right => return self.edit(&Edit::Right),
            Gesture::Edit(edit) => return self.edit(edit),
            Gesture::Click(Spot::Field(position)) => self.click(*position),
            Gesture::MoreWorkers => self.change_workers(1),
            Gesture::FewerWorkers => self.change_workers(-1),
            Gesture::Back if self.wants_text() => {
                self.typing = false;
                return say("keys are commands now; Tab types again");
            }
            Gesture::Open => return self.when_valid(true, |form| Act::Submit(Box::new(form.made.plan.clone()))),
            Gesture::Copy => return self.when_valid(false, |form| Act::Copy(form.command())),
            Gesture::Save => return self.when_valid(false, Self::save),
            Gesture::EditYaml => return self.when_valid(false, |form| Act::Edit(form.to_edit())),
            Gesture::Yaml => return self.when_valid(false, Self::page),
            Gesture::Explain | Gesture::Describe => return vec![Act::Explain(self.explained())],
            Gesture::Show(_)
            | Gesture::Back
            | Gesture::Quit
            | Gesture::Interrupt
            | Gesture::Stop
            | Gesture::Help
            | Gesture::Palette
            | Gesture::Filter
            | Gesture::GoTo
            | Gesture::PreviousProblem
            | Gesture::ToggleSuspend
            | Gesture::Cancel
            | Gesture::Logs
            | Gesture::Rerun
            | Gesture::NextMode
            | Gesture::ToggleFollow
            | Gesture::ToggleWrap
            | Gesture::ToggleMouse
            | Gesture::Glossary
            | Gesture::Playback(_)
            | Gesture::Click(Spot::Tab(_) | Spot::Index(_) | Spot::Node(_) | Spot::Row(_) | Spot::Pane(_)) => {}
        }
        Vec::new()
    }

    /// Returns the row that has the focus.
    pub(super) fn row(&self) -> &'static FieldRow {
        FIELDS.get(self.focus).unwrap_or(&FIELDS[0])
    }

    /// Returns the text of a row.
    pub(super) fn text(&self, position: usize) -> &str {
        self.texts.get(position).map_or("", TextField::text)
    }

    /// Returns what is wrong with a row.
    pub(super) fn error(&self, position: usize) -> Option<&PlanError> {
        let mut errors = self.made.errors.iter();
        errors.find(|(row, _)| *row == position).map(|(_, error)| error)
    }

    fn go_back(&mut self, rows: usize) {
        self.focus = self.focus.saturating_sub(rows);
    }

    fn go_on(&mut self, rows: usize) {
        self.focus = self.focus.saturating_add(rows).min(FIELDS.len() - 1);
    }

    fn go_around(&mut self, rows: usize) {
        self.focus = (self.focus + rows) % FIELDS.len();
        self.typing = true;
    }

    fn go_to_problem(&mut self) {
        if let Some((position, _)) = self.made.errors.first() {
            self.focus = *position;
            self.typing = true;
        }
    }

    /// A click on a choice that has the focus already takes the next one.
    fn click(&mut self, position: usize) {
        let again = position == self.focus && self.row().kind == Kind::Choice;
        self.focus = position.min(FIELDS.len() - 1);
        self.typing = true;
        if again {
            self.step(true);
        }
    }

    fn edit(&mut self, edit: &Edit) -> Vec<Act> {
        self.typing = true;
        let row = self.row();
        match (row.kind, edit) {
            (Kind::Choice | Kind::Offered, Edit::Left) => self.step(false),
            (Kind::Choice | Kind::Offered, Edit::Right) => self.step(true),
            (Kind::Choice, _) => return say(format!("{}: left and right choose another", row.label)),
            (Kind::Text | Kind::Offered, _) => return self.type_in(edit),
        }
        Vec::new()
    }

    fn type_in(&mut self, edit: &Edit) -> Vec<Act> {
        let Some(field) = self.texts.get_mut(self.focus) else {
            return Vec::new();
        };
        let mut lines_left = 0;
        let changed = if let Edit::Paste(text) = edit {
            // What is copied from elsewhere often ends in a line break, which is no loss.
            let mut lines = text.trim().lines();
            let first = lines.next().unwrap_or_default().trim_end();
            lines_left = lines.count();
            field.edit(&Edit::Paste(first.to_owned()))
        } else {
            field.edit(edit)
        };
        let cut = field.cut();
        if changed {
            self.remake();
        }
        if lines_left > 0 {
            let left = count(u64::try_from(lines_left).unwrap_or(u64::MAX), "line", "lines");
            return say(format!(
                "a field is one line: {left} more of what was pasted are left out"
            ));
        }
        if cut > 0 {
            return say(format!(
                "{cut} characters were left out: they do not fit, or cannot be shown"
            ));
        }
        Vec::new()
    }

    /// Takes the next of what is offered, or the one before.
    fn step(&mut self, forward: bool) {
        let id = self.row().id;
        let offered = offers(id);
        let (now, count) = if id == Id::Cluster {
            (Some(self.cluster), self.clusters.len())
        } else {
            let shown = words::value(self, self.focus);
            (offered.iter().position(|text| *text == shown), offered.len())
        };
        if count == 0 {
            return;
        }
        let next = match now {
            Some(now) => (now + if forward { 1 } else { count - 1 }) % count,
            // What was typed is none of them.
            None => 0,
        };
        if id == Id::Cluster {
            self.cluster = next;
            self.checks.clear();
        } else if let (Some(field), Some(text)) = (self.texts.get_mut(self.focus), offered.get(next)) {
            field.set(text);
        }
        self.remake();
    }

    fn change_workers(&mut self, by: i8) {
        let workers = self.made.draft.plan.workers;
        let position = position(Id::Workers);
        let more = workers.saturating_add_signed(i32::from(by));
        self.set(position, &more.max(1).to_string());
        self.remake();
    }

    /// Replaces the text of a row; [`Form::remake`] is due after it.
    pub(super) fn set(&mut self, position: usize, text: &str) {
        if let Some(field) = self.texts.get_mut(position) {
            field.set(text);
        }
    }

    /// Reads all texts again and makes of them what they make.
    pub(super) fn remake(&mut self) {
        self.revision += 1;
        self.rejected = None;
        let mut draft = Draft::new(self.suffix.clone());
        let mut errors = Vec::new();
        for (position, row) in FIELDS.iter().enumerate() {
            if let Err(error) = (row.read)(self.text(position).trim(), &mut draft) {
                errors.push((position, error));
            }
        }
        if errors.is_empty() {
            match draft.to_plan() {
                Ok(plan) => self.made.plan = plan,
                Err(error) => errors.push((position_of(error.field()), error)),
            }
        }
        if errors.is_empty() || self.made.yaml.is_empty() {
            let namespace = draft.namespace.as_deref();
            let plain = Plan::new(draft.generated());
            self.made.yaml = written(&self.made.plan, namespace);
            self.made.lines = marked(&self.made.yaml, &written(&plain, None));
        }
        self.made.draft = draft;
        self.made.errors = errors;
    }

    /// Does something with the plan, or says what is wrong with the first field that is and goes there. Only who submits goes
    /// on with typing: the next letter of anybody else is another command.
    fn when_valid(&mut self, then_types: bool, act: impl FnOnce(&Self) -> Act) -> Vec<Act> {
        let Some((_, error)) = self.made.errors.first() else {
            return vec![act(self)];
        };
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let words = format!("{error}{hint}");
        let typing = then_types || self.wants_text();
        self.go_to_problem();
        self.typing = typing;
        say(words)
    }

    fn save(&self) -> Act {
        Act::Save {
            name: words::file(self),
            text: self.made.yaml.clone(),
        }
    }

    fn page(&self) -> Act {
        Act::Page {
            title: format!("{}, as it would be sent", self.made.plan.run),
            lines: self.made.yaml.lines().map(str::to_owned).collect(),
        }
    }

    fn to_edit(&self) -> String {
        self.rejected.clone().unwrap_or_else(|| self.made.yaml.clone())
    }

    fn explained(&self) -> Explained {
        let row = self.row();
        let mut evidence: Vec<String> = self.error(self.focus).map(ToString::to_string).into_iter().collect();
        evidence.extend(self.checks.iter().map(|check| check.text.clone()));
        Explained {
            title: row.label.to_owned(),
            cause: row.why.to_owned(),
            evidence,
            next: Vec::new(),
            command: Some(self.command()),
        }
    }
}

/// Says something.
pub(super) fn say(words: impl Into<String>) -> Vec<Act> {
    vec![Act::Say(words.into())]
}

/// Writes a manifest; what the serializer says against it stands in its place.
fn written(plan: &Plan, namespace: Option<&str>) -> String {
    manifest(plan, namespace).unwrap_or_else(|error| format!("# {error}\n"))
}
