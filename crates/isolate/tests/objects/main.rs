//! Durable Objects in one isolate, driven by the host's frames: what they promise to a host, and to their code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod host;
mod inside;

use host::with_host;
use protocol::{Reply, ToIsolate};

const ROOM: &str = include_str!("room.js");

#[test]
fn what_a_turn_writes_leaves_before_what_it_says() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch(1, "put?value=one"),
            ["commit 1#1", "log: made a", "1: put", "1 done"]
        );
        assert_eq!(host.fetch(1, "get"), ["2: one", "2 done"]);
        assert_eq!(
            host.fetch(1, "put?value=two"),
            ["commit 1#2", "3: put", "3 done"]
        );
        assert_eq!(
            host.fetch(1, "call"),
            ["commit 1#3", "calls 1: http://first/"]
        );
        assert_eq!(host.respond(1, "heard"), ["4: heard", "4 done"]);
    });
}

#[test]
fn an_object_that_slept_has_its_data() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "put?value=one");
        host.fetch(1, "rows");
        assert_eq!(host.say(ToIsolate::Sleep(1)), ["slept 1"]);
        host.open(2, "a");
        assert_eq!(host.fetch(2, "get"), ["log: made a", "3: one", "3 done"]);
        assert_eq!(host.fetch(2, "count"), ["4: 500", "4 done"]);
        assert_eq!(
            host.fetch(2, "put?value=two"),
            ["commit 2#1", "5: put", "5 done"]
        );
        assert_eq!(host.say(ToIsolate::Sleep(2)), ["slept 2"]);
        host.open(3, "a");
        assert_eq!(host.fetch(3, "get"), ["log: made a", "6: two", "6 done"]);
    });
}

#[test]
fn a_checkpoint_changes_nothing_that_an_object_sees() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        for expected in ["500", "1000", "1500"] {
            let said = host.fetch(1, "rows");
            assert!(said.iter().any(|line| line.ends_with(expected)), "{said:?}");
            assert!(host.pages(1) > 100);
            host.checkpoint(1);
            assert!(host.fetch(1, "count")[0].ends_with("500"));
        }
    });
}

#[test]
fn what_is_left_of_an_object_has_no_storage() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "keepAndLeave");
        assert_eq!(host.fetch_worker("left"), ["2: kept", "2 done"]);
        let reason = "moved elsewhere";
        assert_eq!(
            host.say(ToIsolate::Reset { object: 1, reason }),
            ["slept 1"]
        );
        assert_eq!(host.fetch_worker("left"), ["3: moved elsewhere", "3 done"]);
        host.open(2, "a");
        assert_eq!(host.fetch(2, "get"), ["log: made a", "4: kept", "4 done"]);
        assert_eq!(host.fetch_worker("left"), ["5: moved elsewhere", "5 done"]);
    });
}

#[test]
fn timers_of_an_object_end_with_it() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "pump?ms=10");
        assert_eq!(host.tick(), ["commit 1#1"]);
        assert_eq!(host.say(ToIsolate::Sleep(1)), ["slept 1"]);
        host.open(2, "a");
        assert_eq!(host.wake, None);
    });
}

#[test]
fn an_object_with_events_does_not_sleep() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "call");
        assert_eq!(host.say(ToIsolate::Sleep(1)), ["busy 1"]);
        assert_eq!(host.respond(1, "heard"), ["1: heard", "1 done"]);
        assert_eq!(host.say(ToIsolate::Sleep(1)), ["slept 1"]);
    });
}

#[test]
fn what_answered_events_have_left_behind_goes_with_their_object() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "later?ms=50");
        host.fetch(1, "callAndLeave");
        assert_eq!(
            host.say(ToIsolate::Sleep(1)),
            ["1 done", "2 done", "cancels 1", "slept 1"]
        );
        assert_eq!(host.wake, None);
        host.open(2, "a");
        assert_eq!(host.respond(1, "heard"), Vec::<String>::new());
        // Somebody still waits for this one.
        host.fetch(2, "later?ms=50");
        host.fetch(2, "call");
        assert_eq!(host.say(ToIsolate::Sleep(2)), ["busy 2"]);
    });
}

#[test]
fn events_wait_for_what_the_constructor_waits_for() {
    with_host(ROOM, |host| {
        host.open(1, "slow");
        host.open(2, "other");
        assert_eq!(
            host.fetch(1, "start"),
            ["log: made slow", "calls 1: http://start/"]
        );
        assert_eq!(host.fetch(1, "increment"), [""; 0]);
        assert_eq!(host.fetch(1, "increment"), [""; 0]);
        assert_eq!(
            host.fetch(2, "get"),
            ["log: made other", "4: undefined", "4 done"]
        );
        assert_eq!(
            host.respond(1, "go"),
            [
                "commit 1#1",
                "1: go",
                "2: 1",
                "3: 2",
                "1 done",
                "2 done",
                "3 done"
            ]
        );
    });
}

