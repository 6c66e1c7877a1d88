//! Keeps the asynchronous context (`AsyncLocalStorage`) across `await`, which the engine does not.
//!
//! `await E` becomes `__atoll_ctx_set(__atoll_ctx_get(),await __atoll_ctx_wait(E))`: arguments are
//! evaluated from left to right, so the context is read before the wait and made current again
//! after it; what `E` gives may stand for a promise, which is what is waited for. Where a wait can
//! end without reaching that call (an exception that is caught, the implicit waits of `for await`
//! and `await using`) the function keeps the context in a variable of its own and makes it current
//! where control arrives. Only insertions, none with a line break.

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    ArrowFunctionBody, ArrowFunctionExpression, AwaitExpression, BlockStatement, Directive,
    ForOfStatement, ForStatement, ForStatementInit, ForStatementLeft, Function, FunctionBody,
    LabeledStatement, Program, ReturnStatement, Statement, StaticBlock, TryStatement,
    VariableDeclaration, VariableDeclarationKind, YieldExpression,
};
use oxc::ast_visit::{Visit, walk};
use oxc::parser::Parser;
use oxc::span::{GetSpan, SourceType, Span};
use oxc::syntax::scope::ScopeFlags;

use crate::edits::{Edits, Moved};

/// Reads the current context.
const GET: &str = "__atoll_ctx_get()";
/// Makes its first argument the current context and gives its second.
const SET: &str = "__atoll_ctx_set";
/// Gives the promise that its argument stands for, and anything else as it is.
const WAIT: &str = "__atoll_ctx_wait";
/// Each function's own variable.
const KEPT: &str = "__atoll_c";

/// What ends at a place comes before what starts there, inner before outer.
const CLOSING: i32 = -1_000_000;
/// After everything that ends, before everything that starts.
const PROLOGUE: i32 = -1;

/// The same program with its context kept; `None` when there is nothing to keep or the source does
/// not parse.
pub(crate) fn keep_context(source: &str, source_type: SourceType) -> Option<(String, Moved)> {
    if !source.contains("await") && !source.contains("async") {
        return None;
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type).parse();
    if parsed.panicked || !parsed.diagnostics.is_empty() {
        return None;
    }
    let mut pass = Pass {
        edits: Edits::default(),
        functions: vec![FunctionScope {
            is_async: true,
            ..FunctionScope::default()
        }],
        depth: 0,
        label_start: None,
    };
    pass.program(&parsed.program);
    (!pass.edits.is_empty()).then(|| pass.edits.apply(source))
}

#[derive(Default)]
struct FunctionScope {
    is_async: bool,
    is_generator: bool,
    /// Places so far where the function may wait.
    waits: u32,
    needs_variable: bool,
}

struct Pass {
    edits: Edits,
    functions: Vec<FunctionScope>,
    depth: i32,
    /// Where the labels of the loop that comes next start.
    label_start: Option<u32>,
}

impl Pass {
    fn program(&mut self, program: &Program<'_>) {
        walk::walk_program(self, program);
        let first = program.body.first().map_or(0, |first| first.span().start);
        self.declare(&program.directives, first);
    }

    fn scope(&mut self) -> &mut FunctionScope {
        self.functions
            .last_mut()
            .expect("the module's own scope is never popped")
    }

    fn open(&mut self, at: u32, text: impl Into<String>) {
        self.edits.insert(at, self.depth, text);
    }

    fn close(&mut self, at: u32, text: impl Into<String>) {
        self.edits.insert(at, CLOSING - self.depth, text);
    }

    fn within_function(&mut self, scope: FunctionScope, visit: impl FnOnce(&mut Self)) -> bool {
        self.functions.push(scope);
        visit(self);
        self.functions
            .pop()
            .is_some_and(|scope| scope.needs_variable)
    }

    fn body_start(body: &FunctionBody<'_>) -> u32 {
        body.span.start + 1
    }

