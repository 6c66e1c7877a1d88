//! One isolate: an engine, a program, and the turns that it takes.
use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use protocol::limits::STARTUP_CPU_MS;
use protocol::{
    Bounds, EventId, Exports, Failure, FailureKind, FromIsolate, OF_ISOLATE, Program, Settings,
    ToIsolate,
};
use rquickjs::function::IntoArgs;
use rquickjs::promise::PromiseState;
use rquickjs::{
    Context, Ctx, Error, Function, Module, Object, Persistent, Promise, Result, Runtime, Value,
};

use crate::api::load_api;
use crate::failure::{caught, engine_failure};
use crate::heap::{Account, Heap, fill_gaps, trim};
use crate::modules::{Contents, Names, ProgramModules};
use crate::native::{self, casts, sqlite, wasm};
use crate::prepare::Prepare;
use crate::sources::Sources;
use crate::stopped::Place;
use crate::values::read_exports;
use crate::{async_context, cpu, jobs, objects, state};

/// Native stack that JavaScript may use, in bytes.
const MAX_STACK_BYTES: usize = 1024 * 1024;
/// Heap growth before the first collection, at least. A collection writes to every object, and every page that an isolate
/// writes to is no longer shared with its template; so a small isolate should never collect, and none before it has added as
/// much as it shares.
const GC_GROWTH_BYTES: usize = 8 * 1024 * 1024;
/// After so many objects have gone to sleep, memory is given back. It takes a collection to find it, see above.
const GIVE_BACK_AFTER: usize = 1024;

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The isolate waits for the next frame.
    Idle,
    /// A limit was passed: the outbox says which. The isolate must not run any further.
    Condemned,
}

/// An engine with the Workers API, and perhaps a program.
pub struct Isolate {
    // Persistent values have to go before the context, and the context before the runtime.
    pub(crate) host: Persistent<Object<'static>>,
    /// The two of its functions that every request needs.
    pub(crate) fetch: Persistent<Function<'static>>,
    drained: Persistent<Function<'static>>,
    context: Context,
    runtime: Runtime,
    program: ProgramModules,
    pub(crate) prepare: Cell<Option<Prepare>>,
    settings: Cell<Settings>,
    heap: Rc<Account>,
    interrupted: Rc<Cell<bool>>,
    stopped_at: Place,
    deadline_us: Rc<Cell<u64>>,
}

impl Isolate {
    /// An engine with the Workers API loaded and no program.
    ///
    /// # Errors
    /// When the Workers API itself does not load: a failure with the engine's message.
    pub fn new(sources: Sources) -> std::result::Result<Self, Failure> {
        let heap = Rc::<Account>::default();
        state::with(|state| state.heap = Rc::clone(&heap));
        let runtime = Runtime::new_with_alloc(Heap(Rc::clone(&heap)))
            .map_err(|error| engine_failure(&error))?;
        runtime.set_max_stack_size(MAX_STACK_BYTES);
        let program = ProgramModules::default();
        state::with(|state| state.program = Rc::clone(&program));
        runtime.set_loader(
            Names {
                program: Rc::clone(&program),
            },
            Contents {
                sources,
                program: Rc::clone(&program),
            },
        );
        let stopped_at = Place::default();
        let interrupted = Rc::new(Cell::new(false));
        let deadline_us = Rc::new(Cell::new(u64::MAX));
        state::with(|state| state.deadline_us = Rc::clone(&deadline_us));
        native::watch(&deadline_us, &interrupted);
        runtime.set_interrupt_handler(Some(Box::new({
            let (interrupted, deadline_us) = (Rc::clone(&interrupted), Rc::clone(&deadline_us));
            let (heap, stopped_at) = (Rc::clone(&heap), stopped_at.clone());
            move || {
                if heap.is_exhausted() {
                    heap.lend();
                    interrupted.set(true);
                    return true;
                }
                let over = cpu::used_us() > deadline_us.get();
                if over && !interrupted.replace(true) {
                    stopped_at.look();
                }
                over
            }
        })));
        let context = Context::full(&runtime).map_err(|error| engine_failure(&error))?;
        stopped_at.set_context(&context);
        let (host, fetch, drained) = context.with(|ctx| load_api(&ctx))?;
        let isolate = Self {
            host,
            fetch,
            drained,
            context,
            runtime,
            program,
            prepare: Cell::new(None),
            settings: Cell::new(Settings {
                memory_bytes: protocol::limits::DEFAULT_MEMORY_BYTES,
                cpu_ms: protocol::limits::DEFAULT_CPU_MS,
                startup_cpu_ms: STARTUP_CPU_MS,
                global_fetch: None,
                cache: None,
                loopback: None,
                bundler: None,
                is_followed: false,
            }),
            heap,
            interrupted,
            stopped_at,
            deadline_us,
        };
        jobs::track_rejections(&isolate.runtime, &isolate.host);
        isolate.put_collection_off();
        Ok(isolate)
    }

