//! Requests that no client sends: whatever is asked, nothing breaks, and the answer is one that Kubernetes could give.
//!
//! The router is called in this process, without TLS, kubelets or controllers.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::Api;
use super::query::Query;
use crate::local::faults::Faults;
use crate::local::kinds::KINDS;
use crate::local::kubelet::Logs;
use crate::local::registry::{Now, Registry};
use crate::local::store::Store;

const TOKEN: &str = "Bearer secret";

/// What exists before anything is asked.
const OBJECTS: [(&str, &str); 6] = [
    ("/api/v1/namespaces", r#"{"metadata": {"name": "default"}}"#),
    ("/api/v1/nodes", r#"{"metadata": {"name": "node-a"}}"#),
    (
        "/api/v1/namespaces/default/configmaps",
        r#"{"metadata": {"name": "a", "labels": {"x": "y"}, "finalizers": ["example.com/f"]}, "data": {"k": "v"}}"#,
    ),
    (
        "/api/v1/namespaces/default/secrets",
        r#"{"metadata": {"name": "a"}, "stringData": {"k": "v"}, "immutable": true}"#,
    ),
    (
        "/api/v1/namespaces/default/pods",
        r#"{"metadata": {"name": "a"}, "spec": {"nodeName": "node-a", "containers": [{"name": "c", "image": "x"}]}}"#,
    ),
    (
        "/apis/batch/v1/namespaces/default/jobs",
        r#"{"metadata": {"name": "a"}, "spec": {"completionMode": "Indexed", "completions": 3, "template":
            {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}}"#,
    ),
];

/// Paths that name no object.
static FIXED: [&str; 16] = [
    "/",
    "/api",
    "/apis",
    "/api/v1",
    "/apis/batch",
    "/apis/batch/v1",
    "/version",
    "/healthz",
    "/readyz",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/apis/batch/v1",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
];

static PARAMETERS: [&str; 28] = [
    "watch",
    "limit",
    "continue",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "allowWatchBookmarks",
    "timeoutSeconds",
    "labelSelector",
    "fieldSelector",
    "dryRun",
    "fieldValidation",
    "fieldManager",
    "force",
    "gracePeriodSeconds",
    "propagationPolicy",
    "orphanDependents",
    "pretty",
    "includeObject",
    "container",
    "follow",
    "previous",
    "tailLines",
    "limitBytes",
    "sinceSeconds",
    "sinceTime",
    "timestamps",
    "stream",
];

static VALUES: [&str; 24] = [
    "",
    "0",
    "1",
    "-1",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "99999999999999999999",
    "true",
    "false",
    "All",
    "Strict",
    "Warn",
    "Exact",
    "NotOlderThan",
    "Foreground",
    "Orphan",
    "metadata.name%3Da",
    "x%20in%20(y,z),!w",
    "a%20in%20(b",
    "%00%ff%zz%",
    "9999-12-31T23:59:59Z",
    "WzEsMCwiIiwiIl0",
];

static MEDIA_TYPES: [&str; 11] = [
    "",
    "application/json",
    "application/json; charset=utf-8",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "text/plain",
    ";;,=",
];

static ACCEPTED: [&str; 7] = [
    "",
    "*/*",
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf",
    ";as=;v,,q=",
];

/// Where a body is made wrong.
static PLACES: [&str; 20] = [
    "/kind",
    "/apiVersion",
    "/metadata",
    "/metadata/name",
    "/metadata/generateName",
    "/metadata/namespace",
    "/metadata/labels",
    "/metadata/annotations",
    "/metadata/finalizers",
    "/metadata/ownerReferences",
    "/metadata/resourceVersion",
    "/metadata/deletionTimestamp",
    "/metadata/managedFields",
    "/spec",
    "/spec/completions",
    "/spec/containers",
    "/spec/template",
    "/spec/finalizers",
    "/data",
    "/status",
];

#[derive(Clone, Debug)]
struct Asked {
    method: &'static str,
    path: String,
    query: String,
    content_type: &'static str,
    accept: &'static str,
    body: Vec<u8>,
}

impl Asked {
    fn get(path: &str) -> Self {
        Self {
            method: "GET",
            path: path.to_owned(),
            query: String::new(),
            content_type: "",
            accept: "",
            body: Vec::new(),
        }
    }

    fn is_read(&self) -> bool {
        ["GET", "HEAD", "OPTIONS"].contains(&self.method)
    }

    /// A watch and a log may have no end, so they are not read.
    fn is_stream(&self) -> bool {
        self.query.contains("watch") || self.path.ends_with("/log")
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let method = prop_oneof![
        8 => select(vec!["GET", "POST", "PUT", "PATCH", "DELETE"]),
        1 => select(vec!["HEAD", "OPTIONS", "BREW"]),
    ];
    let head = (method, path(), query(), select(&MEDIA_TYPES[..]), select(&ACCEPTED[..]));
    (head, body()).prop_map(|((method, path, query, content_type, accept), body)| Asked {
        method,
        path,
        query,
        content_type,
        accept,
        body,
    })
}

fn path() -> impl Strategy<Value = String> {
    let namespace = option::weighted(0.8, select(vec!["default", "default", "none", "%20", "..", "A_b"]));
    let name = option::weighted(
        0.6,
        select(vec!["a", "a", "default", "node-a", "new", "%61", "%2f", "A_b"]),
    );
    let subresource = option::weighted(0.2, select(vec!["status", "log", "eviction", "scale", "%00"]));
    let object = (0..KINDS.len(), namespace, name, subresource).prop_map(|(kind, namespace, name, subresource)| {
        let spec = &KINDS[kind];
        let root = if spec.group.is_empty() {
            "/api/v1"
        } else {
            "/apis/batch/v1"
        };
        let namespace = namespace.map(|namespace| format!("/namespaces/{namespace}"));
        let rest = [name, subresource].map(|part| part.map(|part| format!("/{part}")));
        let parts = [namespace, Some(format!("/{}", spec.plural))].into_iter().chain(rest);
        parts.flatten().fold(root.to_owned(), |path, part| path + &part)
    });
    prop_oneof![
        8 => object,
        2 => select(&FIXED[..]).prop_map(str::to_owned),
        1 => "/[a-z0-9%._~/-]{0,24}",
    ]
}

fn query() -> impl Strategy<Value = String> {
    let value = prop_oneof![4 => select(&VALUES[..]).prop_map(str::to_owned), 1 => "[a-zA-Z0-9%=,.()!_-]{0,12}"];
    let pair = (select(&PARAMETERS[..]), value).prop_map(|(name, value)| format!("{name}={value}"));
    vec(pair, 0..4).prop_map(|pairs| pairs.join("&"))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec![
            "",
            "a",
            "default",
            "A_b",
            "delete",
            "2020-01-01T00:00:00Z",
            "1",
            "\u{1b}[31m\0"
        ])
        .prop_map(Value::from),
    ];
    let key = select(vec![
        "",
        "a",
        "name",
        "metadata",
        "$patch",
        "$setElementOrder/a",
        "uid",
        "f:metadata",
        "k:{}",
    ]);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key.clone(), inner), 0..4).prop_map(|pairs| {
                let fields = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let nearly = (0..OBJECTS.len(), select(&PLACES[..]), any_json()).prop_map(|(object, place, wrong)| {
        let object: Value = serde_json::from_str(OBJECTS[object].1).unwrap();
        with(object, place, wrong).to_string().into_bytes()
    });
    let step = (
        select(vec!["add", "remove", "replace", "move", "copy", "test", "brew"]),
        select(&PLACES[..]),
        select(vec!["", "/metadata", "/metadata/name", "/a~1b~2", "x", "/spec/-"]),
        any_json(),
    );
    let step = step.prop_map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}));
    prop_oneof![
        4 => nearly,
        2 => vec(step, 0..4).prop_map(|steps| Value::from(steps).to_string().into_bytes()),
        2 => any_json().prop_map(|value| value.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..64),
        1 => vec(any::<u8>(), 0..64).prop_map(|bytes| [b"k8s\0".as_slice(), &bytes].concat()),
        1 => Just(Vec::new()),
    ]
}

