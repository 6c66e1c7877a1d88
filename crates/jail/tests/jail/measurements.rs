//! Figures, printed; generous bounds keep a large step backwards from passing unseen.

use std::time::{Duration, Instant};

use jail::{Limits, Role};

use crate::tests;
use crate::tree::{ZYGOTE, template};

tests![forking_is_quick_and_small];

fn forking_is_quick_and_small() {
    const ROUNDS: usize = 200;
    println!("protection: {}", ZYGOTE.protection());
    let template = template(&Limits::default());
    for (name, forker, role) in [
        ("an isolate from a zygote", &*ZYGOTE, Role::Isolate),
        ("an isolate from a template", &template, Role::Isolate),
        ("a template", &*ZYGOTE, Role::Template),
    ] {
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let started = Instant::now();
                let child = forker.fork(role, &Limits::default()).unwrap();
                let elapsed = started.elapsed();
                drop(child);
                elapsed
            })
            .collect();
        times.sort_unstable();
        let child = forker.fork(role, &Limits::default()).unwrap();
        let memory = child.process.memory().unwrap();
        println!(
            "fork {name}: median {:?}, 95% {:?}; private {:?} KiB, resident {} KiB",
            times[ROUNDS / 2],
            times[ROUNDS * 95 / 100],
            memory.private.map(|bytes| bytes / 1024),
            memory.resident / 1024
        );
        assert!(times[ROUNDS / 2] < Duration::from_millis(50));
        assert!(memory.private.unwrap_or(0) < 4 << 20);
    }
}
