//! What an object keeps, as simple as can be, and what operations do to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What an object keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    keys: BTreeMap<String, Value>,
    pairs: BTreeMap<u64, String>,
    alarm: Option<u64>,
}

/// What a call does to an object.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) state: State,
    /// What it was before, and whenever something of it was committed: what may be found if it does not come to its end.
    pub(super) kept: Vec<State>,
    /// What it was at each bookmark.
    pub(super) marked: Vec<State>,
    /// Transactions that are open.
    depth: usize,
}

/// A conflict has taken back all that was not committed, and the object is reset.
#[derive(Debug)]
pub(super) struct RolledBack;

impl State {
    pub(super) fn dump(&self) -> Value {
        let keys: Vec<_> = self.keys.iter().collect();
        let pairs: Vec<_> = self.pairs.iter().collect();
        json!({ "keys": keys, "pairs": pairs, "alarm": self.alarm })
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

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn letters(letter: &str, count: &Value) -> String {
    letter.repeat(usize::try_from(number(count)).unwrap())
}

/// The method of a transaction that an operation calls, if it is one of those that a rolled back transaction refuses.
fn method_of(what: &str) -> Option<&'static str> {
    Some(match what {
        "put" | "put text" | "put all" => "put()",
        "get" => "get()",
        "delete" => "delete()",
        "list" => "list()",
        "alarm" => "setAlarm()",
        "no alarm" => "deleteAlarm()",
        "which alarm" => "getAlarm()",
        _ => return None,
    })
}

impl Call {
    pub(super) fn on(state: &State) -> Self {
        Self {
            state: state.clone(),
            kept: vec![state.clone()],
            marked: Vec::new(),
            depth: 0,
        }
    }

    /// Does what operations say, and gives what they give.
    pub(super) fn all(&mut self, operations: &Value) -> Result<Vec<Value>, RolledBack> {
        let operations = operations.as_array().unwrap().iter();
        operations.map(|operation| self.apply(operation)).collect()
    }

    fn apply(&mut self, operation: &Value) -> Result<Value, RolledBack> {
        let given = |index: usize| &operation[index];
        let key = || given(1).as_str().unwrap().to_owned();
        let state = &mut self.state;
        match operation[0].as_str().unwrap() {
            "put" | "put now" => drop(state.keys.insert(key(), given(2).clone())),
            "put text" => drop(state.keys.insert(key(), letters("x", given(2)).into())),
            "put all" => {
                for pair in given(1).as_array().unwrap() {
                    let key = pair[0].as_str().unwrap();
                    state.keys.insert(key.to_owned(), pair[1].clone());
                }
            }
            "get" | "get now" => return Ok(state.keys.get(&key()).cloned().unwrap_or_default()),
            "delete" | "delete now" => return Ok(state.keys.remove(&key()).is_some().into()),
            "list" => return Ok(state.list(given(1))),
            "delete all" => *state = State::default(),
            "insert" => {
                let value = letters("y", given(2));
                state.pairs.insert(number(given(1)), value);
            }
            "clash" => return self.clash(operation),
            "remove" => {
                let removed = state.pairs.split_off(&number(given(1)));
                return Ok(removed.len().into());
            }
            "sum" => {
                let sum: usize = state.pairs.values().map(String::len).sum();
                let is_some = !state.pairs.is_empty();
                return Ok(is_some.then_some(sum).into());
            }
            "alarm" | "alarm now" => state.alarm = given(1).as_u64(),
            "no alarm" | "no alarm now" => state.alarm = None,
            "which alarm" => return Ok(state.alarm.into()),
            // These wait for the host, so what comes after them is another turn.
            "sync" => self.kept.push(state.clone()),
            "bookmark" => {
                self.kept.push(state.clone());
                self.marked.push(state.clone());
            }
            "transaction" => return self.transaction(given(1), given(2) == true),
            "transaction now" => {
                let before = state.clone();
                let mut results = self.all(given(1))?;
                if given(2) == true {
                    self.state = before;
                    results.push("planned".into());
                }
                return Ok(results.into());
            }
            other => panic!("what is {other}?"),
        }
        Ok(Value::Null)
    }

    fn transaction(&mut self, operations: &Value, fails: bool) -> Result<Value, RolledBack> {
        if self.depth == 0 {
            // What was written before does not wait for its end.
            self.kept.push(self.state.clone());
        }
        self.depth += 1;
        let before = self.state.clone();
        let mut is_over = false;
        let mut results = Vec::new();
        for operation in operations.as_array().unwrap() {
            let what = operation[0].as_str().unwrap();
            results.push(match (what, method_of(what)) {
                ("roll back", _) => {
                    if !is_over {
                        self.state = before.clone();
                        self.depth -= 1;
                    }
                    is_over = true;
                    Value::Null
                }
                ("delete all", _) => "Cannot call deleteAll() within a transaction".into(),
                (_, Some(method)) if is_over => {
                    format!("Cannot {method} on rolled back transaction").into()
                }
                _ => self.apply(operation)?,
            });
        }
        if !is_over {
            self.depth -= 1;
            if fails {
                self.state = before;
            }
        }
        if fails {
            results.push("planned".into());
        }
        Ok(results.into())
    }

    /// Inserts two rows, of which each may be there.
    fn clash(&mut self, operation: &Value) -> Result<Value, RolledBack> {
        let before = self.state.pairs.clone();
        for key in [number(&operation[2]), number(&operation[3])] {
            if self.state.pairs.contains_key(&key) {
                match operation[1].as_str().unwrap() {
                    "REPLACE" => {}
                    "IGNORE" => continue,
                    "FAIL" => return Ok("taken".into()),
                    "ABORT" => {
                        self.state.pairs = before;
                        return Ok("taken".into());
                    }
                    _ => return Err(RolledBack),
                }
            }
            let value = letters("y", &operation[4]);
            self.state.pairs.insert(key, value);
        }
        Ok(Value::Null)
    }
}
