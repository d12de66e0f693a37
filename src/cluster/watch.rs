//! Lists and watches: the run's Job, its pods, the nodes and the events about them, as facts on one queue.
//!
//! Must not know what a fact means for the run.
//!
//! Guarantees: no fact is dropped, a full queue holds the watch back instead; a watch that breaks is tried again for ever
//! and says so once; a list or a watch that never answers ends in [`ANSWER_TIMEOUT`]; a watch that was never allowed is
//! not tried again. Each watch tells of itself: [`ContactState::Live`] comes when the server has opened it.
//! Not guaranteed: every state of an object (a watch may skip some), and that a dead connection is noticed before the
//! watch's own time is over (290 s, then 5 s more), when no FIN or RST tells of it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use http::Request;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event as ApiEvent, Node};
use kube::api::{Api, ListParams};
use kube::client::Body;
use kube::core::{NamespaceResourceScope, Status};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, DefaultBackoff, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::clean::clean;
use super::connect::Connection;
use super::convert;
use super::convert::lean::Pod;
use super::failure::{CallError, chain, failure, status, status_words, words};
use super::meter::{Verb, verb_of};
use crate::model::event::{Contact, ContactState, Event, Failure, FailureClass, WatchOf};
use crate::plan::names::{CONTROLLER_UID_LABEL, MANAGED_BY, MANAGED_BY_LABEL};
use crate::run::fact::{Computes, Delta, JobFact, JobUid, KubeEventFact, PodFact};

/// How long a server may take for a page of a list, or to open a watch.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The least time between two openings of a watch. When a watch ends, kube opens it again at once; a proxy that ends each at once
/// would be asked thousands of times a second.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How many objects a page of a list has. A page is in memory more than once while it is read, and 250 pods are about 1.5 MB of JSON.
const PAGE_SIZE: u32 = 250;

/// How long a whole list may take that somebody waits for.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a list is asked for whose loss would be a loss to the run.
const LIST_TRIES_MAX: usize = 5;

/// Watches a Job of a run that computes these indexes, its pods, the nodes and the events. Each future is one watch and ends when
/// the token is cancelled, when nobody receives any more, or when the watch is not allowed; the caller spawns them.
pub fn watch_run(
    connection: &Connection,
    job: &str,
    uid: &JobUid,
    computes: &Computes,
    facts: &mpsc::Sender<Event>,
    token: &CancellationToken,
) -> Vec<BoxFuture<'static, ()>> {
    let lane = |of| Lane {
        of,
        facts: facts.clone(),
        live: None,
    };
    let namespace = connection.namespace.as_str();
    let (own_uid, name) = (uid.clone(), job.to_owned());
    let (of_job, of_pods) = (computes.clone(), computes.clone());
    let jobs = Source {
        client: connection.client.clone(),
        api: namespaced::<Job>(namespace),
        config: watcher::Config::default().fields(&format!("metadata.name={job}")),
        // A Job made again under the same name is another run.
        to_event: move |event: watcher::Event<Job>| {
            let own = |job: &Job| convert::job_that_computes(job, of_job.clone()).filter(|fact| fact.uid == own_uid);
            delta(event, own).map(Event::Job)
        },
    };
    let pods = Source {
        client: connection.client.clone(),
        api: namespaced::<Pod>(namespace),
        config: watcher::Config::default().labels(&format!("{CONTROLLER_UID_LABEL}={uid}")),
        to_event: move |event: watcher::Event<Pod>| {
            delta(event, |pod: &Pod| convert::pod(pod, &of_pods)).map(Event::Pod)
        },
    };
    let nodes = Source {
        client: connection.client.clone(),
        api: Box::new(Api::<Node>::all),
        config: watcher::Config::default(),
        to_event: |event: watcher::Event<Node>| delta(event, convert::node).map(Event::Node),
    };
    let events = Source {
        client: connection.client.clone(),
        api: namespaced::<ApiEvent>(namespace),
        config: watcher::Config::default().fields("type=Warning"),
        to_event: move |event: watcher::Event<ApiEvent>| {
            kube_event(&event, &name).map(|fact| Event::KubeEvent(Box::new(fact)))
        },
    };
    vec![
        run(jobs, lane(WatchOf::Job), token.clone()),
        run(pods, lane(WatchOf::Pods), token.clone()),
        run(nodes, lane(WatchOf::Nodes), token.clone()),
        run(events, lane(WatchOf::Events), token.clone()),
    ]
}

