//! The life of a run in eight steps: who does what, why it is so, and what of this run shows that it happened.
//!
//! A step has happened when a fact of the run says so, however the program learned of it: also a run that was attached to has its
//! steps, and none is ever lit by time alone.

use jiff::Timestamp;
use ttg_worker::protocol::number::Grouped;

use crate::model::Model;
use crate::model::effect::End;
use crate::report;
use crate::run::fact::{JobFact, Phase};
use crate::run::state::{PodNow, Stand};

/// The name of this part among the lessons.
pub const NAME: &str = "life-of-a-run";
/// Its title.
pub const TITLE: &str = "The life of a run";
/// What it is for.
pub const GOAL: &str =
    "Eight steps from a command to a number that is proven, each lit by what really happened in this run.";

/// A step of every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The program submits.
    Submit,
    /// The API server keeps it in etcd.
    Store,
    /// The Job controller makes pods.
    Controller,
    /// The scheduler binds them.
    Scheduler,
    /// A kubelet starts them.
    Kubelet,
    /// Workers compute.
    Workers,
    /// The Job is complete.
    Complete,
    /// The results are collected and proven.
    Collect,
}

/// What is told of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The step.
    pub part: Part,
    /// Its title.
    pub title: &'static str,
    /// Why it is so.
    pub why: &'static str,
    /// The command that shows it.
    pub command: &'static str,
    /// A question.
    pub question: &'static str,
    /// Its answer.
    pub answer: &'static str,
}

/// The eight steps.
pub const STEPS: [Told; 8] = [
    Told {
        part: Part::Submit,
        title: "Submit",
        why: "This program wrote down what is wanted: a *Job* with so many *completions*, of which so many run at once \
              (*parallelism*), and a *ConfigMap* with the settings. It sent both to the *API server*, and nothing else: \
              it starts no process itself. kubectl does the same with a file.",
        command: "kubectl get job {job}{flags} -o yaml",
        question: "Who starts the workers: this program?",
        answer: "No. It only says what is wanted. Parts of the cluster, each watching the API server, do the rest.",
    },
    Told {
        part: Part::Store,
        title: "API server, etcd",
        why: "The *API server* checked who asks, whether they may, and whether the object is well formed, filled in what was \
              left out, and kept it in *etcd*, the cluster's memory. Each change gives the object a higher *resourceVersion*. \
              Every part of the cluster reads and writes there, and talks to no other part.",
        command: "kubectl get job {job}{flags} -o jsonpath='{.metadata.uid} {.metadata.resourceVersion}'",
        question: "The program that submitted is closed now. Does the run end?",
        answer: "Not on a cluster that outlives it: the Job is in etcd. (The local cluster ends with the program that carries it.)",
    },
    Told {
        part: Part::Controller,
        title: "Job controller",
        why: "A *controller* is a loop: see what is wanted, see what is, do one thing about the difference. This one has a *watch* \
              on Jobs and their pods. It saw that indexes are missing, and made *pods*, at most parallelism at once, each with a \
              *completion index*. Later it replaces those that are lost.",
        command: "kubectl events --for job/{job}{flags}",
        question: "The controller made a pod. Does a process run now?",
        answer: "No. A pod is an entry in etcd so far: it is Pending, on no node.",
    },
    Told {
        part: Part::Scheduler,
        title: "Scheduler",
        why: "The *scheduler* watches for pods without a *node*. It left out nodes without room for the *requests*, with a *taint* \
              or cordoned, and chose the best of the others: here the one with the fewest workers of this run, as the Job asks for \
              a soft spread. Then it wrote the node's name into the pod. That is all it does.",
        command: "kubectl get pods -l job-name={job}{flags} -o wide",
        question: "No node has room. What happens to the pod?",
        answer: "It stays Pending, and its condition PodScheduled says why. When there is room, it is placed.",
    },
    Told {
        part: Part::Kubelet,
        title: "Kubelet",
        why: "On each node runs a *kubelet*. It watches for pods with its node's name, has the *image* pulled if it is not there, \
              starts the *container*, and reports the pod's *phase* and *conditions*. It keeps to the *limits*, too.",
        command: "kubectl describe pod {pod}{flags}",
        question: "The kubelet's node loses its power. Who notices, and how?",
        answer: "Its heartbeats stop, so a controller marks the node as not ready, and in the end its pods are made again elsewhere.",
    },
    Told {
        part: Part::Workers,
        title: "Workers",
        why: "Each *worker* knows its *completion index*, works out its range (lesson 2), and computes it batch by batch. What it \
              writes goes into a log that the kubelet keeps; the bars here are read from it. Logs are good for looking, not for \
              counting: lines can be lost.",
        command: "kubectl logs -f {pod}{flags}",
        question: "A log line is lost. Is the total wrong?",
        answer: "No. A result is taken only from the pod's termination message, never from its log.",
    },
    Told {
        part: Part::Complete,
        title: "Complete",
        why: "A worker that is done writes its result as the *termination message* and ends with *exit code* 0. The kubelet reports \
              it, the Job controller counts the index as completed and begins the next. When all are done it sets the *condition* \
              Complete.",
        command: "kubectl wait --for=condition=complete job/{job}{flags} --timeout=10m",
        question: "The Job is Complete. Is the total right?",
        answer: "Not yet proven: Complete means that all pods exited 0. Whether each result is valid and there once is checked next.",
    },
    Told {
        part: Part::Collect,
        title: "Collect and prove",
        why: "This program read each result, checked that it belongs to this run and this *shard*, and put it into the *ledger* on \
              disk: once for each index, whatever happens. With all of them it sums up, and proves: each index once, ranges without \
              gap or overlap, some shards computed again here.",
        command: "kubectl get pods -l job-name={job}{flags} -o jsonpath='{.items[*].status.containerStatuses[0].state.terminated.message}'",
        question: "Why are results kept by index and not by pod?",
        answer: "An index may be computed twice, by two pods, when one was thought to be lost. It must count once.",
    },
];

