import { test, equal, deepEqual, throws } from "atoll:test";

test("the parts of an address", () => {
  const url = new URL("HTTPS://user:pa%20ss@Example.COM:8443/a/./b/../c;d?q=1&r#frag");
  deepEqual(
    [url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search, url.hash],
    [
      "https://user:pa%20ss@example.com:8443/a/c;d?q=1&r#frag", "https://example.com:8443", "https:", "user",
      "pa%20ss", "example.com:8443", "example.com", "8443", "/a/c;d", "?q=1&r", "#frag",
    ],
  );
  equal(String(url), url.href);
  equal(JSON.stringify({ url }), JSON.stringify({ url: url.href }));
});

test("parsing follows the standard", () => {
  const cases = [
    ["http://a:80/", "http://a/"],
    ["  http://a/ \n", "http://a/"],
    ["http:\\\\a\\b", "http://a/b"],
    ["http://a/ b?c d#e f", "http://a/%20b?c%20d#e%20f"],
    ["http://0x7f.1/", "http://127.0.0.1/"],
    ["http://[::0:1]/", "http://[::1]/"],
    ["http://münchen.de/ü", "http://xn--mnchen-3ya.de/%C3%BC"],
    ["file:///C|/x", "file:///C:/x"],
    ["mailto:x@y", "mailto:x@y"],
    ["data:text/plain,a b", "data:text/plain,a b"],
    ["http://a/%zz", "http://a/%zz"],
    ["http://a//b", "http://a//b"],
    ["non-special://h/..", "non-special://h/"],
    ["http://a?", "http://a/?"],
  ];
  for (const [input, href] of cases) equal(new URL(input).href, href);
});

test("relative addresses need a base", () => {
  const cases = [
    ["x", "http://a/b/c", "http://a/b/x"],
    ["../x", "http://a/b/c/d", "http://a/b/x"],
    ["/x", "http://a/b?c#d", "http://a/x"],
    ["?x", "http://a/b?c#d", "http://a/b?x"],
    ["#x", "http://a/b?c#d", "http://a/b?c#x"],
    ["", "http://a/b?c#d", "http://a/b?c"],
    ["//other/x", "https://a/b", "https://other/x"],
    ["http:x", "http://a/b/", "http://a/b/x"],
  ];
  for (const [input, base, href] of cases) equal(new URL(input, base).href, href);
  throws(() => new URL("x"), TypeError);
  throws(() => new URL("x", "mailto:y"), TypeError);
  throws(() => new URL("x", ""), TypeError);
});

test("what is no address is refused", () => {
  for (const input of ["", "http://", "http://a b/", "http://a:99999/", "http://[1", "http://a%zz/", "//a", "http://1.2.3.4.5.256/"]) {
    throws(() => new URL(input), TypeError);
    equal(URL.canParse(input), false);
    equal(URL.parse(input), null);
  }
  throws(() => new URL(), TypeError);
  equal(URL.canParse("x", "http://a/"), true);
  equal(URL.parse("x", "http://a/").href, "http://a/x");
});

test("origins", () => {
  const cases = [
    ["http://a:80", "http://a"],
    ["wss://a:1/x", "wss://a:1"],
    ["file:///x", "null"],
    ["data:,x", "null"],
    ["blob:https://a.b/uuid", "https://a.b"],
    ["blob:x", "null"],
  ];
  for (const [input, origin] of cases) equal(new URL(input).origin, origin);
});

test("setters change what they can", () => {
  const cases = [
    ["protocol", "https", "https://u@a:81/p?q#h"],
    ["protocol", "foo", "http://u@a:81/p?q#h"],
    ["username", "x y", "http://x%20y@a:81/p?q#h"],
    ["password", "s", "http://u:s@a:81/p?q#h"],
    ["host", "b:82", "http://u@b:82/p?q#h"],
    ["hostname", "c", "http://u@c:81/p?q#h"],
    ["hostname", "", "http://u@a:81/p?q#h"],
    ["port", "80", "http://u@a/p?q#h"],
    ["port", "x", "http://u@a:81/p?q#h"],
    ["port", "", "http://u@a/p?q#h"],
    ["pathname", "x y?z", "http://u@a:81/x%20y%3Fz?q#h"],
    ["search", "a=b c", "http://u@a:81/p?a=b%20c#h"],
    ["search", "", "http://u@a:81/p#h"],
    ["hash", "", "http://u@a:81/p?q"],
    ["hash", "#n", "http://u@a:81/p?q#n"],
    ["href", "ws://z", "ws://z/"],
  ];
  for (const [part, value, href] of cases) {
    const url = new URL("http://u@a:81/p?q#h");
    url[part] = value;
    equal(url.href, href, part);
  }
  throws(() => {
    new URL("http://a").href = "nonsense";
  }, TypeError);
});

test("searchParams and search follow each other", () => {
  const url = new URL("http://a/?x=1");
  const params = url.searchParams;
  equal(params, url.searchParams);
  params.append("y", "ü &");
  equal(url.search, "?x=1&y=%C3%BC+%26");
  url.search = "?z=3";
  deepEqual([...params], [["z", "3"]]);
  params.delete("z");
  equal(url.href, "http://a/");
  url.href = "http://b/?q=r";
  equal(params.get("q"), "r");
});
