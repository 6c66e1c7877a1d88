import { test, assert, equal, deepEqual, rejects, throws } from "atoll:test";

const rewrite = (html, build, init) => build(new HTMLRewriter()).transform(new Response(html, init)).text();
const onP = (element) => (rewriter) => rewriter.on("p", { element });

/** What a handler of `p` does to an element, and what comes of `<p>a</p>x`. */
const edits = {
  before: [(p) => p.before("<b>"), "&lt;b&gt;<p>a</p>x"],
  "before as HTML": [(p) => p.before("<b>", { html: true }), "<b><p>a</p>x"],
  after: [(p) => p.after("<i>"), "<p>a</p>&lt;i&gt;x"],
  prepend: [(p) => p.prepend("P"), "<p>Pa</p>x"],
  append: [(p) => p.append("A", { html: true }), "<p>aA</p>x"],
  replace: [(p) => p.replace("<z>"), "&lt;z&gt;x"],
  setInnerContent: [(p) => p.setInnerContent("<z>", { html: true }), "<p><z></p>x"],
  remove: [(p) => p.remove(), "x"],
  removeAndKeepContent: [(p) => p.removeAndKeepContent(), "ax"],
  "a new tag name": [(p) => (p.tagName = "div"), "<div>a</div>x"],
  setAttribute: [(p) => p.setAttribute("q", '1"2'), '<p q="1&quot;2">a</p>x'],
  "several at once": [(p) => p.before("1").before("2").after("3").append("4"), "12<p>a4</p>3x"],
  "a number": [(p) => p.append(5), "<p>a5</p>x"],
};
for (const [name, [edit, html]] of Object.entries(edits)) {
  test(`an element handler can use ${name}`, async () => equal(await rewrite("<p>a</p>x", onP(edit)), html));
}

test("an element can be read", async () => {
  let seen;
  await rewrite('<P HREF="x" b>t</P>', onP((p) => {
    seen = [p.tagName, p.namespaceURI, [...p.attributes], p.getAttribute("href"), p.getAttribute("none"), p.hasAttribute("b"), p.removed];
    p.remove();
    seen.push(p.removed);
  }));
  deepEqual(seen, ["p", "http://www.w3.org/1999/xhtml", [["href", "x"], ["b", ""]], "x", null, true, false, true]);
});

test("methods give the element back", async () => {
  await rewrite("<p>", onP((p) => {
    for (const result of [p.before(""), p.after(""), p.prepend(""), p.append(""), p.setAttribute("a", ""), p.removeAttribute("a"), p.setInnerContent(""), p.remove()]) equal(result, p);
  }));
});

test("attributes are removed", async () => equal(await rewrite('<p a="1" b="2">', onP((p) => p.removeAttribute("a"))), '<p b="2">'));

test("end tags", async () => {
  const html = await rewrite("<p>a</p>", onP((p) => p.onEndTag((end) => {
    equal(end.name, "p");
    end.before("B");
    end.after("<A>", { html: true });
    end.name = "q";
  })));
  equal(html, "<p>aB</q><A>");
  equal(await rewrite("<p>a</p>", onP((p) => p.onEndTag((end) => end.remove()))), "<p>a");
  const error = await rejects(rewrite("<img>", (rewriter) => rewriter.on("img", { element: (img) => img.onEndTag(() => {}) })), TypeError);
  equal(error.message, "Parser error: No end tag.");
});

test("text comes in pieces, the last of which is empty and says so", async () => {
  const seen = [];
  const html = await rewrite("<p>hello <b>w</b></p>", (rewriter) => rewriter.on("p", {
    text(chunk) {
      seen.push([chunk.text, chunk.lastInTextNode]);
      if (!chunk.lastInTextNode) chunk.replace(chunk.text.toUpperCase());
    },
  }));
  equal(html, "<p>HELLO <b>W</b></p>");
  deepEqual(seen, [["hello ", false], ["", true], ["w", false], ["", true]]);
});

test("comments", async () => {
  equal(await rewrite("<p><!--hi--></p>", (rewriter) => rewriter.on("p", {
    comments(comment) {
      equal(comment.text, "hi");
      comment.text = "yo";
      comment.before("B").after("A");
    },
  })), "<p>B<!--yo-->A</p>");
});

test("the document's own parts", async () => {
  let doctype;
  const html = await rewrite("<!DOCTYPE html><!--x--><p>t</p>", (rewriter) => rewriter.onDocument({
    doctype: (it) => (doctype = [it.name, it.publicId, it.systemId]),
    comments: (comment) => comment.remove(),
    text: (text) => text.text && text.after("!"),
    end: (end) => end.append("<end>", { html: true }),
  }));
  equal(html, "<!DOCTYPE html><p>t!</p><end>");
  deepEqual(doctype, ["html", null, null]);
});

test("handlers may wait, in order", async () => {
  const order = [];
  const html = await rewrite("<p>a</p><p>b</p>", onP(async (p) => {
    order.push("in");
    await new Promise((resolve) => setTimeout(resolve, 1));
    order.push("out");
    p.setInnerContent("later");
  }));
  equal(html, "<p>later</p><p>later</p>");
  deepEqual(order, ["in", "out", "in", "out"]);
});

test("every kind of handler may wait", async () => {
  const html = await rewrite("<!doctype html><p>a<!--c--></p>", (rewriter) => rewriter.on("p", {
    async element(p) {
      await 1;
      p.onEndTag(async (end) => (await 1, end.before("E")));
    },
    text: async (text) => (await 1, text.text && text.before("T")),
    comments: async (comment) => (await 1, comment.remove()),
  }).onDocument({ doctype: async () => void (await 1), end: async (end) => (await 1, end.append("D")) }));
  equal(html, "<!doctype html><p>TaE</p>D");
});

