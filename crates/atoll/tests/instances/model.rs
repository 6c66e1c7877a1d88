//! Random operations on the storage API against a simple model, with isolates that die, new versions, restarts and ways back.
//!
//! `ATOLL_SEED` runs one seed, in place of those that are always run.

mod script;
mod shortest;
mod state;

use std::time::{Duration, Instant};

use host::Worker;
use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::run;
use script::script;
use shortest::shortest;
use state::{Call, State};

/// How long a life may take. It takes a few seconds, unless something hangs.
const LIFE: Duration = Duration::from_secs(28);
/// How long after the start of the test a shorter script is still looked for.
const SHORTENING: Duration = Duration::from_secs(30);
/// Why an object is reset.
const GOING_BACK: &str = "going back";

/// Does what it is told, and says what came of each. A conflict that rolls back is caught, and nothing said of it.
const OBEDIENT: &str = "
    constructor(ctx, env) {
        super(ctx, env);
        this.make();
    }
    make() {
        this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS pairs (key INTEGER PRIMARY KEY, value TEXT)');
    }
    async apply(operations) {
        const results = [];
        try {
            await this.all(operations, this.ctx.storage, results);
        } catch (error) {
            if (!this.isRolledBack) throw error;
        }
        return results;
    }
    async all(operations, storage, results) {
        for (const operation of operations) {
            try {
                results.push((await this.do(operation, storage)) ?? null);
            } catch (error) {
                results.push(this.caught(error));
            }
        }
    }
    caught(error) {
        if (this.isRolledBack) throw error;
        return error.message;
    }
    async do(operation, storage) {
        const [what, ...given] = operation;
        switch (what) {
            case 'put': await storage.put(...given); return;
            case 'put text': await storage.put(given[0], 'x'.repeat(given[1])); return;
            case 'put all': await storage.put(Object.fromEntries(given[0])); return;
            case 'get': return await storage.get(...given);
            case 'delete': return await storage.delete(...given);
            case 'list': return [...(await storage.list(...given))];
            case 'alarm': await storage.setAlarm(...given); return;
            case 'no alarm': await storage.deleteAlarm(); return;
            case 'which alarm': return await storage.getAlarm();
            case 'sync': await this.ctx.storage.sync(); return;
            case 'bookmark': return await this.ctx.storage.getCurrentBookmark();
            case 'roll back': storage.rollback(); return;
            case 'delete all': {
                await storage.deleteAll();
                this.make();
                return;
            }
            case 'transaction': {
                const [operations, fails] = given;
                const results = [];
                try {
                    await this.ctx.storage.transaction(async (transaction) => {
                        await this.all(operations, transaction, results);
                        if (fails) throw new Error('planned');
                    });
                } catch (error) {
                    results.push(this.caught(error));
                }
                return results;
            }
        }
        return this.doNow(operation);
    }
    doNow([what, ...given]) {
        const { storage } = this.ctx;
        const { kv, sql } = storage;
        switch (what) {
            case 'put now': kv.put(...given); return;
            case 'get now': return kv.get(...given);
            case 'delete now': return kv.delete(...given);
            case 'insert': sql.exec('INSERT OR REPLACE INTO pairs VALUES (?, ?)', given[0], 'y'.repeat(given[1])); return;
            case 'clash': return this.clash(...given);
            case 'remove': return sql.exec('DELETE FROM pairs WHERE key >= ? RETURNING key', ...given).toArray().length;
            case 'sum': return sql.exec('SELECT sum(length(value)) AS sum FROM pairs').one().sum;
            case 'alarm now': void storage.setAlarm(...given); return;
            case 'no alarm now': void storage.deleteAlarm(); return;
            case 'transaction now': {
                const [operations, fails] = given;
                const results = [];
                try {
                    storage.transactionSync(() => {
                        for (const operation of operations) results.push(this.doNow(operation) ?? null);
                        if (fails) throw new Error('planned');
                    });
                } catch (error) {
                    results.push(this.caught(error));
                }
                return results;
            }
        }
        throw new Error(`what is ${what}?`);
    }
    clash(how, one, other, length) {
        const value = 'y'.repeat(length);
        try {
            this.ctx.storage.sql.exec(`INSERT OR ${how} INTO pairs VALUES (?, ?), (?, ?)`, one, value, other, value);
        } catch (error) {
            if (!error.message.includes('SQLITE_CONSTRAINT')) throw error;
            this.isRolledBack = how === 'ROLLBACK';
            return this.caught(error) && 'taken';
        }
    }
    async ask(bookmark, operations) {
        await this.apply(operations);
        return this.ctx.storage.onNextSessionRestoreBookmark(bookmark);
    }
    async leave(operations) {
        await this.apply(operations);
        this.ctx.abort('going back');
    }
    alarm() {}
    async dump() {
        const { storage } = this.ctx;
        return {
            keys: [...(await storage.list())],
            pairs: storage.sql.exec('SELECT key, value FROM pairs ORDER BY key').raw().toArray(),
            alarm: await storage.getAlarm(),
        };
    }";

