//! Tests of the form: what gestures and edited YAML make of it, and that all of it is drawn in any size.

use super::*;
use crate::plan::{Plan, RunId};
use crate::view::gesture::{Act, Gesture};
use crate::view::new_run::fields::{Id, position};
use crate::view::text::Edit;

fn form() -> Form {
    let cluster = |label: &str, target: ClusterTarget| ClusterChoice {
        label: label.to_owned(),
        about: "somewhere".to_owned(),
        target,
    };
    Form::new(Start {
        plan: Plan::new(RunId::parse("ttg-primes-7f3a2k").unwrap()),
        clusters: vec![
            cluster("local", ClusterTarget::Local),
            cluster("kind ttg", ClusterTarget::Context("kind ttg".to_owned())),
        ],
        cluster: 0,
        namespace: None,
        pace_ms: None,
    })
}

/// Replaces the text of a field as a person does.
fn type_into(form: &mut Form, id: Id, text: &str) {
    form.take(&Gesture::Click(crate::view::gesture::Spot::Field(position(id))));
    form.take(&Gesture::Edit(Edit::Clear));
    form.take(&Gesture::Edit(Edit::End));
    while !form.text(position(id)).is_empty() {
        form.take(&Gesture::Edit(Edit::Backspace));
    }
    for character in text.chars() {
        form.take(&Gesture::Edit(Edit::Insert(character)));
    }
}

#[test]
fn the_form_begins_with_the_plan_it_was_given() {
    let mut form = form();
    assert_eq!(form.plan(), Ok(Plan::new(RunId::parse("ttg-primes-7f3a2k").unwrap())));
    assert!(!form.wants_text());
    assert!(!form.made.lines.is_empty() && form.made.lines.iter().all(|line| !line.changed));
    assert_eq!(form.command(), "ttg-tui run");
    assert!(matches!(form.take(&Gesture::Open).as_slice(), [Act::Submit(_)]));
}

#[test]
fn shards_follow_the_workers_until_they_are_typed() {
    let mut form = form();
    let before = form.revision();
    type_into(&mut form, Id::Workers, "5");
    assert!(form.revision() > before && form.wants_text());
    assert_eq!(form.plan().unwrap().shards, 20);
    type_into(&mut form, Id::Shards, "7");
    type_into(&mut form, Id::Workers, "2");
    assert_eq!(form.plan().unwrap().shards, 7);
    type_into(&mut form, Id::Pace, "30s");
    assert!(form.plan().unwrap().simulate_work_ms > 0);
    form.take(&Gesture::Click(crate::view::gesture::Spot::Field(0)));
    form.take(&Gesture::Right);
    type_into(&mut form, Id::NodeSelector, "a=b c=d");
    assert_eq!(
        form.command(),
        "ttg-tui run --context 'kind ttg' --workers 2 --shards 7 --pace 30s --node-selector a=b --node-selector c=d"
    );
    let changed = form.made.lines.iter().filter(|line| line.changed);
    assert!(
        changed.clone().any(|line| line.text == "  parallelism: 2"),
        "{:?}",
        form.made.lines
    );
    assert!(!changed.clone().any(|line| line.text.contains("completionMode")));
}

#[test]
fn what_is_not_valid_is_said_and_never_submitted() {
    for (id, text, words) in [
        (Id::Workers, "0", "from 1 to 100,000"),
        (Id::Workers, "three", "a whole number"),
        (Id::Parameters, "1,5", "a whole number"),
        (Id::Cpu, "2:1", "at most the limit"),
        (Id::Memory, "128m", "whole bytes"),
        (Id::Namespace, "Lab", "a-z, 0-9 and -"),
        (Id::Name, "-a", "characters of a-z"),
        (Id::Pace, "soon", "a time such as"),
        (Id::Image, "Not An Image", "lowercase path"),
        (Id::Tolerations, "a=b:Never", "NoSchedule"),
    ] {
        let mut form = form();
        type_into(&mut form, id, text);
        let yaml = form.yaml().to_owned();
        let shown = view(&form, 120, 29);
        let row = shown.rows.iter().find(|row| row.position == position(id)).unwrap();
        assert!(row.remark.text.contains(words), "{id:?}: {}", row.remark.text);
        assert_eq!(row.remark.tone, Tone::Failed);
        form.take(&Gesture::First);
        let acts = form.take(&Gesture::Open);
        assert!(
            matches!(acts.as_slice(), [Act::Say(said)] if said.contains(words)),
            "{acts:?}"
        );
        assert_eq!(form.focus, position(id));
        assert_eq!(form.yaml(), yaml);
    }
}

#[test]
fn checks_about_an_older_form_are_of_no_use() {
    let mut form = form();
    let old = form.revision();
    form.checked(old, vec![CheckLine::new(Mark::Ok, "may create Jobs")]);
    assert!(view(&form, 80, 19).foot.iter().any(|note| note.mark == Some(Mark::Ok)));
    form.take(&Gesture::MoreWorkers);
    assert!(view(&form, 80, 19).foot.iter().all(|note| note.mark != Some(Mark::Ok)));
    form.checked(old, Vec::new());
    assert_eq!(form.checks.len(), 1);
}

