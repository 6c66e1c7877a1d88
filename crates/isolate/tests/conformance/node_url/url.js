import { test, assert, equal, throws, deepEqual } from "atoll:test";
import url from "node:url";
import querystring from "node:querystring";
import punycode from "node:punycode";

test("the legacy parser names the parts", () => {
  const parts = url.parse("http://user:pa%3Ass@Host.com:8080/p/a/t/h?query=string&x=1#hash", true);
  deepEqual({ ...parts, query: { ...parts.query } }, {
    protocol: "http:", slashes: true, auth: "user:pa:ss", host: "host.com:8080", port: "8080", hostname: "host.com",
    hash: "#hash", search: "?query=string&x=1", query: { query: "string", x: "1" }, pathname: "/p/a/t/h",
    path: "/p/a/t/h?query=string&x=1", href: "http://user:pa:ss@host.com:8080/p/a/t/h?query=string&x=1#hash",
  });
});

test("what is missing is null", () => {
  const { protocol, host, pathname, search, href } = url.parse("/a?b");
  deepEqual([protocol, host, pathname, search, href], [null, null, "/a", "?b", "/a?b"]);
  equal(url.parse("mailto:a@b.c").href, "mailto:a@b.c");
  equal(url.parse("//h/p", false, true).host, "h");
  equal(url.parse("//h/p").pathname, "//h/p");
  throws(() => url.parse(5), TypeError);
});

test("resolve follows references as a browser does", () => {
  for (const [from, to, expected] of [
    ["/one/two/three", "four", "/one/two/four"], ["http://example.com/", "/one", "http://example.com/one"],
    ["http://example.com/one", "/two", "http://example.com/two"], ["http://a/b/c/d?q", "../e", "http://a/b/e"],
    ["http://a/b/c/d", "?x", "http://a/b/c/d?x"], ["http://a/b/c/d", "#f", "http://a/b/c/d#f"],
    ["http://a/b", "//c/d", "http://c/d"], ["http://a/b", "https://c/d", "https://c/d"], ["http://a/b/c", ".", "http://a/b/"],
    ["http://a/b/c", "../../..", "http://a/"], ["a/b", "../c", "c"],
  ]) equal(url.resolve(from, to), expected, `${from} + ${to}`);
});

test("format joins the parts of both kinds", () => {
  equal(url.format({ protocol: "https", hostname: "h", port: 1, pathname: "p", query: { a: [1, 2], b: "x y" } }), "https://h:1/p?a=1&a=2&b=x%20y");
  equal(url.format(new URL("http://u:p@xn--4ca.com/p?q#f"), { auth: false, fragment: false, search: false, unicode: true }), "http://ä.com/p");
});

test("file URLs and paths convert both ways", () => {
  equal(url.fileURLToPath("file:///a%20b/c"), "/a b/c");
  equal(url.fileURLToPath(new URL("file:///C:/a/b"), { windows: true }), "C:\\a\\b");
  equal(url.pathToFileURL("/a b/#c?%").href, "file:///a%20b/%23c%3F%25");
  equal(url.pathToFileURL("x/").href, "file:///bundle/x/");
  equal(throws(() => url.fileURLToPath("http://x"), TypeError).code, "ERR_INVALID_URL_SCHEME");
  equal(throws(() => url.fileURLToPath("file://host/x"), TypeError).code, "ERR_INVALID_FILE_URL_HOST");
  equal(throws(() => url.fileURLToPath("file:///a%2fb"), TypeError).code, "ERR_INVALID_FILE_URL_PATH");
});

test("domains convert both ways", () => {
  equal(url.domainToASCII("español.com"), "xn--espaol-zwa.com");
  equal(url.domainToUnicode("xn--espaol-zwa.com"), "español.com");
  equal(url.domainToASCII("xn--iñvalid.com"), "");
  equal(punycode.encode("mañana"), "maana-pta");
  equal(punycode.decode("--dqo34k"), "☃-⌘");
  equal(punycode.toASCII("mañana.com"), "xn--maana-pta.com");
  equal(punycode.toUnicode("xn--maana-pta.com"), "mañana.com");
  deepEqual(punycode.ucs2.decode("😀a"), [0x1f600, 0x61]);
});

test("urlToHttpOptions gives request options", () => {
  const options = url.urlToHttpOptions(new URL("http://a:b@[::1]:8/p?q"));
  deepEqual([options.hostname, options.port, options.path, options.auth], ["::1", 8, "/p?q", "a:b"]);
});

test("query strings parse and print", () => {
  for (const [text, expected] of [
    ["a=1&b=2&a=3", { a: ["1", "3"], b: "2" }], ["a=%20+x", { a: "  x" }], ["a", { a: "" }], ["=x", { "": "x" }], ["a=%zz", { a: "%zz" }],
    ["", {}], ["&&a=b", { a: "b" }], ["a=b=c", { a: "b=c" }],
  ]) deepEqual({ ...querystring.parse(text) }, expected, text);
  deepEqual({ ...querystring.parse("a:1;b:2", ";", ":") }, { a: "1", b: "2" });
  equal(querystring.stringify({ a: [1, "x y"], b: true, c: null, d: "é" }), "a=1&a=x%20y&b=true&c=&d=%C3%A9");
  equal(querystring.stringify({ a: 1, b: 2 }, ";", ":"), "a:1;b:2");
  equal(Object.keys(querystring.parse("a&b&c", null, null, { maxKeys: 2 })).length, 2);
  equal(querystring.escape("a b&c'"), "a%20b%26c'");
  equal(querystring.unescape("%41%zz"), "A%zz");
  assert(querystring.decode === querystring.parse);
});
