//! What a real API server says of wrong pods and Jobs, word for word.

use serde_json::json;

use super::*;

fn told(kind: Kind, value: &Value) -> Vec<String> {
    let refused = new(kind, "q", value).err();
    let status = refused.map(|s| s.to_json()).unwrap_or_default();
    let causes = status["details"]["causes"].as_array().cloned().unwrap_or_default();
    let words = |c: &Value| {
        let part = |field: &str| c[field].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", part("field"), part("message"))
    };
    causes.iter().map(words).collect()
}

#[test]
fn wrong_containers() {
    let container = |fields: Value| {
        let mut container = json!({"name": "c", "image": "x"});
        for (name, value) in fields.as_object().unwrap() {
            container[name.as_str()] = value.clone();
        }
        json!({"spec": {"containers": [container]}})
    };
    let cases: [(Value, &[&str]); 6] = [
        (json!({}), &[]),
        (
            json!({"env": [{"name": ""}, {"name": "a=b"}, {"name": "A", "valueFrom": {}},
                {"name": "B", "value": "x", "valueFrom": {"fieldRef": {}}}]}),
            &[
                "env[0].name: Required value",
                "env[1].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='",
                "env[2].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
                "env[3].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
            ],
        ),
        (
            json!({"ports": [{"containerPort": 0}, {"containerPort": 80, "protocol": "X"}, {"containerPort": 99999}]}),
            &[
                "ports[0].containerPort: Required value",
                "ports[1].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                "ports[2].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            json!({"volumeMounts": [{"name": "v", "mountPath": "/x"}]}),
            &["volumeMounts[0].name: Not found: \"v\""],
        ),
        (
            json!({"terminationMessagePolicy": "X", "imagePullPolicy": "Y"}),
            &[
                "terminationMessagePolicy: Unsupported value: \"X\": supported values: \"File\", \"FallbackToLogsOnError\"",
                "imagePullPolicy: Unsupported value: \"Y\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            ],
        ),
        (
            json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
            &["resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"],
        ),
    ];
    for (fields, want) in cases {
        let want: Vec<String> = want.iter().map(|w| format!("spec.containers[0].{w}")).collect();
        assert_eq!(told(Kind::Pod, &container(fields.clone())), want, "{fields}");
    }
}

#[test]
fn wrong_pods() {
    let pod = |fields: Value| {
        let mut spec = json!({"containers": [{"name": "c", "image": "x"}]});
        for (name, value) in fields.as_object().unwrap() {
            spec[name.as_str()] = value.clone();
        }
        json!({"spec": spec})
    };
    let cases: [(Value, &[&str]); 5] = [
        (json!({"containers": []}), &["spec.containers: Required value"]),
        (
            json!({"volumes": [{"name": "v"}, {"name": "v"}]}),
            &["spec.volumes[1].name: Duplicate value: \"v\""],
        ),
        (
            json!({"dnsPolicy": "X", "activeDeadlineSeconds": 0}),
            &[
                "spec.dnsPolicy: Unsupported value: \"X\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"",
                "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
            ],
        ),
        (
            json!({"initContainers": [{"name": "c", "image": "x"}, {"name": "d"}]}),
            &[
                "spec.initContainers[0].name: Duplicate value: \"c\"",
                "spec.initContainers[1].image: Required value",
            ],
        ),
        (
            json!({"tolerations": [{"operator": "Equal"}, {"key": "a", "operator": "Exists", "value": "x"},
                {"key": "a", "operator": "Foo", "effect": "X"}]}),
            &[
                "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
                "spec.tolerations[1].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'",
                "spec.tolerations[2].operator: Unsupported value: \"Foo\": supported values: \"Equal\", \"Exists\"",
                "spec.tolerations[2].effect: Unsupported value: \"X\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
            ],
        ),
    ];
    for (fields, want) in cases {
        assert_eq!(told(Kind::Pod, &pod(fields.clone())), want, "{fields}");
    }
}

#[test]
fn wrong_jobs() {
    let labels = json!({"controller-uid": "u", "job-name": "q",
        "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "q"});
    let job = |fields: Value| {
        let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]});
        let mut spec = json!({
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        });
        for (name, value) in fields.as_object().unwrap() {
            spec[name.as_str()] = value.clone();
        }
        json!({"metadata": {"uid": "u"}, "spec": spec})
    };
    let cases: [(Value, &[&str]); 7] = [
        (json!({}), &[]),
        (
            json!({"parallelism": -1, "completions": -2}),
            &[
                "spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
                "spec.completions: Invalid value: -2: must be greater than or equal to 0",
            ],
        ),
        (
            json!({"completionMode": "Foo"}),
            &["spec.completionMode: Unsupported value: \"Foo\": supported values: \"NonIndexed\", \"Indexed\""],
        ),
        (
            json!({"completionMode": "Indexed", "completions": 2, "backoffLimitPerIndex": 1, "maxFailedIndexes": 5}),
            &["spec.maxFailedIndexes: Invalid value: 5: must be less than or equal to completions"],
        ),
        (
            json!({"podFailurePolicy": {"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [3, 1]}}]},
                "podReplacementPolicy": "TerminatingOrFailed"}),
            &[
                "spec.podFailurePolicy.rules[0].action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set",
                "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,1]: must be ordered",
                "spec.podReplacementPolicy: Unsupported value: \"TerminatingOrFailed\": supported values: \"Failed\"",
            ],
        ),
        (
            json!({"podFailurePolicy": {"rules": [{"action": "Count"}, {"action": "Foo", "onExitCodes": {"operator": "In", "values": [0]}}]}}),
            &[
                "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
                "spec.podFailurePolicy.rules[1].action: Unsupported value: \"Foo\": supported values: \"Count\", \"FailIndex\", \"FailJob\", \"Ignore\"",
                "spec.podFailurePolicy.rules[1].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
            ],
        ),
        (
            json!({"managedBy": "x"}),
            &["spec.managedBy: Invalid value: \"x\": must be a domain-prefixed path (such as \"acme.io/foo\")"],
        ),
    ];
    for (fields, want) in cases {
        assert_eq!(told(Kind::Job, &job(fields.clone())), want, "{fields}");
    }
    let mut always = job(json!({}));
    always["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    assert_eq!(
        told(Kind::Job, &always),
        ["spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""]
    );
}
