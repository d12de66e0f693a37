//! The table of all faults: what they are called, where they may be ordered, what can be said with them, what they do.
//!
//! The grammar, the checks at the door and the documentation read this table; it knows nothing of how a fault is done.

use std::fmt::Write;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// SIGKILL to the container.
    Kill,
    /// The container exits 1 at its start.
    Crash,
    /// The container starts late.
    SlowStart,
    /// The image cannot be pulled.
    ImagePullFailure,
    /// The kubelet evicts the pod.
    Evict,
    /// The container exits 0 and says nothing.
    LoseResult,
    /// The termination message is another one.
    Message,
    /// The termination message is cut.
    CutResult,
    /// Lines of the log are missing.
    LogGap,
    /// The log is rotated.
    LogRotate,
    /// The process is stopped.
    Hang,
    /// The node loses its power.
    Lost,
    /// 429.
    TooManyRequests,
    /// 500.
    ServerError,
    /// 503.
    Unavailable,
    /// 410 as upstream sends it.
    Gone,
    /// 410 as a proxy sends it.
    HttpGone,
    /// Running watches end.
    WatchCut,
    /// Running watches break.
    WatchReset,
    /// Answers come late.
    Latency,
    /// Half an answer.
    HalfClose,
    /// An answer that is no JSON.
    Garbage,
}

/// What a fault happens to, which decides where it may be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A pod: ordered on a Pod, on its Job, or on a Namespace for all pods in it.
    Pods,
    /// A node: ordered on the Node.
    Nodes,
    /// Requests: ordered on the Namespace that they are about; on `kube-system` for those outside of namespaces.
    Requests,
}

impl Family {
    /// Where a fault of this family may be ordered, in words.
    pub fn places(self) -> &'static str {
        match self {
            Self::Pods => "Pod, Job, Namespace",
            Self::Nodes => "Node",
            Self::Requests => "Namespace",
        }
    }
}

/// What can be said with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Completion indexes.
    Index,
    /// How often.
    Times,
    /// When.
    After,
    /// How long.
    For,
    /// A text.
    Text,
    /// A number of bytes.
    Bytes,
    /// A number of lines.
    Lines,
    /// What a request does.
    Verb,
    /// What a request is about.
    Kind,
}

/// A row of the table of parameters.
#[derive(Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// The parameter.
    pub parameter: Parameter,
    /// Its name.
    pub name: &'static str,
    /// What stands for its value in a form.
    pub value: &'static str,
    /// What it means.
    pub means: &'static str,
}

/// All parameters.
pub static PARAMETERS: [ParameterSpec; 9] = [
    row(
        Parameter::Index,
        "index",
        "SET",
        "only pods of these completion indexes: `2`, `0-5` or `0-5,9`",
    ),
    row(
        Parameter::Times,
        "times",
        "N",
        "how often it happens; without it, every time. Pods are counted for each completion index of a Job, so that a retry \
         succeeds; requests are counted together, and anew when the Namespace is changed",
    ),
    row(
        Parameter::After,
        "after",
        "TIME",
        "how long after the container's start, or after the order if it runs: `500ms`, `5s`, `2m`; for too-many-requests the \
         time in the header Retry-After, in whole seconds",
    ),
    row(Parameter::For, "for", "TIME", "how long it lasts: `500ms`, `5s`, `2m`"),
    row(
        Parameter::Text,
        "text",
        "TEXT",
        "percent-encoded where it has a comma, a semicolon or a percent sign",
    ),
    row(Parameter::Bytes, "bytes", "N", "how many bytes are left"),
    row(Parameter::Lines, "lines", "N", "how many lines; 10 if it is not said"),
    row(
        Parameter::Verb,
        "verb",
        "VERB",
        "only requests that get, list, watch, create, update, patch, delete, deletecollection, or log",
    ),
    row(
        Parameter::Kind,
        "kind",
        "RESOURCE",
        "only requests about this resource, such as `pods`",
    ),
];

const fn row(parameter: Parameter, name: &'static str, value: &'static str, means: &'static str) -> ParameterSpec {
    ParameterSpec {
        parameter,
        name,
        value,
        means,
    }
}

impl Parameter {
    /// The form, such as `times=N`.
    fn form(self) -> String {
        let spec = PARAMETERS.iter().find(|p| p.parameter == self);
        spec.map_or_else(String::new, |p| format!("{}={}", p.name, p.value))
    }
}

/// A row of the table of faults.
#[derive(Debug, PartialEq, Eq)]
pub struct FaultSpec {
    /// The fault.
    pub fault: Fault,
    /// Its name.
    pub name: &'static str,
    /// What it happens to.
    pub family: Family,
    /// What must be said with it.
    pub needs: &'static [Parameter],
    /// What may be said with it.
    pub takes: &'static [Parameter],
    /// What it does.
    pub does: &'static str,
}

