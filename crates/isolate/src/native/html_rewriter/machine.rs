//! The coroutine that lol_html runs in.
#![expect(
    unsafe_code,
    reason = "a token that lol_html lends to a handler is looked at while the handler's coroutine sleeps"
)]

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ptr;
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use encoding_rs::Encoding;
use lol_html::html_content::{
    Comment, Doctype, DocumentEnd, Element, EndTag, StreamingHandler, StreamingHandlerSink,
    TextChunk,
};
use lol_html::{
    AsciiCompatibleEncoding, DocumentContentHandlers, ElementContentHandlers, HandlerResult,
    HtmlRewriter, MemorySettings, Selector, Settings,
};

/// Native stack of one rewriter. lol_html does not recurse over the document.
const STACK_BYTES: usize = 256 * 1024;
/// What one rewriter may buffer: a tag or attribute that is longer ends it with an error.
const MAX_BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// What JavaScript has to do next.
#[derive(Clone, Copy)]
pub(super) enum Step {
    NeedsInput,
    Handler {
        number: u32,
        generation: u32,
        kind: TokenKind,
    },
    Stream {
        number: u32,
        generation: u32,
    },
    Finished,
}

/// Why the coroutine is resumed.
pub(super) enum Input {
    Chunk(Vec<u8>),
    End,
    /// The handler or stream that was asked for is through; false when it failed.
    Settled(bool),
}

/// Handlers for what one selector matches, or for the document.
pub(super) struct Rule {
    pub(super) selector: Option<Selector>,
    pub(super) element: Option<u32>,
    pub(super) comments: Option<u32>,
    pub(super) text: Option<u32>,
    pub(super) doctype: Option<u32>,
    pub(super) end: Option<u32>,
}

/// The kinds as JavaScript counts them.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum TokenKind {
    Element = 0,
    Text = 1,
    Comment = 2,
    Doctype = 3,
    EndTag = 4,
    End = 5,
}

