//! Server-side apply by example: before, who writes what, and what comes of it.

use super::*;

const NOW: &str = "2026-03-01T12:00:00Z";

fn by(manager: &str) -> Writer {
    Writer {
        manager: manager.to_owned(),
        subresource: "",
    }
}

fn map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

/// Applies, and returns the object as it would be stored.
fn applied(live: Option<&Value>, manager: &str, config: &Value, force: bool) -> Result<Value, String> {
    let done = apply(Kind::ConfigMap, live, config, &by(manager), force, NOW);
    let done = done.map_err(|conflicts| conflict_message(&conflicts))?;
    let mut object = done.object.clone();
    done.write(&mut object, true, NOW);
    Ok(object)
}

fn updated(live: &Value, manager: &str, data: &Value) -> Value {
    let mut object = live.clone();
    object["data"] = data.clone();
    track(Kind::ConfigMap, live, &mut object, &by(manager), NOW);
    object
}

/// Returns `manager/operation: fields` of every manager.
fn owners(object: &Value) -> Vec<String> {
    let list = object["metadata"]["managedFields"].as_array();
    let words = |e: &Value| {
        let fields = Fields::parse(&e["fieldsV1"]).unwrap().paths().join(" ");
        format!("{}/{}: {fields}", text(e, "/manager"), text(e, "/operation"))
    };
    list.into_iter().flatten().map(words).collect()
}

#[test]
fn who_applies_owns_what_the_configuration_says_and_nothing_else() {
    let made = applied(None, "a", &map(&json!({"x": "1", "y": "1"})), false).unwrap();
    assert_eq!(made["data"], json!({"x": "1", "y": "1"}));
    assert_eq!(owners(&made), ["a/Apply: .data.x .data.y"]);
    let dropped = applied(Some(&made), "a", &map(&json!({"x": "1"})), false).unwrap();
    assert_eq!(dropped["data"], json!({"x": "1"}));
    assert_eq!(dropped["metadata"]["name"], "c");
    let shared = applied(Some(&made), "b", &map(&json!({"x": "1", "z": "1"})), false).unwrap();
    assert_eq!(
        owners(&shared),
        ["a/Apply: .data.x .data.y", "b/Apply: .data.x .data.z"]
    );
    let kept = applied(Some(&shared), "a", &map(&json!({"y": "1"})), false).unwrap();
    assert_eq!(
        kept["data"],
        json!({"x": "1", "y": "1", "z": "1"}),
        "another manager owns x still"
    );
    assert_eq!(owners(&kept), ["a/Apply: .data.y", "b/Apply: .data.x .data.z"]);
}

#[test]
fn a_field_of_another_manager_is_a_conflict_unless_it_is_forced() {
    let made = applied(None, "a", &map(&json!({"x": "1", "y": "1"})), false).unwrap();
    let patched = updated(&made, "c", &json!({"x": "1", "y": "2", "n": "1"}));
    assert_eq!(owners(&patched), ["a/Apply: .data.x", "c/Update: .data.n .data.y"]);
    for (live, config, want) in [
        (
            &made,
            json!({"x": "2"}),
            r#"Apply failed with 1 conflict: conflict with "a": .data.x"#,
        ),
        (
            &made,
            json!({"x": "2", "y": "3"}),
            "Apply failed with 2 conflicts: conflicts with \"a\":\n- .data.x\n- .data.y",
        ),
        (
            &patched,
            json!({"x": "2", "y": "3"}),
            "Apply failed with 2 conflicts: conflicts with \"a\":\n- .data.x\nconflicts with \"c\" using v1:\n- .data.y",
        ),
    ] {
        assert_eq!(applied(Some(live), "b", &map(&config), false), Err(want.to_owned()));
    }
    let forced = applied(Some(&patched), "b", &map(&json!({"x": "2", "y": "3"})), true).unwrap();
    assert_eq!(forced["data"], json!({"x": "2", "y": "3", "n": "1"}));
    assert_eq!(owners(&forced), ["b/Apply: .data.x .data.y", "c/Update: .data.n"]);
}

