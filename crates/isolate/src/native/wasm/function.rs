//! Calls in both directions: exported functions, and functions of JavaScript that are imported.
#![expect(
    unsafe_code,
    reason = "exported functions are the engine's C functions, which cost least"
)]

use std::ffi::CString;
use std::ptr::NonNull;
use std::rc::Rc;

use rquickjs::function::Args;
use rquickjs::{Array, Class, Ctx, Error, Exception, Function, Result, Value, qjs};
use wasmi::errors::ErrorKind;
use wasmi::{AsContextMut, Caller, Func, FuncType, ResumableCall, TrapCode, Val};

use super::limits::{FUEL, may_go_on, stop};
use super::store::{Data, Given, Store, throw};

/// What WebAssembly is told when a function of JavaScript has thrown: the engine keeps what it was.
#[derive(Debug)]
struct Thrown;

impl std::fmt::Display for Thrown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an exception of JavaScript")
    }
}

impl wasmi::errors::HostError for Thrown {}

/// Why a call did not come back.
enum Failure {
    /// An exception is pending.
    Thrown,
    /// A limit was passed.
    Stopped,
    Trapped(wasmi::Error),
}

impl<'js> Store<'js> {
    /// Calls a function. What it did to memories is seen when this returns.
    pub(crate) fn run(
        &self,
        ctx: &Ctx<'js>,
        function: Func,
        inputs: &[Val],
        outputs: &mut [Val],
    ) -> Result<()> {
        let outcome = self.enter(|mut context| {
            // A function that is not compiled yet needs fuel for that at once.
            if context.get_fuel().unwrap_or(0) < self.fuel.get() {
                if !may_go_on() {
                    return Err(Failure::Stopped);
                }
                refuel(&mut context, self.fuel.get() + FUEL);
            }
            let mut call = function.call_resumable(&mut context, inputs, outputs);
            loop {
                call = match call {
                    Ok(ResumableCall::Finished) => return Ok(()),
                    Ok(ResumableCall::HostTrap(trap)) => {
                        return Err(match trap.host_error().downcast_ref::<Thrown>() {
                            Some(Thrown) => Failure::Thrown,
                            None => Failure::Trapped(trap.into_host_error()),
                        });
                    }
                    Ok(ResumableCall::OutOfFuel(rest)) => {
                        if !may_go_on() {
                            return Err(Failure::Stopped);
                        }
                        let needed = rest.required_fuel().saturating_mul(2);
                        refuel(&mut context, self.fuel.get().max(needed));
                        rest.resume(&mut context, outputs)
                    }
                    Err(error) if error.downcast_ref::<Thrown>().is_some() => {
                        return Err(Failure::Thrown);
                    }
                    Err(error) => return Err(Failure::Trapped(error)),
                }
            }
        });
        self.refresh_buffers(ctx);
        outcome.map_err(|failure| match failure {
            Failure::Thrown => Error::Exception,
            Failure::Stopped => stop(ctx),
            Failure::Trapped(error) => self.trapped(ctx, &error, ""),
        })
    }

    /// Throws what a trap is in JavaScript.
    pub(crate) fn trapped(&self, ctx: &Ctx<'js>, error: &wasmi::Error, place: &str) -> Error {
        let message = match error.as_trap_code() {
            Some(TrapCode::UnreachableCodeReached) => "unreachable",
            Some(TrapCode::MemoryOutOfBounds) => "memory access out of bounds",
            Some(TrapCode::TableOutOfBounds) => "table index is out of bounds",
            Some(TrapCode::IndirectCallToNull | TrapCode::BadSignature) => {
                "null function or function signature mismatch"
            }
            Some(TrapCode::IntegerDivisionByZero) => "divide by zero",
            Some(TrapCode::IntegerOverflow | TrapCode::BadConversionToInteger) => {
                "float unrepresentable in integer range"
            }
            Some(TrapCode::StackOverflow) => {
                return Exception::throw_range(ctx, "Maximum call stack size exceeded");
            }
            _ => match error.kind() {
                ErrorKind::Memory(_) => "memory access out of bounds",
                ErrorKind::Table(_) => "table index is out of bounds",
                kind => {
                    return throw(ctx, &self.api, "RuntimeError", &format!("{place}{kind}"));
                }
            },
        };
        throw(ctx, &self.api, "RuntimeError", &format!("{place}{message}"))
    }

