//! Request and limit of one resource of a worker.

use serde::{Deserialize, Serialize};

use super::error::{Field, PlanError};
use super::quantity::Quantity;

/// What a worker asks for, and what it may not exceed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// What the scheduler keeps free for it.
    pub request: Quantity,
    /// What it may use.
    pub limit: Quantity,
}

impl Resource {
    /// Returns the CPU of a worker unless said otherwise.
    pub fn default_cpu() -> Self {
        Self {
            request: Quantity::known("100m", 100),
            limit: Quantity::known("500m", 500),
        }
    }

    /// Returns the memory of a worker unless said otherwise.
    pub fn default_memory() -> Self {
        Self {
            request: Quantity::known("128Mi", 128 * 1_024 * 1_024 * 1_000),
            limit: Quantity::known("256Mi", 256 * 1_024 * 1_024 * 1_000),
        }
    }

    /// Reads CPU as `REQUEST[:LIMIT]`.
    pub fn parse_cpu(text: &str) -> Result<Self, PlanError> {
        Self::parse(Field::Cpu, text, Self::default_cpu().limit)
    }

    /// Reads memory as `REQUEST[:LIMIT]`.
    pub fn parse_memory(text: &str) -> Result<Self, PlanError> {
        Self::parse(Field::Memory, text, Self::default_memory().limit)
    }

    /// Without a limit the default one stays, or rises to the request: asking for more must not need two numbers.
    fn parse(field: Field, text: &str, default_limit: Quantity) -> Result<Self, PlanError> {
        let quantity = |part: &str| {
            Quantity::parse(part).map_err(|problem| {
                let valid = format!(
                    "REQUEST or REQUEST:LIMIT in Kubernetes' quantities, {}; {problem}",
                    examples(field)
                );
                PlanError::invalid_text(field, text, valid)
            })
        };
        let resource = match text.split_once(':') {
            Some((request, limit)) => Self {
                request: quantity(request)?,
                limit: quantity(limit)?,
            },
            None => {
                let request = quantity(text)?;
                let limit = if request.milli() > default_limit.milli() {
                    request.clone()
                } else {
                    default_limit
                };
                Self { request, limit }
            }
        };
        resource.check(field)?;
        Ok(resource)
    }

    /// Checks that request and limit make sense for CPU or memory, whichever the field is.
    pub fn check(&self, field: Field) -> Result<(), PlanError> {
        let given = format!("{}:{}", self.request, self.limit);
        if self.limit.milli() == 0 {
            return Err(PlanError::invalid_text(field, &given, "a limit above 0"));
        }
        if self.request.milli() > self.limit.milli() {
            return Err(PlanError::invalid_text(
                field,
                &given,
                format!("a request of at most the limit, {}", self.limit),
            ));
        }
        // `128m` of memory is a typing error for 128Mi: an eighth of one byte, which Kubernetes accepts with a mere
        // warning.
        if field == Field::Memory
            && [&self.request, &self.limit]
                .iter()
                .any(|part| !part.milli().is_multiple_of(1_000))
        {
            return Err(PlanError::invalid_text(
                field,
                &given,
                "whole bytes, such as 128Mi (m means thousandths)",
            ));
        }
        Ok(())
    }
}

fn examples(field: Field) -> &'static str {
    if field == Field::Memory {
        "such as 128Mi or 128Mi:1Gi"
    } else {
        "such as 500m or 500m:2"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_what_their_text_says() {
        for resource in [Resource::default_cpu(), Resource::default_memory()] {
            assert_eq!(Quantity::parse(resource.request.as_str()), Ok(resource.request.clone()));
            assert_eq!(Quantity::parse(resource.limit.as_str()), Ok(resource.limit.clone()));
        }
        assert_eq!(Resource::default_cpu().check(Field::Cpu), Ok(()));
        assert_eq!(Resource::default_memory().check(Field::Memory), Ok(()));
    }

    #[test]
    fn a_limit_follows_the_request_where_none_is_given() {
        let texts = |resource: Resource| (resource.request.to_string(), resource.limit.to_string());
        for (text, request, limit) in [
            ("250m", "250m", "500m"),
            ("2", "2", "2"),
            ("1:2", "1", "2"),
            ("0:1", "0", "1"),
        ] {
            assert_eq!(
                texts(Resource::parse_cpu(text).unwrap()),
                (request.to_owned(), limit.to_owned())
            );
        }
        assert_eq!(
            texts(Resource::parse_memory("1Gi").unwrap()),
            ("1Gi".to_owned(), "1Gi".to_owned())
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        for (text, words) in [
            ("2:1", "at most the limit, 1"),
            ("0:0", "a limit above 0"),
            ("", "does not begin with a number"),
            ("1:", "does not begin with a number"),
            ("1:2:3", "does not end in"),
            ("1c", "does not end in"),
        ] {
            let error = Resource::parse_cpu(text).unwrap_err();
            assert_eq!(error.field(), Field::Cpu);
            assert!(error.to_string().contains(words), "{text:?}: {error}");
        }
        assert!(
            Resource::parse_memory("128m")
                .unwrap_err()
                .to_string()
                .contains("whole bytes")
        );
        assert!(
            Resource::parse_memory("128Mi:0.5")
                .unwrap_err()
                .to_string()
                .contains("at most the limit")
        );
    }
}
