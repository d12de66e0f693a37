//! Strategic merge patches by example, most of them upstream's own on lists that our kinds have, and by property.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A pod's containers stand for upstream's `mergingList`, its finalizers for `mergingIntList`.
fn containers(list: &Value) -> Value {
    json!({"spec": {"containers": list}})
}

fn finalizers(list: &Value) -> Value {
    json!({"metadata": {"finalizers": list}})
}

fn check(kind: Kind, cases: impl IntoIterator<Item = (Value, Value, Value)>) {
    for (target, patch, want) in cases {
        let mut got = target.clone();
        assert_eq!(apply(kind, &mut got, &patch), Ok(()), "{patch} on {target}");
        assert_eq!(got, want, "{patch} on {target}");
    }
}

#[test]
fn objects_merge_as_upstream_merges_them() {
    check(
        Kind::ConfigMap,
        [
            (
                json!({"data": {"a": "1"}}),
                json!({"data": {"b": "2"}}),
                json!({"data": {"a": "1", "b": "2"}}),
            ),
            (
                json!({"data": {"a": "1", "b": "2"}}),
                json!({"data": {"a": null}}),
                json!({"data": {"b": "2"}}),
            ),
            (
                json!({"data": {"a": "1"}}),
                json!({"data": null, "none": null}),
                json!({}),
            ),
            (
                json!({"data": {"a": "1"}}),
                json!({"data": {"$patch": "replace", "b": "2"}}),
                json!({"data": {"b": "2"}}),
            ),
            (
                json!({"data": {"a": "1"}}),
                json!({"data": {"$patch": "delete"}}),
                json!({"data": {}}),
            ),
            (json!({}), json!({"data": {"$patch": "delete"}}), json!({})),
            (
                json!({}),
                json!({"data": {"a": null, "b": {"$patch": "replace", "c": 1}}}),
                json!({"data": {"b": {"c": 1}}}),
            ),
            (json!({"data": 1}), json!({"data": {"a": null}}), json!({"data": {}})),
            (
                json!({"data": {"a": "1", "b": "2"}}),
                json!({"data": {"$retainKeys": ["b", "c"], "c": "3", "a": null}}),
                json!({"data": {"b": "2", "c": "3"}}),
            ),
        ],
    );
}

#[test]
fn elements_merge_by_their_key_as_upstream_merges_them() {
    let cases = [
        // Add, change and remove a field of an element.
        (
            json!([{"name": "1", "v": 1}]),
            json!([{"name": "1", "w": 2, "v": null}]),
            json!([{"name": "1", "w": 2}]),
        ),
        (
            json!([{"name": "1"}]),
            json!([{"name": "2", "v": null}]),
            json!([{"name": "2"}, {"name": "1"}]),
        ),
        (json!([]), json!([]), json!([])),
        // Delete all items, and all of the same key.
        (
            json!([{"name": "1"}, {"name": "2"}]),
            json!([{"name": "1", "$patch": "delete"}, {"name": "2", "$patch": "delete"}]),
            json!([]),
        ),
        (
            json!([{"name": "1"}, {"name": "1"}, {"name": "2", "v": "a"}, {"name": "3"}, {"name": "3"}]),
            json!([{"name": "1", "$patch": "delete"}, {"name": "3", "$patch": "delete"}]),
            json!([{"name": "2", "v": "a"}]),
        ),
        (
            json!([{"name": "1", "v": 1}, {"name": "2"}]),
            json!([{"name": "1", "w": 2}, {"$patch": "replace"}]),
            json!([{"name": "1", "w": 2}]),
        ),
        (
            json!([{"name": "1", "v": 1}, {"name": "2"}]),
            json!([{"name": "1", "$patch": "delete"}, {"name": "3"}]),
            json!([{"name": "3"}, {"name": "2"}]),
        ),
        // The order of the patch wins, and what only the object has stays where it was.
        (
            json!([{"name": "1"}, {"name": "2", "v": "b"}, {"name": "3"}]),
            json!([{"name": "3", "v": "c"}, {"name": "1", "v": "a"}, {"name": "2", "w": "x"}]),
            json!([{"name": "3", "v": "c"}, {"name": "1", "v": "a"}, {"name": "2", "v": "b", "w": "x"}]),
        ),
        (
            json!([{"name": "1"}, {"name": "2", "v": "b"}, {"name": "3"}]),
            json!([{"name": "3", "v": "c"}, {"name": "1", "v": "a"}]),
            json!([{"name": "2", "v": "b"}, {"name": "3", "v": "c"}, {"name": "1", "v": "a"}]),
        ),
    ];
    check(
        Kind::Pod,
        cases.map(|(old, patch, new)| (containers(&old), containers(&patch), containers(&new))),
    );
}

