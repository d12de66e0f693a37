//! A manifest that comes back from an editor, read back into the fields of the form.
//!
//! What was changed and has a field goes into its text. Then the manifest is made anew from the fields and held against the edited
//! one: whatever the person changed that is not in it has no field, and is refused by name; what the person left as it was may
//! follow from something else, as `TOTAL_WORKERS` follows from the completions.

use serde_json::Value;
use ttg_worker::protocol::env;

use super::fields::{FIELDS, Id, position};
use super::form::{Form, say};
use crate::view::gesture::Act;

/// The longest YAML that is read, in bytes.
const BYTES_MAX: usize = 1 << 20;

/// The longest part of a path or a value that is said.
const SHOWN_CHARS_MAX: usize = 120;

/// How the comment begins that says why a YAML was not taken.
const REFUSED: &str = "# not taken: ";

/// How a value of the manifest becomes the text of a field.
#[derive(Clone, Copy)]
enum As {
    /// It is the text.
    Text,
    /// Labels, as `key=value`.
    Labels,
    /// Tolerations, as `key=value:effect`.
    Tolerations,
}

const CONTAINER: &str = "/spec/template/spec/containers/0";

/// Where in the Job a field is, below the container or not.
const IN_JOB: [(Id, &str, As); 8] = [
    (Id::Name, "/metadata/name", As::Text),
    (Id::Namespace, "/metadata/namespace", As::Text),
    (Id::Shards, "/spec/completions", As::Text),
    (Id::Workers, "/spec/parallelism", As::Text),
    (Id::Retries, "/spec/backoffLimitPerIndex", As::Text),
    (Id::MaxFailed, "/spec/maxFailedIndexes", As::Text),
    (Id::NodeSelector, "/spec/template/spec/nodeSelector", As::Labels),
    (Id::Tolerations, "/spec/template/spec/tolerations", As::Tolerations),
];

/// Which of the container's variables a field is.
const IN_ENVIRONMENT: [(Id, &str); 2] = [(Id::Kernel, env::KERNEL), (Id::First, env::FIRST_PARAMETER)];

/// Which of the `ConfigMap`'s keys a field is.
const IN_CONFIG_MAP: [(Id, &str); 4] = [
    (Id::Parameters, env::TOTAL_PARAMETERS),
    (Id::BatchSize, env::BATCH_SIZE),
    (Id::Pause, env::SIMULATE_WORK_MS),
    (Id::LogLevel, env::LOG_LEVEL),
];

/// The two objects of a manifest.
struct Objects {
    config_map: Value,
    job: Value,
}

/// Takes an edited manifest into the form, or says why not; then the form stays as it was and the next edit goes on from there.
pub(super) fn take(form: &mut Form, text: &str) -> Vec<Act> {
    let own = without_refusal(text);
    match read(form, &own) {
        Ok((changed, labels)) => {
            if labels.is_empty() {
                form.rejected = None;
                return say("the YAML says what the form says");
            }
            *form = changed;
            say(format!("taken from the YAML: {}", labels.join(", ")))
        }
        Err(why) => {
            let kept: String = if own.len() > BYTES_MAX { String::new() } else { own };
            form.rejected = (!kept.is_empty()).then(|| format!("{REFUSED}{why}\n{kept}"));
            let again = if kept.is_empty() {
                ""
            } else {
                "; editing again goes on from your text"
            };
            say(format!("{why}{again}"))
        }
    }
}

/// Leaves out the comment that said why the text was not taken before.
fn without_refusal(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.first().is_some_and(|line| line.starts_with(REFUSED)) {
        lines.remove(0);
    }
    let mut own = lines.join("\n");
    own.push('\n');
    own
}