    /// Lets programs import `atoll:test-storage`: storage of objects without a host.
    pub fn allow_test_storage(&self) {
        sqlite::allow_tests();
    }

    /// Lets programs compile WebAssembly of bytes that they have, which Workers refuse.
    pub fn allow_test_compilation(&self) {
        wasm::allow_compilation();
    }

    /// Reads modules that a program will have, in this order, and runs nothing. Their imports have to lead to each other or
    /// to what the runtime has.
    ///
    /// # Errors
    /// When one cannot be parsed or linked.
    pub fn read(&self, modules: Vec<protocol::Module>) -> std::result::Result<Exports, Failure> {
        let named = |module: &protocol::Module| module.name.clone();
        let names: Vec<String> = modules.iter().map(named).collect();
        let content =
            |module: protocol::Module| (module.name, (module.kind, Rc::new(module.content)));
        self.program
            .borrow_mut()
            .extend(modules.into_iter().map(content));
        self.context.with(|ctx| {
            for name in names {
                // It stays with the engine, which has it at hand when it is imported.
                let known = self.program.borrow().get(&name).cloned();
                let Some((_, content)) = known else { continue };
                Module::declare(ctx.clone(), name, content.as_slice())
                    .map_err(|error| self.caught(&ctx, error))?;
            }
            Ok(Exports::default())
        })
    }