#[test]
fn lists_of_plain_values_merge_as_upstream_merges_them() {
    let cases = [
        (json!([1, 2]), json!([2, 3]), json!([1, 2, 3])),
        (json!([1, 2, 3]), json!([3, 1, 2]), json!([3, 1, 2])),
        (json!([1, 2, 3]), json!([3, 1]), json!([2, 3, 1])),
    ];
    check(
        Kind::Pod,
        cases.map(|(old, patch, new)| (finalizers(&old), finalizers(&patch), finalizers(&new))),
    );
    let remove = |list: Value| json!({"metadata": {"$deleteFromPrimitiveList/finalizers": list}});
    check(
        Kind::Job,
        [
            (
                finalizers(&json!(["a", "b", "a"])),
                remove(json!(["a", "c"])),
                finalizers(&json!(["b"])),
            ),
            (json!({"metadata": {}}), remove(json!(["a"])), json!({"metadata": {}})),
            (
                finalizers(&json!(["a", "b"])),
                json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}}),
                finalizers(&json!(["c", "b"])),
            ),
        ],
    );
}

#[test]
fn set_element_order_orders_as_upstream_orders() {
    let names = |names: &[u8]| -> Value { names.iter().map(|n| json!({"name": n})).collect() };
    // The live list, the order that is asked for, and the list then.
    let orders: [(&[u8], &[u8], &[u8]); 5] = [
        (&[1, 3], &[3, 2, 1], &[3, 1]),
        (&[1, 3, 4, 2, 9], &[4, 2, 3, 1], &[4, 2, 3, 1, 9]),
        (&[1, 2, 9, 3, 4], &[2, 1, 4, 3], &[2, 1, 9, 4, 3]),
        (&[1, 2, 7, 9, 8, 3, 4], &[2, 1, 4, 3], &[2, 1, 7, 9, 8, 4, 3]),
        (&[1, 2, 3, 2, 4], &[2, 1, 4, 3, 2], &[2, 2, 1, 4, 3]),
    ];
    for (live, order, want) in orders {
        let by_name = json!({"spec": {"$setElementOrder/containers": names(order)}});
        check(
            Kind::Pod,
            [(containers(&names(live)), by_name, containers(&names(want)))],
        );
        let plain = json!({"metadata": {"$setElementOrder/finalizers": order}});
        check(Kind::Pod, [(finalizers(&json!(live)), plain, finalizers(&json!(want)))]);
    }
    let both = json!({"spec": {
        "$setElementOrder/containers": names(&[3, 2, 1]),
        "containers": [{"name": 3, "v": 3}, {"name": 1, "v": 1}, {"name": 2, "$patch": "delete"}],
    }});
    let want = json!([{"name": 3, "v": 3}, {"name": 1, "v": 1}]);
    check(Kind::Pod, [(containers(&names(&[1, 2, 3])), both, containers(&want))]);
}