/// Returns the form with what the YAML says, and the labels of the fields that have changed.
fn read(form: &Form, text: &str) -> Result<(Form, Vec<&'static str>), String> {
    let edited = objects(text)?;
    let original = objects(form.yaml())?;
    let mut changed = form.clone();
    let texts = texts(&original, &edited)?;
    // A pause that is typed sets the pace aside, as both cannot be had; the batches it came with stay.
    let sets_pause = texts.iter().any(|(id, _)| *id == Id::Pause);
    if sets_pause && !form.text(position(Id::Pace)).is_empty() {
        changed.set(position(Id::Pace), "");
        let pointer = format!("/data/{}", env::BATCH_SIZE);
        let batch_size = edited.config_map.pointer(&pointer).and_then(plain);
        changed.set(position(Id::BatchSize), &batch_size.unwrap_or_default());
    }
    for (id, text) in &texts {
        changed.set(position(*id), text);
    }
    changed.remake();
    if let Some((row, error)) = changed.made.errors.first() {
        let label = FIELDS.get(*row).map_or("", |row| row.label);
        return Err(format!("{label}: Invalid value: {error}"));
    }
    let rebuilt = objects(changed.yaml())?;
    agree(
        "ConfigMap: ",
        [&original.config_map, &edited.config_map, &rebuilt.config_map],
    )?;
    agree("Job: ", [&original.job, &edited.job, &rebuilt.job])?;
    let labels = FIELDS
        .iter()
        .enumerate()
        .filter(|(row, _)| changed.text(*row) != form.text(*row));
    let labels = labels.map(|(_, row)| row.label).collect();
    Ok((changed, labels))
}

/// Reads the objects of a manifest.
fn objects(text: &str) -> Result<Objects, String> {
    if text.len() > BYTES_MAX {
        return Err(format!(
            "the YAML has {} bytes: at most {BYTES_MAX} are valid",
            text.len()
        ));
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        let words = error.without_snippet().to_string();
        shown(words.lines().next().unwrap_or("it is no YAML"))
    })?;
    let (mut config_map, mut job) = (None, None);
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or("nothing");
        let place = match kind {
            "ConfigMap" => &mut config_map,
            "Job" => &mut job,
            other => {
                return Err(format!(
                    "kind: Unsupported value: {}: one ConfigMap and one Job are sent",
                    shown(other)
                ));
            }
        };
        if place.is_some() {
            return Err(format!(
                "kind: Duplicate value: {}: one ConfigMap and one Job are sent",
                shown(kind)
            ));
        }
        *place = Some(document);
    }
    match (config_map, job) {
        (Some(config_map), Some(job)) => Ok(Objects { config_map, job }),
        (None, _) => Err("kind: Required value: the ConfigMap is missing, without which no pod starts".to_owned()),
        (_, None) => Err("kind: Required value: the Job is missing".to_owned()),
    }
}

/// Returns the texts of the fields whose values were changed.
fn texts(original: &Objects, edited: &Objects) -> Result<Vec<(Id, String)>, String> {
    let mut texts = Vec::new();
    let mut take = |id: Id, path: &str, kind: As, pair: (Option<&Value>, Option<&Value>)| -> Result<(), String> {
        if pair.0 != pair.1 {
            let text = text_of(kind, pair.1).ok_or_else(|| format!("{}: Invalid value", dotted(path)))?;
            texts.push((id, text));
        }
        Ok(())
    };
    for (id, path, kind) in IN_JOB {
        take(id, path, kind, (original.job.pointer(path), edited.job.pointer(path)))?;
    }
    let image = format!("{CONTAINER}/image");
    take(
        Id::Image,
        &image,
        As::Text,
        (original.job.pointer(&image), edited.job.pointer(&image)),
    )?;
    for (id, name) in IN_ENVIRONMENT {
        take(
            id,
            name,
            As::Text,
            (variable(&original.job, name), variable(&edited.job, name)),
        )?;
    }
    for (id, key) in IN_CONFIG_MAP {
        let path = format!("/data/{key}");
        take(
            id,
            &path,
            As::Text,
            (original.config_map.pointer(&path), edited.config_map.pointer(&path)),
        )?;
    }
    for (id, name) in [(Id::Cpu, "cpu"), (Id::Memory, "memory")] {
        let (before, after) = (amounts(&original.job, name), amounts(&edited.job, name));
        if before != after {
            let text = after.ok_or_else(|| format!("resources: Required value: a request and a limit of {name}"))?;
            texts.push((id, text));
        }
    }
    Ok(texts)
}

