//! Isolates come and go: kills, replacements, new versions.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use host::{Body, FetchError};

use crate::workers::*;

fn kill(process: u32) {
    let done = std::process::Command::new("kill")
        .args(["-9", &process.to_string()])
        .status()
        .unwrap();
    assert!(done.success());
}

#[test]
fn a_killed_isolate_costs_its_own_callers_and_nobody_else() {
    run(async {
        let app = App::fetch(
            "if (request.url.endsWith('/wait')) { console.log('waiting'); await scheduler.wait(60000); } \
             return new Response('alive');",
        );
        let worker = app.deploy().await;
        let neighbour = App::fetch("await scheduler.wait(20); return new Response('calm');")
            .deploy()
            .await;
        let mut log = Log::of(worker.name()).await;
        let waiting: Vec<_> = (0..10)
            .map(|_| {
                let worker = worker.clone();
                tokio::spawn(
                    async move { send(&worker, request("GET", "/wait", Body::empty())).await },
                )
            })
            .collect();
        for _ in &waiting {
            assert_eq!(log.next().await.message, "waiting");
        }
        let elsewhere = tokio::spawn(async move { text(&neighbour, "/").await });
        let [process] = worker.processes()[..] else {
            panic!("one isolate each")
        };
        kill(process);
        for caller in waiting {
            match caller.await.unwrap() {
                Err(FetchError::Lost { message, retryable }) => assert_eq!(
                    (message.as_str(), retryable),
                    ("Network connection lost.", true)
                ),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(elsewhere.await.unwrap(), "calm");
        assert_eq!(text(&worker, "/").await, "alive");
        assert!(!worker.processes().contains(&process));
    });
}

#[test]
fn killing_again_and_again_never_ends_a_worker() {
    run(async {
        let worker = App::fetch("return new Response('alive');").deploy().await;
        for _ in 0..20 {
            for process in worker.processes() {
                kill(process);
            }
            // A request may be on its way to the isolate that dies; the next one may not fail for it.
            loop {
                match send(&worker, request("GET", "/", Body::empty())).await {
                    Ok(answer) => {
                        assert_eq!(answer.text(), "alive");
                        break;
                    }
                    Err(FetchError::Lost { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    });
}

#[test]
fn a_new_version_drops_nothing_that_is_under_way() {
    run(async {
        let version = |number: u32| {
            App::fetch(&format!(
                "await scheduler.wait(2); return new Response('version {number}');"
            ))
            .name("versions")
        };
        let old = version(0).deploy().await;
        let service = runtime().await.service("versions", None);
        let stop = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let (service, stop) = (Arc::clone(&service), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut seen = HashSet::new();
                    while !stop.load(Ordering::Relaxed) {
                        seen.insert(text(&*service, "/").await);
                    }
                    seen.insert(text(&*service, "/").await);
                    seen
                })
            })
            .collect();
        for number in 1..=3 {
            version(number).deploy().await;
        }
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            assert!(caller.await.unwrap().contains("version 3"));
        }
        drop(old);
    });
}

#[test]
fn what_one_isolate_keeps_no_other_sees() {
    run(async {
        let worker = App::new(
            "let count = 0; globalThis.seen = []; export default { fetch() { count += 1; seen.push(count); \
             return new Response(seen.join()); } }",
        )
        .deploy()
        .await;
        let one = worker.isolate().await.unwrap();
        let two = worker.isolate().await.unwrap();
        let mut answers = Vec::new();
        for isolate in [&one, &two, &one] {
            let answer = isolate
                .fetch(request("GET", "/", Body::empty()))
                .await
                .unwrap();
            answers.push(
                http_body_util::BodyExt::collect(answer.into_body())
                    .await
                    .unwrap()
                    .to_bytes(),
            );
        }
        assert_eq!(answers, ["1", "1", "1,2"]);
    });
}

#[test]
fn isolates_of_one_template_have_different_randomness() {
    run(async {
        let worker = App::fetch(
            "const bytes = crypto.getRandomValues(new Uint8Array(4)); const key = crypto.subtle && await crypto.subtle.exportKey('raw', \
             await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign'])); \
             return Response.json([Math.random(), crypto.randomUUID(), [...bytes].join(), [...new Uint8Array(key)].join()]);",
        )
        .deploy()
        .await;
        let mut seen = HashSet::new();
        for _ in 0..5 {
            let isolate = worker.isolate().await.unwrap();
            let answer = isolate
                .fetch(request("GET", "/", Body::empty()))
                .await
                .unwrap();
            let bytes = http_body_util::BodyExt::collect(answer.into_body())
                .await
                .unwrap()
                .to_bytes();
            let values: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
            for value in values {
                assert!(seen.insert(value.to_string()), "{value} came twice");
            }
        }
    });
}

#[test]
fn requests_spread_over_the_isolates_of_a_worker() {
    run(async {
        let runtime = start(2).await;
        let worker = App::new(
            "let id; export default { async fetch() { id ??= crypto.randomUUID(); await scheduler.wait(5); return new Response(id); } }",
        )
        .try_deploy_on(&runtime)
        .await
        .unwrap();
        assert_eq!(worker.processes().len(), 2);
        let (one, two) = tokio::join!(text(&worker, "/"), text(&worker, "/"));
        assert_ne!(one, two);
        runtime.stop();
    });
}
