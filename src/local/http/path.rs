//! Paths of the Kubernetes API, pure: a path names a resource, an object, or a subresource of one.

use super::query::percent_decode;
use crate::local::kinds::{KINDS, Kind};

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The kind.
    pub kind: Kind,
    /// The namespace; none for all of them, or for a kind without.
    pub namespace: Option<String>,
    /// The object's name; none for the collection.
    pub name: Option<String>,
    /// The subresource, such as `status` or `log`.
    pub subresource: Option<String>,
}

/// Parses the path of an object or a collection; none for every other path. Each part is decoded by itself: a slash that was
/// written as `%2F` belongs to a name, which no object has.
pub(super) fn parse(path: &str) -> Option<Target> {
    let parts: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(percent_decode)
        .collect();
    let mut parts = parts.iter().map(String::as_str);
    let group = match parts.next()? {
        "api" => "",
        "apis" => parts.next()?,
        _ => return None,
    };
    if parts.next()? != "v1" {
        return None;
    }
    let rest: Vec<&str> = parts.collect();
    let (namespace, rest) = match rest.as_slice() {
        // A third part that is a resource makes the second one a namespace; else the path is about the namespace itself.
        ["namespaces", namespace, plural, ..] if is_namespaced(group, plural) => {
            (Some((*namespace).to_owned()), rest.get(2..).unwrap_or_default())
        }
        all => (None, all),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(*name), None),
        [plural, name, subresource] => (plural, Some(*name), Some(*subresource)),
        _ => return None,
    };
    let kind = Kind::of_path(group, plural)?;
    if name.is_some() && kind.spec().namespaced && namespace.is_none() {
        return None;
    }
    Some(Target {
        kind,
        namespace,
        name: name.map(str::to_owned),
        subresource: subresource.map(str::to_owned),
    })
}

fn is_namespaced(group: &str, plural: &str) -> bool {
    KINDS
        .iter()
        .any(|k| k.namespaced && k.group == group && k.plural == plural)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let shown = |path: &str| {
            parse(path).map(|t| {
                let or_dash = |o: Option<String>| o.unwrap_or_else(|| "-".into());
                format!(
                    "{:?} {} {} {}",
                    t.kind,
                    or_dash(t.namespace),
                    or_dash(t.name),
                    or_dash(t.subresource)
                )
            })
        };
        for (path, want) in [
            ("/api/v1/pods", Some("Pod - - -")),
            ("/api/v1/namespaces/default/pods", Some("Pod default - -")),
            ("/api/v1/namespaces/default/pods/p/log", Some("Pod default p log")),
            ("/apis/batch/v1/namespaces/default/jobs/j", Some("Job default j -")),
            ("/api/v1/namespaces/%64efault/pods/%61+b", Some("Pod default a+b -")),
            ("/api/v1/namespaces/default/pods/a%2Flog", Some("Pod default a/log -")),
            ("/api/v1/namespaces", Some("Namespace - - -")),
            ("/api/v1/namespaces/default", Some("Namespace - default -")),
            ("/api/v1/namespaces/default/status", Some("Namespace - default status")),
            ("/api/v1/nodes/n", Some("Node - n -")),
            ("/api/v1/pods/p", None),
            ("/api/v1/services", None),
            ("/apis/batch/v1beta1/jobs", None),
            ("/api/v1/namespaces/default/pods/p/log/x", None),
            ("/", None),
        ] {
            assert_eq!(shown(path).as_deref(), want, "{path}");
        }
    }
}
