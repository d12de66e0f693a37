//! The words of the trade, each in a sentence or two for somebody who knows a terminal and no Kubernetes.

/// A term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The term.
    pub term: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! terms {
    ($($term:literal: $meaning:literal;)*) => {
        &[$(Term { term: $term, meaning: $meaning }),*]
    };
}

/// The glossary, by the alphabet.
pub static TERMS: &[Term] = terms![
    "accepted": "An index whose result is valid and in the ledger on disk. Only accepted results count.";
    "annotation": "A name with a value on an object, for programs to read. Unlike a label nothing can be selected by it.";
    "anti-affinity": "A pod's demand not to share a node with certain others. A hard one leaves pods waiting when nodes are few.";
    "API server": "The one door of a cluster: every part, kubectl and this program read and write objects there, and nowhere else.";
    "attempt": "One pod for one index. When it is lost or fails, the next attempt is another pod with another name.";
    "back-off": "The pause before something that failed is tried again: 10 s, then 20 s, then 40 s, so that it does not fail without pause.";
    "cluster": "Machines (nodes) that run what one API server is told.";
    "completion index": "The number of one part of an Indexed Job, from 0. The pod for it finds it in its environment.";
    "completions": "How many indexes a Job has in all: spec.completions.";
    "condition": "Something that is or is not so of an object, with a reason and a time: a Job's Complete, a pod's Ready.";
    "ConfigMap": "Settings as an object: names with values, which pods get as environment variables or files.";
    "container": "A process, or several, with a file system and limits of their own, made from an image. A pod holds one or more.";
    "controller": "A loop that sees what is wanted and what is, and does something about the difference. There is one for Jobs.";
    "cordon": "Mark a node so that no new pods are placed on it. Those that are there go on.";
    "CronJob": "Makes a Job again and again by a timetable.";
    "DaemonSet": "Wants one copy of a pod on each node, such as a collector of logs.";
    "Deployment": "Wants so many copies of something that runs for ever, and replaces those that end. Not for work that has an end.";
    "disputed": "An index of which two valid results differ. Neither counts until a rerun decides.";
    "drain": "Cordon a node, and evict the pods that are on it: before the machine is switched off.";
    "etcd": "The database behind the API server: what is in it is what the cluster knows.";
    "event": "A note about an object by a part of the cluster, such as Scheduled or Failed. Events are merged and expire after a while.";
    "eviction": "A polite delete of a pod, which may be refused while it would hurt. It counts as no failure.";
    "exit code": "The number a process ends with: 0 is well, 128 + n means that signal n ended it (137: SIGKILL).";
    "finalizer": "A mark that keeps a deleted object until somebody has done what is left to do. Job pods have one until they are counted.";
    "image": "A program with all its files, packed, by which containers are made. A node pulls it from a registry.";
    "index": "Short for completion index.";
    "Indexed Job": "A Job whose pods are numbered, each index to be done once.";
    "Job": "The wish that something gets done to its end: makes pods until enough have succeeded.";
    "Job controller": "The controller for Jobs: makes their pods, counts those that are done, replaces those that are lost.";
    "kubeconfig": "A file with clusters, who you are there, and pairs of both with a name (contexts). KUBECONFIG names it.";
    "kubectl": "The command line of Kubernetes. Whatever it does, it asks the API server for.";
    "kubelet": "The program on each node that starts the containers of its pods, and reports how they are.";
    "label": "A name with a value on an object, by which others select it: -l job-name=…";
    "ledger": "The file on this machine in which each accepted result is kept, safe from crashes, before it counts.";
    "limits": "The most that a container gets. Over its CPU it is slowed down, over its memory it is killed.";
    "namespace": "A folder for the names of objects; rights and quotas are given for it.";
    "node": "A machine of a cluster that runs pods.";
    "owner reference": "Says of an object whose it is: when the owner is deleted, so is the object. A Job owns its pods.";
    "parallelism": "How many pods of a Job may run at once: spec.parallelism.";
    "partial": "The result of one shard. The total is made of all of them.";
    "PersistentVolume": "Disk space that outlives pods. This program needs none.";
    "phase": "Where a pod is in its life: Pending, Running, Succeeded, Failed, or Unknown when its node is silent.";
    "pod": "One or several containers that run together on one node. It is made once and never comes back; another one may.";
    "pod failure policy": "Rules of a Job that tell failures apart: which count, which are tried again, which end the index.";
    "proven": "Every index accepted once, ranges without gap or overlap, and the checks agree. Only then a total is called final.";
    "quota": "How much a namespace may use in all.";
    "RBAC": "Who may do what with which kind of object: roles, and who has them.";
    "requests": "What a container asks for. The scheduler places its pod only where so much is free.";
    "rerun": "One more Job for only the indexes of a run that are missing or disputed.";
    "resourceVersion": "A number that changes each time an object does. A watch says from which one on it wants to hear.";
    "run": "One computation from its plan to its total: a Job, perhaps with reruns, and a ledger.";
    "scheduler": "Chooses a node for each pod that has none, and writes it into the pod.";
    "Secret": "A ConfigMap for passwords and keys. Its base64 can be read by anybody; rights are what protects it.";
    "Service": "One name and address for several pods that come and go.";
    "shard": "The range of parameters of one completion index.";
    "spec": "The part of an object that says what is wanted. status says what is.";
    "status": "The part of an object that says what is; controllers write it.";
    "suspend": "Let a Job have no pods for now: spec.suspend. What is done stays done.";
    "taint": "A mark on a node that keeps pods away which do not tolerate it.";
    "termination message": "At most 4096 bytes that a container leaves when it ends; in the pod's status. Results are handed over so.";
    "toleration": "Says of a pod that it may go to nodes with a certain taint.";
    "topology spread": "How evenly pods are to lie on nodes. Soft (ScheduleAnyway): if it can be done.";
    "uncordon": "Let a node take new pods again.";
    "watch": "An open request that hears of each change as it happens, instead of asking again and again.";
    "worker": "The process in a pod that computes one shard.";
];

/// Finds a term, in whatever case and in the plural.
pub fn find(word: &str) -> Option<&'static Term> {
    let is_it = |term: &&Term| {
        let rest = word
            .get(..term.term.len())
            .filter(|start| start.eq_ignore_ascii_case(term.term));
        rest.is_some() && matches!(word.get(term.term.len()..), Some("" | "s"))
    };
    TERMS.iter().find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_are_in_order_and_each_is_there_once() {
        let terms: Vec<String> = TERMS.iter().map(|term| term.term.to_lowercase()).collect();
        let mut sorted = terms.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(terms, sorted);
    }

    #[test]
    fn a_term_is_found_in_the_plural_too() {
        assert_eq!(find("Pods").map(|term| term.term), Some("pod"));
        assert_eq!(find("requests").map(|term| term.term), Some("requests"));
        assert_eq!(find("podium"), None);
        assert_eq!(find("…"), None);
    }
}
