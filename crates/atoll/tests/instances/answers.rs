//! Answers of models outlive the objects that asked for them.

use std::path::Path;
use std::sync::Arc;

use host::Fetcher;
use model::{Models, Names, Options, Script, Scripted};
use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::{App, get, run};

const LAST: usize = 40;

/// Nothing awaits before the last call that counts: only the bundler keeps the context over `await`. Asks for numbers, with what it has of the answer, and gives the text; `leave` goes away in the middle of it.
const ASKING: &str = r#"
    async ask(known, leave) {
        const messages = [{ role: "user", content: "Count to 40" }];
        if (known !== "") messages.push({ role: "assistant", content: known });
        const stream = await this.env.AI.run("scripted", { messages, stream: true });
        let text = "";
        for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
            for (const line of chunk.split("\n")) {
                if (!line.startsWith("data: {")) continue;
                text += JSON.parse(line.slice(6)).choices[0]?.delta.content ?? "";
            }
            if (leave && text.includes("5 ")) {
                console.log(text);
                await new Promise(() => {});
            }
        }
        return text;
    }
    stop() {
        const abort = new AbortController();
        const messages = [{ role: "user", content: "Count to 5000" }];
        const options = { signal: abort.signal, returnRawResponse: true };
        return this.env.AI.run("scripted", { messages, stream: true }, options).then((response) => {
            const run = "https://workers-binding.ai/ai-gateway/gateways/default/run/" + response.headers.get("cf-aig-run-id");
            return response.body.getReader().read().then(() => {
                abort.abort();
                return this.env.AI.fetch(run + "/resume?from=0");
            });
        }).then((resumed) => resumed.text()).then((text) => `it went on: ${text.slice(0, 200)}`, (error) => error.message);
    }"#;

fn whole() -> String {
    let numbers: Vec<String> = (1..=LAST).map(|number| number.to_string()).collect();
    numbers.join(" ")
}

fn answering(rate: f64) -> Scripted {
    let script = Script {
        rate,
        ..Script::default()
    };
    Scripted::new(script)
}

fn models(scripted: &Scripted, folder: &Path) -> Arc<dyn Fetcher> {
    let options = Options {
        url: "http://scripted/v1".to_owned(),
        key: None,
        names: Names::default(),
        network: Arc::new(scripted.clone()),
        folder: Some(folder.to_owned()),
        worker: THINGS.to_owned(),
    };
    Arc::new(Models::new(options).unwrap())
}

fn asking(models: Arc<dyn Fetcher>) -> App {
    app(ASKING).models("AI", models)
}

/// Objects that ask a model that answers slowly, and the folder where answers are kept.
async fn asking_slowly() -> (Stage, host::Worker, Scripted, tempfile::TempDir) {
    let stage = Stage::empty(1, |_| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let scripted = answering(100.0);
    let app = asking(models(&scripted, folder.path()));
    let things = app.try_deploy_on(&stage.runtime).await.unwrap();
    (stage, things, scripted, folder)
}

/// How many tokens the model gave in all, and how often it was asked.
async fn paid(scripted: &Scripted) -> (u64, usize) {
    let answer = get(scripted, "/calls").await;
    let calls: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
    let tokens = calls.iter().map(|call| call["tokens"].as_u64().unwrap());
    (tokens.sum(), calls.len())
}

/// The part of an answer that an object got before its isolate was killed.
async fn part(stage: &Stage, things: &host::Worker) -> String {
    let mut log = stage.log();
    let caller = stage.caller.clone();
    let first = tokio::spawn(async move {
        drop(call(&caller, "a", "ask", json!(["", true])).await);
    });
    let text = log.next().await.message;
    for process in things.processes() {
        kill(process);
    }
    first.await.unwrap();
    text
}

#[test]
fn an_object_that_died_gets_the_rest_of_the_answer_and_the_model_is_asked_once() {
    run(async {
        let (stage, things, scripted, _folder) = asking_slowly().await;
        let known = part(&stage, &things).await;
        assert!(whole().starts_with(&known) && known.len() < whole().len());
        let rest = stage.call("a", "ask", json!([known, false])).await;
        assert_eq!(format!("{known}{}", rest.as_str().unwrap()), whole());
        assert_eq!(paid(&scripted).await, (LAST as u64, 1));
        // Who asks anew is answered anew.
        assert_eq!(stage.call("a", "ask", json!(["", false])).await, whole());
        assert_eq!(paid(&scripted).await, (2 * LAST as u64, 2));
    });
}

#[test]
fn an_object_that_kept_nothing_gets_all_of_the_answer_again() {
    run(async {
        let (stage, things, scripted, _folder) = asking_slowly().await;
        part(&stage, &things).await;
        assert_eq!(stage.call("a", "ask", json!(["", false])).await, whole());
        assert_eq!(paid(&scripted).await, (LAST as u64, 1));
        // Another object has nothing to do with it.
        assert_eq!(
            stage.call("b", "ask", json!(["1 2 ", false])).await,
            &whole()[4..]
        );
        assert_eq!(paid(&scripted).await.1, 2);
    });
}

#[test]
fn what_was_read_before_the_host_ended_is_not_asked_for_again() {
    run(async {
        let (stage, things, _scripted, folder) = asking_slowly().await;
        let known = part(&stage, &things).await;
        // The files of the answer as they are at a moment, as if everything had ended there.
        let later = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), later.path().join(entry.file_name())).unwrap();
        }
        let next = answering(0.0);
        let app = asking(models(&next, later.path()));
        app.try_deploy_on(&stage.runtime).await.unwrap();
        let rest = stage.call("a", "ask", json!([known, false])).await;
        assert_eq!(format!("{known}{}", rest.as_str().unwrap()), whole());
        let read = known.split_whitespace().count() as u64;
        let (tokens, calls) = paid(&next).await;
        assert!(
            calls == 1 && tokens <= LAST as u64 - read,
            "{tokens} after {read}"
        );
    });
}

#[test]
fn who_says_so_does_not_get_or_pay_for_the_rest() {
    run(async {
        let (stage, _things, scripted, _folder) = asking_slowly().await;
        assert_eq!(
            stage.call("a", "stop", json!([])).await,
            "The answer was canceled."
        );
        assert!(paid(&scripted).await.0 < 5000);
    });
}
