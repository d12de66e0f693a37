//! What can be asked of a cluster without changing anything there: its version, rights, nodes, and what it would make of a
//! pod; and which contexts a kubeconfig has.
//!
//! Must not know who may be asked what, nor what an answer means for a command.
//!
//! Guarantees: every question ends within [`ASK_TIMEOUT`]; nothing is stored (access reviews are answered, not kept);
//! reading the contexts starts no credential plugin and reaches no server.
//! Not guaranteed: that a pod which passes here passes later, since quotas are counted when it is made.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ListParams, PostParams};
use kube::config::{Kubeconfig, NamedAuthInfo, NamedContext};
use kube::core::Status;

use super::clean::clean;
use super::connect::{ConnectError, Connection};
use super::convert;
use super::failure::{chain, failure};
use crate::model::event::{Failure, Rights};
use crate::plan::Plan;
use crate::plan::job::to_job;
use crate::run::fact::NodeFact;

/// How long the answer to one question may take.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// The most nodes that are looked at; more are only counted.
const NODES_MAX: u32 = 500;

/// The most characters of a name from a kubeconfig.
const NAME_MAX: usize = 253;

/// A context of a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownContext {
    /// Its name as the kubeconfig has it, by which it is connected to.
    pub name: String,
    /// Its name, safe to show.
    pub label: String,
    /// Its cluster, safe to show.
    pub cluster: String,
    /// Its namespace, safe to show.
    pub namespace: String,
    /// Whether it is the current one.
    pub is_current: bool,
    /// The credential plugin that would be started to reach it, safe to show.
    pub plugin: Option<String>,
}

/// A right that a server can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The verb, such as `create`.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, such as `jobs`.
    pub resource: &'static str,
    /// The subresource; empty for the resource itself.
    pub subresource: &'static str,
    /// Whether the resource belongs to the cluster, not to a namespace.
    pub is_cluster_wide: bool,
}

/// Reads the contexts of a kubeconfig: of the file given, or else of those that `KUBECONFIG` or the home folder name.
pub fn contexts(kubeconfig: Option<&Path>) -> Result<Vec<KnownContext>, ConnectError> {
    let read = kubeconfig.map_or_else(Kubeconfig::read, Kubeconfig::read_from);
    let kubeconfig = read.map_err(|error| ConnectError::Unreadable {
        origin: kubeconfig.map_or_else(
            || "of KUBECONFIG or ~/.kube/config".to_owned(),
            |path| clean(&path.display().to_string(), NAME_MAX),
        ),
        reason: clean(&chain(&error), 1_000),
    })?;
    Ok(known(&kubeconfig))
}

fn known(kubeconfig: &Kubeconfig) -> Vec<KnownContext> {
    let current = kubeconfig.current_context.as_deref();
    let contexts = kubeconfig.contexts.iter().map(|named| {
        let context = named.context.as_ref();
        let namespace = context
            .and_then(|context| context.namespace.as_deref())
            .unwrap_or("default");
        KnownContext {
            name: named.name.clone(),
            label: clean(&named.name, NAME_MAX),
            cluster: clean(context.map_or("", |context| context.cluster.as_str()), NAME_MAX),
            namespace: clean(namespace, NAME_MAX),
            is_current: current == Some(named.name.as_str()),
            plugin: plugin(named, &kubeconfig.auth_infos),
        }
    });
    contexts.collect()
}

/// Returns the credential plugin of a context's user.
fn plugin(named: &NamedContext, users: &[NamedAuthInfo]) -> Option<String> {
    let user = named.context.as_ref()?.user.as_ref()?;
    let user = users.iter().find(|named| named.name == *user)?;
    let exec = user.auth_info.as_ref()?.exec.as_ref()?;
    Some(clean(exec.command.as_deref().unwrap_or_default(), NAME_MAX))
}

/// Asks for the server's version, as the server writes it.
pub async fn version(connection: &Connection) -> Result<String, Failure> {
    let asked = connection.client.apiserver_version();
    match connection.call_within(ASK_TIMEOUT, asked).await {
        Ok(info) => Ok(clean(&info.git_version, 60)),
        // A server that does not tell its version is reached all the same.
        Err(error) if error.status().is_some_and(Status::is_forbidden) => Ok("unknown".to_owned()),
        Err(error) => Err(failure(&format!("reach the cluster {}", connection.cluster), &error)),
    }
}

/// Asks whether this user may change and delete Jobs. What cannot be asked counts as allowed: the server will say.
pub async fn rights(connection: &Connection) -> Rights {
    let refusal = async |verb: &'static str| {
        let right = Right {
            verb,
            group: "batch",
            resource: "jobs",
            subresource: "",
            is_cluster_wide: false,
        };
        let is_refused = may(connection, right).await.is_ok_and(|may| !may);
        is_refused.then(|| format!("you may not {verb} jobs in namespace {}", connection.namespace))
    };
    let (no_patch, no_delete) = tokio::join!(refusal("patch"), refusal("delete"));
    Rights { no_patch, no_delete }
}

