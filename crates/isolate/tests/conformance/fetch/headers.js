import { test, equal, deepEqual, throws } from "atoll:test";

test("headers are made of nothing, a record, pairs or headers", () => {
  deepEqual([...new Headers()], []);
  deepEqual([...new Headers({ B: "2", a: "1" })], [["a", "1"], ["b", "2"]]);
  deepEqual([...new Headers([["x", "1"], ["X", "2"]])], [["x", "1, 2"]]);
  deepEqual([...new Headers(new Headers({ k: "v" }))], [["k", "v"]]);
  deepEqual([...new Headers(new Map([["m", "1"]]))], [["m", "1"]]);
});

test("wrong pairs and names are refused", () => {
  throws(() => new Headers([["only"]]), TypeError);
  throws(() => new Headers([["a", "b", "c"]]), TypeError);
  throws(() => new Headers({ "bad name": "x" }), TypeError);
  for (const name of ["a b", "a:b", "a(b", "é", "a\nb"]) {
    throws(() => new Headers().append(name, "1"), TypeError);
    throws(() => new Headers().get(name), TypeError);
    throws(() => new Headers().has(name), TypeError);
    throws(() => new Headers().delete(name), TypeError);
  }
});

test("values lose outer white space and may not hold line ends", () => {
  for (const [given, kept] of [[" a ", "a"], ["\ta\tb\t", "a\tb"], ["\r\na\r\n", "a"], ["", ""], [" ", ""]]) {
    const headers = new Headers();
    headers.set("x", given);
    equal(headers.get("x"), kept);
  }
  for (const bad of ["a\nb", "a\rb", "a\0b"]) throws(() => new Headers({ x: bad }), TypeError);
});

test("values of other types become text", () => {
  const headers = new Headers({ n: 1, u: undefined, o: null, b: true });
  deepEqual([...headers], [["b", "true"], ["n", "1"], ["o", "null"], ["u", "undefined"]]);
});

test("append joins, set replaces, delete removes", () => {
  const headers = new Headers();
  headers.append("A", "1");
  headers.append("a", "2");
  equal(headers.get("a"), "1, 2");
  headers.set("a", "3");
  equal(headers.get("A"), "3");
  headers.delete("A");
  equal(headers.get("a"), null);
  equal(headers.has("a"), false);
});