#[test]
fn each_kind_has_the_merge_keys_of_upstreams_types() {
    let env = |list: Value| json!([{"name": "c", "env": list}]);
    let (old, more) = (
        json!([{"name": "A", "value": "1"}]),
        json!([{"name": "B", "value": "2"}]),
    );
    let merged = json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]);
    for (kind, spec) in [(Kind::Pod, "/spec"), (Kind::Job, "/spec/template/spec")] {
        for field in ["containers", "initContainers", "ephemeralContainers"] {
            let at = |list: Value| {
                let spec_value = json!({field: env(list)});
                match spec {
                    "/spec" => json!({"spec": spec_value}),
                    _ => json!({"spec": {"template": {"spec": spec_value}}}),
                }
            };
            check(kind, [(at(old.clone()), at(more.clone()), at(merged.clone()))]);
        }
    }
    let conditions = |list: Value| json!({"status": {"conditions": list}});
    for kind in [Kind::Pod, Kind::Node, Kind::Namespace, Kind::Job] {
        let (ready, other) = (json!({"type": "Ready", "status": "True"}), json!({"type": "Other"}));
        check(
            kind,
            [(
                conditions(json!([{"type": "Ready", "status": "False"}, other])),
                conditions(json!([ready])),
                conditions(json!([ready, other])),
            )],
        );
    }
    // These are replaced: their elements have no one field that tells them apart.
    let taint = |key: &str, effect: &str| json!({"key": key, "effect": effect});
    let taints = |list: Value| json!({"spec": {"taints": list}});
    check(
        Kind::Node,
        [(
            taints(json!([taint("a", "NoSchedule"), taint("a", "NoExecute")])),
            taints(json!([taint("a", "NoExecute")])),
            taints(json!([taint("a", "NoExecute")])),
        )],
    );
    let tolerations = |key: &str| json!({"spec": {"tolerations": [{"key": key}]}});
    check(Kind::Pod, [(tolerations("a"), tolerations("b"), tolerations("b"))]);
    let ports = |list: Value| containers(&json!([{"name": "c", "ports": list}]));
    check(
        Kind::Pod,
        [(
            ports(json!([{"containerPort": 80}, {"containerPort": 81}])),
            ports(json!([{"containerPort": 81, "name": "x"}])),
            ports(json!([{"containerPort": 80}, {"containerPort": 81, "name": "x"}])),
        )],
    );
}

#[test]
fn what_is_no_strategic_patch_is_refused_in_upstreams_words_and_changes_nothing() {
    let cases = [
        (json!([]), "is a JSON object"),
        (json!({"spec": {"$patch": "merge"}}), "unknown patch type: merge in map"),
        (json!({"spec": {"$patch": 1}}), "unknown patch type: 1 in map"),
        (
            containers(&json!([{"image": "x"}])),
            "does not contain declared merge key: name",
        ),
        (
            containers(&json!([{"$patch": "delete"}])),
            "does not contain declared merge key: name",
        ),
        (
            containers(&json!([{"name": "c", "$patch": "merge"}])),
            "merging lists cannot yet be specified",
        ),
        (
            containers(&json!([{"name": "c", "$patch": "x"}])),
            "unknown patch type: x in map",
        ),
        (
            containers(&json!(["c"])),
            r#"an element of a list with merge key name is a map, not "c""#,
        ),
        (
            json!({"spec": {"$retainKeys": "a"}}),
            "invalid patch format of retainKeys",
        ),
        (
            json!({"spec": {"$retainKeys": ["a"], "b": 1}}),
            "invalid patch format of retainKeys",
        ),
        (
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}}),
            "invalid patch format of primitive list",
        ),
        (
            json!({"spec": {"$setElementOrder/containers": 1}}),
            "invalid patch format of setElementOrder list",
        ),
        (
            json!({"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "d"}], "containers": [{"name": "d"}, {"name": "c"}]}}),
            "doesn't match",
        ),
        (
            json!({"metadata": {"$setElementOrder/finalizers": ["a", "b"], "finalizers": ["b", "a"]}}),
            "doesn't match",
        ),
    ];
    let before = json!({"metadata": {"finalizers": ["a"]}, "spec": {"containers": [{"name": "c"}]}});
    for (mut patch, why) in cases {
        let mut target = before.clone();
        if let Some(changes) = patch.as_object_mut() {
            changes.insert("first".into(), json!(1));
        }
        let error = apply(Kind::Pod, &mut target, &patch).unwrap_err();
        assert!(error.contains(why), "{error}: {patch}");
        assert_eq!(target, before, "{patch}");
    }
}

/// What an element of a list says: its value, and in a patch also `null` or a deletion.
const IN_OBJECTS: std::ops::Range<u8> = 2..6;
const IN_PATCHES: std::ops::Range<u8> = 0..6;