const NONE: &[Parameter] = &[];
const FOR: &[Parameter] = &[Parameter::For];
const POD: &[Parameter] = &[Parameter::Index, Parameter::Times];
const POD_AFTER: &[Parameter] = &[Parameter::After, Parameter::Index, Parameter::Times];
const REQUEST: &[Parameter] = &[Parameter::Times, Parameter::Verb, Parameter::Kind];
const WATCH: &[Parameter] = &[Parameter::Times, Parameter::Kind];

/// All faults.
pub static FAULTS: [FaultSpec; 22] = [
    FaultSpec {
        fault: Fault::Kill,
        name: "kill",
        family: Family::Pods,
        needs: NONE,
        takes: POD_AFTER,
        does: "sends SIGKILL to the container: exit code 137",
    },
    FaultSpec {
        fault: Fault::Crash,
        name: "crash",
        family: Family::Pods,
        needs: NONE,
        takes: POD,
        does: "the container exits 1 at its start",
    },
    FaultSpec {
        fault: Fault::SlowStart,
        name: "slow-start",
        family: Family::Pods,
        needs: FOR,
        takes: POD,
        does: "the pod stays in ContainerCreating that long",
    },
    FaultSpec {
        fault: Fault::ImagePullFailure,
        name: "image-pull-failure",
        family: Family::Pods,
        needs: NONE,
        takes: &[Parameter::For, Parameter::Index, Parameter::Times],
        does: "the image cannot be pulled, for that long or for ever: ErrImagePull, then ImagePullBackOff",
    },
    FaultSpec {
        fault: Fault::Evict,
        name: "evict",
        family: Family::Pods,
        needs: NONE,
        takes: POD_AFTER,
        does: "the kubelet evicts the pod, as when memory is low on its node: phase Failed, reason Evicted, DisruptionTarget",
    },
    FaultSpec {
        fault: Fault::LoseResult,
        name: "lose-result",
        family: Family::Pods,
        needs: NONE,
        takes: POD,
        does: "a container that exits 0 has an empty termination message",
    },
    FaultSpec {
        fault: Fault::Message,
        name: "message",
        family: Family::Pods,
        needs: &[Parameter::Text],
        takes: POD,
        does: "a container that exits 0 has this termination message",
    },
    FaultSpec {
        fault: Fault::CutResult,
        name: "cut-result",
        family: Family::Pods,
        needs: &[Parameter::Bytes],
        takes: POD,
        does: "of a termination message the first bytes are kept",
    },
    FaultSpec {
        fault: Fault::LogGap,
        name: "log-gap",
        family: Family::Pods,
        needs: NONE,
        takes: &[Parameter::Lines, Parameter::After, Parameter::Index, Parameter::Times],
        does: "the next lines of the log are lost",
    },
    FaultSpec {
        fault: Fault::LogRotate,
        name: "log-rotate",
        family: Family::Pods,
        needs: NONE,
        takes: POD_AFTER,
        does: "the kubelet rotates the log: what was written before cannot be read any more, and a follower sees the end of the \
               log although the container runs on, as with Kubernetes before 1.29",
    },
    FaultSpec {
        fault: Fault::Hang,
        name: "hang",
        family: Family::Pods,
        needs: NONE,
        takes: POD_AFTER,
        does: "the process is stopped (SIGSTOP), so it does nothing and answers to SIGKILL alone",
    },
    FaultSpec {
        fault: Fault::Lost,
        name: "lost",
        family: Family::Nodes,
        needs: NONE,
        takes: FOR,
        does: "the node loses its power: its containers die, its kubelet is silent. After that time, or when the order is taken \
               back, it boots: its kubelet registers, and finds its containers ended (exit code 255, reason Unknown)",
    },
    FaultSpec {
        fault: Fault::TooManyRequests,
        name: "too-many-requests",
        family: Family::Requests,
        needs: NONE,
        takes: &[Parameter::After, Parameter::Times, Parameter::Verb, Parameter::Kind],
        does: "429 TooManyRequests with Retry-After (1 second if it is not said)",
    },
    FaultSpec {
        fault: Fault::ServerError,
        name: "server-error",
        family: Family::Requests,
        needs: NONE,
        takes: REQUEST,
        does: "500 InternalError",
    },
    FaultSpec {
        fault: Fault::Unavailable,
        name: "unavailable",
        family: Family::Requests,
        needs: NONE,
        takes: REQUEST,
        does: "503 ServiceUnavailable",
    },
    FaultSpec {
        fault: Fault::Gone,
        name: "gone",
        family: Family::Requests,
        needs: NONE,
        takes: WATCH,
        does: "a watch gets the event ERROR with 410 Expired, and a list that goes on (`continue`) gets 410 Expired",
    },
    FaultSpec {
        fault: Fault::HttpGone,
        name: "http-gone",
        family: Family::Requests,
        needs: NONE,
        takes: WATCH,
        does: "a watch is answered with 410 itself, as some proxies do",
    },
    FaultSpec {
        fault: Fault::WatchCut,
        name: "watch-cut",
        family: Family::Requests,
        needs: NONE,
        takes: &[Parameter::Kind],
        does: "every watch that runs when it is ordered ends without a word, and again whenever the Namespace is changed",
    },
    FaultSpec {
        fault: Fault::WatchReset,
        name: "watch-reset",
        family: Family::Requests,
        needs: NONE,
        takes: &[Parameter::Kind],
        does: "as watch-cut, but the connection breaks in the middle of an event",
    },
    FaultSpec {
        fault: Fault::Latency,
        name: "latency",
        family: Family::Requests,
        needs: FOR,
        takes: REQUEST,
        does: "answers come that much later; it goes with every other fault",
    },
    FaultSpec {
        fault: Fault::HalfClose,
        name: "half-close",
        family: Family::Requests,
        needs: NONE,
        takes: REQUEST,
        does: "the answer stops after its head and half of its body, until the client gives up or for a minute",
    },
    FaultSpec {
        fault: Fault::Garbage,
        name: "garbage",
        family: Family::Requests,
        needs: NONE,
        takes: REQUEST,
        does: "200 with bytes that are not JSON; the request is not carried out",
    },
];