/// An object, and what it should be.
struct Life {
    stage: Stage,
    things: Worker,
    state: State,
    /// With what the object was at each.
    bookmarks: Vec<(String, State)>,
    lost_calls: usize,
}

impl Life {
    async fn new() -> Self {
        let stage = Stage::empty(1, |_| {}).await;
        let things = stage.deploy(OBEDIENT).await;
        Self {
            stage,
            things,
            state: State::default(),
            bookmarks: Vec::new(),
            lost_calls: 0,
        }
    }

    async fn restarted(mut self) -> Self {
        self.stage = self.stage.restart().await;
        self.things = self.stage.deploy(OBEDIENT).await;
        self
    }

    /// What is there. The isolate may just be ending.
    async fn dump(&self) -> Result<Value, String> {
        loop {
            match self.stage.try_call("one", "dump", json!([])).await {
                Ok(found) => return Ok(found),
                Err(error) if error == lost() => {}
                Err(error) => return Err(format!("it cannot be read: {error}")),
            }
        }
    }

    async fn look(&self) -> Result<(), String> {
        same("what is there", &self.dump().await?, &self.state.dump())
    }

    fn kill(&self) {
        self.things.processes().into_iter().for_each(kill);
    }

    /// Does operations, and kills the isolate after so many looks at whether there is something else to do.
    async fn apply(&mut self, operations: &Value, kill: Option<u64>) -> Result<(), String> {
        let mut call = Call::on(&self.state);
        let expected = call.all(operations);
        let caller = self.stage.caller.clone();
        let arguments = json!([operations]);
        let called =
            tokio::spawn(
                async move { crate::stage::call(&caller, "one", "apply", arguments).await },
            );
        if let Some(looks) = kill {
            for _ in 0..looks {
                tokio::task::yield_now().await;
            }
            self.kill();
        }
        match (called.await.unwrap(), expected) {
            (Ok(mut results), Ok(expected)) => {
                let mut marked = call.marked.into_iter();
                for (index, operation) in operations.as_array().unwrap().iter().enumerate() {
                    if operation[0] == "bookmark" {
                        let bookmark = results[index].take();
                        let bookmark = bookmark.as_str().ok_or("a bookmark that is none")?;
                        let state = marked.next().expect("the model marks each");
                        self.bookmarks.push((bookmark.to_owned(), state));
                    }
                }
                self.state = call.state;
                same("what it gave", &results, &Value::from(expected))
            }
            (Ok(results), Err(_)) => Err(format!("it went on after a rollback: {results}")),
            // All of a turn was done, or nothing.
            (Err(error), expected) if error == lost() => {
                self.lost_calls += 1;
                if expected.is_ok() {
                    call.kept.push(call.state);
                }
                let found = self.dump().await?;
                let state = call.kept.into_iter().find(|state| state.dump() == found);
                self.state = state.ok_or_else(|| format!("when it died, it left {found}"))?;
                Ok(())
            }
            (Err(error), Err(_)) => {
                let message = error["message"].as_str().unwrap_or_default();
                if error["durableObjectReset"] != true || !message.contains("SQLITE_CONSTRAINT") {
                    return Err(format!("a rollback was told as {error}"));
                }
                self.state = call.kept.pop().expect("the first is always there");
                self.look().await
            }
            (Err(error), Ok(_)) => Err(format!("it failed: {error}")),
        }
    }

