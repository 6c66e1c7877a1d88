//! Values on their way between JavaScript and WebAssembly.
//!
//! See <https://webassembly.github.io/spec/js-api/#towebassemblyvalue>.
#![expect(
    unsafe_code,
    reason = "conversions are the engine's C functions, and what they are given is read where it lies"
)]

use rquickjs::{BigInt, Ctx, Error, Exception, Result, Value, qjs};
use wasmi::{AsContext, ExternRef, F32, F64, Ref, Val, ValType};

use super::store::Store;

impl<'js> Store<'js> {
    pub(crate) fn to_js(&self, ctx: &Ctx<'js>, value: &Val) -> Result<Value<'js>> {
        Ok(match value {
            Val::I32(value) => Value::new_int(ctx.clone(), *value),
            Val::I64(value) => BigInt::from_i64(ctx.clone(), *value)?.into_value(),
            Val::F32(value) => Value::new_float(ctx.clone(), f64::from(f32::from(*value))),
            Val::F64(value) => Value::new_float(ctx.clone(), f64::from(*value)),
            Val::V128(_) => return Err(no_vectors(ctx)),
            Val::FuncRef(Ref::Null) | Val::ExternRef(Ref::Null) => Value::new_null(ctx.clone()),
            Val::FuncRef(Ref::Val(function)) => self.function_object(ctx, *function, None)?,
            Val::ExternRef(Ref::Val(reference)) => {
                let slot = self.enter(|context| slot_of(context.as_context(), reference));
                self.references.borrow().get(slot)
            }
        })
    }

    pub(crate) fn to_wasm(&self, ctx: &Ctx<'js>, value: &Value<'js>, ty: ValType) -> Result<Val> {
        // SAFETY: the value is alive in this context.
        unsafe { self.raw_to_wasm(ctx, value.as_raw(), ty) }
    }

    /// # Safety
    ///
    /// The value is alive, and of this context.
    pub(crate) unsafe fn raw_to_wasm(
        &self,
        ctx: &Ctx<'js>,
        value: qjs::JSValue,
        ty: ValType,
    ) -> Result<Val> {
        let raw = ctx.as_raw().as_ptr();
        let check = |status: i32| {
            if status < 0 {
                Err(Error::Exception)
            } else {
                Ok(())
            }
        };
        // SAFETY: the caller's; each function writes one number of its own kind.
        unsafe {
            Ok(match ty {
                ValType::I32 => {
                    let mut number = 0;
                    check(qjs::JS_ToInt32(raw, &raw mut number, value))?;
                    Val::I32(number)
                }
                ValType::I64 => {
                    let mut number = 0;
                    check(qjs::JS_ToBigInt64(raw, &raw mut number, value))?;
                    Val::I64(number)
                }
                ValType::F32 => {
                    let mut number = 0.0;
                    check(qjs::JS_ToFloat64(raw, &raw mut number, value))?;
                    Val::F32(F32::from(number as f32))
                }
                ValType::F64 => {
                    let mut number = 0.0;
                    check(qjs::JS_ToFloat64(raw, &raw mut number, value))?;
                    Val::F64(F64::from(number))
                }
                ValType::V128 => return Err(no_vectors(ctx)),
                ValType::FuncRef | ValType::ExternRef => {
                    let value = Value::from_raw(ctx.clone(), qjs::JS_DupValue(raw, value));
                    match ty {
                        _ if value.is_null() => Val::default(ty),
                        ValType::FuncRef => {
                            let index = self.function_index(ctx, &value)?.ok_or_else(|| {
                                Exception::throw_type(
                                    ctx,
                                    "function-typed object must be null (if nullable) or a Wasm function object",
                                )
                            })?;
                            Val::from(self.function(index))
                        }
                        _ => Val::from(self.reference(value)),
                    }
                }
            })
        }
    }

    fn reference(&self, value: Value<'js>) -> ExternRef {
        let mut references = self.references.borrow_mut();
        references.take(value, |slot| {
            self.enter(|context| ExternRef::new(context, slot))
        })
    }
}

fn no_vectors(ctx: &Ctx<'_>) -> Error {
    Exception::throw_type(ctx, "type incompatibility when transforming from/to JS")
}

/// The slot that a reference stands for.
pub(crate) fn slot_of<T>(context: wasmi::StoreContext<'_, T>, reference: &ExternRef) -> u32 {
    let slot = reference.data(context).downcast_ref::<u32>();
    *slot.expect("all references of a store are its slots")
}
