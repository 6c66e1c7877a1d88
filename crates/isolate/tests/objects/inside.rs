//! Objects that are called from inside their isolate.

use protocol::ToIsolate;

use crate::{ROOM, with_host};

#[test]
fn an_object_in_the_same_isolate_is_called_without_the_host() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch_worker("add?room=a"),
            ["commit 1#1", "log: made a", "1: 3", "1 done"]
        );
        // Each call is a turn of its own.
        assert_eq!(
            host.fetch_worker("addTwice?room=a"),
            ["commit 1#2", "commit 1#3", "2: called,4,5", "2 done"]
        );
        assert_eq!(host.fetch_worker("keep?room=a"), ["3: 1 of 1,2", "3 done"]);
        assert_eq!(
            host.fetch_worker("where?room=a"),
            ["4: undefined, the caller", "4 done"]
        );
        let said = host.fetch_worker("throws?room=a");
        assert_eq!(
            said,
            [
                "5: The RPC receiver does not implement the method \"missing\". true undefined",
                "5 done"
            ]
        );
        // The host did not know that the object was not idle.
        assert_eq!(host.say(ToIsolate::Sleep(1)), ["busy 1"]);
        assert_eq!(host.say(ToIsolate::Sleep(1)), ["slept 1"]);
    });
}

#[test]
fn the_host_learns_of_a_call_inside_the_isolate_that_goes_on() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch_worker("slowly?room=a"),
            [
                "log: made a",
                "Arrived { id: 2147483649, object: 1, caller: Some(1) }",
                "calls 2: http://slow/"
            ]
        );
        assert_eq!(host.say(ToIsolate::Sleep(1)), ["busy 1"]);
        assert_eq!(
            host.respond(2, "heard"),
            ["2147483649 done", "1: heard", "1 done"]
        );
        host.fetch_worker("slowly?room=a");
        let reason = "a new version";
        assert_eq!(
            host.say(ToIsolate::Reset { object: 1, reason }),
            ["cancels 4", "slept 1", "2 failed: Error: a new version"]
        );
    });
}

#[test]
fn a_call_inside_the_isolate_waits_at_the_gate_like_any_other() {
    with_host(ROOM, |host| {
        host.open(1, "slow");
        assert_eq!(
            host.fetch_worker("add?room=slow"),
            [
                "log: made slow",
                "Arrived { id: 2147483649, object: 1, caller: Some(1) }",
                "calls 2: http://start/"
            ]
        );
        assert_eq!(host.fetch(1, "start"), [""; 0]);
        assert_eq!(
            host.fetch_worker("add?room=slow"),
            ["Arrived { id: 2147483650, object: 1, caller: Some(3) }"]
        );
        assert_eq!(
            host.respond(2, "go"),
            [
                "commit 1#1",
                "2: go",
                "2147483649 done",
                "2 done",
                "2147483650 done",
                "1: 3",
                "1 done",
                "3: 6",
                "3 done"
            ]
        );
    });
}

#[test]
fn callers_inside_the_isolate_learn_that_an_object_is_no_more() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        assert_eq!(
            host.fetch_worker("abort?room=a"),
            [
                "log: made a",
                "broken 1: Error: enough",
                "1: enough true true",
                "1 done"
            ]
        );
        host.open(2, "a");
        assert_eq!(
            host.fetch(2, "get"),
            ["log: made a", "2: undefined", "2 done"]
        );
        // What comes after the end is for the next instance, wherever that is.
        let said = host.fetch_worker("abortAndAdd?room=a");
        assert_eq!(said[0], "broken 2: Error: enough");
        assert!(said[1].starts_with("calls 3: Object"), "{said:?}");
    });
}

#[test]
fn nobody_inside_the_isolate_hears_of_writes_that_are_lost() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        let said = host.fetch_worker("violate?room=a");
        assert_eq!(said[..2], ["log: made a", "log: violated"]);
        assert!(said[2].starts_with("broken 1: Error: Durable Object was reset"));
        assert!(said[3].starts_with("1: Durable Object was reset and rolled back"));
        assert!(said[3].ends_with(" true true"), "{said:?}");
        assert_eq!(said[4..], ["1 done"]);
        assert!(!host.condemned);
    });
}

#[test]
fn what_refers_to_more_than_it_holds_passes_through_the_host() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        let said = host.fetch_worker("tool?room=a");
        assert_eq!(said[0], "log: made a");
        assert!(
            said[1].starts_with("PassOn { call: 1, object: 1,"),
            "{said:?}"
        );
        assert_eq!(said.len(), 2);
        // A call that goes through the host is not overtaken by one that need not.
        let said = host.fetch_worker("late?room=a");
        assert!(
            said.iter().all(|line| line.contains(": Object")),
            "{said:?}"
        );
        assert_eq!(said.len(), 2);
    });
}

#[test]
fn calls_inside_the_isolate_leave_room_for_the_others() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        let said = host.fetch_worker("addForever?room=a");
        assert!(said.last().unwrap().contains(": Object"), "{said:?}");
        assert!(!host.condemned);
    });
}

#[test]
fn a_call_inside_the_isolate_has_its_own_processor_time() {
    with_host(ROOM, |host| {
        host.open(1, "a");
        let said = host.fetch_worker("spin?room=a");
        let last = said.last().unwrap();
        assert!(
            last.starts_with("unhandled: Error: Worker exceeded CPU"),
            "{said:?}"
        );
        assert!(said.iter().all(|line| !line.starts_with("commit")));
        assert!(host.condemned);
    });
}
