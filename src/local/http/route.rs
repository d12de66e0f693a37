//! What a method does to what a path names, pure. A path that is not there is told from a method that it does not take.

use super::path::Target;
use crate::local::kinds::Kind;
use crate::local::status::Status;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// GET of an object, a list or a watch.
    Read,
    /// GET of a pod's log.
    Log,
    /// POST of an object.
    Create,
    /// POST of an eviction of a pod.
    Evict,
    /// PUT.
    Replace,
    /// PATCH.
    Patch,
    /// DELETE of an object.
    Delete,
    /// DELETE of a collection.
    DeleteCollection,
}

const OBJECT: &[(&str, Route)] = &[
    ("GET", Route::Read),
    ("PUT", Route::Replace),
    ("PATCH", Route::Patch),
    ("DELETE", Route::Delete),
];
const STATUS: &[(&str, Route)] = &[("GET", Route::Read), ("PUT", Route::Replace), ("PATCH", Route::Patch)];
const COLLECTION: &[(&str, Route)] = &[
    ("GET", Route::Read),
    ("POST", Route::Create),
    ("DELETE", Route::DeleteCollection),
];
/// Namespaces are deleted one by one, as upstream.
const NAMESPACES: &[(&str, Route)] = &[("GET", Route::Read), ("POST", Route::Create)];
/// A collection over all namespaces can only be read.
const EVERYWHERE: &[(&str, Route)] = &[("GET", Route::Read)];

/// Finds what a request does.
pub(super) fn of(method: &str, target: &Target) -> Result<Route, Status> {
    let spec = target.kind.spec();
    let methods: &[(&str, Route)] = match (target.subresource.as_deref(), &target.name) {
        (Some("log"), Some(_)) if target.kind == Kind::Pod => &[("GET", Route::Log)],
        (Some("eviction"), Some(_)) if target.kind == Kind::Pod => &[("POST", Route::Evict)],
        (Some("status"), Some(_)) if spec.status => STATUS,
        (Some(_), _) => return Err(Status::no_such_path()),
        (None, Some(_)) => OBJECT,
        (None, None) if target.kind == Kind::Namespace => NAMESPACES,
        (None, None) if spec.namespaced && target.namespace.is_none() => EVERYWHERE,
        (None, None) => COLLECTION,
    };
    let found = methods.iter().find(|(name, _)| *name == method);
    found.map(|(_, route)| *route).ok_or_else(Status::method_not_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::http::path;

    #[test]
    fn methods_and_paths() {
        for (method, path, want) in [
            ("GET", "/api/v1/pods", Ok(Route::Read)),
            ("POST", "/api/v1/pods", Err(405)),
            ("DELETE", "/api/v1/pods", Err(405)),
            ("POST", "/api/v1/namespaces/a/pods", Ok(Route::Create)),
            ("DELETE", "/api/v1/namespaces/a/pods", Ok(Route::DeleteCollection)),
            ("DELETE", "/api/v1/namespaces", Err(405)),
            ("DELETE", "/api/v1/nodes", Ok(Route::DeleteCollection)),
            ("POST", "/api/v1/namespaces/a/pods/p", Err(405)),
            ("HEAD", "/api/v1/namespaces/a/pods/p", Err(405)),
            ("GET", "/api/v1/namespaces/a/pods/p/status", Ok(Route::Read)),
            ("DELETE", "/api/v1/namespaces/a/pods/p/status", Err(405)),
            ("GET", "/api/v1/namespaces/a/configmaps/c/status", Err(404)),
            ("GET", "/api/v1/namespaces/a/pods/p/log", Ok(Route::Log)),
            ("POST", "/api/v1/namespaces/a/pods/p/eviction", Ok(Route::Evict)),
            ("GET", "/api/v1/namespaces/a/pods/p/eviction", Err(405)),
            ("GET", "/api/v1/namespaces/a/pods/p/exec", Err(404)),
        ] {
            let target = path::parse(path).unwrap();
            assert_eq!(of(method, &target).map_err(|s| s.code), want, "{method} {path}");
        }
    }
}
