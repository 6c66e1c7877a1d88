//! What happens to an object, made up from a seed: steps, most of which are calls with operations.

use serde_json::{Value, json};

const STEPS: usize = 70;
/// Transactions within one another.
const DEEPEST: usize = 3;

/// The script of a seed: the same one each time.
pub(super) fn script(seed: u64) -> Value {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut steps = Vec::new();
    for _ in 0..STEPS {
        let operations: Vec<_> = (0..=random.below(6)).map(|_| random.operation(0)).collect();
        steps.push(match random.below(4) {
            0 => json!(["apply and kill", random.below(200), operations]),
            _ => json!(["apply", operations]),
        });
        match random.below(12) {
            0 => steps.push(json!(["deploy"])),
            1 => steps.push(json!(["restart"])),
            2 | 3 => {
                let (before, lost) = (random.writes(), random.writes());
                let how = random.pick(&["abort", "abort", "kill", "restart"]);
                steps.push(json!(["go back", random.below(100), before, lost, how]));
            }
            _ => {}
        }
        if random.below(3) == 0 {
            steps.push(json!(["look"]));
        }
    }
    Value::Array(steps)
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn key(&mut self) -> String {
        let keys = ["a", "ab", "abc", "b", "ba", "c", "ca", "cab", "d", "é"];
        self.pick(&keys).to_owned()
    }

    fn value(&mut self) -> Value {
        match self.below(6) {
            0 => json!({ "deep": [1, { "list": [self.below(9)] }] }),
            _ => json!(self.below(1000)),
        }
    }

    fn length(&mut self) -> u64 {
        self.pick(&[1, 10, 5000])
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

    fn alarm(&mut self) -> u64 {
        4_000_000_000_000 + self.below(1000)
    }

    /// Operations that each write something, whatever is there.
    fn writes(&mut self) -> Vec<Value> {
        let mut write = || match self.below(4) {
            0 => json!(["put", self.key(), self.value()]),
            1 => json!(["insert", self.below(40), self.length()]),
            2 => json!(["alarm", self.alarm()]),
            _ => json!(["no alarm"]),
        };
        vec![write(), write()]
    }

    /// An operation, `depth` transactions deep.
    fn operation(&mut self, depth: usize) -> Value {
        let is_outermost = depth == 0;
        match self.below(26) {
            0..3 => json!(["put", self.key(), self.value()]),
            3 => json!(["put text", self.key(), self.below(20_000)]),
            4 => {
                let pairs: Vec<_> = (0..self.below(5))
                    .map(|_| (self.key(), self.value()))
                    .collect();
                json!(["put all", pairs])
            }
            5 => json!(["get", self.key()]),
            6 | 7 => json!(["delete", self.key()]),
            8 => json!(["list", self.options()]),
            9 | 10 => json!(["alarm", self.alarm()]),
            11 => json!(["no alarm"]),
            12 => json!(["which alarm"]),
            13 if is_outermost => json!(["sync"]),
            14 if is_outermost => json!(["bookmark"]),
            13 | 14 => json!(["roll back"]),
            // Within a transaction it is refused.
            15 if self.below(3) == 0 => json!(["delete all"]),
            16..19 if depth < DEEPEST => {
                let inside: Vec<_> = (0..self.below(6))
                    .map(|_| self.operation(depth + 1))
                    .collect();
                json!(["transaction", inside, self.below(3) == 0])
            }
            _ => self.operation_now(depth),
        }
    }

    /// An operation of the synchronous API.
    fn operation_now(&mut self, depth: usize) -> Value {
        match self.below(14) {
            0 | 1 => json!(["put now", self.key(), self.value()]),
            2 => json!(["get now", self.key()]),
            3 => json!(["delete now", self.key()]),
            4 | 5 => json!(["insert", self.below(40), self.length()]),
            6 => json!(["remove", self.below(60)]),
            7 => json!(["sum"]),
            8 | 9 => {
                let ways = ["ABORT", "ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK"];
                let how = self.pick(&ways);
                json!(["clash", how, self.below(40), self.below(40), self.length()])
            }
            10 => json!(["alarm now", self.alarm()]),
            11 => json!(["no alarm now"]),
            _ if depth < DEEPEST => {
                let inside: Vec<_> = (0..self.below(4))
                    .map(|_| self.operation_now(depth + 1))
                    .collect();
                json!(["transaction now", inside, self.below(2) == 0])
            }
            _ => json!(["sum"]),
        }
    }
}