/// Sets a field of an object, where the object that should hold it is there.
fn with(mut object: Value, place: &str, value: Value) -> Value {
    let (parent, field) = place.rsplit_once('/').unwrap();
    if let Some(Value::Object(fields)) = object.pointer_mut(parent) {
        fields.insert(field.to_owned(), value);
    }
    object
}

/// A server with a few objects.
struct Lab<'r> {
    runtime: &'r Runtime,
    api: Api,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

impl<'r> Lab<'r> {
    fn new(runtime: &'r Runtime) -> Self {
        let now: Now = Arc::new(|| Timestamp::UNIX_EPOCH);
        let registry = Registry::new(Arc::new(Store::default()), now);
        let api = Api {
            faults: Faults::new(&registry),
            registry,
            logs: Logs::default(),
            token: "secret".into(),
            version: "v1.35.0".into(),
            cut: CancellationToken::new(),
        };
        let lab = Self { runtime, api };
        for (path, body) in OBJECTS {
            let create = Asked {
                method: "POST",
                content_type: "application/json",
                body: body.into(),
                ..Asked::get(path)
            };
            let (code, answer) = lab.send(&create, TOKEN).unwrap();
            assert_eq!(code, StatusCode::CREATED, "{path}: {answer:?}");
        }
        lab
    }

