//! Facets and the end of everything.

use std::time::{Duration, Instant};

use crate::ledger::{Answer, ask};
use crate::server::{Project, Server};

/// Kills of the server.
const ROUNDS: u64 = 8;
/// How long alarms may take that are due.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_facets_have_answered_stays_when_the_server_is_killed() {
    let project = Project::of(include_str!("facets.js"), "Parent");
    let mut server = project.serve().unwrap();
    let mut total = 0;
    for round in 0..ROUNDS {
        let get = |path: &str| match ask(&server.address, path) {
            Answer::Done(value) => value,
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(get("/total/a"), total, "round {round}");
        assert_eq!(get("/total/a/in"), total);
        for _ in 0..3 {
            assert_eq!(get("/add/a/in"), total + 1);
            total += 1;
            assert_eq!(get("/add/a"), total);
        }
        match round % 4 {
            // What is gone stays gone, with all that was in it.
            2 => {
                assert_eq!(get("/remove"), true);
                total = 0;
            }
            // A copy is whole.
            3 => assert_eq!(get("/copy"), true),
            _ => {}
        }
        server.kill();
        server = project.serve().unwrap();
        if round % 4 == 3 {
            let get = |path: &str| match ask(&server.address, path) {
                Answer::Done(value) => value,
                other => panic!("{path}: {other:?}"),
            };
            assert_eq!(get("/total/b"), total);
            assert_eq!(get("/total/b/in"), total);
        }
    }
    server.stop();
}

#[test]
fn alarms_of_facets_with_dynamic_classes_ring_after_the_server_was_killed() {
    let project = Project::of(include_str!("facet_alarms.js"), "Parent");
    let get = |server: &Server, path: &str| match ask(&server.address, path) {
        Answer::Done(value) => value,
        other => panic!("{path}: {other:?}"),
    };
    let mut server = project.serve().unwrap();
    for object in ["a", "b", "c"] {
        get(&server, &format!("/{object}/set/500"));
    }
    server.kill();
    let server = project.serve().unwrap();
    // Nobody touches the objects that the facets belong to.
    let began = Instant::now();
    while get(&server, "/witness/count") != 3 {
        assert!(began.elapsed() < PATIENCE, "not all have rung");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.stop();
}
