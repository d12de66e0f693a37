//! The rhythm of an image that cannot be pulled: `ErrImagePull`, then `ImagePullBackOff` until the next try. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::local::faults::Order;

/// The first back-off between two tries, and the longest; each doubles.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// How long a pod that cannot start waits until it is looked at again, as a pod worker of upstream does after an error.
pub(super) const SYNC: Duration = Duration::from_secs(10);

/// The tries to pull one image.
#[derive(Debug)]
pub(super) struct Pulls {
    back_off: Duration,
    next_try: Option<Instant>,
    fault: Block,
}

/// A fault that keeps the image away.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    None,
    Until(Instant),
    Always,
}

/// What comes of looking at the image once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pull {
    /// A try, which failed.
    Failed,
    /// No try yet.
    BackOff,
}

impl Default for Pulls {
    fn default() -> Self {
        Self {
            back_off: BACK_OFF.0,
            next_try: None,
            fault: Block::None,
        }
    }
}

impl Pulls {
    /// Lets a fault keep the image away, or takes that back.
    pub(super) fn set_fault(&mut self, ordered: Option<&Order>, now: Instant) {
        self.fault = match ordered.map(|order| order.lasts) {
            None => Block::None,
            Some(None) => Block::Always,
            Some(Some(lasts)) => Block::Until(now + lasts),
        };
    }

    /// Tells whether a fault keeps the image away.
    pub(super) fn is_blocked(&self, now: Instant) -> bool {
        match self.fault {
            Block::None => false,
            Block::Until(end) => now < end,
            Block::Always => true,
        }
    }

    /// Looks at an image that cannot be had: what that comes to, and after what time to look again.
    pub(super) fn look(&mut self, now: Instant) -> (Pull, Duration) {
        let (pull, wait) = match self.next_try.filter(|at| now < *at) {
            Some(at) => (Pull::BackOff, at - now),
            None => {
                self.next_try = Some(now + SYNC + self.back_off);
                self.back_off = (self.back_off * 2).min(BACK_OFF.1);
                (Pull::Failed, SYNC)
            }
        };
        match self.fault {
            // When the fault ends, the next try is at once, so that a test need not wait for it.
            Block::Until(end) if now < end => (pull, wait.min(end - now)),
            Block::None | Block::Until(_) | Block::Always => (pull, wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::faults::parse;

    #[test]
    fn tries_and_back_offs_alternate_ever_more_slowly() {
        let start = Instant::now();
        let (mut pulls, mut now) = (Pulls::default(), start);
        let mut seen = Vec::new();
        for _ in 0..15 {
            let (pull, wait) = pulls.look(now);
            seen.push((pull, (now - start).as_secs()));
            now += wait;
        }
        let tries: Vec<u64> = seen.iter().filter(|s| s.0 == Pull::Failed).map(|s| s.1).collect();
        assert_eq!(tries, [0, 20, 50, 100, 190, 360, 670, 980]);
        assert!(seen.windows(2).all(|pair| pair[0].0 != pair[1].0));
    }

    #[test]
    fn a_fault_keeps_the_image_away_and_is_over_at_its_end() {
        let now = Instant::now();
        let mut pulls = Pulls::default();
        let orders = parse("image-pull-failure:for=5s;image-pull-failure").unwrap();
        pulls.set_fault(orders.first(), now);
        assert!(pulls.is_blocked(now));
        assert_eq!(pulls.look(now), (Pull::Failed, Duration::from_secs(5)));
        assert!(!pulls.is_blocked(now + Duration::from_secs(5)));
        pulls.set_fault(orders.last(), now);
        assert!(pulls.is_blocked(now + Duration::from_secs(5000)));
        pulls.set_fault(None, now);
        assert!(!pulls.is_blocked(now));
    }
}
