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
