//! The form of an answer: what the client's Accept header names first of what can be served.
//!
//! All forms are JSON: the object itself, its metadata alone, or a table. YAML and protobuf are not served; no client takes only
//! these.

use bytes::Bytes;
use jiff::Timestamp;

use super::partial::{Partial, written};
use super::query::Query;
use super::table::Printer;
use crate::local::kinds::KindSpec;
use crate::local::status::Status;

/// The media types that are served.
const AVAILABLE: &str = "application/json";

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The object itself.
    Object,
    /// Its metadata alone.
    Metadata,
    /// A table.
    Table(Printer),
}

impl Form {
    /// Returns the form that a request asks for, of a list or of one object.
    pub(super) fn of(accept: &str, spec: &KindSpec, is_list: bool, query: &Query) -> Result<Self, Status> {
        match asked(accept)? {
            Asked::Object => Ok(Self::Object),
            Asked::Table => Printer::of(spec.kind, query).map(Self::Table),
            Asked::Metadata if is_list => Err(Status::not_acceptable(format!(
                "you requested PartialObjectMetadata, but the requested object is a list (*{}List)",
                go_type(spec)
            ))),
            Asked::MetadataList if !is_list => Err(Status::not_acceptable(format!(
                "you requested PartialObjectMetadataList, but the requested object is not a list (*{})",
                go_type(spec)
            ))),
            Asked::Metadata | Asked::MetadataList => Ok(Self::Metadata),
        }
    }

    /// Writes one object in this form.
    pub(super) fn one(self, object: &Bytes, now: Timestamp) -> Bytes {
        match self {
            Self::Object => object.clone(),
            Self::Metadata => written(&Partial::of(object)),
            Self::Table(printer) => printer.of_one(object, true, now),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Object,
    Metadata,
    MetadataList,
    Table,
}

/// Finds the first media range that can be served.
fn asked(accept: &str) -> Result<Asked, Status> {
    if accept.trim().is_empty() {
        return Ok(Asked::Object);
    }
    let mut is_json_named = false;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        if !["application/json", "application/*", "*/*"].contains(&parts.next().unwrap_or_default()) {
            continue;
        }
        is_json_named = true;
        let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
        let parameter = |name: &str| parameters.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        match (parameter("as"), parameter("v"), parameter("g")) {
            (None, _, _) => return Ok(Asked::Object),
            (Some("Table"), Some("v1"), Some("meta.k8s.io")) => return Ok(Asked::Table),
            (Some("PartialObjectMetadata"), Some("v1"), Some("meta.k8s.io")) => return Ok(Asked::Metadata),
            (Some("PartialObjectMetadataList"), Some("v1"), Some("meta.k8s.io")) => return Ok(Asked::MetadataList),
            _ => {}
        }
    }
    if is_json_named {
        return Err(Status::not_acceptable(format!(
            "only the following media types are accepted: {AVAILABLE}"
        )));
    }
    Err(Status::no_representation(AVAILABLE))
}

/// Names a kind as upstream's errors do, which show the types of its source.
fn go_type(spec: &KindSpec) -> String {
    let package = if spec.group.is_empty() { "core" } else { spec.group };
    format!("{package}.{}", spec.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::kinds::Kind;

    #[test]
    fn the_first_form_that_can_be_served_is_served() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let beta = "application/json;as=Table;v=v1beta1;g=meta.k8s.io";
        let partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        let partial_list = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
        for (accept, want) in [
            ("", Ok(Asked::Object)),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Ok(Asked::Object)),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Ok(Asked::Object),
            ),
            (partial, Ok(Asked::Metadata)),
            (
                format!("{partial_list},application/json").as_str(),
                Ok(Asked::MetadataList),
            ),
            (table, Ok(Asked::Table)),
            (format!("{table},{beta},application/json").as_str(), Ok(Asked::Table)),
            (format!("{beta}, {table}").as_str(), Ok(Asked::Table)),
            (
                format!("application/vnd.kubernetes.protobuf,{table}").as_str(),
                Ok(Asked::Table),
            ),
            (
                "application/json; g=meta.k8s.io; v=v1; as=Table; q=0.9",
                Ok(Asked::Table),
            ),
            (format!("application/json,{table}").as_str(), Ok(Asked::Object)),
            (format!("*/*,{table}").as_str(), Ok(Asked::Object)),
            (
                "application/json;as=Table;v=v2;g=meta.k8s.io",
                Err("only the following media types are accepted: application/json"),
            ),
            (
                "application/xml",
                Err("406: Not Acceptable\n\nAvailable representations: application/json"),
            ),
        ] {
            let found = asked(accept).map_err(|s| s.message);
            assert_eq!(
                found.as_ref().map_err(String::as_str),
                want.as_ref().map_err(|w| *w),
                "{accept}"
            );
        }
        let refused = Form::of(partial, Kind::Job.spec(), true, &Query::default()).unwrap_err();
        assert_eq!(
            (refused.code, refused.message.as_str()),
            (
                406,
                "you requested PartialObjectMetadata, but the requested object is a list (*batch.JobList)"
            )
        );
    }
}