/// Lists the pods of a Job that computes these indexes once. A server that does not answer is asked again: what this list does
/// not bring is missing from the run's result.
pub async fn list_pods(connection: &Connection, uid: &JobUid, computes: &Computes) -> Result<Vec<PodFact>, Failure> {
    let pods = Api::<Pod>::namespaced(connection.client.clone(), &connection.namespace);
    let selector = format!("{CONTROLLER_UID_LABEL}={uid}");
    let mut pauses = DefaultBackoff::default().take(LIST_TRIES_MAX - 1);
    loop {
        let listed = connection
            .call_within(
                LIST_TIMEOUT,
                list_all(pods.clone(), &selector, |pod: &Pod| convert::pod(pod, computes)),
            )
            .await;
        let failure = match listed {
            Ok(pods) => return Ok(pods),
            Err(error) => failure(&format!("list the pods of the run in {}", connection.namespace), &error),
        };
        let pause = pauses.next().filter(|_| failure.class == FailureClass::Unreachable);
        let Some(pause) = pause else { return Err(failure) };
        tokio::time::sleep(pause).await;
    }
}

/// Lists all Jobs of all runs in the namespace.
pub async fn find_runs(connection: &Connection) -> Result<Vec<JobFact>, Failure> {
    let jobs = Api::<Job>::namespaced(connection.client.clone(), &connection.namespace);
    let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
    let listed = connection
        .call_within(LIST_TIMEOUT, list_all(jobs, &selector, convert::job))
        .await;
    listed.map_err(|error| failure(&format!("list the runs in {}", connection.namespace), &error))
}

/// Gets a Job by its name.
pub async fn get_job(connection: &Connection, name: &str) -> Result<JobFact, Failure> {
    let jobs = Api::<Job>::namespaced(connection.client.clone(), &connection.namespace);
    let what = format!("get the Job {name} in {}", connection.namespace);
    let job = connection
        .call(jobs.get(name))
        .await
        .map_err(|error| failure(&what, &error))?;
    convert::job(&job).ok_or_else(|| failure(&what, &CallError::Nonsense("a Job without a uid")))
}

/// Lists all pages of a kind and converts each page before the next is asked for.
async fn list_all<K, F>(api: Api<K>, selector: &str, convert: impl Fn(&K) -> Option<F>) -> kube::Result<Vec<F>>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut facts = Vec::new();
    let mut params = ListParams::default().labels(selector).limit(PAGE_SIZE);
    loop {
        let page = api.list(&params).await?;
        facts.extend(page.items.iter().filter_map(&convert));
        let Some(next) = page.metadata.continue_.filter(|token| !token.is_empty()) else {
            return Ok(facts);
        };
        params = params.continue_token(&next);
    }
}

/// What one watch reads, and what becomes of it.
struct Source<K, F> {
    client: Client,
    /// Makes the API from a client: each watcher gets a client that tells when a watch was opened.
    api: Box<dyn Fn(Client) -> Api<K> + Send>,
    config: watcher::Config,
    to_event: F,
}

/// Makes the API of a kind in a namespace, once there is a client.
fn namespaced<K>(namespace: &str) -> Box<dyn Fn(Client) -> Api<K> + Send>
where
    K: Resource<Scope = NamespaceResourceScope> + 'static,
    K::DynamicType: Default,
{
    let namespace = namespace.to_owned();
    Box::new(move |client| Api::namespaced(client, &namespace))
}

/// Turns a watch event of kube into a change of facts; none for an object that makes no fact.
fn delta<K, F>(event: watcher::Event<K>, convert: impl Fn(&K) -> Option<F>) -> Option<Delta<Box<F>>> {
    let fact = |object: &K| convert(object).map(Box::new);
    match event {
        watcher::Event::Init => Some(Delta::Restarted),
        watcher::Event::InitApply(object) => fact(&object).map(Delta::Listed),
        watcher::Event::InitDone => Some(Delta::ListDone),
        watcher::Event::Apply(object) => fact(&object).map(Delta::Applied),
        watcher::Event::Delete(object) => fact(&object).map(Delta::Removed),
    }
}