/// Returns request and limit as the form writes them.
fn amounts(job: &Value, name: &str) -> Option<String> {
    let amount = |part: &str| plain(job.pointer(&format!("{CONTAINER}/resources/{part}/{name}"))?);
    Some(format!("{}:{}", amount("requests")?, amount("limits")?))
}

/// Returns the value of a variable of the container.
fn variable<'a>(job: &'a Value, name: &str) -> Option<&'a Value> {
    let variables = job.pointer(&format!("{CONTAINER}/env"))?.as_array()?;
    let named = |variable: &&Value| variable.get("name").and_then(Value::as_str) == Some(name);
    variables.iter().find(named)?.get("value")
}

fn text_of(kind: As, value: Option<&Value>) -> Option<String> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Some(String::new());
    };
    match kind {
        As::Text => plain(value),
        As::Labels => {
            let labels = value.as_object()?.iter();
            let labels = labels.map(|(key, value)| Some(format!("{key}={}", plain(value)?)));
            Some(labels.collect::<Option<Vec<_>>>()?.join(" "))
        }
        As::Tolerations => {
            let tolerations = value.as_array()?.iter().map(toleration);
            Some(tolerations.collect::<Option<Vec<_>>>()?.join(" "))
        }
    }
}

fn toleration(value: &Value) -> Option<String> {
    let part = |name: &str, before: &str| -> Option<String> {
        match value.get(name) {
            Some(value) => Some(format!("{before}{}", plain(value)?)),
            None => Some(String::new()),
        }
    };
    Some(format!(
        "{}{}{}",
        part("key", "")?,
        part("value", "=")?,
        part("effect", ":")?
    ))
}

/// Returns a text, a number or a truth value as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Checks that everything that was changed is in what the form makes. The three: as it was, as it was edited, as it is made now.
fn agree(path: &str, [original, edited, rebuilt]: [&Value; 3]) -> Result<(), String> {
    if edited == rebuilt || edited == original {
        return Ok(());
    }
    match (edited, rebuilt) {
        (Value::Object(in_edited), Value::Object(in_rebuilt)) => {
            let mut keys = in_edited.keys().chain(in_rebuilt.keys());
            keys.try_for_each(|key| {
                let inner = child(path, key);
                let of = |value: &Value| value.get(key).cloned().unwrap_or(Value::Null);
                agree(&inner, [&of(original), &of(edited), &of(rebuilt)])
            })
        }
        (Value::Array(in_edited), Value::Array(in_rebuilt)) => {
            (0..in_edited.len().max(in_rebuilt.len())).try_for_each(|at| {
                let of = |value: &Value| value.get(at).cloned().unwrap_or(Value::Null);
                agree(&format!("{path}[{at}]"), [&of(original), &of(edited), &of(rebuilt)])
            })
        }
        _ if edited.is_null() => Err(format!("{}: Required value: the form always sends it", shown(path))),
        _ if same_amount(edited, rebuilt) => Ok(()),
        _ => Err(format!("{}: Forbidden: the form has no field for this", shown(path))),
    }
}

/// A number and the same number as a text are the same amount.
fn same_amount(left: &Value, right: &Value) -> bool {
    let text = plain(left);
    text.is_some() && text == plain(right)
}

fn child(path: &str, key: &str) -> String {
    let joined = if path.is_empty() || path.ends_with(": ") {
        ""
    } else {
        "."
    };
    format!("{path}{joined}{key}")
}

/// Writes a JSON pointer as people write paths.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// Makes a text of the person's short enough and safe to be said, and to stand in a comment of one line.
fn shown(text: &str) -> String {
    let safe = text.chars().filter(|character| !character.is_control());
    safe.take(SHOWN_CHARS_MAX).collect()
}
