//! The names that stand in the commands of a lesson: those of the run that is shown, or made-up ones.

use crate::model::Model;

/// The names of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The Job.
    pub job: String,
    /// A pod, one that runs if there is one.
    pub pod: String,
    /// A node, that of a pod that runs if there is one.
    pub node: String,
    /// The flags by which kubectl finds them, with a space before each.
    pub flags: String,
}

impl Names {
    /// Returns the names of a page, which is about no run.
    pub fn example() -> Self {
        Self {
            job: "ttg-primes-7f3a2k".to_owned(),
            pod: "ttg-primes-7f3a2k-4-x7k2p".to_owned(),
            node: "node-2".to_owned(),
            flags: String::new(),
        }
    }

    /// Returns the names of a run.
    pub fn of(model: &Model) -> Self {
        let run = model.run();
        let job = run
            .job()
            .map_or_else(|| run.plan().run.to_string(), |job| job.name.clone());
        let busy = model.history().busy().first();
        let pod = busy.map(|busy| busy.pod.clone());
        let node = busy.and_then(|busy| busy.node.as_ref());
        let node = node.or_else(|| run.nodes().next().map(|node| &node.name));
        Self {
            job,
            pod: pod.unwrap_or_else(|| "POD".to_owned()),
            node: node.map_or_else(|| "NODE".to_owned(), ToString::to_string),
            flags: flags(model),
        }
    }

    /// Writes the names into a command.
    pub fn fill(&self, command: &str) -> String {
        command
            .replace("{job}", &self.job)
            .replace("{pod}", &self.pod)
            .replace("{node}", &self.node)
            .replace("{flags}", &self.flags)
    }
}

fn flags(model: &Model) -> String {
    let place = model.place();
    if place.reach_flags.contains(" -n ") {
        place.reach_flags
    } else {
        format!("{} -n {}", place.reach_flags, place.namespace)
    }
}
