//! Asking again where the API server asks to wait: 429, 503, and every failure that names a time after which to come back.
//!
//! Must not know what is asked. kube's own retry is off, as it repeats a call up to 15 times without a word.
//!
//! Guarantees: each wait is told before it begins; all waits of one submission take at most [`PATIENCE`] together; a server that
//! asks for more than is left is not waited for at all.
//! Not guaranteed: that a call is carried out once only. Whoever asks must be able to tell that an earlier try was.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cluster::connect::Connection;
use crate::cluster::failure::{CallError, words};

/// How long all waits of one submission may take together.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest wait where the server leaves it open.
const WAIT_S_MAX: u32 = 10;

/// Who is told that the server asks to wait: for how many milliseconds that is now done, and the server's words.
pub type TellWait<'a> = &'a (dyn Fn(u64, String) + Send + Sync);

/// For how long a server is asked again, and who is told.
#[derive(Clone, Copy)]
pub(super) struct Patience<'a> {
    until: Instant,
    tell: TellWait<'a>,
}

impl<'a> Patience<'a> {
    /// Begins the time of one submission.
    pub(super) fn new(tell: TellWait<'a>) -> Self {
        Self {
            until: Instant::now() + PATIENCE,
            tell,
        }
    }

    /// Asks once, and never waits.
    pub(super) fn none() -> Self {
        Self {
            until: Instant::now(),
            tell: &|_, _| {},
        }
    }

    /// Makes a call, again and again as long as the server asks to wait. Returns the last answer, and whether it is open if a try
    /// before that was carried out all the same.
    pub(super) async fn ask<T, F>(&self, connection: &Connection, call: impl Fn() -> F) -> (Result<T, CallError>, bool)
    where
        F: Future<Output = kube::Result<T>>,
    {
        let (mut tries, mut was_open) = (0, false);
        loop {
            let error = match connection.call(Box::pin(call())).await {
                Ok(answer) => return (Ok(answer), was_open),
                Err(error) => error,
            };
            let Some(asked_s) = error.asks_to_wait_s() else {
                return (Err(error), was_open);
            };
            let wait = wait(asked_s, tries);
            if Instant::now() + wait > self.until {
                return (Err(error), was_open);
            }
            was_open |= error.is_open();
            tries += 1;
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            (self.tell)(wait_ms, words(&error));
            sleep(wait).await;
        }
    }
}

/// Returns how long to wait after so many tries: as long as the server asks, or else 1 s, doubling.
fn wait(asked_s: u32, tries: u32) -> Duration {
    let own_s = (1_u32 << tries.min(4)).min(WAIT_S_MAX);
    Duration::from_secs(u64::from(if asked_s > 0 { asked_s } else { own_s }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_what_the_server_asks_for_or_grows() {
        let table = [
            (0, 0, 1),
            (0, 1, 2),
            (0, 2, 4),
            (0, 3, 8),
            (0, 4, 10),
            (0, u32::MAX, 10),
            (7, 3, 7),
        ];
        for (asked_s, tries, expected_s) in table {
            assert_eq!(
                wait(asked_s, tries),
                Duration::from_secs(expected_s),
                "{asked_s} {tries}"
            );
        }
    }
}
