//! Which fault a request meets. Pure: orders, a request and counts in, a decision out.

use std::time::Duration;

use super::grammar::Order;
use super::table::{Family, Fault};

/// What matters of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// The Namespace whose faults it meets.
    pub namespace: &'r str,
    /// What it does, in upstream's words.
    pub verb: &'static str,
    /// What it is about.
    pub resource: &'static str,
    /// Whether it is a list that goes on.
    pub goes_on: bool,
}

/// What a request meets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hit {
    /// How much later it is answered.
    pub latency: Duration,
    /// What happens to it then.
    pub order: Option<Order>,
}

/// How a running watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Without a word.
    Clean,
    /// In the middle of an event.
    Torn,
}

/// The faults of running watches.
const CUTS: [(Fault, Cut); 2] = [(Fault::WatchCut, Cut::Clean), (Fault::WatchReset, Cut::Torn)];

/// Decides and counts: `used` has one count for each order. All latencies add up; of the others the first one that matches and
/// is not used up happens.
pub(super) fn decide(orders: &[Order], asked: &Asked<'_>, used: &mut Vec<u64>) -> Hit {
    used.resize(orders.len(), 0);
    let mut hit = Hit::default();
    for (order, used) in orders.iter().zip(used) {
        let is_late = order.fault() == Fault::Latency;
        let is_taken = hit.order.is_some() && !is_late;
        if is_taken || !matches(order, asked) || order.times.is_some_and(|times| *used >= times) {
            continue;
        }
        *used += 1;
        if is_late {
            hit.latency += order.lasts.unwrap_or_default();
        } else {
            hit.order = Some(order.clone());
        }
    }
    hit
}

/// Tells how a running watch of a resource ends, if it does.
pub(super) fn cut(orders: &[Order], resource: &str) -> Option<Cut> {
    let about = |order: &&Order| order.resource.as_deref().is_none_or(|r| r == resource);
    orders.iter().filter(about).find_map(|order| {
        let (_, cut) = CUTS.into_iter().find(|(fault, _)| *fault == order.fault())?;
        Some(cut)
    })
}

fn matches(order: &Order, asked: &Asked<'_>) -> bool {
    let fault = order.fault();
    let is_watch = asked.verb == "watch";
    order.spec.family == Family::Requests
        // These are for watches that run already.
        && CUTS.iter().all(|(cut, _)| *cut != fault)
        && (fault != Fault::HttpGone || is_watch)
        && (fault != Fault::Gone || is_watch || (asked.verb == "list" && asked.goes_on))
        && order.verb.as_deref().is_none_or(|v| v == asked.verb)
        && order.resource.as_deref().is_none_or(|r| r == asked.resource)
}

#[cfg(test)]
mod tests {
    use super::super::grammar::parse;
    use super::*;

    const fn asked(verb: &'static str, resource: &'static str, goes_on: bool) -> Asked<'static> {
        Asked {
            namespace: "default",
            verb,
            resource,
            goes_on,
        }
    }

    #[test]
    fn which_requests_are_hit_and_how_often() {
        let (list, next) = (asked("list", "pods", false), asked("list", "pods", true));
        let (watch, create) = (asked("watch", "pods", false), asked("create", "jobs", false));
        for (text, asked, hits) in [
            ("server-error", list, "server-error server-error server-error"),
            ("server-error:times=1", list, "server-error - -"),
            ("server-error:times=1;garbage:times=1", list, "server-error garbage -"),
            ("server-error:verb=create", list, "- - -"),
            ("server-error:kind=jobs,times=2", create, "server-error server-error -"),
            ("server-error:kind=pods", create, "- - -"),
            ("gone:times=1", list, "- - -"),
            ("gone:times=1", next, "gone - -"),
            ("gone:times=1", watch, "gone - -"),
            ("http-gone", next, "- - -"),
            ("http-gone:times=2", watch, "http-gone http-gone -"),
            ("watch-cut;watch-reset", watch, "- - -"),
            ("kill;lose-result", list, "- - -"),
        ] {
            let orders = parse(text).unwrap();
            let mut used = Vec::new();
            let names: Vec<&str> = (0..3)
                .map(|_| decide(&orders, &asked, &mut used).order.map_or("-", |o| o.spec.name))
                .collect();
            assert_eq!(names.join(" "), hits, "{text} {}", asked.verb);
        }
    }

    #[test]
    fn latency_goes_with_everything() {
        let orders = parse("latency:for=100ms,times=1;unavailable;latency:for=50ms").unwrap();
        let mut used = Vec::new();
        let mut next = || decide(&orders, &asked("get", "pods", false), &mut used);
        assert_eq!(next().latency, Duration::from_millis(150));
        let second = next();
        assert_eq!(second.latency, Duration::from_millis(50));
        assert_eq!(second.order.unwrap().fault(), Fault::Unavailable);
    }

    #[test]
    fn how_running_watches_end() {
        for (text, resource, end) in [
            ("watch-cut", "pods", Some(Cut::Clean)),
            ("gone;watch-reset:kind=pods", "pods", Some(Cut::Torn)),
            ("watch-reset:kind=pods", "jobs", None),
            ("gone", "pods", None),
        ] {
            assert_eq!(cut(&parse(text).unwrap(), resource), end, "{text}");
        }
    }
}