    fn revision(&self) -> u64 {
        self.api.registry.store().revision()
    }

    /// Sends a request; none when it cannot be a request at all. Of a stream nothing is read.
    fn send(&self, asked: &Asked, authorization: &str) -> Option<(StatusCode, Bytes)> {
        use tower::ServiceExt as _;
        let request = Request::builder()
            .method(asked.method)
            .uri(format!("{}?{}", asked.path, asked.query))
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, asked.content_type)
            .header(header::ACCEPT, asked.accept)
            .body(Body::from(asked.body.clone()))
            .ok()?;
        self.runtime.block_on(async {
            let response = super::router(self.api.clone()).oneshot(request).await.unwrap();
            let code = response.status();
            if code.is_success() && asked.is_stream() {
                return Some((code, Bytes::new()));
            }
            Some((code, to_bytes(response.into_body(), usize::MAX).await.unwrap()))
        })
    }

    /// Sends a request and checks what every answer must be.
    fn check(&self, asked: &Asked) -> Result<(), TestCaseError> {
        let before = self.revision();
        let Some((code, body)) = self.send(asked, TOKEN) else {
            return Ok(());
        };
        if code.as_u16() >= 400 && asked.method != "HEAD" {
            let status: Value = serde_json::from_slice(&body)
                .map_err(|why| TestCaseError::fail(format!("{why}: {body:?} is the answer to {asked:?}")))?;
            let said = (&status["kind"], &status["status"], &status["code"]);
            let expected = (&json!("Status"), &json!("Failure"), &json!(code.as_u16()));
            prop_assert_eq!(said, expected, "{:?}", asked);
            prop_assert!(status["message"].is_string(), "{status} is the answer to {asked:?}");
        }
        // A collection is deleted object by object, so a refusal may come after the first ones.
        let is_refused = code.as_u16() >= 400 && asked.method != "DELETE";
        if is_refused || asked.is_read() || asked.query.starts_with("dryRun=All") {
            prop_assert_eq!(self.revision(), before, "{:?} changed something", asked);
        }
        Ok(())
    }

    /// Checks that all that is stored can be read.
    fn check_lists(&self) -> Result<(), TestCaseError> {
        for spec in &KINDS {
            let root = if spec.group.is_empty() {
                "/api/v1"
            } else {
                "/apis/batch/v1"
            };
            let (code, body) = self
                .send(&Asked::get(&format!("{root}/{}", spec.plural)), TOKEN)
                .unwrap();
            let list: Result<Value, _> = serde_json::from_slice(&body);
            let is_list = list.is_ok_and(|list| list["items"].is_array());
            prop_assert!(code == StatusCode::OK && is_list, "{code} {body:?}");
        }
        Ok(())
    }
}

#[test]
fn whatever_is_asked_is_answered_as_kubernetes_answers() {
    let runtime = runtime();
    proptest!(ProptestConfig::with_cases(192), |(asked in vec(asked(), 1..8), dry_run in any::<bool>())| {
        let lab = Lab::new(&runtime);
        for mut one in asked {
            if dry_run {
                one.query = format!("dryRun=All&{}", one.query);
            }
            lab.check(&one)?;
        }
        lab.check_lists()?;
    });
}