fn element(name: &str, says: u8, more: &Value) -> Value {
    match says {
        0 => json!({"name": name, "$patch": "delete"}),
        1 => json!({"name": name, "image": null, "env": more}),
        _ => json!({"name": name, "image": says, "env": more}),
    }
}

/// Makes lists of elements with distinct names, in any order.
fn named(says: std::ops::Range<u8>, more: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop::collection::btree_map("[a-d]", (says, more), 0..4)
        .prop_map(|elements| elements.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
        .prop_map(|elements| {
            let list = elements.iter().map(|(name, (says, more))| element(name, *says, more));
            list.collect::<Value>()
        })
        .boxed()
}

fn words() -> impl Strategy<Value = Value> {
    prop::collection::btree_set("[a-e]", 0..4)
        .prop_map(|set| set.into_iter().collect::<Vec<String>>())
        .prop_shuffle()
        .prop_map(|list| json!(list))
}

fn pod(says: std::ops::Range<u8>) -> impl Strategy<Value = Value> {
    let env = named(says.clone(), Just(json!([])).boxed());
    let labels = prop::collection::btree_map("[x-z]", says.clone(), 0..3);
    (named(says, env), labels, words()).prop_map(|(containers, labels, finalizers)| {
        let label = |(key, says): (String, u8)| {
            let value = if says < 2 { Value::Null } else { json!(says) };
            (key, value)
        };
        let labels: Map<String, Value> = labels.into_iter().map(label).collect();
        json!({"metadata": {"labels": labels, "finalizers": finalizers}, "spec": {"containers": containers}})
    })
}

fn any_patch() -> impl Strategy<Value = Value> {
    (pod(IN_PATCHES), words(), any::<bool>()).prop_map(|(mut patch, removed, is_replaced)| {
        patch["metadata"]["$deleteFromPrimitiveList/finalizers"] = removed;
        if is_replaced {
            patch["metadata"]["labels"]["$patch"] = json!("replace");
        }
        patch
    })
}

proptest! {
    #[test]
    fn a_patch_that_says_nothing_new_changes_nothing(object in pod(IN_OBJECTS)) {
        let own = object.clone();
        for nothing in [json!({}), json!({"metadata": {}, "spec": {}, "none": null}), json!({"spec": {"containers": []}}), own] {
            let mut target = object.clone();
            prop_assert_eq!(apply(Kind::Pod, &mut target, &nothing), Ok(()));
            prop_assert_eq!(&target, &object, "{}", nothing);
        }
    }

    #[test]
    fn twice_is_once(object in prop_oneof![1 => Just(json!({})).boxed(), 4 => pod(IN_OBJECTS).boxed()], patch in any_patch()) {
        let mut once = object;
        prop_assert_eq!(apply(Kind::Pod, &mut once, &patch), Ok(()));
        let text = once.to_string();
        prop_assert!(!text.contains('$'), "a directive was stored: {}", text);
        let mut twice = once.clone();
        prop_assert_eq!(apply(Kind::Pod, &mut twice, &patch), Ok(()));
        prop_assert_eq!(twice, once);
    }
}

/// A patch that nobody would send: directives, merge keys and values wherever they are not expected.
fn hostile_patch() -> impl Strategy<Value = Value> {
    let words = ["replace", "delete", "merge", "brew", "name", "a", ""];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i8>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "spec",
        "containers",
        "name",
        "metadata",
        "finalizers",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$setElementOrder/finalizers",
        "$deleteFromPrimitiveList/finalizers",
    ]);
    leaf.prop_recursive(5, 32, 4, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::vec((key.clone(), inner), 0..4).prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_patch_it_is_applied_as_a_whole_or_not_at_all(object in pod(IN_OBJECTS), patch in hostile_patch()) {
        for kind in [Kind::Pod, Kind::Job, Kind::ConfigMap] {
            let mut target = object.clone();
            match apply(kind, &mut target, &patch) {
                Ok(()) => prop_assert!(target.is_object()),
                Err(why) => {
                    prop_assert!(!why.is_empty());
                    prop_assert_eq!(&target, &object);
                }
            }
        }
    }
}
