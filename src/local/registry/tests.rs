//! The API's rules, by example.

use jiff::SignedDuration;

use super::*;
use crate::local::object::items;

fn registry() -> Registry {
    let now: Now = Arc::new(|| Timestamp::from_second(1_000_000).unwrap());
    let registry = Registry::new(Arc::new(Store::default()), now);
    registry
        .create(Kind::Namespace, "", json!({"metadata": {"name": "default"}}), false)
        .unwrap();
    registry
}

fn pod() -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}], "terminationGracePeriodSeconds": 7}})
}

fn job() -> Value {
    json!({"metadata": {"name": "j"}, "spec": {
        "completionMode": "Indexed", "completions": 3, "backoffLimitPerIndex": 1,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}},
    }})
}

fn key(kind: Kind, name: &str) -> Key {
    Key::new(kind, "default", name)
}

#[test]
fn a_new_object_is_named_dated_defaulted_and_pruned() {
    let registry = registry();
    let mut value = pod();
    value["metadata"] = json!({"generateName": "p-", "uid": "mine", "selfLink": "x"});
    value["spec"]["noSuchField"] = json!(1);
    let stored = registry.create(Kind::Pod, "default", value, false).unwrap().value();
    assert_eq!(text(&stored, "/metadata/name").len(), "p-".len() + 5);
    assert_ne!(text(&stored, "/metadata/uid"), "mine");
    assert_eq!(text(&stored, "/metadata/creationTimestamp"), "1970-01-12T13:46:40Z");
    assert_eq!(text(&stored, "/status/phase"), "Pending");
    assert_eq!(text(&stored, "/spec/containers/0/imagePullPolicy"), "Always");
    assert!(stored["spec"]["noSuchField"].is_null());
}

