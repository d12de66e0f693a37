//! From a seed to a scenario: a plan, faults and what people do. Pure, and the same for ever.

use std::time::Duration;

use ttg_tui::plan::{Plan, RunId};
use ttg_tui::run::intervals::IndexSet;

/// `SplitMix64`: small, well spread, and the same on every machine.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Draws a number from `from` up to, but not including, `to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    fn small(&mut self, from: u32, to: u32) -> u32 {
        u32::try_from(self.between(from.into(), to.into())).unwrap()
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.between(0, count) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let last = u64::try_from(of.len()).unwrap();
        &of[usize::try_from(self.between(0, last)).unwrap()]
    }
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Kill,
    Crash,
    LoseResult,
    CutResult,
    OtherJob,
    ForgedValue,
    Hang,
    SlowStart,
    ImagePull,
    Evict,
    LogGap,
    LogRotate,
    NodeLost,
    TooManyRequests,
    ServerError,
    Unavailable,
    Gone,
    HttpGone,
    WatchCut,
    WatchReset,
    Latency,
    HalfClose,
    Garbage,
    ApiTooManyRequests,
    ApiServerError,
    ApiUnavailable,
    ApiGone,
    ApiHttpGone,
    ApiWatchCut,
    ApiWatchReset,
    ApiLatency,
    ApiHalfClose,
    ApiGarbage,
}

/// Who makes a fault happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// The worker itself.
    Worker,
    /// The cluster, ordered by the annotation on the namespace of the pods.
    Namespace,
    /// The cluster, ordered by the annotation on a node.
    Node,
    /// The wire between the program and the API server, for requests of these classes.
    Wire(&'static [Class]),
    /// The API server itself, ordered by the annotation on the namespace that the requests of these classes are about.
    Api(&'static [Class]),
}

/// What a request is, as far as a fault of the wire cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    List,
    Watch,
    Log,
    Write,
    Read,
}

/// One row of the table of faults.
pub(crate) struct Kind {
    pub(crate) fault: Fault,
    /// Its name, which is also that of its order where the cluster makes it.
    pub(crate) name: &'static str,
    pub(crate) maker: Maker,
    /// Whether a run may end without a proven total because of it.
    pub(crate) may_lose: bool,
}

const ANY: &[Class] = &[
    Class::List,
    Class::Watch,
    Class::List,
    Class::Watch,
    Class::Log,
    Class::Write,
];
const WATCHES: &[Class] = &[Class::Watch];
const WHOLE: &[Class] = &[Class::List, Class::List, Class::Write];

const fn kind(fault: Fault, name: &'static str, maker: Maker, may_lose: bool) -> Kind {
    Kind {
        fault,
        name,
        maker,
        may_lose,
    }
}

/// Every fault.
pub(crate) const FAULTS: &[Kind] = &[
    kind(Fault::Kill, "kill", Maker::Worker, true),
    kind(Fault::Crash, "crash", Maker::Worker, true),
    kind(Fault::LoseResult, "lose-result", Maker::Worker, true),
    kind(Fault::CutResult, "cut-result", Maker::Worker, true),
    kind(Fault::OtherJob, "result of another Job", Maker::Worker, true),
    kind(Fault::ForgedValue, "forged value", Maker::Worker, true),
    kind(Fault::Hang, "hang", Maker::Worker, true),
    kind(Fault::SlowStart, "slow-start", Maker::Worker, false),
    kind(Fault::ImagePull, "image-pull-failure", Maker::Namespace, false),
    kind(Fault::Evict, "evict", Maker::Namespace, true),
    kind(Fault::LogGap, "log-gap", Maker::Namespace, false),
    kind(Fault::LogRotate, "log-rotate", Maker::Namespace, false),
    kind(Fault::NodeLost, "lost", Maker::Node, true),
    kind(Fault::TooManyRequests, "429 on the wire", Maker::Wire(ANY), false),
    kind(Fault::ServerError, "500 on the wire", Maker::Wire(ANY), false),
    kind(Fault::Unavailable, "503 on the wire", Maker::Wire(ANY), false),
    kind(Fault::Gone, "gone on the wire", Maker::Wire(WATCHES), false),
    kind(Fault::HttpGone, "http-gone on the wire", Maker::Wire(WATCHES), false),
    kind(Fault::WatchCut, "watch-cut on the wire", Maker::Wire(WATCHES), false),
    kind(
        Fault::WatchReset,
        "watch-reset on the wire",
        Maker::Wire(WATCHES),
        false,
    ),
    kind(Fault::Latency, "latency on the wire", Maker::Wire(ANY), false),
    kind(Fault::HalfClose, "half-close on the wire", Maker::Wire(WHOLE), false),
    kind(Fault::Garbage, "garbage on the wire", Maker::Wire(WHOLE), false),
    kind(Fault::ApiTooManyRequests, "too-many-requests", Maker::Api(ANY), false),
    kind(Fault::ApiServerError, "server-error", Maker::Api(ANY), false),
    kind(Fault::ApiUnavailable, "unavailable", Maker::Api(ANY), false),
    kind(Fault::ApiGone, "gone", Maker::Api(WATCHES), false),
    kind(Fault::ApiHttpGone, "http-gone", Maker::Api(WATCHES), false),
    kind(Fault::ApiWatchCut, "watch-cut", Maker::Api(WATCHES), false),
    kind(Fault::ApiWatchReset, "watch-reset", Maker::Api(WATCHES), false),
    kind(Fault::ApiLatency, "latency", Maker::Api(ANY), false),
    kind(Fault::ApiHalfClose, "half-close", Maker::Api(WHOLE), false),
    kind(Fault::ApiGarbage, "garbage", Maker::Api(WHOLE), false),
];