#[test]
fn letters_are_text_only_in_text_fields_and_escape_leaves_them() {
    let mut form = form();
    assert!(form.take(&Gesture::Back).is_empty());
    form.take(&Gesture::Click(crate::view::gesture::Spot::Field(position(Id::Image))));
    assert!(form.wants_text());
    assert!(!form.take(&Gesture::Back).is_empty());
    assert!(!form.wants_text());
    form.take(&Gesture::NextPane);
    assert!(form.wants_text());
    let acts = form.take(&Gesture::Edit(Edit::Paste("x".repeat(1_000_000))));
    assert!(matches!(acts.as_slice(), [Act::Say(_)]));
}

#[test]
fn a_command_on_a_form_that_is_not_valid_types_nothing() {
    for (gesture, types) in [
        (Gesture::Save, false),
        (Gesture::Copy, false),
        (Gesture::Yaml, false),
        (Gesture::Open, true),
    ] {
        let mut form = form();
        type_into(&mut form, Id::Image, "Not An Image");
        form.take(&Gesture::First);
        form.take(&Gesture::Back);
        assert!(!form.wants_text());
        form.take(&gesture);
        assert_eq!(
            (form.focus, form.wants_text()),
            (position(Id::Image), types),
            "{gesture:?}"
        );
    }
}

#[test]
fn a_paste_of_several_lines_is_one_line_and_that_is_said() {
    let mut form = form();
    type_into(&mut form, Id::Name, "");
    let acts = form.take(&Gesture::Edit(Edit::Paste("my-run\nrm -rf\n\nx\n".into())));
    assert_eq!(form.text(position(Id::Name)), "my-run");
    assert!(
        matches!(acts.as_slice(), [Act::Say(said)] if said.contains("3 lines more")),
        "{acts:?}"
    );
    let acts = form.take(&Gesture::Edit(Edit::Paste("-2\n".into())));
    assert_eq!((form.text(position(Id::Name)), acts), ("my-run-2", Vec::new()));
}

#[test]
fn what_is_wrong_elsewhere_stands_below_the_field_in_focus() {
    let mut form = form();
    type_into(&mut form, Id::Image, "Not An Image");
    form.take(&Gesture::First);
    let shown = view(&form, 120, 29).job.unwrap();
    let texts: Vec<&str> = shown.why.iter().map(|line| line.text.as_ref()).collect();
    assert!(form.row().why.starts_with(texts[0]), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("Image: ")), "{texts:?}");
    assert_eq!(
        (shown.title.text.as_ref(), shown.title.tone),
        ("Job, last valid", Tone::Dim)
    );
    let narrow = view(&form, 80, 19);
    let foot: String = narrow
        .foot
        .iter()
        .flat_map(|note| &note.line)
        .map(|piece| &*piece.text)
        .collect();
    assert!(foot.contains("Image: "), "{foot}");
}

#[test]
fn a_title_is_whole_or_not_there() {
    let form = form();
    for columns in 100..220 {
        let job = view(&form, columns, 29).job.unwrap();
        let room = usize::from(columns - view(&form, columns, 29).form_columns);
        let place: usize = job.shown.iter().map(|piece| piece.text.width()).sum();
        let legend = if job.has_legend { LEGEND_COLUMNS } else { 0 };
        assert!(
            job.title.text.width() + legend + place + TITLE_EDGES <= room,
            "{columns}"
        );
    }
    assert!(!view(&form, 120, 29).job.unwrap().shown.is_empty());
}

#[test]
fn checks_and_estimate_are_wrapped_where_there_is_room() {
    let mut form = form();
    let long = "100,000 workers want 10000 CPU and 12500Gi: the nodes have room for 30 at once, even if nothing else ran there";
    form.checked(form.revision(), vec![CheckLine::new(Mark::Note, long)]);
    let shown = view(&form, 120, 32);
    let texts: Vec<String> = shown
        .foot
        .iter()
        .map(|note| note.line.iter().map(|piece| &*piece.text).collect())
        .collect();
    let told = texts.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(long), "{texts:?}");
    assert!(told.contains("which only a run measures"), "{texts:?}");
    let inner = usize::from(shown.form_columns - 2);
    assert!(texts.iter().all(|text| text.trim_end().width() < inner), "{texts:?}");
}

#[test]
fn what_is_not_shown_is_counted_above_and_below() {
    let mut form = form();
    let hidden = |form: &Form| view(form, 80, 19).hidden.unwrap()[0].text.trim().to_owned();
    assert!(hidden(&form).ends_with("below") && !hidden(&form).contains("above"));
    form.take(&Gesture::Last);
    assert!(hidden(&form).ends_with("above"), "{}", hidden(&form));
}

#[test]
fn kubectl_is_named_only_where_it_reaches_the_cluster() {
    let mut form = form();
    assert_eq!(form.kubectl(), None);
    form.take(&Gesture::Right);
    let kubectl = form.kubectl().unwrap();
    assert!(
        kubectl.starts_with("kubectl --context 'kind ttg' create -f "),
        "{kubectl}"
    );
}

