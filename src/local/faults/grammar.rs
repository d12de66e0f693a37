//! The grammar of fault orders: text in, orders out. Pure.
//!
//! Orders are separated by semicolons: `name[:parameter=value[,parameter=value…]]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::table::{FAULTS, Family, Fault, FaultSpec, Parameter};
use crate::local::kinds::{KINDS, Kind};

/// The longest time that can be ordered; who wants more takes the order back later.
const TIME_MAX: Duration = Duration::from_secs(3600);
/// What a request can do. `log` is upstream's `get` of `pods/log`.
const VERBS: [&str; 9] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "log",
];

/// One fault that was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The fault.
    pub spec: &'static FaultSpec,
    /// The order as it was written, by which it is counted.
    pub text: Box<str>,
    /// Only these completion indexes.
    pub index: Option<Vec<RangeInclusive<u64>>>,
    /// How often.
    pub times: Option<u64>,
    /// How long after.
    pub after: Option<Duration>,
    /// How long it lasts.
    pub lasts: Option<Duration>,
    /// A termination message.
    pub message: Vec<u8>,
    /// A number of bytes or lines.
    pub amount: Option<usize>,
    /// Only this verb.
    pub verb: Option<Box<str>>,
    /// Only this resource.
    pub resource: Option<Box<str>>,
}

impl Order {
    fn new(spec: &'static FaultSpec, text: &str) -> Self {
        Self {
            spec,
            text: text.into(),
            index: None,
            times: None,
            after: None,
            lasts: None,
            message: Vec::new(),
            amount: None,
            verb: None,
            resource: None,
        }
    }

    /// Returns the fault.
    pub fn fault(&self) -> Fault {
        self.spec.fault
    }

    /// Tells whether it is for a pod of this completion index; a pod without one is only hit by orders for all.
    pub fn covers(&self, index: Option<u64>) -> bool {
        match (&self.index, index) {
            (None, _) => true,
            (Some(set), Some(index)) => set.iter().any(|r| r.contains(&index)),
            (Some(_), None) => false,
        }
    }

    fn set(&mut self, parameter: Parameter, value: &str) -> Result<(), String> {
        match parameter {
            Parameter::Index => self.index = Some(set_of(value)?),
            Parameter::Times => self.times = Some(positive(value)?),
            Parameter::After => self.after = Some(time(value)?),
            Parameter::For => self.lasts = Some(time(value)?),
            Parameter::Text => self.message = percent_decoded(value)?,
            Parameter::Bytes | Parameter::Lines => {
                self.amount = Some(
                    value
                        .parse::<usize>()
                        .map_err(|e| format!("{value:?} is no number: {e}"))?,
                );
            }
            Parameter::Verb => self.verb = Some(one_of(value, &VERBS)?),
            Parameter::Kind => self.resource = Some(one_of(value, &KINDS.each_ref().map(|k| k.plural))?),
        }
        Ok(())
    }
}

/// Reads orders.
pub fn parse(text: &str) -> Result<Vec<Order>, String> {
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(parse_one)
        .collect()
}

/// Tells why orders may not stand on an object of this kind, with the forms that may.
pub fn check(kind: Kind, text: &str) -> Result<(), String> {
    let families: &[Family] = match kind {
        Kind::Pod | Kind::Job => &[Family::Pods],
        Kind::Namespace => &[Family::Pods, Family::Requests],
        Kind::Node => &[Family::Nodes],
        Kind::Event | Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount => &[],
    };
    if families.is_empty() {
        return Err("a fault is ordered on a Pod, a Job, a Namespace or a Node".into());
    }
    let misplaced = |orders: Vec<Order>| {
        let wrong = orders.iter().find(|o| !families.contains(&o.spec.family));
        wrong.map_or(Ok(()), |o| {
            Err(format!("{} may be ordered on: {}", o.spec.name, o.spec.family.places()))
        })
    };
    parse(text).and_then(misplaced).map_err(|why| {
        let known = FAULTS.iter().filter(|f| families.contains(&f.family));
        let forms: Vec<String> = known.map(FaultSpec::form).collect();
        format!("{why}; valid here, separated by semicolons: {}", forms.join(", "))
    })
}

fn parse_one(text: &str) -> Result<Order, String> {
    let (name, rest) = text.split_once(':').unwrap_or((text, ""));
    let name = name.trim();
    let spec = FAULTS
        .iter()
        .find(|f| f.name == name)
        .ok_or_else(|| format!("unknown fault {name:?}"))?;
    let mut order = Order::new(spec, text);
    let mut given = Vec::new();
    for (name, value) in pairs(rest) {
        let wrong = |why: &str| format!("{}: {name:?} {why}", spec.name);
        let parameter = spec
            .parameter(&name)
            .ok_or_else(|| wrong("is not known here"))?
            .parameter;
        if given.contains(&parameter) {
            return Err(wrong("is given twice"));
        }
        given.push(parameter);
        order.set(parameter, &value).map_err(|why| wrong(&why))?;
    }
    if spec.needs.iter().any(|needed| !given.contains(needed)) {
        return Err(format!("{} is written {}", spec.name, spec.form()));
    }
    Ok(order)
}