    /// An exported function as JavaScript has it. `name` is its index in its module, where that is known.
    pub(crate) fn function_object(
        &self,
        ctx: &Ctx<'js>,
        function: Func,
        name: Option<u32>,
    ) -> Result<Value<'js>> {
        let index = self.know(function);
        let known = self.functions.borrow()[index as usize].object.clone();
        if let Some(object) = known {
            return Ok(object);
        }
        let parameters = self.functions.borrow()[index as usize].ty.params().len();
        let owner = self.object(ctx);
        let name =
            CString::new(name.unwrap_or(index).to_string()).expect("digits are no zero bytes");
        let mut data = [owner.as_raw()];
        // SAFETY: the context is alive; the engine copies the name and takes references of its own to the data.
        let object = unsafe {
            let value = qjs::JS_NewCFunctionData2(
                ctx.as_raw().as_ptr(),
                Some(call),
                name.as_ptr(),
                i32::try_from(parameters).unwrap_or(i32::MAX),
                index.cast_signed(),
                1,
                data.as_mut_ptr(),
            );
            if qjs::JS_IsException(value) {
                return Err(Error::Exception);
            }
            Value::from_raw(ctx.clone(), value)
        };
        let register: Function<'js> = self.api.get("register")?;
        register.call::<_, ()>((object.clone(), owner, index))?;
        self.functions.borrow_mut()[index as usize].object = Some(object.clone());
        Ok(object)
    }

    fn call_export(
        &self,
        ctx: &Ctx<'js>,
        index: u32,
        arguments: &[qjs::JSValue],
    ) -> Result<Value<'js>> {
        // What a call gives back is held by nothing until it is JavaScript's, so this is the time to look.
        self.sweep();
        let (function, ty) = {
            let functions = self.functions.borrow();
            let known = &functions[index as usize];
            (known.function, Rc::clone(&known.ty))
        };
        let mut inputs = Vec::with_capacity(ty.params().len());
        for (index, parameter) in ty.params().iter().enumerate() {
            let argument = arguments.get(index).copied().unwrap_or(qjs::JS_UNDEFINED);
            // SAFETY: the engine keeps the arguments of a call alive until it returns.
            inputs.push(unsafe { self.raw_to_wasm(ctx, argument, *parameter) }?);
        }
        if ty.results().contains(&wasmi::ValType::V128) {
            return Err(Exception::throw_type(
                ctx,
                "type incompatibility when transforming from/to JS",
            ));
        }
        let mut outputs: Vec<Val> = ty.results().iter().map(|ty| Val::default(*ty)).collect();
        self.run(ctx, function, &inputs, &mut outputs)?;
        match outputs.as_slice() {
            [] => Ok(Value::new_undefined(ctx.clone())),
            [one] => self.to_js(ctx, one),
            several => {
                let list = Array::new(ctx.clone())?;
                for (index, output) in several.iter().enumerate() {
                    list.set(index, self.to_js(ctx, output)?)?;
                }
                Ok(list.into_value())
            }
        }
    }

    /// A function of this store that calls one of JavaScript.
    pub(crate) fn import(&self, function: Value<'js>, ty: FuncType) -> Func {
        let index = {
            let mut imports = self.imports.borrow_mut();
            imports.push(function);
            imports.len() - 1
        };
        self.enter(|context| {
            Func::new(
                context,
                ty,
                move |mut caller: Caller<'_, Data>, inputs, outputs| {
                    let owner = caller.data().owner.expect("a store is born with its owner");
                    // SAFETY: something of the store runs, so whoever started it holds the object that the store is in.
                    let store = unsafe { owner.as_ref() };
                    store
                        .call_import(&mut caller, index, inputs, outputs)
                        .map_err(|()| wasmi::Error::host(Thrown))
                },
            )
        })
    }

    /// Calls the function of JavaScript. An exception is left pending.
    fn call_import(
        &self,
        caller: &mut Caller<'_, Data>,
        index: usize,
        inputs: &[Val],
        outputs: &mut [Val],
    ) -> std::result::Result<(), ()> {
        let ctx = self.api.ctx().clone();
        let mut context = caller.as_context_mut();
        let outcome = self.lend(&mut context, || -> Result<()> {
            self.refresh_buffers(&ctx);
            let function = self.imports.borrow()[index].clone();
            let function = function
                .into_function()
                .expect("only what can be called is imported");
            let mut arguments = Args::new(ctx.clone(), inputs.len());
            for input in inputs {
                arguments.push_arg(self.to_js(&ctx, input)?)?;
            }
            let result: Value<'js> = function.call_arg(arguments)?;
            match outputs {
                [] => {}
                [one] => *one = self.to_wasm(&ctx, &result, one.ty())?,
                several => {
                    let list: Function<'js> = self.api.get("list")?;
                    let list: Array<'js> = list.call((result,))?;
                    if list.len() != several.len() {
                        return Err(Exception::throw_type(&ctx, "multi-return length mismatch"));
                    }
                    for (index, output) in several.iter_mut().enumerate() {
                        *output = self.to_wasm(&ctx, &list.get(index)?, output.ty())?;
                    }
                }
            }
            Ok(())
        });
        outcome.map_err(|error| {
            if !error.is_exception() {
                Exception::throw_type(&ctx, &error.to_string());
            }
        })
    }
}