#[test]
fn what_is_refused_and_in_which_words() {
    let registry = registry();
    let refused = |kind, namespace: &str, value: Value| {
        let status = registry.create(kind, namespace, value, false).unwrap_err();
        format!("{} {}", status.code, status.message)
    };
    assert_eq!(refused(Kind::Pod, "none", pod()), r#"404 namespaces "none" not found"#);
    let mut bad = job();
    bad["spec"]["completions"] = Value::Null;
    bad["spec"]["parallelism"] = json!(1);
    assert!(
        refused(Kind::Job, "default", bad)
            .contains("spec.completions: Required value: when completion mode is Indexed")
    );
    let mut bad = job();
    bad["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    assert!(refused(Kind::Job, "default", bad).starts_with(r#"422 Job.batch "j" is invalid: "#));
    let mut bad = pod();
    bad["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}});
    assert!(refused(Kind::Pod, "default", bad).contains("must be less than or equal to cpu limit of 1"));
    assert!(refused(Kind::Pod, "default", json!({"kind": "Job"})).starts_with("400 "));
    assert!(
        refused(
            Kind::Pod,
            "default",
            json!({"metadata": {"name": "p"}, "spec": {"containers": 1}})
        )
        .starts_with("400 ")
    );
    registry.create(Kind::Pod, "default", pod(), false).unwrap();
    assert_eq!(refused(Kind::Pod, "default", pod()), r#"409 pods "p" already exists"#);
}

#[test]
fn a_dry_run_answers_like_a_write_and_writes_nothing() {
    let registry = registry();
    let answer = registry.create(Kind::Job, "default", job(), true).unwrap().value();
    assert_eq!(answer["spec"]["parallelism"], 1);
    assert!(registry.get(&key(Kind::Job, "j")).is_err());
}

#[test]
fn a_job_selects_its_pods_by_its_uid_and_may_change_only_in_parts() {
    let registry = registry();
    let stored = registry.create(Kind::Job, "default", job(), false).unwrap().value();
    let uid = text(&stored, "/metadata/uid");
    assert_eq!(
        stored["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"],
        uid
    );
    assert_eq!(
        stored["spec"]["template"]["metadata"]["labels"]["batch.kubernetes.io/job-name"],
        "j"
    );
    assert_eq!(stored["spec"]["backoffLimit"], i32::MAX);
    let change = |body: Value| registry.change(&key(Kind::Job, "j"), Part::Main, &Change::Merge(body), false);
    let scaled = change(json!({"spec": {"parallelism": 2}})).unwrap().value();
    assert_eq!(scaled["metadata"]["generation"], 2);
    let refused = change(json!({"spec": {"completions": 4}})).unwrap_err();
    assert!(
        refused
            .message
            .contains("spec.completions: Invalid value: 4: can only be modified in tandem with spec.parallelism"),
        "{refused}"
    );
    assert!(change(json!({"spec": {"backoffLimitPerIndex": 3}})).is_err());
    let unchanged = change(json!({"spec": {"parallelism": 2}})).unwrap();
    assert_eq!(
        unchanged.revision.to_string(),
        text(&scaled, "/metadata/resourceVersion"),
        "nothing changed, no new version"
    );
}

#[test]
fn main_and_status_do_not_touch_each_other() {
    let registry = registry();
    registry.create(Kind::Job, "default", job(), false).unwrap();
    let both = json!({"spec": {"parallelism": 5}, "status": {"active": 9}});
    let change = |part| {
        registry
            .change(&key(Kind::Job, "j"), part, &Change::Merge(both.clone()), false)
            .unwrap()
            .value()
    };
    let status = change(Part::Status);
    assert_eq!(
        (&status["spec"]["parallelism"], &status["status"]["active"]),
        (&json!(1), &json!(9))
    );
    let main = change(Part::Main);
    assert_eq!(
        (&main["spec"]["parallelism"], &main["status"]["active"]),
        (&json!(5), &json!(9))
    );
}

#[test]
fn a_write_with_an_old_resource_version_or_another_uid_is_refused() {
    let registry = registry();
    registry.create(Kind::Job, "default", job(), false).unwrap();
    for (meta, code, reason) in [
        (json!({"resourceVersion": "1"}), 409, "Conflict"),
        (json!({"uid": "other"}), 422, "Invalid"),
    ] {
        let change = Change::Merge(json!({"metadata": meta, "spec": {"parallelism": 2}}));
        let refused = registry
            .change(&key(Kind::Job, "j"), Part::Main, &change, false)
            .unwrap_err();
        assert_eq!((refused.code, refused.reason), (code, reason));
    }
}

#[test]
fn a_pod_that_runs_is_given_its_grace_period_and_one_that_does_not_is_gone_at_once() {
    let registry = registry();
    registry.create(Kind::Pod, "default", pod(), false).unwrap();
    let (_, gone) = registry
        .delete(&key(Kind::Pod, "p"), &DeleteOptions::default())
        .unwrap();
    assert!(gone, "it has no node");
    registry.create(Kind::Pod, "default", pod(), false).unwrap();
    registry
        .edit(&key(Kind::Pod, "p"), |p| p["spec"]["nodeName"] = json!("n"))
        .unwrap();
    let (object, gone) = registry
        .delete(&key(Kind::Pod, "p"), &DeleteOptions::default())
        .unwrap();
    assert!(!gone);
    let until = registry.now() + SignedDuration::from_secs(7);
    assert_eq!(object.head.metadata.deletion_timestamp, Some(until));
    let force = DeleteOptions {
        grace_period_seconds: Some(0),
        ..DeleteOptions::default()
    };
    assert!(registry.delete(&key(Kind::Pod, "p"), &force).unwrap().1);
}

#[test]
fn finalizers_hold_an_object_until_the_last_one_is_removed() {
    let registry = registry();
    let mut value = pod();
    value["metadata"]["finalizers"] = json!(["a/b"]);
    registry.create(Kind::Pod, "default", value, false).unwrap();
    assert!(
        !registry
            .delete(&key(Kind::Pod, "p"), &DeleteOptions::default())
            .unwrap()
            .1
    );
    registry
        .edit(&key(Kind::Pod, "p"), |p| p["metadata"]["finalizers"] = json!([]))
        .unwrap();
    assert_eq!(registry.get(&key(Kind::Pod, "p")).unwrap_err().code, 404);
}

#[test]
fn deletes_mind_preconditions_and_jobs_orphan_by_default() {
    let registry = registry();
    registry.create(Kind::Job, "default", job(), false).unwrap();
    let other = DeleteOptions {
        uid: Some("other".into()),
        ..DeleteOptions::default()
    };
    assert_eq!(
        registry.delete(&key(Kind::Job, "j"), &other).unwrap_err().reason,
        "Conflict"
    );
    let (object, gone) = registry
        .delete(&key(Kind::Job, "j"), &DeleteOptions::default())
        .unwrap();
    assert!(!gone);
    assert_eq!(
        items(&object.value(), "/metadata/finalizers").next(),
        Some(&json!("orphan"))
    );
}

#[test]
fn an_immutable_config_map_keeps_its_data() {
    let registry = registry();
    let map = json!({"metadata": {"name": "c"}, "data": {"a": "1"}, "immutable": true});
    registry.create(Kind::ConfigMap, "default", map, false).unwrap();
    let change = |body: Value| registry.change(&key(Kind::ConfigMap, "c"), Part::Main, &Change::Merge(body), false);
    assert_eq!(change(json!({"data": {"a": "2"}})).unwrap_err().code, 422);
    assert!(change(json!({"metadata": {"labels": {"x": "y"}}})).is_ok());
}

#[test]
fn fields_that_a_kind_does_not_have_are_told_or_refused_in_a_patch() {
    let registry = registry();
    registry.create(Kind::Pod, "default", pod(), false).unwrap();
    let change = |validation| {
        let options = WriteOptions {
            validation,
            ..WriteOptions::default()
        };
        let body = json!({"spec": {"colour": "x"}, "metadata": {"labels": {"a": "b"}}});
        registry.change_with(&key(Kind::Pod, "p"), Part::Main, &Change::Merge(body), &options)
    };
    let refused = change(FieldValidation::Strict).unwrap_err();
    assert_eq!(refused.code, 422);
    assert!(
        refused
            .message
            .ends_with("strict decoding error: unknown field \"spec.colour\""),
        "{refused}"
    );
    let told = change(FieldValidation::Warn).unwrap();
    assert_eq!(told.warnings, ["unknown field \"spec.colour\""]);
    assert_eq!(told.object.value()["metadata"]["labels"]["a"], "b");
    assert!(change(FieldValidation::Ignore).unwrap().warnings.is_empty());
}

fn by(manager: &str) -> WriteOptions {
    WriteOptions {
        writer: Some(Writer {
            manager: manager.to_owned(),
            subresource: "",
        }),
        ..WriteOptions::default()
    }
}

#[test]
fn an_applied_object_is_made_once_and_belongs_to_who_applied_it() {
    let registry = registry();
    let map =
        |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"x": value}});
    let apply = |manager: &str, value: &str, force| {
        registry.apply(&key(Kind::ConfigMap, "c"), Part::Main, &map(value), force, &by(manager))
    };
    let (made, is_new) = apply("a", "1", false).unwrap();
    assert!(is_new);
    let (again, is_new) = apply("a", "1", false).unwrap();
    assert!(!is_new);
    assert_eq!(again.revision, made.revision, "nothing changed, no new version");
    let refused = apply("b", "2", false).unwrap_err();
    assert_eq!((refused.code, refused.reason), (409, "Conflict"));
    let cause = json!({"reason": "FieldManagerConflict", "message": "conflict with \"a\"", "field": ".data.x"});
    assert_eq!(refused.to_json()["details"], json!({"causes": [cause]}));
    let (forced, _) = apply("b", "2", true).unwrap();
    assert_eq!(forced.value()["data"]["x"], "2");
    let owners = forced.value()["metadata"]["managedFields"].clone();
    assert_eq!(
        (owners.as_array().unwrap().len(), &owners[0]["manager"]),
        (1, &json!("b"))
    );
}

#[test]
fn a_configuration_that_cannot_be_is_refused_in_upstreams_words() {
    let registry = registry();
    let map = |edit: fn(&mut Value)| {
        let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}});
        edit(&mut map);
        map
    };
    for (config, code, want) in [
        (
            map(|m| m["kind"] = json!("Secret")),
            400,
            "invalid object type: /v1, Kind=Secret",
        ),
        (
            map(|m| m["metadata"] = json!({})),
            400,
            "the name of the object (c based on URL) was undeterminable: name must be provided",
        ),
        (
            map(|m| m["metadata"]["managedFields"] = json!([])),
            400,
            "metadata.managedFields must be nil",
        ),
        (
            map(|m| m["bar"] = json!(1)),
            500,
            "failed to create typed patch object (/c; /v1, Kind=ConfigMap): .bar: field not declared in schema",
        ),
        (
            map(|m| m["metadata"]["uid"] = json!("1")),
            422,
            "ConfigMap \"c\" is invalid: metadata.uid: Invalid value: \"1\": field is immutable",
        ),
    ] {
        let refused = registry.apply(&key(Kind::ConfigMap, "c"), Part::Main, &config, false, &by("a"));
        let refused = refused.unwrap_err();
        assert_eq!((refused.code, refused.message.as_str()), (code, want));
    }
}