test("content can be a stream or a response", async () => {
  const html = await rewrite("<p>a</p>", onP((p) => {
    p.append(new Response("<resp>").body, { html: true });
    p.prepend(new Response("<pre>"));
  }));
  equal(html, "<p>&lt;pre&gt;a<resp></p>");
  await rejects(rewrite("<p></p>", onP((p) => p.append(new ReadableStream({ pull: () => Promise.reject(new RangeError("se")) })))), RangeError);
});

test("what a handler throws fails the body", async () => {
  await rejects(rewrite("<p>", onP(() => { throw new RangeError("boo"); })), RangeError);
  await rejects(rewrite("<p>", onP(async () => { throw new RangeError("boo"); })), RangeError);
  await rejects(rewrite("<p></p>", onP((p) => p.onEndTag(() => { throw new RangeError("boo"); }))), RangeError);
});

test("a token is of no use after its handler", async () => {
  let kept;
  let iterator;
  await rewrite("<p a=1>t</p>", onP((p) => {
    kept = p;
    iterator = p.attributes;
  }));
  const message = "This content token is no longer valid. Content tokens are only valid during the execution of the relevant content handler.";
  for (const use of [() => kept.tagName, () => kept.getAttribute("a"), () => kept.before("x"), () => kept.remove(), () => kept.attributes, () => iterator.next()]) {
    equal(throws(use, TypeError).message, message);
  }
});

test("a token of an earlier handler is of no use in a later one", async () => {
  let first;
  await rewrite("<p></p><p></p>", onP((p) => {
    if (first === undefined) first = p;
    else throws(() => first.setAttribute("a", "b"), TypeError);
  }));
});

const refused = {
  "p[": "Parser error: Unexpected end of selector.",
  "p:hover": "Parser error: Unsupported pseudo-class or pseudo-element in selector.",
};
for (const [selector, message] of Object.entries(refused)) {
  test(`the selector ${selector} is refused`, () => equal(throws(() => new HTMLRewriter().on(selector, {}), TypeError).message, message));
}

test("names that HTML cannot have are refused", async () => {
  const message = async (edit) => (await rejects(rewrite("<p><!--x-->", (rewriter) => rewriter.on("p", edit)), TypeError)).message;
  equal(await message({ element: (p) => p.setAttribute("a b", "x") }), "Parser error: ` ` character is forbidden in the attribute name");
  equal(await message({ element: (p) => p.setAttribute("", "x") }), "Parser error: Attribute name can't be empty.");
  equal(await message({ element: (p) => (p.tagName = "") }), "Parser error: Tag name can't be empty.");
  equal(await message({ comments: (comment) => (comment.text = "-->") }), "Parser error: Comment text shouldn't contain a comment-closing sequence.");
});

test("arguments are checked", () => {
  throws(() => new HTMLRewriter().on("p", 5), TypeError);
  throws(() => new HTMLRewriter().on("p", { element: null }), TypeError);
  throws(() => new HTMLRewriter().transform("text"), TypeError);
  const used = new Response("x");
  used.text();
  throws(() => new HTMLRewriter().transform(used), TypeError);
});

test("status and headers stay, and a rewriter can be used again", async () => {
  const rewriter = new HTMLRewriter().on("p", { element: (p) => p.append("!") });
  const response = rewriter.transform(new Response("<p></p>", { status: 201, headers: { a: "b" } }));
  equal(response.status, 201);
  equal(response.headers.get("a"), "b");
  equal(await response.text(), "<p>!</p>");
  equal(await rewriter.transform(new Response("<p>2</p>")).text(), "<p>2!</p>");
  equal(await rewriter.transform(new Response(null)).text(), "");
});

test("input may come in pieces that cut tags and characters", async () => {
  const bytes = new TextEncoder().encode('<div><p class="é">ü</p></div>');
  const body = new ReadableStream({
    async start(controller) {
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
  const html = await new HTMLRewriter().on("p", { element: (p) => p.setAttribute("n", p.getAttribute("class")) }).transform(new Response(body)).text();
  equal(html, '<div><p class="é" n="é">ü</p></div>');
});

test("a large document streams through, and output comes before the input ends", async () => {
  let pulled = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (++pulled > 200) controller.close();
      else controller.enqueue(new TextEncoder().encode(`<p>${"x".repeat(1000)}</p>`));
    },
  }, { highWaterMark: 0 });
  let count = 0;
  const reader = new HTMLRewriter().on("p", { element: () => void count++ }).transform(new Response(body)).body.getReader();
  await reader.read();
  assert(pulled < 20, "the first output does not wait for the whole input");
  while (!(await reader.read()).done);
  equal(count, 200);
});

test("cancelling the output cancels the input", async () => {
  let reason;
  const body = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10)), cancel: (why) => (reason = why) });
  const rewritten = new HTMLRewriter().on("p", { element() {} }).transform(new Response(body));
  await rewritten.body.cancel("enough");
  equal(reason, "enough");
});

test("two rewriters chain", async () => {
  const inner = new HTMLRewriter().on("p", { element: (p) => p.append("1") });
  const outer = new HTMLRewriter().on("p", { element: (p) => p.append("2") });
  equal(await outer.transform(inner.transform(new Response("<p></p>"))).text(), "<p>12</p>");
});

test("handlers are called on their object", async () => {
  class Handler {
    word = "mine";
    element(p) {
      p.append(this.word);
    }
  }
  equal(await rewrite("<p></p>", (rewriter) => rewriter.on("p", new Handler())), "<p>mine</p>");
});
