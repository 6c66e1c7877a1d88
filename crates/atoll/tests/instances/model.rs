//! Random operations on the storage API against a simple model, with isolates that die, new versions and restarts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::run;

/// Does what it is told, in one turn, and says what came of each.
const OBEDIENT: &str = "
    constructor(ctx, env) {
        super(ctx, env);
        ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS pairs (key INTEGER PRIMARY KEY, value TEXT)');
    }
    async apply(operations) {
        const results = [];
        for (const operation of operations) results.push((await this.do(operation, this.ctx.storage)) ?? null);
        return results;
    }
    async do([what, ...given], storage) {
        const { sql } = this.ctx.storage;
        switch (what) {
            case 'put': await storage.put(...given); return;
            case 'put all': await storage.put(Object.fromEntries(given[0])); return;
            case 'put now': this.ctx.storage.kv.put(...given); return;
            case 'get': return await storage.get(...given);
            case 'get now': return this.ctx.storage.kv.get(...given);
            case 'delete': return await storage.delete(...given);
            case 'list': return [...(await storage.list(...given))];
            case 'insert': sql.exec('INSERT OR REPLACE INTO pairs VALUES (?, ?)', ...given); return;
            case 'remove': return sql.exec('DELETE FROM pairs WHERE key >= ? RETURNING key', ...given).toArray().length;
            case 'sum': return sql.exec('SELECT sum(length(value)) AS sum FROM pairs').one().sum;
            case 'alarm': await storage.setAlarm(...given); return;
            case 'no alarm': await storage.deleteAlarm(); return;
            case 'which alarm': return await storage.getAlarm();
            case 'sync': await this.ctx.storage.sync(); return;
            case 'transaction': {
                const [operations, fails] = given;
                try {
                    await this.ctx.storage.transaction(async (transaction) => {
                        for (const operation of operations) await this.do(operation, transaction);
                        if (fails) throw new Error('planned');
                    });
                } catch (error) {
                    return error.message;
                }
                return;
            }
            case 'transaction now': {
                const [pairs, fails] = given;
                try {
                    this.ctx.storage.transactionSync(() => {
                        for (const [key, value] of pairs) sql.exec('INSERT OR REPLACE INTO pairs VALUES (?, ?)', key, value);
                        if (fails) throw new Error('planned');
                    });
                } catch (error) {
                    return error.message;
                }
                return;
            }
        }
        throw new Error(`what is ${what}?`);
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

/// What an object keeps.
#[derive(Clone, Debug, Default)]
struct Model {
    keys: BTreeMap<String, Value>,
    pairs: BTreeMap<u64, String>,
    alarm: Option<u64>,
}

impl Model {
    fn dump(&self) -> Value {
        let keys: Vec<_> = self.keys.iter().collect();
        let pairs: Vec<_> = self.pairs.iter().collect();
        json!({ "keys": keys, "pairs": pairs, "alarm": self.alarm })
    }

    /// Does what an operation says, and gives what it gives.
    fn apply(&mut self, operation: &Value) -> Value {
        let given = |index: usize| &operation[index];
        let key = || given(1).as_str().unwrap().to_owned();
        match operation[0].as_str().unwrap() {
            "put" | "put now" => drop(self.keys.insert(key(), given(2).clone())),
            "put all" => {
                for pair in given(1).as_array().unwrap() {
                    let key = pair[0].as_str().unwrap();
                    self.keys.insert(key.to_owned(), pair[1].clone());
                }
            }
            "get" | "get now" => return self.keys.get(&key()).cloned().unwrap_or_default(),
            "delete" => return self.keys.remove(&key()).is_some().into(),
            "list" => return self.list(given(1)),
            "insert" => {
                let value = given(2).as_str().unwrap().to_owned();
                self.pairs.insert(given(1).as_u64().unwrap(), value);
            }
            "remove" => {
                return self
                    .pairs
                    .split_off(&given(1).as_u64().unwrap())
                    .len()
                    .into();
            }
            "sum" => {
                let sum: usize = self.pairs.values().map(String::len).sum();
                return if self.pairs.is_empty() {
                    Value::Null
                } else {
                    sum.into()
                };
            }
            "alarm" => self.alarm = given(1).as_u64(),
            "no alarm" => self.alarm = None,
            "which alarm" => return self.alarm.into(),
            "sync" => {}
            "transaction" => {
                let before = self.clone();
                for operation in given(1).as_array().unwrap() {
                    self.apply(operation);
                }
                if given(2) == true {
                    *self = before;
                    return "planned".into();
                }
            }
            "transaction now" => {
                if given(2) == true {
                    return "planned".into();
                }
                for pair in given(1).as_array().unwrap() {
                    let value = pair[1].as_str().unwrap().to_owned();
                    self.pairs.insert(pair[0].as_u64().unwrap(), value);
                }
            }
            other => panic!("what is {other}?"),
        }
        Value::Null
    }

    fn list(&self, options: &Value) -> Value {
        let text = |name: &str| options[name].as_str();
        let within = |key: &str| {
            text("prefix").is_none_or(|prefix| key.starts_with(prefix))
                && text("start").is_none_or(|start| key >= start)
                && text("startAfter").is_none_or(|start| key > start)
                && text("end").is_none_or(|end| key < end)
        };
        let mut found: Vec<_> = self.keys.iter().filter(|(key, _)| within(key)).collect();
        if options["reverse"] == true {
            found.reverse();
        }
        if let Some(limit) = options["limit"].as_u64() {
            found.truncate(usize::try_from(limit).unwrap());
        }
        json!(found)
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn key(&mut self) -> String {
        let letters = ["a", "ab", "abc", "b", "ba", "c", "ca", "cab", "d", "é"];
        letters[usize::try_from(self.below(letters.len() as u64)).unwrap()].to_owned()
    }

    fn value(&mut self) -> Value {
        match self.below(6) {
            0 => json!({ "deep": [1, { "list": [self.below(9)] }] }),
            1 => json!("x".repeat(usize::try_from(self.below(20_000)).unwrap())),
            _ => json!(self.below(1000)),
        }
    }

    fn pair(&mut self) -> (u64, String) {
        let length = [1, 10, 5000][usize::try_from(self.below(3)).unwrap()];
        (self.below(40), "y".repeat(length))
    }

    fn options(&mut self) -> Value {
        let mut options = json!({});
        match self.below(5) {
            0 => options["prefix"] = self.key().into(),
            1 => options["start"] = self.key().into(),
            2 => options["startAfter"] = self.key().into(),
            _ => {}
        }
        if self.below(3) == 0 {
            options["end"] = self.key().into();
        }
        if self.below(3) == 0 {
            options["limit"] = (1 + self.below(4)).into();
        }
        if self.below(3) == 0 {
            options["reverse"] = true.into();
        }
        options
    }

    fn operation(&mut self, outermost: bool) -> Value {
        match self.below(if outermost { 17 } else { 12 }) {
            0..3 => json!(["put", self.key(), self.value()]),
            3 => {
                let pairs: Vec<_> = (0..self.below(5))
                    .map(|_| (self.key(), self.value()))
                    .collect();
                json!(["put all", pairs])
            }
            4 => json!(["get", self.key()]),
            5..7 => json!(["delete", self.key()]),
            7 => json!(["list", self.options()]),
            8 | 9 => {
                let (key, value) = self.pair();
                json!(["insert", key, value])
            }
            10 => json!(["alarm", 4_000_000_000_000_u64 + self.below(1000)]),
            11 => json!(["no alarm"]),
            12 => json!(["remove", self.below(60)]),
            13 => {
                let words = ["sum", "which alarm", "sync"];
                json!([words[usize::try_from(self.below(3)).unwrap()]])
            }
            14 => {
                let key = self.key();
                if self.below(2) == 0 {
                    json!(["get now", key])
                } else {
                    json!(["put now", key, self.value()])
                }
            }
            15 => {
                let pairs: Vec<_> = (0..self.below(4)).map(|_| self.pair()).collect();
                json!(["transaction now", pairs, self.below(2) == 0])
            }
            _ => {
                let inside: Vec<_> = (0..self.below(6)).map(|_| self.operation(false)).collect();
                json!(["transaction", inside, self.below(2) == 0])
            }
        }
    }
}

/// Gives how many calls were lost.
async fn is_like_the_model(seed: u64) -> usize {
    let mut lost_calls = 0;
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut stage = Stage::empty(1, |_| {}).await;
    let mut things = stage.deploy(OBEDIENT).await;
    let mut model = Model::default();
    for step in 0..70 {
        let at = format!("seed {seed}, step {step}");
        let operations: Vec<Value> = (0..=random.below(6))
            .map(|_| random.operation(true))
            .collect();
        let mut next = model.clone();
        // What it may be if the isolate dies: `sync` waits for the disk, so what comes after it is another turn.
        let mut possible = vec![model.clone()];
        let mut expected = Vec::new();
        for operation in &operations {
            expected.push(next.apply(operation));
            if operation[0] == "sync" {
                possible.push(next.clone());
            }
        }
        possible.push(next.clone());
        let caller = stage.caller.clone();
        let arguments = json!([operations]);
        let called = tokio::spawn(async move { call(&caller, "one", "apply", arguments).await });
        if random.below(4) == 0 {
            // At whatever moment of it.
            for _ in 0..random.below(200) {
                tokio::task::yield_now().await;
            }
            things.processes().into_iter().for_each(kill);
        }
        match called.await.unwrap() {
            Ok(results) => {
                assert_eq!(results, Value::from(expected), "{at}: {operations:?}");
                model = next;
            }
            // All of a turn was done, or nothing.
            Err(error) => {
                assert_eq!(error, lost(), "{at}");
                lost_calls += 1;
                let found = dump(&stage).await;
                let state = possible.into_iter().find(|state| state.dump() == found);
                model = state.unwrap_or_else(|| panic!("{at}: {operations:?} left {found}"));
            }
        }
        match random.below(12) {
            0 => things = stage.deploy(OBEDIENT).await,
            1 => {
                stage = stage.restart().await;
                things = stage.deploy(OBEDIENT).await;
            }
            _ => {}
        }
        if random.below(3) == 0 {
            assert_eq!(dump(&stage).await, model.dump(), "{at}");
        }
    }
    assert_eq!(dump(&stage).await, model.dump(), "seed {seed}");
    lost_calls
}

/// What is there. The isolate may just be ending.
async fn dump(stage: &Stage) -> Value {
    loop {
        match stage.try_call("one", "dump", json!([])).await {
            Ok(found) => return found,
            Err(error) => assert_eq!(error, lost()),
        }
    }
}

#[test]
fn storage_is_like_its_model_whatever_dies() {
    run(async {
        let seeds = [1, 2, 3].map(|seed| tokio::spawn(is_like_the_model(seed)));
        let mut lost_calls = 0;
        for seed in seeds {
            lost_calls += seed.await.unwrap();
        }
        assert!(lost_calls > 0, "something should have been under way");
    });
}