/// A token that a sleeping handler was lent. The pointers are good for as long as the coroutine sleeps at the place that
/// set them, which is exactly as long as they stand in [`Shared::token`].
#[derive(Clone, Copy)]
enum RawToken {
    None,
    Element(*mut Element<'static, 'static>),
    Text(*mut TextChunk<'static>),
    Comment(*mut Comment<'static>),
    Doctype(*mut Doctype<'static>),
    EndTag(*mut EndTag<'static>),
    End(*mut DocumentEnd<'static>),
    Sink(*mut StreamingHandlerSink<'static>),
}

/// A token, lent for one native call.
pub(super) enum Token<'a> {
    /// The handler that it was for has returned.
    Gone,
    Element(&'a mut Element<'static, 'static>),
    Text(&'a mut TextChunk<'static>),
    Comment(&'a mut Comment<'static>),
    Doctype(&'a mut Doctype<'static>),
    EndTag(&'a mut EndTag<'static>),
    End(&'a mut DocumentEnd<'static>),
    Sink(&'a mut StreamingHandlerSink<'static>),
}

/// What the coroutine and its owner both see.
struct Shared {
    output: RefCell<Vec<u8>>,
    token: Cell<RawToken>,
    /// Counts the tokens, so that one that JavaScript kept is told from the one that is live.
    generation: Cell<u32>,
    yielder: Cell<*const Yielder<Input, Step>>,
}

impl Shared {
    /// On the coroutine: lets JavaScript do `step` with `token`, and sleeps until it is through.
    fn ask(&self, token: RawToken, step: impl FnOnce(u32) -> Step) -> HandlerResult {
        let generation = self.generation.get().wrapping_add(1);
        self.generation.set(generation);
        self.token.set(token);
        // SAFETY: the yielder lives on the coroutine's stack for as long as its function runs, and this is only called
        // from within.
        let input = unsafe { &*self.yielder.get() }.suspend(step(generation));
        self.token.set(RawToken::None);
        match input {
            Input::Settled(true) => Ok(()),
            _ => Err("the handler failed".into()),
        }
    }

    fn call(&self, number: u32, kind: TokenKind, token: RawToken) -> HandlerResult {
        self.ask(token, |generation| Step::Handler {
            number,
            generation,
            kind,
        })
    }
}

/// Content that JavaScript writes when lol_html comes to it.
struct Streaming {
    shared: Rc<Shared>,
    number: u32,
}

// SAFETY: lol_html asks for `Send` in case its rewriter moves between threads; an isolate has one thread.
unsafe impl Send for Streaming {}

impl StreamingHandler for Streaming {
    fn write_all(self: Box<Self>, sink: &mut StreamingHandlerSink<'_>) -> HandlerResult {
        let number = self.number;
        let token = RawToken::Sink(ptr::from_mut(sink).cast());
        self.shared
            .ask(token, |generation| Step::Stream { number, generation })
    }
}

/// One rewriter.
pub(super) struct Machine {
    shared: Rc<Shared>,
    coroutine: Coroutine<Input, Step, Result<(), String>, DefaultStack>,
}

impl Machine {
    /// # Errors
    /// When there is no memory for a stack.
    pub(super) fn new(rules: Vec<Rule>, charset: &str) -> Result<Self, String> {
        let shared = Rc::new(Shared {
            output: RefCell::default(),
            token: Cell::new(RawToken::None),
            generation: Cell::new(0),
            yielder: Cell::new(ptr::null()),
        });
        let encoding = Encoding::for_label(charset.as_bytes())
            .and_then(AsciiCompatibleEncoding::new)
            .unwrap_or_else(AsciiCompatibleEncoding::utf_8);
        let stack = DefaultStack::new(STACK_BYTES).map_err(|error| error.to_string())?;
        let coroutine = Coroutine::with_stack(stack, {
            let shared = Rc::clone(&shared);
            move |yielder: &Yielder<Input, Step>, first| {
                shared.yielder.set(yielder);
                rewrite(&shared, rules, encoding, yielder, first)
            }
        });
        Ok(Self { shared, coroutine })
    }

    /// Runs to the next point where JavaScript is needed.
    ///
    /// # Errors
    /// What lol_html says; the rewriter is of no use from then on.
    pub(super) fn resume(&mut self, input: Input) -> Result<Step, String> {
        if self.coroutine.done() {
            return Err("the rewriter has ended".to_owned());
        }
        match self.coroutine.resume(input) {
            CoroutineResult::Yield(step) => Ok(step),
            CoroutineResult::Return(Ok(())) => Ok(Step::Finished),
            CoroutineResult::Return(Err(error)) => Err(error),
        }
    }

    pub(super) fn take_output(&self) -> Vec<u8> {
        self.shared.output.take()
    }

    /// The live token, if it is the one of that generation. Nothing else may be asked of the machine while it is lent.
    pub(super) fn token(&self, generation: u32) -> Token<'_> {
        if self.shared.generation.get() != generation {
            return Token::Gone;
        }
        // SAFETY: see `RawToken`: the coroutine sleeps in `Shared::ask`, whose caller holds the only other reference and
        // does not use it meanwhile. Lifetimes only say how long the token's input lives, which outlasts the sleep. Every
        // native call takes one token and gives it up before it returns, so there is never a second reference.
        unsafe {
            match self.shared.token.get() {
                RawToken::None => Token::Gone,
                RawToken::Element(token) => Token::Element(&mut *token),
                RawToken::Text(token) => Token::Text(&mut *token),
                RawToken::Comment(token) => Token::Comment(&mut *token),
                RawToken::Doctype(token) => Token::Doctype(&mut *token),
                RawToken::EndTag(token) => Token::EndTag(&mut *token),
                RawToken::End(token) => Token::End(&mut *token),
                RawToken::Sink(token) => Token::Sink(&mut *token),
            }
        }
    }

    /// A handler that asks JavaScript for stream `number`.
    pub(super) fn streaming(&self, number: u32) -> Box<dyn StreamingHandler + Send + 'static> {
        Box::new(Streaming {
            shared: Rc::clone(&self.shared),
            number,
        })
    }

    /// Calls handler `number` at the element's end tag, in place of one that was set before.
    ///
    /// # Errors
    /// When the element has no end tag.
    pub(super) fn on_end_tag(&self, token: &mut Token<'_>, number: u32) -> Result<(), String> {
        let Token::Element(element) = token else {
            return Err("No end tag.".to_owned());
        };
        if let Some(handlers) = element.end_tag_handlers() {
            handlers.clear();
        }
        let shared = Rc::clone(&self.shared);
        element
            .on_end_tag(Box::new(move |end_tag| {
                let token = RawToken::EndTag(ptr::from_mut(end_tag).cast());
                shared.call(number, TokenKind::EndTag, token)
            }))
            .map_err(|_| "No end tag.".to_owned())
    }
}

/// The coroutine's function: feeds lol_html until the input ends.
fn rewrite(
    shared: &Rc<Shared>,
    rules: Vec<Rule>,
    encoding: AsciiCompatibleEncoding,
    yielder: &Yielder<Input, Step>,
    first: Input,
) -> Result<(), String> {
    let mut settings = Settings::new()
        .with_encoding(encoding)
        .with_strict(true)
        .with_memory_settings(
            MemorySettings::new().with_max_allowed_memory_usage(MAX_BUFFER_BYTES),
        );
    for rule in rules {
        settings = match rule.selector {
            Some(_) => settings.append_element_content_handler(element_rule(shared, rule)),
            None => settings.append_document_content_handler(document_rule(shared, &rule)),
        };
    }
    let mut rewriter = HtmlRewriter::new(settings, |bytes: &[u8]| {
        shared.output.borrow_mut().extend_from_slice(bytes);
    });
    let mut input = first;
    loop {
        match input {
            Input::Chunk(bytes) => rewriter.write(&bytes).map_err(|error| error.to_string())?,
            Input::End => return rewriter.end().map_err(|error| error.to_string()),
            Input::Settled(_) => return Err("nothing was asked for".to_owned()),
        }
        input = yielder.suspend(Step::NeedsInput);
    }
}

fn comment_handler(
    shared: &Rc<Shared>,
    number: u32,
) -> impl FnMut(&mut Comment<'_>) -> HandlerResult + 'static {
    let shared = Rc::clone(shared);
    move |comment: &mut Comment<'_>| {
        let token = RawToken::Comment(ptr::from_mut(comment).cast());
        shared.call(number, TokenKind::Comment, token)
    }
}

fn text_handler(
    shared: &Rc<Shared>,
    number: u32,
) -> impl FnMut(&mut TextChunk<'_>) -> HandlerResult + 'static {
    let shared = Rc::clone(shared);
    move |text: &mut TextChunk<'_>| {
        let token = RawToken::Text(ptr::from_mut(text).cast());
        shared.call(number, TokenKind::Text, token)
    }
}

fn element_rule(
    shared: &Rc<Shared>,
    rule: Rule,
) -> (Cow<'static, Selector>, ElementContentHandlers<'static>) {
    let mut handlers = ElementContentHandlers::default();
    if let Some(number) = rule.element {
        let shared = Rc::clone(shared);
        handlers = handlers.element(move |element: &mut Element<'_, '_>| {
            let token = RawToken::Element(ptr::from_mut(element).cast());
            shared.call(number, TokenKind::Element, token)
        });
    }
    if let Some(number) = rule.comments {
        handlers = handlers.comments(comment_handler(shared, number));
    }
    if let Some(number) = rule.text {
        handlers = handlers.text(text_handler(shared, number));
    }
    let selector = rule.selector.expect("only rules with a selector come here");
    (Cow::Owned(selector), handlers)
}

fn document_rule(shared: &Rc<Shared>, rule: &Rule) -> DocumentContentHandlers<'static> {
    let mut handlers = DocumentContentHandlers::default();
    if let Some(number) = rule.doctype {
        let shared = Rc::clone(shared);
        handlers = handlers.doctype(move |doctype: &mut Doctype<'_>| {
            let token = RawToken::Doctype(ptr::from_mut(doctype).cast());
            shared.call(number, TokenKind::Doctype, token)
        });
    }
    if let Some(number) = rule.comments {
        handlers = handlers.comments(comment_handler(shared, number));
    }
    if let Some(number) = rule.text {
        handlers = handlers.text(text_handler(shared, number));
    }
    if let Some(number) = rule.end {
        let shared = Rc::clone(shared);
        handlers = handlers.end(move |end: &mut DocumentEnd<'_>| {
            let token = RawToken::End(ptr::from_mut(end).cast());
            shared.call(number, TokenKind::End, token)
        });
    }
    handlers
}