    /// Takes the object back to a bookmark. What it writes `before` it asks for that can be got back, what it writes in the
    /// turn in which it ends itself is `lost`.
    async fn go_back(mut self, step: &Value) -> Result<Self, String> {
        let [_, number, before, lost, how] = step.as_array().unwrap().as_slice() else {
            panic!("what is {step}?");
        };
        let Some(last) = self.bookmarks.len().checked_sub(1) else {
            return Ok(self);
        };
        let number = usize::try_from(number.as_u64().unwrap()).unwrap();
        let (bookmark, then) = self.bookmarks[last - number % (last + 1)].clone();
        // The isolate may just be ending.
        self.look().await?;
        let mut call = Call::on(&self.state);
        call.all(before).expect("writes do not roll back");
        let asked = self.stage.try_call("one", "ask", json!([bookmark, before]));
        let undo = asked.await.map_err(|error| format!("asked: {error}"))?;
        let undo = undo.as_str().ok_or("a bookmark that is none")?.to_owned();
        same("not yet", &self.dump().await?, &call.state.dump())?;
        match how.as_str().unwrap() {
            "abort" => {
                let left = self.stage.try_call("one", "leave", json!([lost])).await;
                let told = left.err().unwrap_or_default();
                same("what the end was told as", &told, &reset(GOING_BACK))?;
            }
            "kill" => self.kill(),
            _ => self = self.restarted().await,
        }
        self.bookmarks.push((undo, call.state));
        self.state = then;
        self.look().await?;
        Ok(self)
    }

    async fn step(mut self, step: &Value) -> Result<Self, String> {
        match step[0].as_str().unwrap() {
            "apply" => self.apply(&step[1], None).await?,
            "apply and kill" => self.apply(&step[2], step[1].as_u64()).await?,
            "go back" => return self.go_back(step).await,
            "deploy" => self.things = self.stage.deploy(OBEDIENT).await,
            "restart" => return Ok(self.restarted().await),
            _ => self.look().await?,
        }
        Ok(self)
    }
}

fn same(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let short = |value: &Value| value.to_string().chars().take(1000).collect::<String>();
    let (found, expected) = (short(found), short(expected));
    Err(format!("{what}: {found} instead of {expected}"))
}

/// Lives through a script. Gives how many calls were lost, or what is not as it should be.
async fn live(script: &Value) -> Result<usize, String> {
    let mut life = Life::new().await;
    for (number, step) in script.as_array().unwrap().iter().enumerate() {
        let lived = life.step(step).await;
        life = lived.map_err(|why| format!("step {number}: {why}"))?;
    }
    life.look().await?;
    Ok(life.lost_calls)
}

/// The same, in a task of its own, so that what panics or hangs fails as well.
async fn try_live(script: Value) -> Result<usize, String> {
    let life = tokio::spawn(async move { tokio::time::timeout(LIFE, live(&script)).await });
    match life.await {
        Ok(Ok(lived)) => lived,
        Ok(Err(_)) => Err("it hangs".to_owned()),
        Err(panic) => Err(panic.to_string()),
    }
}

/// A failure with the part of its script that it needs.
async fn explained(seed: u64, why: String, until: Instant) -> String {
    let fails = async |script: &Value| try_live(script.clone()).await.err();
    let (script, why) = shortest(script(seed), why, until, fails).await;
    let steps = script.as_array().unwrap().iter();
    let steps: String = steps.map(|step| format!("\n  {step}")).collect();
    format!("ATOLL_SEED={seed} fails: {why}\nThe shortest that was found:{steps}")
}

#[test]
fn storage_is_like_its_model_whatever_dies() {
    let seed = std::env::var("ATOLL_SEED").ok();
    let seeds = seed.map_or(vec![1, 2, 3], |seed| vec![seed.parse().unwrap()]);
    let until = Instant::now() + SHORTENING;
    run(async {
        let lives = seeds
            .iter()
            .map(|seed| tokio::spawn(try_live(script(*seed))));
        let lives: Vec<_> = lives.collect();
        let mut lost_calls = 0;
        for (seed, life) in seeds.iter().zip(lives) {
            match life.await.unwrap() {
                Ok(lost) => lost_calls += lost,
                Err(why) => panic!("{}", explained(*seed, why, until).await),
            }
        }
        assert!(lost_calls > 0, "something should have been under way");
    });
}
