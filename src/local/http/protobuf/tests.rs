//! Bodies that kubectl sent and that upstream's encoder wrote, and bytes that nobody meant.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What `kubectl create configmap x --from-literal=a=b --from-literal=e=` sends.
const CONFIG_MAP: &str = "\
    6b3873000a0f0a0276311209436f6e6669674d617012220a110a017812001a0022002a0032003800420012060a016112016212050a01 \
    6512001a002200";

/// What `kubectl create secret generic s --from-literal=p=q` sends.
const SECRET: &str = "\
    6b3873000a0c0a0276311206536563726574121d0a110a017312001a0022002a0032003800420012060a01701201711a001a002200";

/// What `kubectl create job j --image=ttg-worker -- a b` sends.
const PLAIN_JOB: &str = "\
    6b3873000a0f0a0862617463682f763112034a6f621281010a110a016a12001a0022002a00320038004200126232600a100a0012001a \
    0022002a00320038004200124c12290a016a120a7474672d776f726b65721a01611a01622a0042006a007200800100880100900100a2 \
    01001a054e65766572320042004a0052005800600068008201008a01009a0100c201001a082000280030003a001a002200";

/// What `kubectl drain --disable-eviction --grace-period=5` sends for each pod.
const DELETE_OPTIONS: &str = "\
    6b3873000a130a027631120d44656c6574654f7074696f6e73120208051a002200";

/// A rich Job, as upstream's encoder writes it.
const JOB: &str = "\
    6b3873000a0f0a0862617463682f763112034a6f6212d4020a210a0012026a2d1a0022002a003200380042005a050a016112005a060a \
    016212016312a4020800100332f5010a100a0012001a0022002a0032003800420012e0010a100a0176120b12090a0012050a03314769 \
    0a090a0177120412020a001292010a01631201691a01611a002a003a120a014b12001a0b1a090a040a02636d12016b420f0a0d0a0363 \
    707512060a043530306d52340a1412120a012f1209080110001a037765621a0022001000180020ffffffffffffffffff012800300038 \
    ffffffffffffffffff015a180a0c1a0a0a06080010501a001200100018002000280030006a007200800100880100900100a201001a05 \
    4e65766572320042004a00520058006000680072008201008a01009a0100b201080a0012001a002200c20100380040004a07496e6465 \
    78656450005a170a150a094661696c496e64657812081202496e184018411a082000280030003a001a002200";

/// An Eviction, as upstream's encoder writes it.
const EVICTION: &str = "\
    6b3873000a150a09706f6c6963792f763112084576696374696f6e122e0a120a017012001a016422002a003200380042001218080012 \
    030a0175220a466f726567726f756e642a03416c6c1a002200";

/// An Event with times and managed fields, as upstream's encoder writes it.
const EVENT: &str = "\
    6b3873000a0b0a02763112054576656e741289010a4a0a016512001a0022002a003200380042008a01360a016d12065570646174651a \
    027631220808c0d490cd06100032084669656c647356313a0f0a0d7b22663a74797065223a7b7d7d4200120e0a0012001a0022002a00 \
    32003a001a0022002a040a001200320808c0d490cd0610003a0040024a00520b08c0d490cd06108094ef3a620072007a001a002200";

/// A `SubjectAccessReview`, as upstream's encoder writes it.
const REVIEW: &str = "\
    6b3873000a2e0a17617574686f72697a6174696f6e2e6b38732e696f2f763112135375626a656374416363657373526576696577123d \
    0a100a0012001a0022002a00320038004200121f12080a012f12036765741a01752201672a0b0a017812060a01310a013232001a0808 \
    0012001a0020001a002200";

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn decoded(body: &Bytes) -> Result<Value, Status> {
    as_json(MEDIA_TYPE, body).map(|json| serde_json::from_slice(&json).unwrap())
}

fn job() -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"generateName": "j-", "labels": {"a": "", "b": "c"}},
        "spec": {
            "parallelism": 0, "completions": 3, "backoffLimit": 0, "ttlSecondsAfterFinished": 0,
            "completionMode": "Indexed", "suspend": false,
            "podFailurePolicy": {"rules": [
                {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [64, 65]}},
            ]},
            "template": {"spec": {
                "restartPolicy": "Never", "securityContext": {}, "tolerations": [{}],
                "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "w", "emptyDir": {}}],
                "containers": [{
                    "name": "c", "image": "i", "command": ["a", ""],
                    "env": [{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k"}}}],
                    "resources": {"limits": {"cpu": "500m"}},
                    "livenessProbe": {
                        "httpGet": {"path": "/", "port": "web"},
                        "periodSeconds": -1, "terminationGracePeriodSeconds": -1,
                    },
                    "readinessProbe": {"tcpSocket": {"port": 80}},
                }],
            }},
        },
    })
}

