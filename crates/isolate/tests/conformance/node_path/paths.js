import { test, equal, throws, deepEqual } from "atoll:test";
import path, { posix, win32 } from "node:path";
import win32Module from "node:path/win32";

const table = (method, cases) =>
  test(method, () => {
    for (const [flavour, args, expected] of cases) {
      const show = `${flavour}.${method}(${JSON.stringify(args)})`;
      deepEqual(path[flavour][method](...args), expected, show);
    }
  });

table("normalize", [
  ["posix", ["/a/./b/../c//"], "/a/c/"], ["posix", [""], "."], ["posix", ["../../x/.."], "../.."], ["posix", ["./"], "./"],
  ["posix", ["/.."], "/"], ["win32", ["C:/a/../b"], "C:\\b"], ["win32", ["\\\\host\\share\\..\\x"], "\\\\host\\share\\x"],
  ["win32", ["C:"], "C:."], ["win32", ["a/b\\..\\c"], "a\\c"],
]);
table("join", [
  ["posix", ["a", "", "b", "../c"], "a/c"], ["posix", [], "."], ["posix", ["/", "x"], "/x"],
  ["win32", ["//a", "b"], "\\\\a\\b\\"], ["win32", ["/", "//b"], "\\b"],
]);
table("resolve", [
  ["posix", ["/a", "b", "../c"], "/a/c"], ["posix", ["x"], "/bundle/x"], ["posix", ["a", "/b"], "/b"],
  ["win32", ["C:\\a", "..\\b"], "C:\\b"], ["win32", ["C:\\a", "\\x"], "C:\\x"],
]);
table("relative", [
  ["posix", ["/a/b/c", "/a/d"], "../../d"], ["posix", ["/a", "/a"], ""], ["posix", ["/a", "/a/b"], "b"],
  ["win32", ["C:\\A\\b", "c:\\a\\c"], "..\\c"], ["win32", ["C:\\a", "D:\\b"], "D:\\b"],
]);
table("dirname", [
  ["posix", ["/a/b"], "/a"], ["posix", ["a"], "."], ["posix", ["/"], "/"], ["posix", ["//a"], "//"], ["posix", ["/a/"], "/"],
  ["win32", ["C:\\a\\b"], "C:\\a"], ["win32", ["C:a"], "C:"],
]);
table("basename", [
  ["posix", ["/a/b.txt"], "b.txt"], ["posix", ["/a/b.txt", ".txt"], "b"], ["posix", ["b", "b"], ""], ["posix", ["/a/b/"], "b"],
  ["win32", ["C:\\a\\b.c", ".c"], "b"], ["win32", ["C:x"], "x"],
]);
table("extname", [
  ["posix", ["a.tar.gz"], ".gz"], ["posix", [".bashrc"], ""], ["posix", ["a."], "."], ["posix", ["a/.b/c"], ""], ["posix", [".."], ""],
]);
table("isAbsolute", [["posix", ["/a"], true], ["posix", ["a"], false], ["win32", ["C:/"], true], ["win32", ["C:a"], false]]);
table("parse", [
  ["posix", ["/home/x/f.txt"], { root: "/", dir: "/home/x", base: "f.txt", ext: ".txt", name: "f" }],
  ["posix", ["f"], { root: "", dir: "", base: "f", ext: "", name: "f" }],
  ["win32", ["C:\\d\\f.e"], { root: "C:\\", dir: "C:\\d", base: "f.e", ext: ".e", name: "f" }],
]);
table("format", [
  ["posix", [{ dir: "/a", base: "b" }], "/a/b"], ["posix", [{ root: "/", name: "f", ext: "txt" }], "/f.txt"],
  ["win32", [{ dir: "C:\\a", name: "f", ext: ".x" }], "C:\\a\\f.x"],
]);
table("matchesGlob", [
  ["posix", ["/foo/bar", "/foo/*"], true], ["posix", ["/foo/bar/baz", "/foo/*"], false],
  ["posix", ["/foo/bar/baz.js", "/foo/**/*.js"], true], ["posix", ["a.ts", "*.{js,ts}"], true], ["posix", ["b1", "[a-c][!2]"], true],
]);

test("the default flavour is posix, and each flavour names the other", () => {
  equal(path, posix);
  equal(path.win32, win32);
  equal(win32.posix, posix);
  equal(win32Module, win32);
  equal(path.sep + path.delimiter, "/:");
});

test("what is not a string is refused with a code", () => {
  for (const name of ["normalize", "dirname", "basename", "extname", "parse", "isAbsolute", "join", "resolve"]) {
    const error = throws(() => path[name](5), TypeError);
    if (error) equal(error.code, "ERR_INVALID_ARG_TYPE");
  }
});