#[test]
fn a_constructor_that_fails_ends_the_object() {
    with_host(ROOM, |host| {
        host.open(1, "bad");
        assert_eq!(
            host.fetch(1, "get"),
            ["log: made bad", "broken 1: RangeError: bad name"]
        );
        host.open(2, "fails");
        assert_eq!(
            host.fetch(2, "get"),
            ["log: made fails", "broken 2: Error: no start"]
        );
        host.open(3, "bad");
        assert_eq!(
            host.fetch(3, "get").last().unwrap(),
            "broken 3: RangeError: bad name"
        );
    });
}

#[test]
fn nothing_happens_while_concurrency_is_blocked() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "later?ms=10");
        host.fetch(1, "call");
        assert_eq!(host.fetch(1, "block"), ["calls 2: http://inside/"]);
        assert_eq!(host.tick(), [""; 0]);
        assert_eq!(host.respond(1, "outside"), [""; 0]);
        assert_eq!(
            host.respond(2, "inside"),
            [
                "3: inside",
                "log: later",
                "2: outside",
                "3 done",
                "1 done",
                "2 done"
            ]
        );
    });
}

#[test]
fn timers_wait_once_and_can_be_cleared_while_they_wait() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch(1, "blockAndClear"),
            ["log: made a", "calls 1: http://inside/"]
        );
        for _ in 0..3 {
            assert_eq!(host.tick(), [""; 0]);
        }
        assert_eq!(host.respond(1, ""), ["log: tick 1"]);
        assert_eq!(host.tick(), ["1: 1", "1 done"]);
    });
}

#[test]
fn sections_within_a_section_take_turns() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch(1, "blockTwice"),
            ["log: made a", "calls 1: http://a/"]
        );
        assert_eq!(host.fetch(1, "get"), [""; 0]);
        assert_eq!(host.respond(1, ""), ["calls 2: http://b/"]);
        assert_eq!(
            host.respond(2, ""),
            [
                "1: a in,a out,b in,b out",
                "2: undefined",
                "1 done",
                "2 done"
            ]
        );
    });
}

#[test]
fn abort_takes_back_what_nobody_heard_of() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "put?value=one");
        assert_eq!(
            host.fetch(1, "abort?reason=enough"),
            ["broken 1: Error: enough"]
        );
        host.open(2, "a");
        assert_eq!(host.fetch(2, "get"), ["log: made a", "3: one", "3 done"]);
        assert_eq!(
            host.fetch(2, "callThenAbort"),
            [
                "commit 2#1",
                "calls 1: http://first/",
                "broken 2: Error: later",
                "cancels 1"
            ]
        );
        assert!(!host.condemned);
        host.open(3, "a");
        assert_eq!(host.fetch(3, "get"), ["log: made a", "5: told", "5 done"]);
    });
}

#[test]
fn a_commit_that_fails_takes_back_what_the_object_said() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.open(2, "b");
        host.fetch(1, "put?value=one");
        host.fetch(2, "later?ms=10");
        let said = host.fetch(1, "violate");
        assert_eq!(said[0], "log: violated");
        assert!(
            said[1].starts_with("broken 1: Error: Durable Object was reset and rolled back"),
            "{said:?}"
        );
        assert_eq!(said.len(), 2);
        assert!(!host.condemned);
        assert_eq!(host.tick(), ["log: later", "2 done"]);
        host.open(3, "a");
        assert_eq!(host.fetch(3, "get"), ["log: made a", "4: one", "4 done"]);
    });
}

#[test]
fn a_commit_that_fails_spares_what_others_said_in_the_turn() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.open(2, "b");
        host.fetch(1, "violateLater?ms=10");
        host.fetch(2, "callLater?ms=10");
        let said = host.tick();
        assert_eq!(
            said[..5],
            [
                "commit 2#1",
                "log: later",
                "log: violated",
                "calls 2: http://second/",
                "cancels 1"
            ]
        );
        assert!(said[5].starts_with("broken 1: Error: Durable Object was reset"));
        assert_eq!(host.respond(2, "heard"), ["2: heard", "2 done"]);
        assert!(!host.condemned);
    });
}