/// Picks what concerns the run from the warnings of the whole namespace: the Job itself and `<job>-<index>-<5 characters>`.
fn kube_event(event: &watcher::Event<ApiEvent>, job: &str) -> Option<KubeEventFact> {
    match event {
        watcher::Event::InitApply(event) | watcher::Event::Apply(event) => {
            convert::kube_event(event).filter(|fact| is_about(&fact.object_name, job))
        }
        // An Event that expired takes nothing back.
        watcher::Event::Init | watcher::Event::InitDone | watcher::Event::Delete(_) => None,
    }
}

/// Tells whether an object's name is the Job's, or that of one of its pods. The Job of a rerun begins with the first one's name
/// and is not meant, and neither are its pods.
fn is_about(object: &str, job: &str) -> bool {
    let Some(rest) = object.strip_prefix(job) else {
        return false;
    };
    let is_index = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let is_of_pod = |rest: &str| {
        rest.split_once('-')
            .is_some_and(|(index, end)| is_index(index) && !end.is_empty())
    };
    rest.is_empty() || rest.strip_prefix('-').is_some_and(is_of_pod)
}

/// Where one watch sends its facts, and what it last said of itself.
struct Lane {
    of: WatchOf,
    facts: mpsc::Sender<Event>,
    live: Option<bool>,
}

/// Nobody receives any more.
struct Gone;

impl Lane {
    async fn send(&self, event: Event) -> Result<(), Gone> {
        self.facts.send(event).await.map_err(|_unsent| Gone)
    }

    /// Says that the watch is open, unless it said so last.
    async fn opened(&mut self) -> Result<(), Gone> {
        if self.live == Some(true) {
            return Ok(());
        }
        self.live = Some(true);
        self.send(self.contact(ContactState::Live)).await
    }

    /// Says that the watch broke, unless it said so last.
    async fn lost(&mut self, why: String) -> Result<(), Gone> {
        if self.live == Some(false) {
            return Ok(());
        }
        self.live = Some(false);
        self.send(self.contact(ContactState::Lost(why))).await
    }

    fn contact(&self, state: ContactState) -> Event {
        Event::Contact(Contact { watch: self.of, state })
    }
}

/// Runs one watch until it ends.
fn run<K, F>(source: Source<K, F>, lane: Lane, token: CancellationToken) -> BoxFuture<'static, ()>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    F: Fn(watcher::Event<K>) -> Option<Event> + Send + Sync + 'static,
{
    async move {
        tokio::select! {
            () = token.cancelled() => {}
            // Nobody receives any more, so there is nobody to tell.
            _ = deliver(source, lane) => {}
        }
    }
    .boxed()
}

/// What becomes of a watch after an error.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The watcher goes on by itself.
    Continue,
    /// The watcher would never list again: a new one is needed.
    Rebuild,
    /// It is not allowed.
    Stop,
}