    /// Declares the current scope's variable, after its directives or at `start`.
    fn declare(&mut self, directives: &[Directive<'_>], start: u32) {
        if self.scope().needs_variable {
            self.declare_at(directives, start);
        }
    }

    fn declare_at(&mut self, directives: &[Directive<'_>], start: u32) {
        match directives.last() {
            // A directive may have no semicolon of its own.
            Some(last) => {
                let declaration = format!(";let {KEPT};");
                self.edits.insert(last.span.end, PROLOGUE, declaration);
            }
            None => {
                let declaration = format!("let {KEPT};");
                self.edits.insert(start, PROLOGUE, declaration);
            }
        }
    }

    fn restore() -> String {
        format!("{SET}({KEPT});")
    }

    /// Makes the context right after a statement however it is left.
    fn wrap_statement(&mut self, start: u32, end: u32) {
        self.scope().needs_variable = true;
        self.open(start, format!("{{{KEPT}={GET};try{{"));
        self.close(end, format!("}}finally{{{}}}}}", Self::restore()));
    }

    fn wrap_expression(&mut self, span: Span) {
        self.scope().waits += 1;
        self.open(span.start, format!("{SET}({GET},"));
        self.close(span.end, ")");
    }

    /// Makes the context right when `body` starts.
    fn restore_in(&mut self, body: &Statement<'_>) {
        match body {
            Statement::BlockStatement(block) => {
                self.open(block.span.start + 1, Self::restore());
            }
            other => {
                let span = other.span();
                self.open(span.start, format!("{{{}", Self::restore()));
                self.close(span.end, "}");
            }
        }
    }
}

fn waits_when_left(declaration: &VariableDeclaration<'_>) -> bool {
    declaration.kind == VariableDeclarationKind::AwaitUsing
}

impl<'a> Visit<'a> for Pass {
    fn visit_function(&mut self, function: &Function<'a>, flags: ScopeFlags) {
        let scope = FunctionScope {
            is_async: function.r#async,
            is_generator: function.generator,
            ..FunctionScope::default()
        };
        let needs_variable = self.within_function(scope, |pass| {
            walk::walk_function(pass, function, flags);
        });
        if let Some(body) = function.body.as_ref().filter(|_| needs_variable) {
            self.declare_at(&body.directives, Self::body_start(body));
        }
    }

    fn visit_arrow_function_expression(&mut self, arrow: &ArrowFunctionExpression<'a>) {
        let scope = FunctionScope {
            is_async: arrow.r#async,
            ..FunctionScope::default()
        };
        let needs_variable = self.within_function(scope, |pass| {
            walk::walk_arrow_function_expression(pass, arrow);
        });
        if let ArrowFunctionBody::FunctionBody(body) = &arrow.body
            && needs_variable
        {
            self.declare_at(&body.directives, Self::body_start(body));
        }
    }

    fn visit_static_block(&mut self, block: &StaticBlock<'a>) {
        self.within_function(FunctionScope::default(), |pass| {
            walk::walk_static_block(pass, block);
        });
    }

    fn visit_await_expression(&mut self, expression: &AwaitExpression<'a>) {
        self.depth += 1;
        self.wrap_expression(expression.span);
        self.depth += 1;
        let argument = expression.argument.span();
        self.open(argument.start, format!("{WAIT}("));
        self.close(argument.end, ")");
        walk::walk_await_expression(self, expression);
        self.depth -= 2;
    }

    fn visit_yield_expression(&mut self, expression: &YieldExpression<'a>) {
        self.depth += 1;
        let scope = self.scope();
        if scope.is_async && scope.is_generator {
            // What `next()` is called in is the context after a plain `yield`, as in V8.
            match expression.delegate {
                true => self.wrap_expression(expression.span),
                false => scope.waits += 1,
            }
        }
        walk::walk_yield_expression(self, expression);
        self.depth -= 1;
    }

    fn visit_return_statement(&mut self, statement: &ReturnStatement<'a>) {
        let scope = self.scope();
        if scope.is_async && scope.is_generator {
            scope.waits += 1;
        }
        walk::walk_return_statement(self, statement);
    }

    fn visit_try_statement(&mut self, statement: &TryStatement<'a>) {
        self.depth += 1;
        let before = self.scope().waits;
        self.visit_block_statement(&statement.block);
        let block_waits = self.scope().waits > before;
        if let Some(handler) = &statement.handler {
            self.visit_catch_clause(handler);
        }
        let handler_waits = self.scope().waits > before;
        if let Some(finalizer) = &statement.finalizer {
            self.visit_block_statement(finalizer);
        }
        let catches = block_waits && statement.handler.is_some();
        let finalizes = handler_waits && statement.finalizer.is_some();
        if catches || finalizes {
            self.scope().needs_variable = true;
            self.open(statement.block.span.start + 1, format!("{KEPT}={GET};"));
        }
        if let Some(handler) = statement.handler.as_ref().filter(|_| catches) {
            self.open(handler.body.span.start + 1, Self::restore());
        }
        if let Some(finalizer) = statement.finalizer.as_ref().filter(|_| finalizes) {
            self.open(finalizer.span.start + 1, Self::restore());
        }
        self.depth -= 1;
    }

    fn visit_labeled_statement(&mut self, statement: &LabeledStatement<'a>) {
        let labels_loop = |statement: &Statement<'_>| {
            matches!(
                statement,
                Statement::LabeledStatement(_)
                    | Statement::ForOfStatement(_)
                    | Statement::ForStatement(_)
            )
        };
        self.label_start =
            labels_loop(&statement.body).then(|| self.label_start.unwrap_or(statement.span.start));
        walk::walk_labeled_statement(self, statement);
        self.label_start = None;
    }

    fn visit_for_of_statement(&mut self, statement: &ForOfStatement<'a>) {
        self.depth += 1;
        let start = self.label_start.take().unwrap_or(statement.span.start);
        let disposes = matches!(&statement.left,
            ForStatementLeft::VariableDeclaration(left) if waits_when_left(left));
        if statement.r#await || disposes {
            self.scope().waits += 1;
            self.wrap_statement(start, statement.span.end);
            self.depth += 1;
            self.restore_in(&statement.body);
            walk::walk_for_of_statement(self, statement);
            self.depth -= 1;
        } else {
            walk::walk_for_of_statement(self, statement);
        }
        self.depth -= 1;
    }

    fn visit_for_statement(&mut self, statement: &ForStatement<'a>) {
        self.depth += 1;
        let start = self.label_start.take().unwrap_or(statement.span.start);
        let disposes = matches!(&statement.init,
            Some(ForStatementInit::VariableDeclaration(init)) if waits_when_left(init));
        if disposes {
            self.scope().waits += 1;
            self.wrap_statement(start, statement.span.end);
        }
        walk::walk_for_statement(self, statement);
        self.depth -= 1;
    }

    fn visit_block_statement(&mut self, block: &BlockStatement<'a>) {
        self.depth += 1;
        let disposes = block.body.iter().any(|statement| {
            matches!(statement,
                Statement::VariableDeclaration(declaration) if waits_when_left(declaration))
        });
        if disposes {
            let scope = self.scope();
            scope.waits += 1;
            scope.needs_variable = true;
            // The block itself becomes the body of a `try`.
            self.open(block.span.start, format!("{{{KEPT}={GET};try"));
            let restore = format!("finally{{{}}}}}", Self::restore());
            self.close(block.span.end, restore);
        }
        walk::walk_block_statement(self, block);
        self.depth -= 1;
    }
}