/// What shows that a step happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// When, if that is known.
    pub at: Option<Timestamp>,
    /// What of the run shows it: object, field, value.
    pub facts: Vec<String>,
}

/// Returns for each of the eight steps what shows that it happened; none where it has not.
pub fn happened(model: &Model) -> [Option<Happened>; 8] {
    let firsts = Firsts::of(model);
    STEPS.map(|step| match step.part {
        Part::Submit => submitted(model),
        Part::Store => stored(model),
        Part::Controller => firsts.made.map(|pod| made(model, pod)),
        Part::Scheduler => firsts.bound.map(|pod| bound(model, pod)),
        Part::Kubelet => firsts.started.map(|pod| started(model, pod)),
        Part::Workers => firsts.computes.map(|pod| computes(model, pod)),
        Part::Complete => model.run().job().and_then(completed),
        Part::Collect => collected(model),
    })
}

/// The first pods of a run that show a step.
#[derive(Clone, Copy, Debug, Default)]
struct Firsts<'a> {
    made: Option<PodNow<'a>>,
    bound: Option<PodNow<'a>>,
    started: Option<PodNow<'a>>,
    computes: Option<PodNow<'a>>,
}

impl<'a> Firsts<'a> {
    fn of(model: &'a Model) -> Self {
        let mut firsts = Self::default();
        for pod in model.run().pods_now() {
            firsts.made = firsts.made.or(Some(pod));
            firsts.bound = firsts.bound.or(pod.node.and(Some(pod)));
            firsts.started = firsts.started.or(pod.started_at.and(Some(pod)));
            let computes = pod.progress.is_some() || pod.stand == Stand::Done;
            firsts.computes = firsts.computes.or(computes.then_some(pod));
            if firsts.computes.is_some() && firsts.started.is_some() && firsts.bound.is_some() {
                break;
            }
        }
        firsts
    }
}

