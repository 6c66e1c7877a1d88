import { test, equal, deepEqual, throws } from "atoll:test";

/** [pattern, input, groups of the pathname or null for no match] */
const PATHS = [
  ["/foo/bar", "/foo/bar", {}],
  ["/foo/bar", "/foo/bar/", null],
  ["/:id", "/5", { id: "5" }],
  ["/:id", "/5/6", null],
  ["/:a/:b", "/1/2", { a: "1", b: "2" }],
  ["/:id?", "/", null],
  ["/x/:id?", "/x", { id: undefined }],
  ["/x/:id+", "/x/1/2", { id: "1/2" }],
  ["/x/:id*", "/x", { id: undefined }],
  ["/x/*", "/x/y/z", { 0: "y/z" }],
  ["/:n(\\d+)", "/12", { n: "12" }],
  ["/:n(\\d+)", "/ab", null],
  ["/(a|b)/c", "/b/c", { 0: "b" }],
  ["/a{b}?c", "/ac", {}],
  ["/a{/:x}*", "/a/1/2", { x: "1/2" }],
  ["/caf\u00e9", "/caf%C3%A9", {}],
  ["/:name.html", "/page.html", { name: "page" }],
  ["/a\\:b", "/a:b", {}],
];

test("pathname patterns", () => {
  for (const [pathname, input, groups] of PATHS) {
    const result = new URLPattern({ pathname }).exec({ pathname: input });
    if (groups === null) equal(result, null, pathname);
    else deepEqual({ ...result?.pathname.groups }, groups, pathname);
  }
});

test("a pattern string is taken apart", () => {
  const cases = [
    ["https://example.com/books/:id", ["https", "example.com", "", "/books/:id", "*", "*"]],
    ["http{s}?://*.example.com/*", ["http{s}?", "*.example.com", "", "/*", "*", "*"]],
    ["https://example.com:8080/?q=:x#h", ["https", "example.com", "8080", "/", "q=:x", "h"]],
    ["data\\:foobar", ["data", "", "", "foobar", "*", "*"]],
  ];
  for (const [text, parts] of cases) {
    const { protocol, hostname, port, pathname, search, hash } = new URLPattern(text);
    deepEqual([protocol, hostname, port, pathname, search, hash].slice(0, 4), parts.slice(0, 4), text);
  }
});

test("a base gives what is missing", () => {
  const pattern = new URLPattern("/a/:b", "https://example.com");
  equal(pattern.hostname, "example.com");
  equal(pattern.test("https://example.com/a/1"), true);
  equal(pattern.test("https://other.com/a/1"), false);
  equal(pattern.test("/a/1", "https://example.com"), true);
  equal(new URLPattern({ pathname: "x", baseURL: "https://e.com/d/" }).pathname, "/d/x");
});

test("exec says what matched where", () => {
  const result = new URLPattern("https://:sub.example.com/:path").exec("https://www.example.com/x?q=1");
  equal(result.hostname.groups.sub, "www");
  equal(result.pathname.input, "/x");
  equal(result.search.input, "q=1");
  deepEqual(result.inputs, ["https://www.example.com/x?q=1"]);
});

test("ignoreCase", () => {
  equal(new URLPattern({ pathname: "/Foo" }).test({ pathname: "/foo" }), false);
  equal(new URLPattern({ pathname: "/Foo" }, { ignoreCase: true }).test({ pathname: "/foo" }), true);
  equal(new URLPattern("/Foo", "https://a.b", { ignoreCase: true }).test("https://a.b/foo"), true);
});

test("hasRegExpGroups", () => {
  equal(new URLPattern({ pathname: "/:a/*" }).hasRegExpGroups, false);
  equal(new URLPattern({ pathname: "/:a(\\d+)" }).hasRegExpGroups, true);
});

test("wrong patterns are refused", () => {
  for (const pathname of ["(", "/:a/:a", "{", "/(?x)", "a{b", "/(\u00fc)", "*+?"]) {
    throws(() => new URLPattern({ pathname }), TypeError);
  }
  throws(() => new URLPattern("/relative"), TypeError);
  throws(() => new URLPattern({ port: "abc" }), TypeError);
  throws(() => new URLPattern({ pathname: "/" }, "https://a"), TypeError);
});

test("what is no address does not match", () => {
  const pattern = new URLPattern();
  equal(pattern.test("nonsense"), false);
  equal(pattern.exec("nonsense"), null);
  equal(pattern.test("https://a/"), true);
});