#[test]
fn a_turn_that_is_cut_short_has_not_said_anything() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        let said = host.fetch(1, "spin");
        assert_eq!(said[0], "log: made a");
        assert!(said[1].starts_with("1 failed: Error: Worker exceeded CPU"));
        assert_eq!(said.len(), 2);
        assert!(host.condemned);
    });
}

#[test]
fn a_transaction_commits_when_it_is_over() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch(1, "transaction"),
            ["commit 1#1", "log: made a", "calls 1: http://wait/"]
        );
        assert_eq!(host.say(ToIsolate::Sleep(1)), ["busy 1"]);
        assert_eq!(host.fetch(1, "get"), [""; 0]);
        assert_eq!(
            host.respond(1, ""),
            ["commit 1#2", "1: inside", "2: inside", "1 done", "2 done"]
        );
        let said = host.fetch(1, "failedTransaction");
        assert_eq!(said.last().unwrap(), "3 done");
        assert!(said.contains(&"3: not so".to_owned()));
        assert_eq!(host.fetch(1, "get"), ["4: inside", "4 done"]);
    });
}

#[test]
fn a_reset_in_a_transaction_undoes_it() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "transaction");
        let reason = "a new version";
        assert_eq!(
            host.say(ToIsolate::Reset { object: 1, reason }),
            ["cancels 1", "slept 1"]
        );
        assert_eq!(host.respond(1, ""), [""; 0]);
        host.open(2, "a");
        assert_eq!(
            host.fetch(2, "get"),
            ["log: made a", "2: undefined", "2 done"]
        );
    });
}

#[test]
fn questions_to_the_storage_follow_the_commit() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch(1, "sync"),
            ["commit 1#1", "log: made a", "asks 1: Bookmark"]
        );
        assert_eq!(host.answer(1, Reply::Text("0001")), ["1: synced", "1 done"]);
        assert_eq!(host.fetch(1, "bookmark"), ["asks 2: Bookmark"]);
        assert_eq!(host.answer(2, Reply::Text("0002")), ["2: 0002", "2 done"]);
    });
}

#[test]
fn an_alarm_is_set_until_its_handler_has_done_its_work() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch(1, "setAlarm?at=5000"),
            ["commit 1#1 alarm 5000", "log: made a", "1: set", "1 done"]
        );
        assert_eq!(host.fetch(1, "getAlarm"), ["2: 5000", "2 done"]);
        assert_eq!(
            host.alarm(1, 0),
            ["log: alarm 5000 0 false null", "3 failed: Error: not yet"]
        );
        assert_eq!(host.fetch(1, "getAlarm"), ["4: 5000", "4 done"]);
        assert_eq!(host.alarm(1, 1), ["log: alarm 5000 1 true null", "5 done"]);
        assert_eq!(host.fetch(1, "getAlarm"), ["6: null", "6 done"]);
    });
}

#[test]
fn an_alarm_that_was_moved_does_not_ring() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        host.fetch(1, "setAlarm?at=5000");
        assert_eq!(
            host.fetch(1, "setAlarm?at=9000"),
            ["commit 1#2 alarm 9000", "2: set", "2 done"]
        );
        let rings = |retry_count| protocol::Event::Alarm {
            scheduled_ms: 5000.0,
            retry_count,
        };
        assert_eq!(host.event(1, rings(0)), ["3 done"]);
        assert_eq!(host.fetch(1, "getAlarm"), ["4: 9000", "4 done"]);
        assert_eq!(
            host.fetch(1, "deleteAlarm"),
            ["commit 1#3 no alarm", "5: deleted", "5 done"]
        );
        assert_eq!(host.event(1, rings(0)), ["6 done"]);
    });
}

#[test]
fn methods_are_called_through_stubs() {
    with_host(ROOM, |host| {
        let said = host.fetch_worker("add?room=a");
        host.open(1, "a");
        let arguments = arguments_of(&said[0]);
        let call = |method| protocol::Event::Rpc {
            target: protocol::Target::Object,
            invocation: protocol::Invocation {
                path: vec![method],
                arguments: Some(protocol::Parcel {
                    value: &arguments,
                    refers: Vec::new(),
                }),
            },
        };
        assert_eq!(
            host.event(1, call("add")),
            ["commit 1#1", "log: made a", "2 returns", "2 done"]
        );
        assert_eq!(host.event(1, call("constructor")), ["3 throws", "3 done"]);
    });
}

/// The bytes in the notebook's line of a call.
fn arguments_of(line: &str) -> Vec<u8> {
    let (_, list) = line.split_once("value: [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    list.split(", ").map(|byte| byte.parse().unwrap()).collect()
}