#[test]
fn bodies_are_what_upstreams_json_has_without_what_is_empty() {
    let container = json!({"name": "j", "image": "ttg-worker", "command": ["a", "b"]});
    let entry = json!({
        "manager": "m", "operation": "Update", "apiVersion": "v1", "time": "2026-03-01T12:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:type": {}},
    });
    let table = [
        (
            CONFIG_MAP,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "b", "e": ""}}),
        ),
        (
            SECRET,
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"p": "cQ=="}}),
        ),
        (
            PLAIN_JOB,
            json!({
                "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
                "spec": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}},
            }),
        ),
        (
            DELETE_OPTIONS,
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 5}),
        ),
        (JOB, job()),
        (
            EVICTION,
            json!({
                "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": "d"},
                "deleteOptions": {
                    "gracePeriodSeconds": 0, "preconditions": {"uid": "u"}, "propagationPolicy": "Foreground",
                    "dryRun": ["All"],
                },
            }),
        ),
        (
            EVENT,
            json!({
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "managedFields": [entry]},
                "firstTimestamp": "2026-03-01T12:00:00Z", "eventTime": "2026-03-01T12:00:00.123456Z", "count": 2,
            }),
        ),
        (
            REVIEW,
            json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                "spec": {
                    "user": "u", "groups": ["g"], "extra": {"x": ["1", "2"]},
                    "nonResourceAttributes": {"path": "/", "verb": "get"},
                },
            }),
        ),
    ];
    for (hex, want) in table {
        assert_eq!(decoded(&bytes(hex)).unwrap(), want);
    }
}

#[test]
fn only_bodies_in_this_encoding_are_touched() {
    let job = bytes(JOB);
    let stays = [("application/json", &job), ("", &job), (MEDIA_TYPE, &Bytes::new())];
    for (media_type, body) in stays {
        assert_eq!(&as_json(media_type, body).unwrap(), body, "{media_type}");
    }
    let with_parameter = format!("{MEDIA_TYPE}; charset=utf-8");
    assert_ne!(as_json(&with_parameter, &job).unwrap(), job);
}

/// Makes a body of this kind with this content.
fn body(api_version: &str, kind: &str, raw: &[u8]) -> Bytes {
    let part = |number: u8, bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).unwrap();
        [[(number << 3) | 2, length].as_slice(), bytes].concat()
    };
    let type_meta = [part(1, api_version.as_bytes()), part(2, kind.as_bytes())].concat();
    [MAGIC, &part(1, &type_meta), &part(2, raw)].concat().into()
}

#[test]
fn what_cannot_be_read_is_refused_in_upstreams_words() {
    let table = [
        (
            Bytes::from_static(b"{}"),
            400,
            "does not appear to be a protobuf message",
        ),
        (bytes("6b38730012020a00"), 400, "Object 'Kind' is missing"),
        (body("apps/v1", "Deployment", b""), 415, "unknown format"),
        (body("v1", "Job", b""), 415, "unknown format"),
        (
            body("v1", "Pod", &[0x0a, 0x05, 0x0a]),
            400,
            "Pod in version \"v1\" cannot be handled as a Pod: unexpected EOF",
        ),
        (
            body("v1", "Pod", &[0x08, 0x05]),
            400,
            "proto: wrong wireType = 0 for field metadata",
        ),
        (body("v1", "Pod", &[0x0b]), 400, "proto: illegal wireType 3"),
    ];
    for (body, code, words) in table {
        let refused = decoded(&body).unwrap_err();
        assert_eq!(refused.code, code, "{body:?}");
        assert!(refused.message.contains(words), "{refused}");
    }
}

#[test]
fn a_message_in_pieces_is_one_and_the_last_value_counts() {
    // metadata: {name: a}, metadata: {namespace: n}, metadata: {name: b}, and a field 99 that no Pod has.
    let raw = [
        0x0a, 3, 0x0a, 1, b'a', 0x0a, 3, 0x1a, 1, b'n', 0x0a, 3, 0x0a, 1, b'b', 0x9a, 0x06, 1, 0,
    ];
    let want = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b", "namespace": "n"}});
    assert_eq!(decoded(&body("v1", "Pod", &raw)).unwrap(), want);
}

#[test]
fn numbers_in_one_piece_are_a_list_too() {
    // spec.securityContext.supplementalGroups: 1 and 300.
    let raw = [0x12_u8, 7, 0x72, 5, 0x22, 3, 1, 0xac, 2];
    let want = json!({"securityContext": {"supplementalGroups": [1, 300]}});
    assert_eq!(decoded(&body("v1", "Pod", &raw)).unwrap()["spec"], want);
}

#[test]
fn nesting_has_a_limit() {
    let table = Table::parse(&["A\n    1 a *A\n"]);
    let decoder = Decoder { table: &table };
    let mut raw: Vec<u8> = Vec::new();
    for _ in 0..40 {
        let length = u8::try_from(raw.len()).unwrap();
        raw = [[0x0a, length].as_slice(), &raw].concat();
    }
    let read = |depth| decoder.message("A", &raw, &mut Map::new(), depth);
    assert_eq!(read(DEPTH_MAX), Err(DecodeError::Depth));
    assert_eq!(read(41), Ok(()));
}

proptest! {
    #[test]
    fn arbitrary_bytes_end_in_an_object_or_a_refusal(raw in proptest::collection::vec(any::<u8>(), 0..100), kind in 0..4_usize) {
        let (version, kind) = [("v1", "Pod"), ("batch/v1", "Job"), ("v1", "Event"), ("x", "DeleteOptions")][kind];
        match decoded(&body(version, kind, &raw)) {
            Ok(object) => prop_assert_eq!(&object["kind"], kind),
            Err(refused) => prop_assert_eq!(refused.code, 400),
        }
        decoded(&Bytes::from([MAGIC, &raw].concat())).ok();
    }

    #[test]
    fn a_job_that_is_damaged_ends_in_an_object_or_a_refusal(at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut damaged = bytes(JOB).to_vec();
        let at = at.index(damaged.len());
        damaged[at] = byte;
        if cut {
            damaged.truncate(at);
        }
        // An empty body is none, and passes.
        prop_assume!(!damaged.is_empty());
        if let Ok(object) = decoded(&Bytes::from(damaged)) {
            prop_assert!(object.is_object());
        }
    }
}