fn pairs(rest: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for piece in rest.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        match (piece.split_once('='), found.last_mut()) {
            (Some((name, value)), _) => found.push((name.trim().to_owned(), value.trim().to_owned())),
            // A set has commas of its own: `index=0-5,9`.
            (None, Some((name, value))) if name == "index" => {
                value.push(',');
                value.push_str(piece);
            }
            (None, _) => found.push((piece.to_owned(), String::new())),
        }
    }
    found
}

fn positive(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(e) => Err(format!("{text:?} is no number: {e}")),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no time such as 500ms, 5s or 2m, up to an hour");
    let (number, unit_ms) = [("ms", 1), ("s", 1000), ("m", 60_000)]
        .into_iter()
        .find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)))
        .ok_or_else(bad)?;
    let number = number.parse::<u64>().ok().ok_or_else(bad)?;
    let time = Duration::from_millis(number.saturating_mul(unit_ms));
    if time > TIME_MAX { Err(bad()) } else { Ok(time) }
}

fn set_of(text: &str) -> Result<Vec<RangeInclusive<u64>>, String> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(first..=last)
    };
    text.split(',')
        .map(|part| range(part).ok_or_else(|| format!("{text:?} is no set of indexes such as 0-5,9")))
        .collect()
}

fn one_of(text: &str, allowed: &[&str]) -> Result<Box<str>, String> {
    if allowed.contains(&text) {
        Ok(text.into())
    } else {
        Err(format!("is one of: {}", allowed.join(", ")))
    }
}

fn percent_decoded(text: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let [high, low, after @ ..] = tail else {
            return Err(format!("{text:?} is not percent-encoded"));
        };
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else {
            return Err(format!("{text:?} is not percent-encoded"));
        };
        out.push(high * 16 + low);
        rest = after;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Order {
        let mut orders = parse(text).unwrap();
        assert_eq!(orders.len(), 1, "{text}");
        orders.remove(0)
    }

    #[test]
    fn orders_are_read() {
        let kill = one("kill:index=0-5,9,times=2,after=500ms");
        assert_eq!((kill.fault(), kill.times), (Fault::Kill, Some(2)));
        assert_eq!(kill.after, Some(Duration::from_millis(500)));
        assert_eq!(kill.index, Some(vec![0..=5, 9..=9]));
        assert!(kill.covers(Some(9)) && !kill.covers(Some(6)) && !kill.covers(None));
        assert!(one("kill").covers(None));
        assert_eq!(one("message:text=%7B%22a%22:1%2C%3B%25").message, b"{\"a\":1,;%");
        assert_eq!(one("cut-result:bytes=0").amount, Some(0));
        assert_eq!(one("lost:for=2m").lasts, Some(Duration::from_secs(120)));
        let busy = one("too-many-requests:times=3,after=1s,verb=list,kind=pods");
        assert_eq!(
            (busy.verb.as_deref(), busy.resource.as_deref()),
            (Some("list"), Some("pods"))
        );
        let names: Vec<&str> = parse(" evict ; ;log-gap:lines=3;")
            .unwrap()
            .iter()
            .map(|o| o.spec.name)
            .collect();
        assert_eq!(names, ["evict", "log-gap"]);
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_refused_with_the_forms_that_are_right() {
        for (kind, text, words) in [
            (
                Kind::Pod,
                "explode",
                "unknown fault \"explode\"; valid here, separated by semicolons: kill[",
            ),
            (Kind::Pod, "kill:for=5s", "kill: \"for\" is not known here"),
            (Kind::Pod, "kill:times=1,times=2", "\"times\" is given twice"),
            (Kind::Pod, "kill:times=0", "must be at least 1"),
            (Kind::Pod, "kill:index=5-2", "no set of indexes"),
            (Kind::Pod, "kill:after=5", "no time such as"),
            (Kind::Pod, "kill:after=2h", "no time such as"),
            (Kind::Pod, "kill:after=61m", "no time such as"),
            (Kind::Pod, "slow-start", "slow-start is written slow-start:for=TIME"),
            (Kind::Pod, "message:text=%zz", "not percent-encoded"),
            (Kind::Pod, "message:text=%4", "not percent-encoded"),
            (Kind::Job, "lost", "lost may be ordered on: Node"),
            (
                Kind::Node,
                "kill",
                "kill may be ordered on: Pod, Job, Namespace; valid here, separated by semicolons: lost[",
            ),
            (Kind::Pod, "gone", "gone may be ordered on: Namespace"),
            (Kind::Namespace, "latency:for=1s,verb=eat", "is one of: get, list"),
            (
                Kind::Namespace,
                "latency:for=1s,kind=pod",
                "is one of: namespaces, nodes, pods",
            ),
            (Kind::ConfigMap, "kill", "a fault is ordered on a Pod"),
        ] {
            let why = check(kind, text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
        assert_eq!(check(Kind::Namespace, "kill:index=1;gone:times=1"), Ok(()));
        assert_eq!(check(Kind::Node, "lost:for=10s"), Ok(()));
    }
}