fn submitted(model: &Model) -> Option<Happened> {
    let job = model.run().job()?;
    let place = model.place();
    let facts = vec![
        format!("Job {} in {}/{}", job.name, place.cluster, place.namespace),
        format!("spec.completions: {}", Grouped(job.completions)),
        format!("spec.parallelism: {}", Grouped(job.parallelism)),
    ];
    Some(Happened {
        at: job.created_at,
        facts,
    })
}

fn stored(model: &Model) -> Option<Happened> {
    let job = model.run().job()?;
    let mut facts = vec![format!("metadata.uid: {}", job.uid)];
    if job.revision > 0 {
        facts.push(format!("metadata.resourceVersion: {} now", job.revision));
    }
    facts.extend(job.created_at.map(|at| format!("metadata.creationTimestamp: {at:.0}")));
    Some(Happened {
        at: job.created_at,
        facts,
    })
}

fn made(model: &Model, pod: PodNow<'_>) -> Happened {
    let mut facts = vec![
        format!("pod {} for index {}", pod.pod, pod.index),
        format!(
            "{} made so far",
            report::count(u64::from(model.run().attempts_seen()), "pod", "pods")
        ),
    ];
    facts.extend(event_about(model, "SuccessfulCreate", None));
    Happened {
        at: pod.created_at,
        facts,
    }
}

fn bound(model: &Model, pod: PodNow<'_>) -> Happened {
    let attempts = model.run().attempts(pod.index);
    let attempt = attempts.iter().find(|attempt| attempt.pod == pod.pod);
    let node = pod.node.map_or("", |node| node.0.as_str());
    let mut facts = vec![format!("pod {}: spec.nodeName: {node}", pod.pod)];
    facts.extend(event_about(model, "Scheduled", Some(pod.pod)));
    Happened {
        at: attempt.and_then(|attempt| attempt.scheduled_at).or(pod.created_at),
        facts,
    }
}

fn started(model: &Model, pod: PodNow<'_>) -> Happened {
    let mut facts = vec![format!("pod {}: status.phase: {}", pod.pod, phase(pod.phase))];
    facts.extend(event_about(model, "Pulled", Some(pod.pod)));
    facts.extend(event_about(model, "Started", Some(pod.pod)));
    Happened {
        at: pod.started_at,
        facts,
    }
}

fn computes(model: &Model, pod: PodNow<'_>) -> Happened {
    let run = model.run();
    let mut facts = vec![format!(
        "{} of {} parameters done",
        Grouped(run.done_parameters()),
        Grouped(run.plan().parameters)
    )];
    if let Some(progress) = pod.progress {
        facts.push(format!(
            "pod {}: {} parameters, {}/s, as its log says",
            pod.pod,
            Grouped(progress.done),
            Grouped(progress.per_second)
        ));
    }
    Happened {
        at: pod.started_at,
        facts,
    }
}

fn completed(job: &JobFact) -> Option<Happened> {
    let condition = job.condition("Complete")?;
    let facts = vec![
        "status.conditions: Complete: True".to_owned(),
        format!("status.succeeded: {}", Grouped(job.succeeded)),
        format!("status.completedIndexes: {}", job.completed),
    ];
    Some(Happened {
        at: condition.since,
        facts,
    })
}

fn collected(model: &Model) -> Option<Happened> {
    let run = model.run();
    if model.end() != Some(&End::Proven) {
        return None;
    }
    let total = run.total().map(|total| format!("total: {}", Grouped(total)));
    let mut facts = vec![format!(
        "{} of {} indexes in the ledger",
        Grouped(run.accepted()),
        Grouped(run.plan().shards)
    )];
    facts.extend(total);
    Some(Happened {
        at: run.span_of_work().map(|(_, end)| end),
        facts,
    })
}

/// Returns the first Kubernetes event with a reason, about an object if one is named, in words.
fn event_about(model: &Model, reason: &str, object: Option<&str>) -> Option<String> {
    let fits = model
        .history()
        .kube_events()
        .filter(|event| event.why.reason == reason && object.is_none_or(|name| event.object_name == name));
    let first = fits.last()?;
    Some(format!("event {reason}: {}", first.why.message))
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Unknown => "Unknown",
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
    }
}