#[test]
fn who_makes_a_job_owns_its_defaults_but_not_what_the_server_decides() {
    let registry = registry();
    let made = registry
        .create_with(Kind::Job, "default", job(), &by("me"))
        .unwrap()
        .value();
    let owned = &made["metadata"]["managedFields"][0];
    assert_eq!(
        (&owned["manager"], &owned["operation"], &owned["time"]),
        (&json!("me"), &json!("Update"), &json!("1970-01-12T13:46:40Z"))
    );
    let spec = &owned["fieldsV1"]["f:spec"];
    assert_eq!(spec["f:backoffLimit"], json!({}));
    assert!(spec["f:selector"].is_null() && owned["fieldsV1"]["f:metadata"].is_null());
    let template = &spec["f:template"];
    assert!(template["f:metadata"].is_null(), "{template}");
    let container = &template["f:spec"]["f:containers"]["k:{\"name\":\"c\"}"];
    assert_eq!(container["f:image"], json!({}));
    let inside = registry.create_trusted(Kind::Pod, "default", pod(), false).unwrap();
    assert!(inside.value()["metadata"]["managedFields"].is_null());
}

#[test]
fn a_status_is_written_without_the_rest_and_must_make_sense() {
    let registry = registry();
    registry.create(Kind::Job, "default", job(), false).unwrap();
    let change = |body: Value| registry.change(&key(Kind::Job, "j"), Part::Status, &Change::Merge(body), false);
    let changed =
        change(json!({"status": {"failed": 2}, "spec": {"parallelism": 7}, "metadata": {"labels": {"a": "b"}}}));
    let changed = changed.unwrap().value();
    assert_eq!(
        (&changed["status"]["failed"], &changed["spec"]["parallelism"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(changed["metadata"]["labels"]["a"], "b");
    for (body, want) in [
        (
            json!({"active": -1}),
            "status.active: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            json!({"failed": 1}),
            "status.failed: Invalid value: 1: cannot decrease the failed counter",
        ),
        (
            json!({"conditions": [{"type": "Complete", "status": "True"}]}),
            "status.completionTime: Required value: completionTime is required for Complete jobs",
        ),
    ] {
        let refused = change(json!({"status": body})).unwrap_err();
        assert!(refused.message.contains(want), "{refused}");
    }
}

#[test]
fn bad_metadata_is_refused_when_made_and_when_changed() {
    let registry = registry();
    let mut value = pod();
    value["metadata"]["labels"] = json!({"a b": "c"});
    let refused = registry.create(Kind::Pod, "default", value, false).unwrap_err();
    assert!(
        refused
            .message
            .contains("metadata.labels: Invalid value: \"a b\": name part must"),
        "{refused}"
    );
    let mut value = pod();
    value["metadata"]["finalizers"] = json!(["a/b"]);
    registry.create(Kind::Pod, "default", value, false).unwrap();
    registry
        .delete(&key(Kind::Pod, "p"), &DeleteOptions::default())
        .unwrap();
    let change = Change::Merge(json!({"metadata": {"finalizers": ["a/b", "c/d"]}}));
    let refused = registry
        .change(&key(Kind::Pod, "p"), Part::Main, &change, false)
        .unwrap_err();
    assert!(
        refused.message.contains("found new finalizers []string{\"c/d\"}"),
        "{refused}"
    );
}

#[test]
fn a_quantity_may_be_given_as_a_number() {
    let registry = registry();
    let mut value = pod();
    value["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": 1, "memory": "1Gi"}});
    let stored = registry.create(Kind::Pod, "default", value, false).unwrap().value();
    assert_eq!(stored["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
}

#[test]
fn a_strategic_patch_cordons_a_node_and_takes_only_what_it_names() {
    let registry = registry();
    let node = json!({"metadata": {"name": "n"}, "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}});
    registry.create(Kind::Node, "", node, false).unwrap();
    let change = |body: Value| {
        let key = Key::new(Kind::Node, "", "n");
        let changed = registry.change(&key, Part::Main, &Change::Strategic(body), false);
        changed.unwrap().value()
    };
    let cordoned = change(json!({"spec": {"unschedulable": true}}));
    assert_eq!(cordoned["spec"]["unschedulable"], true);
    assert_eq!(cordoned["spec"]["taints"][0]["key"], "a");
    let free = change(json!({"spec": {"unschedulable": null, "taints": null}}));
    assert!(
        free["spec"]["unschedulable"].is_null() && free["spec"]["taints"].is_null(),
        "{free}"
    );
}

#[test]
fn a_strategic_patch_changes_a_pods_labels_and_merges_its_lists_by_key() {
    let registry = registry();
    let mut value = pod();
    value["metadata"]["labels"] = json!({"old": "1", "kept": "1"});
    value["metadata"]["finalizers"] = json!(["a/b"]);
    registry.create(Kind::Pod, "default", value, false).unwrap();
    let patch = json!({
        "metadata": {"labels": {"new": "2", "old": null}, "finalizers": ["c/d"]},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    });
    let change = Change::Strategic(patch);
    let changed = registry
        .change(&key(Kind::Pod, "p"), Part::Main, &change, false)
        .unwrap();
    let stored = changed.value();
    assert_eq!(stored["metadata"]["labels"], json!({"kept": "1", "new": "2"}));
    assert_eq!(stored["metadata"]["finalizers"], json!(["c/d", "a/b"]));
    let again = registry
        .change(&key(Kind::Pod, "p"), Part::Main, &change, false)
        .unwrap();
    assert_eq!(again.revision, changed.revision, "nothing changed, no new version");
    let wrong = Change::Strategic(json!({"spec": {"containers": [{"image": "y"}]}}));
    let refused = registry
        .change(&key(Kind::Pod, "p"), Part::Main, &wrong, false)
        .unwrap_err();
    assert_eq!((refused.code, refused.reason), (400, "BadRequest"));
    assert!(refused.message.contains("declared merge key: name"), "{refused}");
}

#[test]
fn a_strategic_patch_of_a_job_scales_it_and_reaches_into_its_template_by_name() {
    let registry = registry();
    registry.create(Kind::Job, "default", job(), false).unwrap();
    let change = |image: &str| {
        let template = json!({"spec": {"containers": [{"name": "c", "image": image}]}});
        let patch = json!({"spec": {"parallelism": 2, "template": template}});
        registry.change(&key(Kind::Job, "j"), Part::Main, &Change::Strategic(patch), false)
    };
    let scaled = change("x").unwrap().value();
    assert_eq!(scaled["spec"]["parallelism"], 2);
    assert_eq!(scaled["metadata"]["generation"], 2);
    let refused = change("y").unwrap_err();
    assert_eq!(refused.code, 422);
    assert!(refused.message.contains("spec.template: Invalid value"), "{refused}");
}

#[test]
fn a_json_patch_is_taken_whole_or_refused_as_malformed_or_as_not_fitting() {
    let registry = registry();
    registry.create(Kind::Job, "default", job(), false).unwrap();
    let change = |body: Value| registry.change(&key(Kind::Job, "j"), Part::Main, &Change::Json(body), false);
    let guarded = |was: i32, now: i32| {
        json!([
            {"op": "test", "path": "/spec/parallelism", "value": was},
            {"op": "replace", "path": "/spec/parallelism", "value": now},
        ])
    };
    assert_eq!(change(guarded(1, 3)).unwrap().value()["spec"]["parallelism"], 3);
    let refused = change(guarded(1, 2)).unwrap_err();
    assert_eq!((refused.code, refused.reason), (422, "Invalid"));
    assert_eq!(
        refused.message,
        "the server rejected our request due to an error in our request"
    );
    assert_eq!(refused.to_json()["details"], json!({}), "as upstream, without why");
    let malformed = change(json!({"op": "remove", "path": "/spec"})).unwrap_err();
    assert_eq!((malformed.code, malformed.reason), (400, "BadRequest"));
}
