//! The kinds that the local cluster serves, as one table.
//!
//! Paths, discovery, validation of names and the store's keys all read this table; a kind that is not in it does not exist.

/// One kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1` Namespace.
    Namespace,
    /// `v1` Node.
    Node,
    /// `v1` Pod.
    Pod,
    /// `v1` Event.
    Event,
    /// `v1` `ConfigMap`.
    ConfigMap,
    /// `v1` Secret.
    Secret,
    /// `v1` `ServiceAccount`.
    ServiceAccount,
    /// `batch/v1` Job.
    Job,
}

/// What the API server needs to know about a kind.
#[derive(Debug)]
pub struct KindSpec {
    /// The kind.
    pub kind: Kind,
    /// Its name in `kind:`.
    pub name: &'static str,
    /// Its API group; empty for the core group.
    pub group: &'static str,
    /// Its name in paths.
    pub plural: &'static str,
    /// Its name for one object.
    pub singular: &'static str,
    /// The short names that kubectl takes.
    pub short: &'static [&'static str],
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether `/status` is a subresource: the main path then ignores changes of the status.
    pub status: bool,
    /// Whether it belongs to kubectl's category `all`.
    pub in_all: bool,
}

/// Every kind, in the order of [`Kind`].
pub static KINDS: [KindSpec; 8] = [
    spec(
        Kind::Namespace,
        "Namespace",
        "",
        "namespaces",
        "namespace",
        &["ns"],
        false,
        true,
    ),
    spec(Kind::Node, "Node", "", "nodes", "node", &["no"], false, true),
    spec(Kind::Pod, "Pod", "", "pods", "pod", &["po"], true, true),
    spec(Kind::Event, "Event", "", "events", "event", &["ev"], true, false),
    spec(
        Kind::ConfigMap,
        "ConfigMap",
        "",
        "configmaps",
        "configmap",
        &["cm"],
        true,
        false,
    ),
    spec(Kind::Secret, "Secret", "", "secrets", "secret", &[], true, false),
    spec(
        Kind::ServiceAccount,
        "ServiceAccount",
        "",
        "serviceaccounts",
        "serviceaccount",
        &["sa"],
        true,
        false,
    ),
    spec(Kind::Job, "Job", "batch", "jobs", "job", &[], true, true),
];

#[expect(
    clippy::too_many_arguments,
    reason = "one row of the table above, in its columns' order"
)]
const fn spec(
    kind: Kind,
    name: &'static str,
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
    status: bool,
) -> KindSpec {
    let in_all = matches!(kind, Kind::Pod | Kind::Job);
    KindSpec {
        kind,
        name,
        group,
        plural,
        singular,
        short,
        namespaced,
        status,
        in_all,
    }
}

impl Kind {
    /// Returns what the API server needs to know about this kind.
    pub fn spec(self) -> &'static KindSpec {
        match self {
            Self::Namespace => &KINDS[0],
            Self::Node => &KINDS[1],
            Self::Pod => &KINDS[2],
            Self::Event => &KINDS[3],
            Self::ConfigMap => &KINDS[4],
            Self::Secret => &KINDS[5],
            Self::ServiceAccount => &KINDS[6],
            Self::Job => &KINDS[7],
        }
    }

    /// Finds the kind that this group's path segment names.
    pub fn of_path(group: &str, plural: &str) -> Option<Self> {
        KINDS
            .iter()
            .find(|k| k.group == group && k.plural == plural)
            .map(|k| k.kind)
    }
}

impl KindSpec {
    /// Returns the value of `apiVersion:`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            "v1".to_owned()
        } else {
            format!("{}/v1", self.group)
        }
    }

    /// Returns the resource with its group as Kubernetes' error messages name it, such as `jobs.batch`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for row in &KINDS {
            assert_eq!(row.kind.spec().kind, row.kind);
            assert_eq!(Kind::of_path(row.group, row.plural), Some(row.kind));
        }
        assert_eq!(Kind::of_path("batch", "pods"), None);
    }
}
