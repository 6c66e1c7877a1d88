//! Random values come back as they were, and random bytes do no harm.

use std::rc::Rc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rquickjs::{Context, Function, Module, Runtime, TypedArray};

use crate::modules::{Contents, Names, ProgramModules};
use crate::sources::Sources;

const HARNESS: &str = include_str!("tests.js");

fn with_codec(test: impl for<'js> FnOnce(&rquickjs::Ctx<'js>, Function<'js>, Function<'js>)) {
    let runtime = Runtime::new().expect("an engine");
    runtime.set_memory_limit(256 << 20);
    let program = ProgramModules::default();
    runtime.set_loader(
        Names {
            program: Rc::clone(&program),
        },
        Contents {
            sources: Sources::Embedded,
            program,
        },
    );
    let context = Context::full(&runtime).expect("a context");
    context.with(|ctx| {
        let module = Module::evaluate(ctx.clone(), "atoll:harness.js", HARNESS)
            .and_then(|promise| promise.finish::<()>());
        if module.is_err() {
            panic!("{:?}", ctx.catch());
        }
        let globals = ctx.globals();
        test(
            &ctx,
            globals.get("roundTrip").expect("set by the harness"),
            globals.get("tolerate").expect("set by the harness"),
        );
    });
}

#[test]
fn random_values_survive_and_mutated_bytes_are_tolerated() {
    with_codec(|ctx, round_trip, tolerate| {
        let strategy = (
            proptest::collection::vec(any::<u8>(), 0..300),
            proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            any::<prop::sample::Index>(),
        );
        let mut runner = TestRunner::new(Config {
            cases: 1500,
            failure_persistence: None,
            ..Config::default()
        });
        let outcome = runner.run(&strategy, |(seed, mutations, cut)| {
            let seed = TypedArray::<u8>::new(ctx.clone(), seed).expect("bytes");
            let encoded = match round_trip.call::<_, TypedArray<'_, u8>>((seed,)) {
                Ok(encoded) => encoded,
                Err(_) => return Err(TestCaseError::fail(format!("{:?}", ctx.catch()))),
            };
            let original = crate::native::bytes::with_bytes(&encoded, <[u8]>::to_vec);
            let mut bytes = original.clone();
            for (at, byte) in &mutations {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            for bytes in [bytes, original[..cut.index(original.len())].to_vec()] {
                let bytes = TypedArray::<u8>::new(ctx.clone(), bytes).expect("bytes");
                // Any answer but a crash will do: the bytes may still make sense.
                let answer = tolerate.call::<_, String>((bytes,));
                prop_assert!(answer.is_ok(), "{:?}", ctx.catch());
            }
            Ok(())
        });
        assert!(outcome.is_ok(), "{outcome:?}");
    });
}