test("cookies stay apart", () => {
  const headers = new Headers([["Set-Cookie", "a=1"], ["x", "y"], ["set-cookie", "b=2"]]);
  deepEqual(headers.getSetCookie(), ["a=1", "b=2"]);
  deepEqual(headers.getAll("Set-Cookie"), ["a=1", "b=2"]);
  equal(headers.get("set-cookie"), "a=1, b=2");
  deepEqual([...headers], [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x", "y"]]);
  throws(() => headers.getAll("x"), /can only be used with the header name "Set-Cookie"/);
  headers.set("set-cookie", "c=3");
  deepEqual(headers.getSetCookie(), ["c=3"]);
});

test("iteration is sorted by lower-case names", () => {
  const headers = new Headers({ Zulu: "1", alpha: "2", "Content-Type": "3" });
  deepEqual([...headers.keys()], ["alpha", "content-type", "zulu"]);
  deepEqual([...headers.values()], ["2", "3", "1"]);
  const seen = [];
  headers.forEach((value, name, all) => seen.push([name, value, all === headers]));
  deepEqual(seen, [["alpha", "2", true], ["content-type", "3", true], ["zulu", "1", true]]);
  equal(Object.prototype.toString.call(headers), "[object Headers]");
});

test("methods ask for their arguments", () => {
  const headers = new Headers();
  for (const name of ["append", "set"]) throws(() => headers[name]("a"), TypeError);
  for (const name of ["get", "has", "delete", "forEach"]) throws(() => headers[name](), TypeError);
});

test("text beyond ASCII is kept", () => {
  const headers = new Headers({ x: "grün ☃" });
  equal(headers.get("x"), "grün ☃");
});

test("white space goes from around values, whatever else is in them", () => {
  const values = [["\t\r\n a b \n", "a b"], [" ü ", "ü"], [" \ud83d\ude00\t", "\ud83d\ude00"], [" \ud800 ", "\ud800"], ["  ", ""]];
  for (const [given, kept] of values) equal(new Headers({ x: given }).get("x"), kept);
  equal(new Headers([["x", "\udc00"], ["x", "é"]]).get("x"), "\udc00, é");
});

test("names and values are made text", () => {
  const headers = new Headers();
  headers.set(5, 6);
  headers.append({ toString: () => "Made" }, { toString: () => "too" });
  deepEqual([...headers], [["5", "6"], ["made", "too"]]);
  throws(() => headers.set(Symbol("x"), "1"), TypeError);
  throws(() => headers.set("x", Symbol("1")), TypeError);
  const failure = new Error("no text");
  const thrown = throws(() => headers.get({ toString() { throw failure; } }));
  equal(thrown, failure);
});

test("what an argument does to the headers meanwhile is done before", () => {
  const headers = new Headers();
  const busy = (value) => ({
    toString() {
      for (let i = 0; i < 100; i++) headers.append(`n${i}`, "x");
      headers.delete("n7");
      return value;
    },
  });
  headers.set("a", busy("1"));
  headers.append(busy("b"), "2");
  headers.delete(busy("n8"));
  deepEqual([headers.get("a"), headers.get("b"), headers.has("n7"), headers.has("n8"), headers.get("n9")], ["1", "2", false, false, "x, x, x"]);
});

test("a class of a program's own may be headers", () => {
  class Mine extends Headers {
    own = 1;
    get(name) { return `${super.get(name)}!`; }
  }
  const mine = new Mine({ a: "1" });
  deepEqual([mine.get("a"), mine.own, mine instanceof Headers, [...mine][0][1]], ["1!", 1, true, "1"]);
  equal(new Headers(mine).get("a"), "1");
  throws(() => Headers(), TypeError);
  for (const name of ["append", "delete", "get", "getAll", "getSetCookie", "has", "set", "forEach"]) {
    throws(() => Headers.prototype[name].call({}, "a", "b"), /Illegal invocation/);
  }
  deepEqual([Headers.name, Headers.length, Headers.prototype.set.length, typeof Headers.prototype.constructor], ["Headers", 0, 2, "function"]);
});

test("who gives pairs is told when they are wrong", () => {
  let closed = 0;
  const pairs = (pair) => ({
    [Symbol.iterator]: () => ({ next: () => ({ value: pair, done: false }), return: () => (closed++, {}) }),
  });
  throws(() => new Headers(pairs("ab")), /cannot be converted to a sequence/);
  throws(() => new Headers(pairs(["a"])), /exactly two elements/);
  throws(() => new Headers(pairs(["bad name", "x"])), /Invalid header name/);
  throws(() => new Headers(pairs({})), TypeError);
  equal(closed, 4);
  throws(() => new Headers({ [Symbol.iterator]: 5 }), TypeError);
  const failure = new Error("over");
  equal(throws(() => new Headers({ [Symbol.iterator]: () => ({ next() { throw failure; } }) })), failure);
  const asked = [];
  const record = new Proxy({ b: "2", a: "1" }, { get: (of, name) => (asked.push(name), of[name]) });
  deepEqual([...new Headers(record)], [["a", "1"], ["b", "2"]]);
  deepEqual(asked.filter((name) => typeof name === "string"), ["b", "a"]);
});

test("many spellings of names are told apart", () => {
  const headers = new Headers();
  for (let i = 0; i < 3000; i++) headers.set(`Name-${i}`, `${i}`);
  for (let i = 0; i < 3000; i += 7) equal(headers.get(`nAME-${i}`), `${i}`);
  equal([...headers].length, 3000);
  const long = "N".repeat(5000);
  headers.set(long, "long");
  equal(headers.get(long.toLowerCase()), "long");
  const cloned = structuredClone(new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x", "é"]]));
  deepEqual([cloned.getSetCookie(), cloned.get("x")], [["a=1", "b=2"], "é"]);
});
