//! What a person does about a run that is not proven, until it is: `ttg-tui rerun`, each time from what is on disk alone, as a new
//! process; `attach` where a Job goes on; `run` where nothing came of the first try.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::{sleep, timeout};
use ttg_tui::commands::rerun::{Prepared, known_of, prepare};
use ttg_tui::model::event::Task;
use ttg_tui::plan::Rerun;
use ttg_tui::run::fact::{CompletionIndex, JobFact};
use ttg_tui::run::partial::Kept;
use ttg_tui::run::summary::Headline;

use super::{Running, STUCK, World, pause};
use crate::check::{is_whole_on_disk, nothing_kept_is_lost, spares_what_is_kept, whole};
use crate::draw::{Fault, Ordered, Round};
use crate::orders::NAMESPACE;

/// How often one thing after the other is tried in one round.
const STEPS_MAX: u32 = 60;

/// How many reruns without faults it takes at most: the first may find a forged value, and the second computes it again.
const QUIET_RERUNS_MAX: u32 = 3;

/// What came of one step.
enum Step {
    /// The run is proven.
    Proven,
    /// The run was rerun, and is not proven.
    Unproven,
    /// There is something else to do first, or again: why.
    Again(String),
}

impl World<'_> {
    /// Plays the rounds of the scenario until the run is proven; says so if it is not proven after the last.
    pub(super) async fn rerun_until_proven(&mut self) -> Result<(), String> {
        let scenario = self.scenario;
        for round in &scenario.reruns {
            if self.play_round(round).await? {
                return Ok(());
            }
        }
        Err("the run is not proven after reruns without faults".to_owned())
    }

    /// Plays one round; tells whether the run is proven.
    async fn play_round(&mut self, round: &Round) -> Result<bool, String> {
        self.calm_down().await?;
        if round.deletes_job {
            let jobs = Api::<Job>::namespaced(self.whole.client.clone(), NAMESPACE);
            // It may be gone already, or never have been made.
            jobs.delete(self.plan().run.as_str(), &DeleteParams::background())
                .await
                .ok();
        }
        self.order(&round.faults).await;
        let reruns_max = if round.is_quiet() { QUIET_RERUNS_MAX } else { 1 };
        let (mut reruns, mut why) = (0, String::new());
        for step in 1..=STEPS_MAX {
            match Box::pin(self.step(round)).await? {
                Step::Proven => return Ok(true),
                Step::Unproven => reruns += 1,
                Step::Again(because) => why = because,
            }
            if reruns == reruns_max {
                return Ok(false);
            }
            // What a Job still does may take its time: a failed index is tried again after up to ten minutes.
            pause(Duration::from_secs(step.into())).await;
        }
        Err(format!("{STEPS_MAX} steps do not lead to a rerun; the last one: {why}"))
    }

    /// Ends all faults, and waits until every node is as it was.
    async fn calm_down(&mut self) -> Result<(), String> {
        self.order(&[]).await;
        let nodes = Api::<Node>::all(self.whole.client.clone());
        let uncordon = Patch::Merge(json!({"spec": {"unschedulable": false}}));
        let params = PatchParams::default();
        for number in 1..=self.scenario.nodes {
            let patched = nodes.patch(&format!("node-{number}"), &params, &uncordon).await;
            patched.map_err(|e| format!("cannot uncordon a node: {e}"))?;
        }
        let all_ready = async {
            loop {
                let listed = nodes.list(&ListParams::default()).await;
                if listed.is_ok_and(|nodes| nodes.items.iter().all(is_ready)) {
                    return;
                }
                sleep(Duration::from_secs(1)).await;
            }
        };
        let waited = timeout(STUCK, all_ready).await;
        waited.map_err(|_elapsed| "the nodes do not become ready".to_owned())
    }

    /// Does the next thing that a person would.
    async fn step(&mut self, round: &Round) -> Result<Step, String> {
        let jobs = self.jobs().await?;
        let newest = jobs.iter().max_by_key(|job| Rerun::number_in(&job.name));
        if let Some(job) = jobs.iter().find(|job| job.goes_on()) {
            return self.watch(job.clone(), round).await;
        }
        let Some(kept) = self.kept() else {
            return match newest {
                Some(job) => self.watch(job.clone(), round).await,
                None => self.submit_again(round).await,
            };
        };
        let known = known_of(&kept);
        if known.headline == Headline::Proven {
            let is_true = known.value == Some(whole(self.plan()));
            return if is_true {
                Ok(Step::Proven)
            } else {
                Err(format!("WRONG TOTAL: what is kept proves {:?}", known.value))
            };
        }
        let (connection, state) = (self.orders.wire.connect(NAMESPACE), self.state());
        let prepared = prepare(&connection, "", self.clock, &state, self.plan(), &known);
        match Box::pin(prepared).await {
            Ok(Some(prepared)) => self.rerun(prepared, round).await,
            Ok(None) => Ok(Step::Again("nothing is left to be computed".to_owned())),
            Err(error) => Ok(Step::Again(error.to_string())),
        }
    }

    /// Watches a Job to its end. It may have suffered in the rounds before.
    async fn watch(&mut self, job: JobFact, round: &Round) -> Result<Step, String> {
        self.rerun = Rerun::number_in(&job.name);
        self.job.clone_from(&job.name);
        let main = self.attach_to(job);
        let end = Box::pin(self.see_through(main, &[])).await?;
        let headline = self.check(end, &round.faults, false)?;
        Ok(if headline == Some(Headline::Proven) {
            Step::Proven
        } else {
            Step::Again(format!("{} was watched, and has not proven the run", self.job))
        })
    }

    /// Submits the run once more, as nothing is there of it.
    async fn submit_again(&mut self, round: &Round) -> Result<Step, String> {
        self.rerun = 0;
        self.job = self.plan().run.to_string();
        let main = self.begin(Task::Submit, None, Kept::default());
        self.conclude(main, &round.faults, round).await
    }

    /// Submits a rerun and watches it.
    async fn rerun(&mut self, prepared: Prepared, round: &Round) -> Result<Step, String> {
        let (plan, indexes) = (self.plan(), prepared.indexes().clone());
        let before = self.kept().ok_or("the run is no longer kept")?;
        spares_what_is_kept(plan, &before, &self.faults, &indexes)?;
        let rerun = prepared.begin(round.workers).map_err(|e| e.to_string())?;
        self.rerun = rerun.number;
        self.job = rerun.job_name(&plan.run);
        let aimed: Vec<Ordered> = round.faults.iter().map(|o| o.aimed_at(&indexes)).collect();
        self.order(&aimed).await;
        let kept = self.kept().ok_or("the run is no longer kept")?.results();
        let main = self.begin(Task::Rerun(rerun), None, kept);
        let step = self.conclude(main, &aimed, round).await?;
        let begun = self.orders.crew.begun();
        let mut beside = begun.iter().filter(|index| !indexes.contains(CompletionIndex(**index)));
        if let Some(index) = beside.next() {
            return Err(format!("index {index} was computed beside a rerun of {indexes}"));
        }
        let after = self.kept().ok_or("the run is no longer kept")?;
        nothing_kept_is_lost(&before, &after)?;
        Ok(step)
    }

    /// Sees a session through that has submitted a Job, and checks what it leaves behind.
    async fn conclude(&mut self, main: Running, active: &[Ordered], round: &Round) -> Result<Step, String> {
        let end = Box::pin(self.see_through(main, &round.deeds)).await?;
        let is_forging = |faults: &[Ordered]| faults.iter().any(|o| o.fault == Fault::ForgedValue);
        // A value that was forged before may be found out only now.
        let is_gentle = round.is_gentle() && !is_forging(&self.faults);
        if self.check(end, active, is_gentle)? != Some(Headline::Proven) {
            return Ok(Step::Unproven);
        }
        // A second session may have kept another value after the first had proven the total.
        if !is_forging(active) {
            let kept = self.kept().ok_or("the run is no longer kept")?;
            is_whole_on_disk(self.plan(), &kept)?;
        }
        Ok(Step::Proven)
    }
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref());
    let mut conditions = conditions.unwrap_or_default().iter();
    conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
