//! Label and field selectors, in kubectl's language, refused in upstream's words. Pure.

mod field;
mod label;

pub use field::FieldSelector;
pub use label::LabelSelector;
