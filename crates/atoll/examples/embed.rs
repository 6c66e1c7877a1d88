//! Runs a string of code in a jail, with one Rust function to call and nothing else: `cargo run --release --example embed`.

use host::{Options, Runtime, Script};
use serde_json::json;

/// What a model might have written.
const CODE: &str = "
export default async (order: string[], env: { price(name: string): Promise<number> }) => {
  const prices = await Promise.all(order.map((name) => env.price(name)));
  return prices.reduce((sum, price) => sum + price, 0);
};";

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Isolates are forked from this program, started a second time.
    isolate::zygote_if_asked(bundle::prepare);
    tokio::runtime::Runtime::new()?.block_on(async {
        let runtime = Runtime::start(Options::default()).await?;
        let script = Script::new(CODE).grant("price", |arguments| async move {
            match arguments[0].as_str() {
                Some("tea") => Ok(json!(3)),
                Some("cake") => Ok(json!(4.5)),
                _ => Err("nobody sells that".to_owned()),
            }
        });
        assert_eq!(script.run(&runtime, &json!(["tea", "cake"])).await?, 7.5);
        assert!(script.run(&runtime, &json!(["gold"])).await.is_err());
        runtime.stop();
        Ok(())
    })
}
