//! Tests of what a plan allows.

use super::*;

fn plan() -> Plan {
    Plan::new(RunId::parse("ttg-primes-7f3a2k").unwrap())
}

#[test]
fn the_defaults_are_valid() {
    assert_eq!(plan().check(), Ok(()));
    assert_eq!((plan().workers, plan().shards, plan().parameters), (3, 12, 10_000_000));
}

#[test]
fn the_shards_tile_the_parameters() {
    let plan = Plan {
        shards: 3,
        first: 5,
        ..plan()
    };
    let lengths: Vec<u64> = plan.every_shard().map(|shard| shard.end - shard.start).collect();
    assert_eq!(lengths, [3_333_334, 3_333_333, 3_333_333]);
    assert_eq!(plan.shard(CompletionIndex(0)).unwrap().start, 5);
    assert_eq!(plan.shard(CompletionIndex(2)).unwrap().end, 10_000_005);
    assert_eq!(plan.shard(CompletionIndex(3)), None);
}

#[test]
fn four_shards_a_worker_within_what_is_possible() {
    for (workers, parameters, shards) in [
        (3, 10_000_000, 12),
        (1, 1, 1),
        (3, 7, 7),
        (100_000, END_MAX, 100_000),
        (u32::MAX, 10, 10),
        (0, 10, 1),
    ] {
        assert_eq!(default_shards(workers, parameters), shards);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn each_field_is_refused_by_name_with_its_range() {
    let image = "Not An Image".to_owned();
    let node_selector = BTreeMap::from([("a b".to_owned(), String::new())]);
    let tolerations = vec![Toleration {
        key: "a b".to_owned(),
        value: None,
        effect: None,
    }];
    let small = Resource {
        request: Quantity::parse("2").unwrap(),
        limit: Quantity::parse("1").unwrap(),
    };
    for (bad, field, words) in [
        (Plan { version: 2, ..plan() }, Field::Version, "must be 1"),
        (
            Plan {
                parameters: 0,
                ..plan()
            },
            Field::Parameters,
            "from 1 to",
        ),
        (
            Plan {
                first: END_MAX,
                ..plan()
            },
            Field::First,
            "from 0 to",
        ),
        (
            Plan {
                first: END_MAX - 5,
                ..plan()
            },
            Field::Parameters,
            "at most 5 from 9,223,372,036,854,775,803 on",
        ),
        (
            Plan {
                kernel: "primse".to_owned(),
                ..plan()
            },
            Field::Kernel,
            "primes",
        ),
        (Plan { workers: 0, ..plan() }, Field::Workers, "from 1 to 100,000"),
        (
            Plan {
                workers: 100_001,
                ..plan()
            },
            Field::Workers,
            "100,001 is not valid",
        ),
        (Plan { shards: 0, ..plan() }, Field::Shards, "from 1 to 100,000"),
        (
            Plan {
                shards: 100_001,
                ..plan()
            },
            Field::Shards,
            "from 1 to 100,000",
        ),
        (
            Plan {
                shards: 3,
                parameters: 2,
                ..plan()
            },
            Field::Shards,
            "1 to 2, so that every shard has a parameter",
        ),
        (
            Plan {
                batch_size: 0,
                ..plan()
            },
            Field::BatchSize,
            "from 1 to",
        ),
        (
            Plan {
                simulate_work_ms: 3_600_001,
                ..plan()
            },
            Field::SimulateWorkMs,
            "from 0 to 3,600,000",
        ),
        (
            Plan {
                retries: 1_001,
                ..plan()
            },
            Field::Retries,
            "from 0 to 1,000",
        ),
        (
            Plan {
                max_failed: 100_001,
                ..plan()
            },
            Field::MaxFailed,
            "from 0 to 100,000",
        ),
        (
            Plan {
                verify: 100_001,
                ..plan()
            },
            Field::Verify,
            "from 0 to 100,000",
        ),
        (
            Plan {
                cpu: small.clone(),
                ..plan()
            },
            Field::Cpu,
            "at most the limit, 1",
        ),
        (
            Plan {
                memory: small,
                ..plan()
            },
            Field::Memory,
            "at most the limit, 1",
        ),
        (Plan { image, ..plan() }, Field::Image, "lowercase path"),
        (
            Plan {
                node_selector,
                ..plan()
            },
            Field::NodeSelector,
            "KEY=VALUE",
        ),
        (Plan { tolerations, ..plan() }, Field::Toleration, "KEY=VALUE:EFFECT"),
    ] {
        let error = bad.check().unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn more_workers_or_verified_shards_than_shards_are_kept_as_said() {
    let plan = Plan {
        shards: 2,
        workers: 50,
        verify: 9,
        max_failed: 9,
        ..plan()
    };
    assert_eq!(plan.check(), Ok(()));
    assert_eq!(plan.parallelism(), 2);
}
