//! What is followed and sampled, and that a full queue loses only what it counts.

use super::*;

fn target(name: &str) -> FollowTarget {
    FollowTarget {
        uid: PodUid::from(name),
        name: name.to_owned(),
    }
}

fn targets(names: &[&str]) -> Vec<FollowTarget> {
    names.iter().map(|name| target(name)).collect()
}

#[test]
fn the_most_wanted_are_followed_and_the_rest_is_sampled() {
    let cases: [(&[&str], &[&str], &[&str]); 4] = [
        (&[], &[], &[]),
        (&["a"], &["a"], &[]),
        (&["c", "a", "b", "d"], &["c", "a"], &["b", "d"]),
        (&["a", "a", "b", "a", "c"], &["a", "b"], &["c"]),
    ];
    for (wanted, followed, sampled) in cases {
        let expected = Choice {
            followed: targets(followed),
            sampled: targets(sampled),
        };
        assert_eq!(choose(targets(wanted), 2), expected, "{wanted:?}");
    }
}

#[test]
fn pauses_grow_to_a_limit() {
    let millis: Vec<u128> = [0, 1, 2, 3, 5, 6, 100]
        .into_iter()
        .map(|n| pause(n, 0.0).as_millis())
        .collect();
    assert_eq!(millis, [250, 250, 500, 1_000, 4_000, 5_000, 5_000]);
    assert_eq!(pause(1, 1.0), Duration::from_millis(125));
}

#[tokio::test]
async fn what_does_not_fit_is_counted_and_told() {
    let (logs, mut received) = mpsc::channel(1);
    let lane = Lane {
        logs,
        dropped: AtomicU64::new(0),
        some_dropped: Notify::new(),
    };
    for _ in 0..4 {
        lane.send(&PodUid::from("p"), LogPart::Text("line".to_owned()));
    }
    let ((), told) = tokio::join!(
        async {
            tokio::select! {
                () = lane.tell_dropped() => {}
                () = lane.logs.closed() => {}
            }
        },
        async {
            let first = received.recv().await;
            let second = received.recv().await;
            received.close();
            (first, second)
        }
    );
    assert!(
        matches!(told, (Some(Event::Log(_)), Some(Event::LogsDropped(3)))),
        "{told:?}"
    );
}