    /// Evaluates a program's top level and says what it exports.
    ///
    /// # Errors
    /// When it cannot be parsed or linked, throws, takes too long or never settles.
    pub fn evaluate(
        &self,
        mut program: Program,
        settings: Settings,
    ) -> std::result::Result<Exports, Failure> {
        self.settings.set(settings);
        state::with(|state| {
            state.global_scope = true;
            state.global_fetch = settings.global_fetch;
            state.cache = settings.cache;
            state.loopback = settings.loopback;
            state.bundler = settings.bundler;
            state.is_followed = settings.is_followed;
            state.cpu_ms = settings.cpu_ms;
        });
        self.heap
            .set_limit(usize::try_from(settings.memory_bytes).unwrap_or(usize::MAX));
        self.put_collection_off();
        let main = program.main;
        cpu::reset();
        if program.is_raw {
            self.prepare_all(&mut program.modules)?;
        }
        self.program.borrow_mut().extend(
            program
                .modules
                .into_iter()
                .map(|module| (module.name, (module.kind, Rc::new(module.content)))),
        );
        // Only the program's own module may be its main one: what others export must not become entrypoints.
        if main.contains(':') || !self.program.borrow().contains_key(&main) {
            return Err(Failure {
                name: "Error".to_owned(),
                message: format!("No such module \"{main}\"."),
                ..Failure::default()
            });
        }
        self.interrupted.set(false);
        state::with(|state| state.allow(None, settings.startup_cpu_ms));
        let described = self.context.with(|ctx| {
            self.call(
                &ctx,
                "configure",
                (program.compatibility_date, program.compatibility_flags),
            )?;
            self.bind_all(&ctx, program.env, program.exports, program.environment)?;
            self.define_workflows(&ctx, program.workflows)?;
            let promise =
                Module::import(&ctx, main.as_str()).map_err(|error| self.caught(&ctx, error))?;
            Ok(Persistent::save(&ctx, promise))
        });
        let promise: Persistent<Promise<'static>> = match described {
            Ok(promise) => promise,
            Err(failure) => {
                return Err(self
                    .limit_failure(settings.startup_cpu_ms, cpu::turn_us())
                    .unwrap_or(failure));
            }
        };
        self.run_jobs();
        let exports = self.context.with(|ctx| {
            let promise = promise
                .restore(&ctx)
                .map_err(|error| caught(&ctx, error, false))?;
            if self.interrupted.get() {
                jobs::tell_import(&ctx, &promise);
            }
            match promise.state() {
                PromiseState::Pending => Err(Failure {
                    kind: FailureKind::Hung,
                    name: "Error".to_owned(),
                    message: "Top-level await in module is unsettled.".to_owned(),
                    stack: String::new(),
                }),
                PromiseState::Rejected => {
                    let error = promise
                        .result::<Value<'_>>()
                        .and_then(std::result::Result::err);
                    Err(error.map_or_else(Failure::default, |error| self.caught(&ctx, error)))
                }
                PromiseState::Resolved => {
                    let namespace: Value<'_> = promise
                        .result()
                        .expect("the promise is resolved")
                        .map_err(|error| caught(&ctx, error, false))?;
                    read_exports(&ctx, self.call(&ctx, "install", (namespace,))?)
                }
            }
        });
        // Looking at exports, and at what was thrown, may have run the program's own getters.
        if let Some(failure) = self.limit_failure(settings.startup_cpu_ms, cpu::turn_us()) {
            return Err(failure);
        }
        self.deadline_us.set(u64::MAX);
        exports
    }

    /// Handles one message from the host and everything that follows from it without the host.
    pub fn receive(&self, message: ToIsolate<'_>) -> Turn {
        if matches!(message, ToIsolate::Start { .. }) {
            cpu::reset();
        }
        let event = Self::event_of(&message);
        let cpu_ms = self.allowed(event, &message);
        self.interrupted.set(false);
        state::with(|state| {
            state.begin_turn();
            if let (Some(id), ToIsolate::Event { .. }) = (event, &message) {
                state.event_cpu_us.insert(id, 0);
            }
            state.allow(event, cpu_ms);
        });
        let delivered = self.context.with(|ctx| {
            self.deliver(&ctx, message)
                .map_err(|error| self.caught(&ctx, error))
        });
        if let Err(failure) = delivered
            && !self.is_over()
        {
            state::send(&FromIsolate::Unhandled(event, failure));
        }
        self.settle(event);
        self.context.with(|ctx| casts::let_go(&ctx));
        let (event, cpu_ms, used_us) = state::with(|state| {
            state.charge();
            (state.turn_event, state.turn_cpu_ms, state.turn_used_us())
        });
        match self.limit_failure(cpu_ms, used_us) {
            None if state::with(|state| state.condemned) => {
                objects::give_up_turn();
                Turn::Condemned
            }
            None if self.end_turn() => Turn::Idle,
            None => Turn::Condemned,
            Some(failure) => {
                objects::give_up_turn();
                match event {
                    Some(id) if id & OF_ISOLATE == 0 => state::send(&FromIsolate::Done {
                        id,
                        outcome: Err(failure),
                        cpu_us: used_us,
                    }),
                    _ => state::send(&FromIsolate::Unhandled(None, failure)),
                }
                Turn::Condemned
            }
        }
    }

    /// The processor time that an event may use, in milliseconds.
    fn allowed(&self, event: Option<EventId>, message: &ToIsolate<'_>) -> u32 {
        let usual = self.settings.get().cpu_ms;
        let Some(id) = event else { return usual };
        let narrower = state::with(|state| {
            if let ToIsolate::Event { bounds, .. } = message
                && *bounds != Bounds::default()
            {
                state.event_bounds.insert(id, *bounds);
            }
            state.event_bounds.get(&id).and_then(|bounds| bounds.cpu_ms)
        });
        narrower.map_or(usual, |narrower| narrower.min(usual))
    }

    fn end_turn(&self) -> bool {
        self.context
            .with(|ctx| objects::end_turn(&ctx, || self.function(&ctx, "lose")))
    }

    /// Runs jobs, and whatever else is due, until only the host can make anything happen.
    fn settle(&self, event: Option<EventId>) {
        let mut more = true;
        while more {
            self.run_jobs();
            if self.is_over() || state::with(|state| state.condemned) {
                return;
            }
            more = self.context.with(|ctx| match self.drained(&ctx) {
                Ok(more) => more,
                Err(error) => {
                    let failure = self.caught(&ctx, error);
                    if !self.is_over() {
                        state::send(&FromIsolate::Unhandled(event, failure));
                    }
                    true
                }
            });
        }
    }

    fn drained(&self, ctx: &Ctx<'_>) -> Result<bool> {
        async_context::clear(ctx);
        self.drained.clone().restore(ctx)?.call(())
    }

    /// Keeps a descriptor that came from the host until the frame that tells of it is received.
    pub fn hold_descriptor(&self, descriptor: OwnedFd) {
        state::with(|state| state.descriptors.push_back(descriptor));
    }

    /// Takes the frames that wait for the host.
    #[must_use]
    pub fn take_outbox(&self) -> Vec<u8> {
        state::with(|state| std::mem::take(&mut state.outbox))
    }

    /// Gives memory back to the system that many objects had which sleep now.
    pub fn give_back(&self) {
        let many = state::with(|state| {
            let many = state.slept >= GIVE_BACK_AFTER;
            if many {
                state.slept = 0;
            }
            many
        });
        if many {
            self.runtime.run_gc();
            trim();
        }
    }

    /// Makes ready to be forked: what forks write should not lie between what they share.
    pub(crate) fn settle_down(&self) {
        self.runtime.run_gc();
        self.context.with(|ctx| fill_gaps(&ctx, &self.heap));
        self.put_collection_off();
    }

    /// Says how large the heap may be before it is collected for the first time. After that the engine itself says when.
    fn put_collection_off(&self) {
        let used = self.heap.used();
        // Garbage must not come up to the limit.
        let room = self.heap.limit().saturating_sub(used) / 2;
        let growth = GC_GROWTH_BYTES.max(used).min(room);
        self.runtime.set_gc_threshold(used + growth);
    }

    /// Bytes of frames that wait for the host.
    #[must_use]
    pub fn outbox_len(&self) -> usize {
        state::with(|state| state.outbox.len())
    }

    /// Whether a limit was passed: no code may run any more.
    fn is_over(&self) -> bool {
        self.interrupted.get() || self.heap.is_exhausted()
    }

    /// What was thrown; remembers where a limit stopped the code.
    fn caught(&self, ctx: &Ctx<'_>, error: Error) -> Failure {
        let failure = caught(ctx, error, self.interrupted.get());
        if failure.kind == FailureKind::Cpu {
            self.stopped_at.thrown(&failure.stack);
        }
        failure
    }

    /// The failure that stands for a limit that was passed, if one was.
    fn limit_failure(&self, cpu_ms: u32, used_us: u64) -> Option<Failure> {
        if self.heap.is_exhausted() {
            return Some(state::out_of_memory());
        }
        self.interrupted.get().then(|| Failure {
            stack: self.stopped_at.take(),
            ..Failure::over_cpu(cpu_ms, used_us)
        })
    }

    /// The event that a message belongs to, for counting.
    fn event_of(message: &ToIsolate<'_>) -> Option<EventId> {
        match message {
            ToIsolate::Event { id, .. } | ToIsolate::CancelEvent(id, _) => Some(*id),
            ToIsolate::Result { call, .. } => state::with(|state| state.take_call(*call)),
            ToIsolate::StartFacet(call) => state::with(|state| state.calls.get(call).copied()),
            _ => None,
        }
    }

    /// Calls one of `js/main.js`'s functions for the host.
    pub(crate) fn call<'js, A: IntoArgs<'js>>(
        &self,
        ctx: &Ctx<'js>,
        name: &str,
        arguments: A,
    ) -> std::result::Result<Value<'js>, Failure> {
        let answer = || self.function(ctx, name)?.call(arguments);
        answer().map_err(|error| self.caught(ctx, error))
    }

    pub(crate) fn function<'js>(&self, ctx: &Ctx<'js>, name: &str) -> Result<Function<'js>> {
        self.host.clone().restore(ctx)?.get(name)
    }

    /// Runs everything that waits in the engine's job queue, each job with no async context of its own.
    fn run_jobs(&self) {
        while self.runtime.is_job_pending() {
            if self.is_over() {
                return;
            }
            self.context.with(|ctx| {
                if jobs::run_next(&ctx).is_err() {
                    let failure = self.caught(&ctx, Error::Exception);
                    if !self.is_over() {
                        state::send(&FromIsolate::Unhandled(None, failure));
                    }
                }
            });
        }
    }
}
