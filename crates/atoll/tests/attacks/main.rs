//! What hostile JavaScript may try from inside its isolate, and what stops it. `docs/attacks.md` lists the attacks.

mod code;
mod floods;
mod reach;
mod traps;
#[path = "../workers/mod.rs"]
mod workers;