fn refuel(context: &mut wasmi::StoreContextMut<'_, Data>, fuel: u64) {
    context
        .set_fuel(fuel.max(FUEL))
        .expect("the interpreter counts fuel");
}

/// An exported function: `data` is its store, `index` its number there.
unsafe extern "C" fn call(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: i32,
    arguments: *mut qjs::JSValue,
    index: i32,
    data: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine gives a live context, `count` arguments, and the data that the function was made with, a store.
    unsafe {
        let ctx = Ctx::from_raw(NonNull::new_unchecked(ctx));
        let owner = Value::from_raw(ctx.clone(), qjs::JS_DupValue(ctx.as_raw().as_ptr(), *data));
        let arguments = match usize::try_from(count) {
            Ok(count) if count > 0 => std::slice::from_raw_parts(arguments, count),
            _ => &[],
        };
        let outcome = Class::<Store<'_>>::from_value(&owner).and_then(|store| {
            store
                .borrow()
                .call_export(&ctx, index.cast_unsigned(), arguments)
        });
        match outcome {
            Ok(value) => {
                let raw = value.as_raw();
                qjs::JS_DupValue(ctx.as_raw().as_ptr(), raw)
            }
            Err(error) => {
                if !error.is_exception() {
                    Exception::throw_type(&ctx, &error.to_string());
                }
                qjs::JS_EXCEPTION
            }
        }
    }
}

/// `importFunction(store, function, other, index)`: a function of this store that calls one of another store. Gives its
/// number.
pub(crate) fn import_function<'js>(
    store: Given<'js>,
    function: Value<'js>,
    other: Given<'js>,
    index: u32,
) -> u32 {
    let ty = Rc::clone(&other.borrow().functions.borrow()[index as usize].ty);
    let store = store.borrow();
    let known = store.know(store.import(function.clone(), (*ty).clone()));
    store.functions.borrow_mut()[known as usize].object = Some(function);
    known
}