#[test]
fn without_the_token_every_answer_is_the_same() {
    let runtime = runtime();
    let lab = Lab::new(&runtime);
    let (code, same) = lab.send(&Asked::get("/api/v1/pods"), "").unwrap();
    assert_eq!(code, StatusCode::UNAUTHORIZED);
    let wrong = select(vec![
        "",
        "Bearer",
        "Bearer ",
        "Bearer secre",
        "Bearer secret2",
        "secret",
        "Basic c2VjcmV0",
    ]);
    proptest!(ProptestConfig::with_cases(128), |(asked in asked(), wrong in wrong)| {
        let before = lab.revision();
        if let Some((code, body)) = lab.send(&asked, wrong) {
            prop_assert_eq!(code, StatusCode::UNAUTHORIZED);
            // HTTP gives the answer to HEAD no body.
            prop_assert_eq!(body, if asked.method == "HEAD" { Bytes::new() } else { same.clone() });
        }
        prop_assert_eq!(lab.revision(), before);
    });
}

#[test]
fn a_forged_continue_token_shows_nothing_that_was_not_asked_for() {
    let runtime = runtime();
    let lab = Lab::new(&runtime);
    let start = select(vec!["", "/", "a", "default/a", "../secrets/a", "zzz", "\0"]);
    let number = prop_oneof![0..40_u64, Just(u64::MAX)];
    let token = prop_oneof![
        (number.clone(), 0..10_u64, start.clone(), start.clone())
            .prop_map(|(revision, kind, namespace, name)| json!([revision, kind, namespace, name])),
        (number, start).prop_map(|(revision, start)| json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start})),
        any_json(),
    ];
    proptest!(ProptestConfig::with_cases(256), |(token in token, at in any::<prop::sample::Index>(), cut in any::<bool>())| {
        let mut token = URL_SAFE_NO_PAD.encode(token.to_string());
        if cut {
            token.truncate(at.index(token.len()));
        }
        let list = Asked {
            query: format!("limit=1&continue={token}"),
            ..Asked::get("/api/v1/namespaces/default/configmaps")
        };
        lab.check(&list)?;
        let (code, body) = lab.send(&list, TOKEN).unwrap();
        prop_assert!([200, 400, 410].contains(&code.as_u16()), "{code} {body:?}");
        let answer: Value = serde_json::from_slice(&body).unwrap();
        for item in answer["items"].as_array().into_iter().flatten() {
            prop_assert_eq!(&item["kind"], "ConfigMap");
            prop_assert_eq!(&item["metadata"]["namespace"], "default");
        }
    });
}

#[test]
fn bodies_that_are_bombs_are_refused() {
    let runtime = runtime();
    let lab = Lab::new(&runtime);
    let alias = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","));
    let aliases: String = (1..12).map(alias).collect();
    let bombs = [
        "[".repeat(1 << 20),
        "{\"a\":".repeat(100_000),
        format!("a0: &a0 [x,x,x]\n{aliases}"),
        "- ".repeat(10_000),
        "x".repeat((3 << 20) + 1),
    ];
    for bomb in &bombs {
        for content_type in MEDIA_TYPES {
            for (method, path) in [
                ("POST", "/api/v1/namespaces/default/configmaps"),
                ("PATCH", "/api/v1/namespaces/default/configmaps/a"),
                ("DELETE", "/api/v1/namespaces/default/configmaps/a"),
            ] {
                let asked = Asked {
                    method,
                    content_type,
                    query: "fieldManager=f".to_owned(),
                    body: bomb.clone().into_bytes(),
                    ..Asked::get(path)
                };
                let before = lab.revision();
                let (code, body) = lab.send(&asked, TOKEN).unwrap();
                let what = format!("{method} {content_type} {} bytes: {code} {body:?}", bomb.len());
                assert!(code.is_client_error(), "{what}");
                assert!(body.len() < 8_192, "{what}");
                assert_eq!(lab.revision(), before, "{what}");
            }
        }
    }
}

/// Writes every byte of a text as `%41`.
fn encoded(text: &str) -> String {
    let escaped: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    escaped.concat()
}

proptest! {
    #[test]
    fn parameters_come_back_however_they_are_encoded(name in ".{1,8}", value in ".{0,16}", plain in "[a-z0-9]{0,8}") {
        let raw = format!("{}={}&plain={plain}&{}=second", encoded(&name), encoded(&value), encoded(&name));
        let query = Query::parse(&raw);
        prop_assert_eq!(query.get(&name), Some(value.as_str()).filter(|value| !value.is_empty()));
        if name != "plain" {
            prop_assert_eq!(query.get("plain"), Some(plain.as_str()).filter(|plain| !plain.is_empty()));
        }
    }
}
