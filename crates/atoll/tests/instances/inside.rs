//! Workers that call their own objects, which often live in the same isolate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use host::{Body, Worker};
use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::*;

/// `/object/method/argument` calls a method. Answers in which isolate that was done, and what came of it.
const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
let here;
const isolate = () => (here ??= crypto.randomUUID());

export class Thing extends DurableObject {
  where() {
    return isolate();
  }
  async hit() {
    const count = ((await this.ctx.storage.get("count")) ?? 0) + 1;
    this.ctx.storage.put("count", count);
    return count;
  }
  look() {
    return this.ctx.storage.get("count");
  }
  async deep(left) {
    const { name } = this.ctx.id;
    return left === 0 ? 0 : 1 + (await this.env.THINGS.getByName(`${name}.`).deep(left - 1));
  }
  async stream() {
    return new Blob(["one ", "two"]).stream();
  }
  counter() {
    let count = 0;
    return { add: (amount) => (count += amount) };
  }
}

export default {
  async fetch(request, env) {
    const [, name, method, argument] = new URL(request.url).pathname.split("/");
    const stub = env.THINGS.getByName(name);
    try {
      switch (method) {
        case "stream":
          return Response.json([isolate(), await new Response(await stub.stream()).text()]);
        case "counter": {
          using counter = await stub.counter();
          await counter.add(2);
          return Response.json([isolate(), await counter.add(3)]);
        }
        default:
          return Response.json([isolate(), await stub[method](Number(argument))]);
      }
    } catch (error) {
      return Response.json(error.message, { status: 500 });
    }
  },
};
"#;

async fn deploy(stage: &Stage) -> Worker {
    let app = App::new(WORKER).name(THINGS).objects("THINGS", "Thing");
    app.try_deploy_on(&stage.runtime).await.unwrap()
}

async fn ask(worker: &Worker, path: &str) -> Value {
    let answer = send(worker, request("GET", path, Body::empty()))
        .await
        .unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn requests_of_a_path_go_where_their_object_lives() {
    run(async {
        let stage = Stage::empty(2, |_| {}).await;
        let worker = deploy(&stage).await;
        let mut isolates = std::collections::HashSet::new();
        for number in 0..24 {
            let path = format!("/{number}/where");
            ask(&worker, &path).await;
            let answer = ask(&worker, &path).await;
            assert_eq!(answer[0], answer[1]);
            isolates.insert(answer[0].to_string());
        }
        assert_eq!(isolates.len(), 2, "objects should live in both");
    });
}

#[test]
fn what_a_call_inside_an_isolate_gives_may_refer_to_more() {
    run(async {
        let stage = Stage::empty(1, |_| {}).await;
        let worker = deploy(&stage).await;
        for _ in 0..3 {
            assert_eq!(ask(&worker, "/a/stream").await[1], "one two");
            assert_eq!(ask(&worker, "/a/counter").await[1], 5);
        }
    });
}

#[test]
fn calls_inside_an_isolate_are_no_deeper_than_others() {
    run(async {
        let stage = Stage::empty(1, |_| {}).await;
        let worker = deploy(&stage).await;
        for _ in 0..2 {
            assert_eq!(ask(&worker, "/a/deep/15").await[1], 15);
            let refused = ask(&worker, "/a/deep/16").await;
            assert!(
                refused
                    .as_str()
                    .is_some_and(|text| text.starts_with("Subrequest depth limit exceeded")),
                "{refused}"
            );
        }
    });
}

#[test]
fn kills_lose_nothing_that_a_worker_has_answered_for_its_own_objects() {
    run(async {
        let stage = Stage::empty(2, |_| {}).await;
        let worker = deploy(&stage).await;
        let over = Arc::new(AtomicBool::new(false));
        let answered: Arc<Vec<AtomicU64>> = Arc::new((0..4).map(|_| AtomicU64::new(0)).collect());
        let callers: Vec<_> = (0..12)
            .map(|index| {
                let (worker, over) = (worker.clone(), Arc::clone(&over));
                let answered = Arc::clone(&answered);
                tokio::spawn(async move {
                    let object = index % 4;
                    while !over.load(Ordering::Relaxed) {
                        let floor = answered[object].load(Ordering::SeqCst);
                        // The isolate of the worker itself is killed as well.
                        let Ok(answer) = send(
                            &worker,
                            request("GET", &format!("/{object}/hit"), Body::empty()),
                        )
                        .await
                        else {
                            continue;
                        };
                        let said: Value = serde_json::from_slice(&answer.body).unwrap();
                        match said[1].as_u64() {
                            Some(count) => {
                                assert!(count > floor, "{count} after {floor}");
                                answered[object].fetch_max(count, Ordering::SeqCst);
                            }
                            None => assert_eq!(said, json!("Network connection lost.")),
                        }
                    }
                })
            })
            .collect();
        for _ in 1..=6 {
            // By then everyone has noticed that those of the round before are gone.
            let wanted = answered[0].load(Ordering::SeqCst) + 60;
            while answered[0].load(Ordering::SeqCst) < wanted {
                tokio::task::yield_now().await;
            }
            for process in worker.processes() {
                kill(process);
            }
        }
        over.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await.unwrap();
        }
        for (object, answered) in answered.iter().enumerate() {
            // The last ones to be killed may not be replaced yet.
            let count = loop {
                let path = format!("/{object}/look");
                let Ok(answer) = send(&worker, request("GET", &path, Body::empty())).await else {
                    continue;
                };
                let said: Value = serde_json::from_slice(&answer.body).unwrap();
                if let Some(count) = said[1].as_u64() {
                    break count;
                }
            };
            assert!(count >= answered.load(Ordering::SeqCst));
        }
    });
}