/// Delivers one watch: with a new watcher, from a new list, whenever the old one cannot go on.
async fn deliver<K, F>(source: Source<K, F>, mut lane: Lane) -> Result<(), Gone>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    F: Fn(watcher::Event<K>) -> Option<Event> + Send + Sync,
{
    // The watcher's own back-off is gone with the watcher, so rebuilding needs one of its own.
    for pause in DefaultBackoff::default() {
        let (client, opened) = telling(&source.client);
        let config = source.config.clone().page_size(PAGE_SIZE);
        let objects = watcher((source.api)(client), config).default_backoff().boxed();
        if deliver_from(objects, opened, &source.to_event, &mut lane).await? == Next::Stop {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

/// Delivers from one watcher until it has to be replaced or the watch has to stop.
async fn deliver_from<K, F>(
    mut objects: BoxStream<'_, watcher::Result<watcher::Event<K>>>,
    mut opened: watch::Receiver<u64>,
    to_event: &F,
    lane: &mut Lane,
) -> Result<Next, Gone>
where
    F: Fn(watcher::Event<K>) -> Option<Event>,
{
    let mut listing = false;
    loop {
        let item = tokio::select! {
            biased;
            // The watcher swallows bookmarks and says nothing when a broken watch is open again, so the client tells.
            Ok(()) = opened.changed() => {
                lane.opened().await?;
                continue;
            }
            item = next(&mut objects, listing) => item,
        };
        match item {
            Answer::Event(event) => {
                listing = match &event {
                    watcher::Event::Init => true,
                    watcher::Event::InitDone => false,
                    watcher::Event::InitApply(_) | watcher::Event::Apply(_) | watcher::Event::Delete(_) => listing,
                };
                if let Some(event) = to_event(event) {
                    lane.send(event).await?;
                }
            }
            Answer::Error(error) => {
                listing = false;
                let after = after_error(&error, lane.live.is_some());
                tell(&error, &after, lane).await?;
                if after != Next::Continue {
                    return Ok(after);
                }
            }
            Answer::Silence => {
                lane.lost(words(&CallError::TimedOut(ANSWER_TIMEOUT))).await?;
                return Ok(Next::Rebuild);
            }
        }
    }
}

/// What came of waiting for a watcher.
enum Answer<K> {
    Event(watcher::Event<K>),
    Error(watcher::Error),
    /// A page of a list did not come in time.
    Silence,
}

/// Waits for a watcher: for a page of a list only so long, for a change as long as it takes.
async fn next<K>(objects: &mut BoxStream<'_, watcher::Result<watcher::Event<K>>>, listing: bool) -> Answer<K> {
    let item = if listing {
        tokio::time::timeout(ANSWER_TIMEOUT, objects.next())
            .await
            .ok()
            .flatten()
    } else {
        objects.next().await
    };
    match item {
        Some(Ok(event)) => Answer::Event(event),
        Some(Err(error)) => Answer::Error(error),
        // A watcher never ends, so this is the limit.
        None => Answer::Silence,
    }
}

/// Tells of an error, unless it is only that the list has grown too old: then the list comes again by itself.
async fn tell(error: &watcher::Error, after: &Next, lane: &mut Lane) -> Result<(), Gone> {
    if *after == Next::Stop {
        return lane.send(lane.contact(ContactState::Forbidden(said(error)))).await;
    }
    if code_of(error) == Some(410) {
        Ok(())
    } else {
        lane.lost(said(error)).await
    }
}

/// Decides what becomes of a watch after an error. A refusal after the watch has once been told of is taken for a trouble of
/// the server or its authorizer: giving the run up for it would be worse than asking again.
fn after_error(error: &watcher::Error, was_told: bool) -> Next {
    match error {
        watcher::Error::InitialListFailed(_) | watcher::Error::WatchStartFailed(_)
            if code_of(error) == Some(403) && !was_told =>
        {
            Next::Stop
        }
        // A proxy may answer 410 with HTTP; kube 5.0.0 then asks for the same old version for ever.
        watcher::Error::WatchStartFailed(_) if code_of(error) == Some(410) => Next::Rebuild,
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchError(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => Next::Continue,
    }
}

/// Returns the code of a server's answer.
fn code_of(error: &watcher::Error) -> Option<u16> {
    answer_in(error).map(|status| status.code)
}

/// Returns the server's own answer in an error, when there is one.
fn answer_in(error: &watcher::Error) -> Option<&Status> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => status(error),
        watcher::Error::WatchError(status) => Some(status),
        watcher::Error::NoResourceVersion => None,
    }
}

/// Puts an error into safe words.
fn said(error: &watcher::Error) -> String {
    match answer_in(error) {
        Some(status) => status_words(status),
        None => clean(&chain(error), 1_000),
    }
}

/// Makes a client that counts the watches that were opened, opens them only so often, and waits for an answer's head only so
/// long. kube itself does none of it.
fn telling(client: &Client) -> (Client, watch::Receiver<u64>) {
    let (opened, receiver) = watch::channel(0_u64);
    let inner = client.clone();
    let namespace = client.default_namespace().to_owned();
    let turn = Arc::new(Mutex::new(Instant::now()));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, opened, turn) = (inner.clone(), opened.clone(), Arc::clone(&turn));
        async move {
            let is_watch = verb_of(&request) == Verb::Watch;
            if is_watch {
                sleep_until(next_turn(&turn)).await;
            }
            let Ok(answer) = tokio::time::timeout(ANSWER_TIMEOUT, inner.send(request)).await else {
                return Err(kube::Error::Service(CallError::TimedOut(ANSWER_TIMEOUT).into()));
            };
            let response = answer?;
            if is_watch && response.status().is_success() {
                opened.send_modify(|count| *count += 1);
            }
            Ok(response)
        }
    });
    (Client::new(service, namespace), receiver)
}

/// Returns when the next watch may be opened, and moves the turn of the one after it.
fn next_turn(turn: &Mutex<Instant>) -> Instant {
    let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
    let now = (*turn).max(Instant::now());
    *turn = now + WATCH_INTERVAL;
    now
}

#[cfg(test)]
mod tests;