#[test]
fn an_edited_yaml_is_read_back_into_the_fields() {
    let mut form = form();
    let yaml = form
        .yaml()
        .replace("completions: 12", "completions: 20")
        .replace("parallelism: 3", "parallelism: 5")
        .replace("cpu: 500m", "cpu: 2")
        .replace("image: ttg-worker:latest", "image: example.org/ttg-worker:1.0")
        .replace("  BATCH_SIZE: \"1000\"", "  BATCH_SIZE: \"500\"")
        .replace("\nspec:\n", "\nspec:\n  # a comment\n");
    let acts = form.set_yaml(&yaml);
    assert_eq!(
        acts,
        [Act::Say(
            "taken from the YAML: Workers, Shards, Image, CPU, Batch size".to_owned()
        )]
    );
    let plan = form.plan().unwrap();
    assert_eq!((plan.workers, plan.shards, plan.batch_size), (5, 20, 500));
    assert_eq!((plan.cpu.request.as_str(), plan.cpu.limit.as_str()), ("100m", "2"));
    assert_eq!(plan.image, "example.org/ttg-worker:1.0");
    let same = form.yaml().to_owned();
    assert_eq!(
        form.set_yaml(&same),
        [Act::Say("the YAML says what the form says".to_owned())]
    );
}

#[test]
fn a_yaml_that_the_form_cannot_express_is_refused_by_field() {
    for (from, to, words) in [
        ("  completions: 12", "  completions: 0", "Shards: Invalid value"),
        (
            "  completions: 12",
            "  completions: 12\n  ttlSecondsAfterFinished: 5",
            "Job: spec.ttlSecondsAfterFinished: Forbidden",
        ),
        (
            "dnsPolicy: Default",
            "dnsPolicy: None",
            "Job: spec.template.spec.dnsPolicy: Forbidden",
        ),
        (
            "  completionMode: Indexed\n",
            "",
            "Job: spec.completionMode: Required value",
        ),
        ("kind: ConfigMap", "kind: Secret", "kind: Unsupported value: Secret"),
        ("immutable: true", "immutable: false", "ConfigMap: immutable: Forbidden"),
        ("apiVersion: batch/v1", "apiVersion: [", ""),
    ] {
        let mut form = form();
        let (plan, revision) = (form.plan(), form.revision());
        let edited = form.yaml().replace(from, to);
        assert_ne!(edited, form.yaml());
        let acts = form.set_yaml(&edited);
        assert!(
            matches!(acts.as_slice(), [Act::Say(said)] if said.starts_with(words)),
            "{acts:?}"
        );
        assert_eq!((form.plan(), form.revision()), (plan, revision));
        // The next edit goes on from the text, and is refused for the same reason once.
        let [Act::Edit(again)] = form.take(&Gesture::EditYaml).try_into().unwrap_or([Act::Leave]) else {
            panic!("nothing to edit")
        };
        assert!(
            again.starts_with("# not taken: ") && again.ends_with(&edited),
            "{again}"
        );
        form.set_yaml(&again);
        assert_eq!(form.rejected, Some(again));
    }
}

#[test]
fn every_field_can_be_seen_in_any_size_and_what_is_not_is_counted() {
    let mut form = form();
    for (columns, rows) in [
        (0, 0),
        (1, 1),
        (20, 5),
        (60, 10),
        (80, 19),
        (99, 8),
        (120, 29),
        (200, 55),
        (500, 195),
    ] {
        form.take(&Gesture::First);
        for _ in 0..FIELDS.len() {
            let shown = view(&form, columns, rows);
            let (seen, foot) = (shown.rows.len(), shown.foot.len());
            assert!(
                seen + usize::from(shown.hidden.is_some()) + foot <= usize::from(rows),
                "{columns}x{rows}"
            );
            if seen > 0 {
                assert!(shown.rows.iter().any(|row| row.is_focused), "{columns}x{rows}");
            }
            if seen > 1 {
                assert_eq!(shown.hidden.is_some(), seen < FIELDS.len());
            }
            form.take(&Gesture::Down);
        }
    }
    let wide = view(&form, 120, 29);
    assert_eq!((wide.rows.len(), wide.job.is_some()), (FIELDS.len(), true));
    assert!(view(&form, 80, 19).job.is_none());
}

#[test]
fn the_job_is_shown_where_the_field_in_focus_is() {
    let mut form = form();
    for id in [Id::Workers, Id::Memory, Id::Name, Id::Kernel, Id::Pause] {
        form.take(&Gesture::Click(crate::view::gesture::Spot::Field(position(id))));
        let shown = view(&form, 120, 29).job.unwrap();
        assert_eq!(shown.lines.iter().filter(|line| line.is_focused).count(), 1, "{id:?}");
    }
}

#[test]
fn a_long_text_is_seen_around_its_cursor() {
    assert_eq!(window("abc", 3, 5), ("abc".to_owned(), 3));
    assert_eq!(window("abcdefgh", 8, 5), ("<fgh".to_owned(), 4));
    assert_eq!(window("日本語語", 8, 5), ("<語".to_owned(), 3));
    assert_eq!(window("x", 1, 0), ("<".to_owned(), 1));
}