/// Asks whether this user has a right.
pub async fn may(connection: &Connection, right: Right) -> Result<bool, Failure> {
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    let attributes = ResourceAttributes {
        group: named(right.group),
        namespace: named(&connection.namespace).filter(|_| !right.is_cluster_wide),
        resource: named(right.resource),
        subresource: named(right.subresource),
        verb: named(right.verb),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews = Api::<SelfSubjectAccessReview>::all(connection.client.clone());
    let params = PostParams::default();
    let asked = reviews.create(&params, &review);
    match connection.call_within(ASK_TIMEOUT, asked).await {
        Ok(answer) => Ok(answer.status.is_some_and(|status| status.allowed)),
        Err(error) => Err(failure("ask for your rights", &error)),
    }
}

/// Lists the nodes; returns the first of them, and how many more there are.
pub async fn nodes(connection: &Connection) -> Result<(Vec<NodeFact>, u64), Failure> {
    let nodes = Api::<Node>::all(connection.client.clone());
    let params = ListParams::default().limit(NODES_MAX);
    match connection.call_within(ASK_TIMEOUT, nodes.list(&params)).await {
        Ok(list) => {
            let more = list.metadata.remaining_item_count.unwrap_or(0);
            let facts = list.items.iter().filter_map(convert::node).collect();
            Ok((facts, u64::try_from(more).unwrap_or(0)))
        }
        Err(error) => Err(failure("list the nodes", &error)),
    }
}

/// Lets the server check a pod of a plan's Job without storing it. Quotas and Pod Security have their say about pods, not
/// about the Job they come from.
pub async fn rehearse_pod(connection: &Connection, plan: &Plan) -> Result<(), Failure> {
    let pods = Api::<Pod>::namespaced(connection.client.clone(), &connection.namespace);
    let pod = pod_of(plan, &connection.namespace);
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match connection.call_within(ASK_TIMEOUT, pods.create(&params, &pod)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(failure(&format!("rehearse a pod in {}", connection.namespace), &error)),
    }
}

/// Makes a pod as the Job controller would.
fn pod_of(plan: &Plan, namespace: &str) -> Pod {
    let template = to_job(plan, namespace)
        .spec
        .map(|spec| spec.template)
        .unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            name: Some(format!("{}-0", plan.run)),
            namespace: Some(namespace.to_owned()),
            ..template.metadata.unwrap_or_default()
        },
        spec: template.spec,
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::scripted::{refusal, scripted};
    use crate::plan::RunId;

    const CREATE_JOBS: Right = Right {
        verb: "create",
        group: "batch",
        resource: "jobs",
        subresource: "",
        is_cluster_wide: false,
    };

    const LIST_NODES: Right = Right {
        verb: "list",
        group: "",
        resource: "nodes",
        subresource: "",
        is_cluster_wide: true,
    };

    #[test]
    fn contexts_are_read_and_safe_to_show() {
        let yaml = r#"
apiVersion: v1
kind: Config
current-context: b
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}, {name: p, user: {exec: {apiVersion: v1, command: aws}}}]
contexts:
- {name: "a\x1b[31m", context: {cluster: c, user: u, namespace: lab}}
- {name: b, context: {cluster: c, user: p}}
- {name: d}
"#;
        let found = known(&Kubeconfig::from_yaml(yaml).unwrap());
        let rows: Vec<_> = found
            .iter()
            .map(|c| {
                (
                    c.label.as_str(),
                    c.cluster.as_str(),
                    c.namespace.as_str(),
                    c.is_current,
                    c.plugin.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("a", "c", "lab", false, None),
                ("b", "c", "default", true, Some("aws")),
                ("d", "", "default", false, None),
            ]
        );
        assert_eq!(found[0].name, "a\u{1b}[31m");
    }

    #[tokio::test]
    async fn a_right_is_asked_for_where_it_counts() {
        let answer = |allowed: bool| {
            let review = json!({
                "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
                "status": {"allowed": allowed}
            });
            (201, review.to_string())
        };
        let (client, asked) = scripted(vec![answer(true), answer(false)]);
        let connection = Connection::to_client(client);
        assert_eq!(may(&connection, CREATE_JOBS).await, Ok(true));
        assert_eq!(may(&connection, LIST_NODES).await, Ok(false));
        let asked = asked.lock().unwrap();
        let attributes: Vec<_> = asked
            .iter()
            .map(|(_, body)| &body["spec"]["resourceAttributes"])
            .collect();
        assert_eq!(
            attributes,
            [
                &json!({"verb": "create", "group": "batch", "resource": "jobs", "namespace": "lab"}),
                &json!({"verb": "list", "resource": "nodes"}),
            ]
        );
    }

    #[tokio::test]
    async fn a_pod_is_rehearsed_and_the_servers_refusal_is_told() {
        let words = "pods \"ttg-a-0\" is forbidden: exceeded quota: small";
        let (client, asked) = scripted(vec![refusal(403, "Forbidden", words)]);
        let plan = Plan::new(RunId::parse("ttg-a").unwrap());
        let refused = rehearse_pod(&Connection::to_client(client), &plan).await.unwrap_err();
        assert!(refused.text.ends_with(words), "{refused:?}");
        let asked = asked.lock().unwrap();
        let (line, body) = &asked[0];
        assert!(
            line.starts_with("POST /api/v1/namespaces/lab/pods?") && line.contains("dryRun=All"),
            "{line}"
        );
        assert_eq!(body["metadata"]["name"], "ttg-a-0");
        assert_eq!(body["spec"]["restartPolicy"], "Never");
    }
}