/// A fault that is to happen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ordered {
    pub(crate) fault: Fault,
    /// Which completion index it hits, where it hits a worker. Of a rerun's Job the worker has that of the run, and its pod that
    /// of the Job.
    pub(crate) index: u32,
    /// How often: attempts at the index, or requests in a row.
    pub(crate) times: u32,
    /// How many requests of the class go well before.
    pub(crate) after: u32,
    /// Which requests it hits, where it hits requests.
    pub(crate) class: Option<Class>,
    /// How long it lasts, where it lasts.
    pub(crate) lasts: Duration,
}

impl Ordered {
    /// Aims it at one of the indexes that a rerun computes.
    pub(crate) fn aimed_at(&self, indexes: &IndexSet) -> Self {
        let position = self.index % u32::try_from(indexes.len()).unwrap().max(1);
        let index = match kind_of(self.fault).maker {
            Maker::Worker => indexes.nth(position).map_or(position, |index| index.0),
            Maker::Namespace | Maker::Node | Maker::Wire(_) | Maker::Api(_) => position,
        };
        Self { index, ..self.clone() }
    }
}

/// What people do while a run is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Scale(u32),
    Suspend,
    Resume,
    /// Delete the pod of this number, counted round.
    DeletePod(u64),
    Cordon(u32),
    Uncordon(u32),
    DeleteJob,
    /// Another terminal attaches, too.
    SecondSession,
    /// The program is killed; another one attaches to the run.
    KillSession,
}

impl Deed {
    /// Whether a run may end without a proven total because of it: a pod that people end counts as a failed attempt.
    fn may_lose(self) -> bool {
        match self {
            Self::Scale(_) | Self::Suspend | Self::Resume | Self::DeletePod(_) | Self::DeleteJob => true,
            Self::Cordon(_) | Self::Uncordon(_) | Self::SecondSession | Self::KillSession => false,
        }
    }
}

/// What happens when the run is rerun once, because it was not proven.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Round {
    pub(crate) faults: Vec<Ordered>,
    pub(crate) deeds: Vec<(Duration, Deed)>,
    /// Whether somebody deletes the run's first Job before.
    pub(crate) deletes_job: bool,
    pub(crate) workers: u32,
}

impl Round {
    /// Whether nothing goes wrong in it.
    pub(crate) fn is_quiet(&self) -> bool {
        self.faults.is_empty() && self.deeds.is_empty()
    }

    /// Whether nothing in it may cost a result.
    pub(crate) fn is_gentle(&self) -> bool {
        is_gentle(&self.faults, &self.deeds)
    }
}

/// Everything that a seed says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) nodes: u32,
    pub(crate) plan: Plan,
    pub(crate) faults: Vec<Ordered>,
    /// What people do, in the order of time since the start.
    pub(crate) deeds: Vec<(Duration, Deed)>,
    /// How the run is rerun as long as it is not proven. The last round is a quiet one.
    pub(crate) reruns: Vec<Round>,
}

impl Scenario {
    /// Draws the scenario of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut plan = draw_plan(seed, &mut rng);
        let mut faults = Vec::new();
        // One kind is dealt in turn, so that each of them comes; every thirtieth seed has no fault at all.
        if seed % 30 != 29 {
            let dealt = usize::try_from(seed).unwrap() % FAULTS.len();
            faults.push(draw_fault(&FAULTS[dealt], &plan, &mut rng));
            for _ in 0..rng.between(0, 4) {
                faults.push(draw_fault(rng.pick(FAULTS), &plan, &mut rng));
            }
        }
        let reruns = draw_reruns(&plan, &mut rng);
        let every_fault = || faults.iter().chain(reruns.iter().flat_map(|round| &round.faults));
        if every_fault().any(|o| o.fault == Fault::ForgedValue) {
            // A forged value with a valid checksum is found by computing its shard again, and by nothing else.
            plan.verify = plan.shards;
        }
        if every_fault().any(|o| kind_of(o.fault).maker != Maker::Worker) {
            // What comes from outside needs a worker that is there for a while.
            plan.simulate_work_ms = plan.simulate_work_ms.max(100);
            plan.batch_size = plan.batch_size.min(50);
        }
        // A lost node is found out after most runs have ended, unless the run has no other node to go on with.
        let loses_node = faults.iter().any(|o| o.fault == Fault::NodeLost);
        Self {
            seed,
            nodes: if loses_node { 1 } else { rng.small(1, 5) },
            deeds: draw_deeds(&plan, &mut rng),
            plan,
            faults,
            reruns,
        }
    }

    /// Whether it has this fault.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.iter().any(|ordered| ordered.fault == fault)
    }

    /// Whether nothing in it may cost a result: then the run must be proven.
    pub(crate) fn is_gentle(&self) -> bool {
        is_gentle(&self.faults, &self.deeds)
    }
}

