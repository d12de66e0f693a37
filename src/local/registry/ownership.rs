//! What a client made of a new object, and what the server decided: nobody owns the latter.

use serde_json::Value;

use crate::local::kinds::Kind;

/// What the server fills in besides the defaults of the types. A client that gives one of these owns it.
fn decided(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Job => &[
            "/spec/selector",
            "/spec/template/metadata/labels/controller-uid",
            "/spec/template/metadata/labels/job-name",
            "/spec/template/metadata/labels/batch.kubernetes.io~1controller-uid",
            "/spec/template/metadata/labels/batch.kubernetes.io~1job-name",
            "/spec/template/metadata/labels",
            "/metadata/labels/controller-uid",
            "/metadata/labels/job-name",
            "/metadata/labels/batch.kubernetes.io~1controller-uid",
            "/metadata/labels/batch.kubernetes.io~1job-name",
            "/metadata/labels",
        ],
        Kind::Pod => &[
            "/spec/tolerations",
            "/spec/priority",
            "/spec/preemptionPolicy",
            "/spec/serviceAccount",
            "/spec/serviceAccountName",
        ],
        Kind::Namespace => &["/spec/finalizers"],
        Kind::Node | Kind::Event | Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount => &[],
    }
}

/// Returns a new object as its client has it: with the defaults of the types, without what the server decided.
pub(super) fn of_client(kind: Kind, sent: &Value, stored: &Value) -> Value {
    let mut owned = stored.clone();
    for pointer in decided(kind) {
        if sent.pointer(pointer).is_some() {
            continue;
        }
        let Some((parent, field)) = pointer.rsplit_once('/') else {
            continue;
        };
        if let Some(parent) = owned.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.remove(&field.replace("~1", "/"));
        }
    }
    owned
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_decided_has_no_owner_unless_a_client_gave_it() {
        let labels = json!({"controller-uid": "u", "batch.kubernetes.io/job-name": "j", "app": "x"});
        let stored = |labels: &Value| json!({"metadata": {}, "spec": {"selector": {}, "parallelism": 1, "template": {"metadata": {"labels": labels}}}});
        let sent = json!({"spec": {"template": {"metadata": {"labels": {"app": "x"}}}}});
        let owned = of_client(Kind::Job, &sent, &stored(&labels));
        let template = json!({"metadata": {"labels": {"app": "x"}}});
        assert_eq!(
            owned,
            json!({"metadata": {}, "spec": {"parallelism": 1, "template": template}})
        );
        let owned = of_client(Kind::Job, &json!({}), &stored(&labels));
        assert_eq!(
            owned["spec"]["template"]["metadata"],
            json!({}),
            "no labels were given at all"
        );
        let given = json!({"spec": {"selector": {}}});
        assert_eq!(
            of_client(Kind::Job, &given, &stored(&labels))["spec"]["selector"],
            json!({})
        );
    }
}
