import { test, equal, deepEqual, throws } from "atoll:test";

test("parameters are made of text, pairs, records and parameters", () => {
  const cases = [
    ["", []],
    ["?a=b", [["a", "b"]]],
    ["??a=b", [["?a", "b"]]],
    ["a=b&&c", [["a", "b"], ["c", ""]]],
    ["a+b=%2B+%zz", [["a b", "+ %zz"]]],
    ["=x&y=", [["", "x"], ["y", ""]]],
    ["a=%ff", [["a", "\ufffd"]]],
    [[["a", "1"], ["a", "2"]], [["a", "1"], ["a", "2"]]],
    [{ a: 1, b: null }, [["a", "1"], ["b", "null"]]],
    [new URLSearchParams("k=v"), [["k", "v"]]],
    [new Map([["m", "n"]]), [["m", "n"]]],
    [undefined, []],
  ];
  for (const [init, pairs] of cases) deepEqual([...new URLSearchParams(init)], pairs);
  throws(() => new URLSearchParams([["a"]]), TypeError);
  throws(() => new URLSearchParams([1]), TypeError);
});

test("methods find all values", () => {
  const params = new URLSearchParams("a=1&b=2&a=3");
  equal(params.size, 3);
  equal(params.get("a"), "1");
  deepEqual(params.getAll("a"), ["1", "3"]);
  equal(params.get("x"), null);
  equal(params.has("a", "3"), true);
  equal(params.has("a", "2"), false);
  params.delete("a", "1");
  equal(String(params), "b=2&a=3");
  params.set("b", "9");
  params.set("c", "");
  equal(String(params), "b=9&a=3&c=");
  params.delete("a");
  equal(String(params), "b=9&c=");
});

test("text is form-encoded", () => {
  const cases = [["a b", "a+b"], ["ü", "%C3%BC"], ["*-._", "*-._"], ["~!'()", "%7E%21%27%28%29"], ["\ud800", "%EF%BF%BD"], ["\0", "%00"]];
  for (const [text, encoded] of cases) equal(String(new URLSearchParams([[text, text]])), `${encoded}=${encoded}`);
});

test("sort is stable and by code units", () => {
  const params = new URLSearchParams("z=1&\u{1F308}=2&\uFB03=3&a=4&z=0");
  params.sort();
  deepEqual([...params.keys()], ["a", "z", "z", "\u{1F308}", "\uFB03"]);
  deepEqual(params.getAll("z"), ["1", "0"]);
});

test("iteration sees changes", () => {
  const params = new URLSearchParams("a=1&b=2&c=3");
  const seen = [];
  for (const [name] of params) {
    seen.push(name);
    if (name === "a") params.delete("b");
  }
  deepEqual(seen, ["a", "c"]);
  deepEqual([...params.values()], ["1", "3"]);
  const all = [];
  params.forEach((value, name, object) => all.push([value, name, object === params]));
  deepEqual(all, [["1", "a", true], ["3", "c", true]]);
});

test("methods ask for their arguments", () => {
  const params = new URLSearchParams();
  for (const name of ["append", "set"]) throws(() => params[name]("a"), TypeError);
  for (const name of ["get", "getAll", "has", "delete"]) throws(() => params[name](), TypeError);
});