fn is_gentle(faults: &[Ordered], deeds: &[(Duration, Deed)]) -> bool {
    !faults.iter().any(|o| kind_of(o.fault).may_lose) && !deeds.iter().any(|(_, deed)| deed.may_lose())
}

/// Returns the row of a fault.
pub(crate) fn kind_of(fault: Fault) -> &'static Kind {
    FAULTS.iter().find(|kind| kind.fault == fault).unwrap()
}

fn draw_plan(seed: u64, rng: &mut Rng) -> Plan {
    let mut plan = Plan::new(RunId::parse(&format!("ttg-seed-{seed}")).unwrap());
    (*rng.pick(&["primes", "collatz", "pi"])).clone_into(&mut plan.kernel);
    plan.first = 1;
    plan.parameters = rng.between(1_000, 20_001);
    plan.shards = rng.small(2, 41);
    plan.workers = rng.small(1, 13);
    plan.batch_size = rng.between(50, 1_000);
    plan.simulate_work_ms = *rng.pick(&[0, 20, 100, 200]);
    plan.retries = rng.small(0, 5);
    plan.max_failed = rng.small(0, 6);
    plan.verify = rng.small(0, 4);
    plan
}

fn draw_fault(kind: &Kind, plan: &Plan, rng: &mut Rng) -> Ordered {
    let class = match kind.maker {
        Maker::Wire(classes) | Maker::Api(classes) => Some(*rng.pick(classes)),
        Maker::Worker | Maker::Namespace | Maker::Node => None,
    };
    Ordered {
        fault: kind.fault,
        index: rng.small(0, plan.shards),
        times: rng.small(1, 4),
        after: rng.small(0, 3),
        class,
        lasts: Duration::from_secs(rng.between(1, 90)),
    }
}

fn moment(rng: &mut Rng) -> Duration {
    Duration::from_millis(rng.between(50, 20_000))
}

/// Draws up to three deeds. What would hold a run up for ever is taken back later.
fn draw_deeds(plan: &Plan, rng: &mut Rng) -> Vec<(Duration, Deed)> {
    let mut deeds = Vec::new();
    for _ in 0..rng.between(0, 4) {
        let when = moment(rng);
        let later = when + moment(rng);
        match rng.between(0, 7) {
            0 => deeds.push((when, Deed::Scale(rng.small(1, plan.shards + 1)))),
            1 => deeds.extend([(when, Deed::Suspend), (later, Deed::Resume)]),
            2 => deeds.push((when, Deed::DeletePod(rng.between(0, 40)))),
            3 => {
                let node = rng.small(1, 5);
                deeds.extend([(when, Deed::Cordon(node)), (later, Deed::Uncordon(node))]);
            }
            4 => deeds.push((when, Deed::SecondSession)),
            5 => deeds.push((when, Deed::KillSession)),
            _ if rng.one_in(3) => deeds.push((when, Deed::DeleteJob)),
            _ => {}
        }
    }
    deeds.sort_by_key(|(at, _)| *at);
    deeds
}

/// Draws up to three reruns in which things go wrong, less often than in the run itself, and one in which nothing does.
fn draw_reruns(plan: &Plan, rng: &mut Rng) -> Vec<Round> {
    let mut rounds: Vec<Round> = (0..rng.between(0, 4)).map(|_| draw_round(plan, rng)).collect();
    rounds.push(Round {
        faults: Vec::new(),
        deeds: Vec::new(),
        ..draw_round(plan, rng)
    });
    rounds
}

fn draw_round(plan: &Plan, rng: &mut Rng) -> Round {
    let mut faults = Vec::new();
    for _ in 0..rng.between(0, 3) {
        let ordered = draw_fault(rng.pick(FAULTS), plan, rng);
        // A lost node is found out after most reruns have ended.
        if ordered.fault != Fault::NodeLost {
            faults.push(ordered);
        }
    }
    Round {
        faults,
        deeds: if rng.one_in(3) {
            draw_deeds(plan, rng)
        } else {
            Vec::new()
        },
        deletes_job: rng.one_in(4),
        workers: rng.small(1, 13),
    }
}
