//! Runs a string of code in a jail, from a Rust program, with one Rust function to call and nothing else:
//! `cargo run --release -p atoll --example embed`.

use std::process::Command;

use host::{Options, Runtime, Script};
use serde_json::json;

/// What a model might have written.
const CODE: &str = r#"
    export default async ({ order }: { order: string[] }, env: { price(name: string): Promise<number> }) => {
      const prices = await Promise.all(order.map((name) => env.price(name)));
      return prices.reduce((sum, price) => sum + price, 0);
    };"#;

pub(crate) fn main() {
    // Isolates are forked from this program, started a second time: one thread, and nothing open.
    if std::env::args().nth(1).as_deref() == Some("--zygote") {
        panic!("{}", isolate::zygote_main(prepare, drop));
    }
    tokio::runtime::Runtime::new()
        .expect("threads")
        .block_on(run());
}

async fn run() {
    let mut zygote = Command::new(std::env::current_exe().expect("this program has a file"));
    zygote.arg("--zygote");
    let runtime = Runtime::start(Options {
        zygote,
        processes: 1,
    })
    .await
    .expect("a zygote");
    let script = Script::new(CODE).grant("price", |arguments| async move {
        match arguments[0].as_str() {
            Some("tea") => Ok(json!(3)),
            Some("cake") => Ok(json!(4.5)),
            other => Err(format!("nobody sells {other:?}")),
        }
    });
    let bill = script
        .run(&runtime, &json!({ "order": ["tea", "cake"] }))
        .await;
    assert_eq!(bill.expect("a result"), json!(7.5));
    let refused = script.run(&runtime, &json!({ "order": ["gold"] })).await;
    assert_eq!(
        refused.expect_err("a failure").to_string(),
        "Error: nobody sells Some(\"gold\")"
    );
    runtime.stop();
}

/// Types, JSX and the like are taken off in the jail.
fn prepare(name: &str, source: &str) -> Result<Option<String>, isolate::Mistake> {
    bundle::prepare(name, source).map_err(|mistake| isolate::Mistake {
        message: mistake.message,
        line: mistake.line,
        column: mistake.column,
    })
}
