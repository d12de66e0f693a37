//! Patches, pure: a document and a patch make a document.
//!
//! | module | media type | what a list in the patch means |
//! |---|---|---|
//! | [`merge`] | `application/merge-patch+json` | this is the list now |
//! | [`strategic`] | `application/strategic-merge-patch+json` | these elements, found by their merge key, change like this |
//! | [`json`] | `application/json-patch+json` | there are no lists, there are steps |
//! | [`apply`] | `application/apply-patch+yaml` | these elements are mine, and so is what I say of them |
//!
//! kubectl sends all four: `label` and `annotate` the first, `patch`, `cordon`, `taint` and `apply` the second, `patch --type=json`
//! the third, `apply --server-side` the fourth.

pub mod apply;
pub mod json;
pub mod merge;
pub mod strategic;