impl FaultSpec {
    /// How it is written: `name:needed=VALUE[,optional=VALUE]`.
    pub fn form(&self) -> String {
        let list = |parameters: &[Parameter]| {
            let forms: Vec<String> = parameters.iter().map(|p| p.form()).collect();
            forms.join(",")
        };
        let (needed, optional) = (list(self.needs), list(self.takes));
        match (needed.is_empty(), optional.is_empty()) {
            (true, true) => self.name.to_owned(),
            (true, false) => format!("{}[:{optional}]", self.name),
            (false, true) => format!("{}:{needed}", self.name),
            (false, false) => format!("{}:{needed}[,{optional}]", self.name),
        }
    }

    /// Finds what can be said with it.
    pub(super) fn parameter(&self, name: &str) -> Option<&'static ParameterSpec> {
        let known = |p: &&ParameterSpec| self.needs.contains(&p.parameter) || self.takes.contains(&p.parameter);
        PARAMETERS.iter().filter(known).find(|p| p.name == name)
    }
}

/// Writes both tables for the documentation.
pub fn markdown() -> String {
    let mut text = "| fault | on | what it does |\n|---|---|---|\n".to_owned();
    // Writing to a String cannot fail.
    for fault in &FAULTS {
        let (form, places) = (fault.form(), fault.family.places());
        writeln!(text, "| `{form}` | {places} | {} |", fault.does).ok();
    }
    text.push_str("\n| parameter | what it means |\n|---|---|\n");
    for p in &PARAMETERS {
        writeln!(text, "| `{}={}` | {} |", p.name, p.value, p.means).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_and_parameter_is_in_its_table_once() {
        for (i, fault) in FAULTS.iter().enumerate() {
            assert!(
                FAULTS
                    .iter()
                    .skip(i + 1)
                    .all(|f| f.name != fault.name && f.fault != fault.fault),
                "{}",
                fault.name
            );
            for parameter in fault.needs.iter().chain(fault.takes) {
                assert_eq!(PARAMETERS.iter().filter(|p| p.parameter == *parameter).count(), 1);
            }
        }
    }

    #[test]
    fn forms_show_what_is_needed_and_what_is_not() {
        let form = |name: &str| FAULTS.iter().find(|f| f.name == name).unwrap().form();
        assert_eq!(form("kill"), "kill[:after=TIME,index=SET,times=N]");
        assert_eq!(form("slow-start"), "slow-start:for=TIME[,index=SET,times=N]");
        assert_eq!(form("lost"), "lost[:for=TIME]");
        assert_eq!(form("message"), "message:text=TEXT[,index=SET,times=N]");
        assert_eq!(markdown().lines().count(), FAULTS.len() + PARAMETERS.len() + 5);
    }
    #[test]
    fn the_documentation_has_these_tables() {
        let page = include_str!("../../../docs/local-cluster.md");
        assert!(
            page.contains(&markdown()),
            "docs/local-cluster.md lacks this:\n{}",
            markdown()
        );
    }
}
