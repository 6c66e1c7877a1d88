//! Where code was when a limit stopped it.
#![expect(
    unsafe_code,
    reason = "the engine's interrupt handler is given no context"
)]

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;

use rquickjs::{Constructor, Context, Ctx, Object, qjs};

use crate::failure::frames;

/// The stack of code that was stopped. Clones are the same place.
///
/// The engine knows it in two ways, neither of them exact. The frame that runs keeps its last call, which may lie before a
/// loop without any. What is thrown tells the last operation before the loop. So the later of the two is nearer.
#[derive(Clone, Default)]
pub(crate) struct Place(Rc<Inner>);

#[derive(Default)]
struct Inner {
    context: Cell<Option<NonNull<qjs::JSContext>>>,
    looking: Cell<bool>,
    stack: RefCell<String>,
}

impl Place {
    /// Where code runs.
    pub(crate) fn set_context(&self, context: &Context) {
        self.0.context.set(Some(context.as_raw()));
    }

    /// Notes where code is. To be called by the interrupt handler alone, while that code runs.
    pub(crate) fn look(&self) {
        let Some(context) = self.0.context.get() else {
            return;
        };
        // Looking runs a little code, which is stopped as well.
        if self.0.looking.replace(true) {
            return;
        }
        // SAFETY: the handler is called by code that runs in the only context of a locked runtime, so it is alive.
        let ctx = unsafe { Ctx::from_raw(context) };
        let stack = || -> rquickjs::Result<String> {
            let error: Object<'_> = ctx
                .globals()
                .get::<_, Constructor<'_>>("Error")?
                .construct(())?;
            error.get("stack")
        };
        match stack() {
            Ok(stack) => *self.0.stack.borrow_mut() = frames(&stack),
            // What goes wrong here must not be taken for what the code has thrown.
            Err(_) => drop(ctx.catch()),
        }
        self.0.looking.set(false);
    }

    /// Notes the stack of what was thrown to stop the code.
    pub(crate) fn thrown(&self, stack: &str) {
        let mut noted = self.0.stack.borrow_mut();
        if position(stack) > position(&noted) || noted.is_empty() {
            stack.clone_into(&mut noted);
        }
    }

    /// Takes what was noted.
    pub(crate) fn take(&self) -> String {
        self.0.stack.take()
    }
}

/// Line and column of a stack's first frame.
fn position(stack: &str) -> Option<(u32, u32)> {
    let first = stack.lines().next()?.trim_end_matches(')');
    let (rest, column) = first.rsplit_once(':')?;
    let (_, line) = rest.rsplit_once(':')?;
    Some((line.parse().ok()?, column.parse().ok()?))
}