#[test]
fn what_was_there_before_the_first_apply_has_an_owner_from_then_on() {
    let live = map(&json!({"x": "1"}));
    let mut again = live.clone();
    track(Kind::ConfigMap, &live, &mut again, &by("c"), NOW);
    assert_eq!(again, live, "an object without managers is not tracked");
    let refused = applied(Some(&live), "a", &map(&json!({"x": "2"})), false).unwrap_err();
    assert!(
        refused.ends_with(r#"conflict with "before-first-apply" using v1: .data.x"#),
        "{refused}"
    );
    let agreed = applied(Some(&live), "a", &map(&json!({"x": "1"})), false).unwrap();
    assert_eq!(
        owners(&agreed),
        ["a/Apply: .data.x", "before-first-apply/Update: .data .data.x"]
    );
}

#[test]
fn kubectl_takes_over_what_it_applied_on_the_clients_side() {
    let annotated = |data: &Value, last: &Value| {
        let mut object = map(data);
        object["metadata"]["annotations"] = json!({LAST_APPLIED: map(last).to_string()});
        let owned = object.clone();
        track_new(
            Kind::ConfigMap,
            &owned,
            &mut object,
            &by("kubectl-client-side-apply"),
            NOW,
        );
        object
    };
    let live = annotated(&json!({"x": "1"}), &json!({"x": "1"}));
    let taken = applied(Some(&live), "kubectl", &map(&json!({"x": "2"})), false).unwrap();
    assert_eq!(taken["data"], json!({"x": "2"}));
    let last: Value = serde_json::from_str(last_applied(&taken)).unwrap();
    assert_eq!(last["data"], json!({"x": "2"}), "the annotation is brought up to date");
    let changed = annotated(&json!({"x": "3"}), &json!({"x": "1"}));
    let refused = applied(Some(&changed), "kubectl", &map(&json!({"x": "2"})), false).unwrap_err();
    assert!(refused.contains(".data.x"), "{refused}");
    assert!(applied(Some(&live), "other", &map(&json!({"x": "2"})), false).is_err());
}

#[test]
fn elements_of_a_list_have_owners_of_their_own() {
    let job = |containers: Value| {
        let template = json!({"spec": {"restartPolicy": "Never", "containers": containers}});
        json!({"metadata": {"name": "j"}, "spec": {"template": template}})
    };
    let config = job(json!([{"name": "c", "image": "x", "env": [{"name": "A", "value": "1"}]}]));
    let done = apply(Kind::Job, None, &config, &by("a"), false, NOW).unwrap();
    let mut live = done.object.clone();
    done.write(&mut live, true, NOW);
    live["spec"]["template"]["spec"]["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    let other = job(json!([{"name": "d", "image": "y"}]));
    let done = apply(Kind::Job, Some(&live), &other, &by("b"), false, NOW).unwrap();
    let mut both = done.object.clone();
    done.write(&mut both, true, NOW);
    let names = |object: &Value| -> Vec<String> {
        let list = object["spec"]["template"]["spec"]["containers"].as_array().unwrap();
        list.iter().map(|c| text(c, "/name").to_owned()).collect()
    };
    assert_eq!(names(&both), ["c", "d"]);
    let refused = apply(
        Kind::Job,
        Some(&both),
        &job(json!([{"name": "c", "image": "z"}])),
        &by("b"),
        false,
        NOW,
    );
    let field = ".spec.template.spec.containers[name=\"c\"].image";
    assert_eq!(refused.unwrap_err()[0].field, field);
    let without = apply(Kind::Job, Some(&both), &other, &by("a"), false, NOW).unwrap();
    assert_eq!(names(&without.object), ["d"], "with all that was defaulted in it");
}

#[test]
fn managers_can_be_set_and_forgotten_and_their_times_are_no_change() {
    let made = applied(None, "a", &map(&json!({"x": "1"})), false).unwrap();
    let mut reset = made.clone();
    reset["metadata"]["managedFields"] = json!([{}]);
    track(Kind::ConfigMap, &made, &mut reset, &by("c"), NOW);
    assert!(owners(&reset).is_empty());
    let mut set = made.clone();
    set["metadata"]["managedFields"] = json!([{"manager": "z", "operation": "Apply", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:x": {}}}}]);
    track(Kind::ConfigMap, &made, &mut set, &by("c"), NOW);
    assert_eq!(owners(&set), ["z/Apply: .data.x"]);
    let mut later = made.clone();
    later["metadata"]["managedFields"][0]["time"] = json!("2027-03-01T12:00:00Z");
    assert!(is_same(&made, &later) && !is_same(&made, &set));
    keep(&made, &mut set);
    assert_eq!(owners(&set), ["a/Apply: .data.x"]);
}
