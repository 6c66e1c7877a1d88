import { test, assert, equal, throws, rejects, deepEqual } from "atoll:test";
import fs from "node:fs";
import * as promises from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const code = (run) => {
  try {
    run();
    return "none";
  } catch (error) {
    return `${error.code} ${error.message}`;
  }
};

test("there is a bundle, a place for files, and devices", () => {
  deepEqual(fs.readdirSync("/"), ["bundle", "dev", "tmp"]);
  assert(fs.readdirSync("/bundle").includes("main.js"));
  assert(fs.readFileSync("/bundle/main.js", "utf8").includes("runTests"));
  equal(fs.readFileSync("main.js", "utf8"), fs.readFileSync("/bundle/main.js", "utf8"));
  deepEqual(fs.readdirSync("/tmp"), []);
  equal(fs.readFileSync("/dev/null").length, 0);
});

test("what is written can be read", () => {
  fs.mkdirSync("/tmp/a/b", { recursive: true });
  fs.writeFileSync("/tmp/a/b/c.txt", "hello");
  fs.appendFileSync("/tmp/a/b/c.txt", " world");
  equal(fs.readFileSync("/tmp/a/b/c.txt", "utf8"), "hello world");
  equal(fs.readFileSync(new URL("file:///tmp/a/b/c.txt")).length, 11);
  equal(fs.statSync("/tmp/a/b/c.txt").size, 11);
  assert(fs.statSync("/tmp/a").isDirectory() && !fs.statSync("/tmp/a").isFile());
  assert(fs.existsSync("/tmp/a/b") && !fs.existsSync("/tmp/a/x"));
  const fd = fs.openSync("/tmp/r", "w+");
  fs.writeSync(fd, "abcdef");
  const part = Buffer.alloc(3);
  equal(fs.readSync(fd, part, 0, 3, 1), 3);
  equal(String(part), "bcd");
  fs.ftruncateSync(fd, 2);
  fs.closeSync(fd);
  equal(String(fs.readFileSync("/tmp/r")), "ab");
});

test("errors are those of Node.js", () => {
  fs.mkdirSync("/tmp/errors/inner", { recursive: true });
  equal(code(() => fs.readFileSync("/nope")), "ENOENT ENOENT: no such file or directory, open '/nope'");
  equal(code(() => fs.writeFileSync("/bundle/x", "1")), "EPERM EPERM: operation not permitted, open '/bundle/x'");
  equal(code(() => fs.writeFileSync("/etc/x", "1")), "ENOENT ENOENT: no such file or directory, open '/etc/x'");
  equal(code(() => fs.rmdirSync("/tmp/errors")), "ENOTEMPTY ENOTEMPTY: directory not empty, rmdir '/tmp/errors'");
  equal(code(() => fs.mkdirSync("/tmp/errors")), "EEXIST EEXIST: file already exists, mkdir '/tmp/errors'");
  equal(code(() => fs.readFileSync("/tmp")), "EISDIR EISDIR: illegal operation on a directory, read");
  equal(code(() => fs.readdirSync("/bundle/main.js")), "ENOTDIR ENOTDIR: not a directory, scandir '/bundle/main.js'");
  equal(code(() => fs.closeSync(9999)), "EBADF EBADF: bad file descriptor, close");
  equal(code(() => fs.readFileSync({})).split(" ")[0], "ERR_INVALID_ARG_TYPE");
});

test("callbacks and promises tell the same", async () => {
  await promises.writeFile("/tmp/p", Buffer.from([1, 2, 3]));
  deepEqual([...(await promises.readFile("/tmp/p"))], [1, 2, 3]);
  deepEqual(await new Promise((resolve) => fs.stat("/no", (error) => resolve(error.code))), "ENOENT");
  equal(await new Promise((resolve) => fs.readFile("/tmp/p", "hex", (error, text) => resolve(text))), "010203");
  await rejects(promises.readFile("/no"), /ENOENT/);
  const handle = await promises.open("/tmp/p", "r+");
  await handle.write(Buffer.from([9]), 0, 1, 0);
  deepEqual([...(await handle.readFile())], [9, 2, 3]);
  await handle.close();
  equal(fs.promises, promises.default);
});

test("links, copies and names", () => {
  fs.mkdirSync("/tmp/l/deep", { recursive: true });
  fs.writeFileSync("/tmp/l/deep/f", "x");
  fs.symlinkSync("/tmp/l", "/tmp/link");
  equal(fs.realpathSync("/tmp/link/deep"), "/tmp/l/deep");
  assert(fs.lstatSync("/tmp/link").isSymbolicLink() && fs.statSync("/tmp/link").isDirectory());
  fs.cpSync("/tmp/l", "/tmp/m", { recursive: true });
  fs.renameSync("/tmp/m", "/tmp/n");
  deepEqual(fs.readdirSync("/tmp/n", { recursive: true }), ["deep", "deep/f"]);
  const [entry] = fs.readdirSync("/tmp/n", { withFileTypes: true });
  deepEqual([entry.name, entry.isDirectory(), entry.parentPath], ["deep", true, "/tmp/n"]);
  throws(() => fs.rmSync("/tmp/n"), /EISDIR/);
  fs.rmSync("/tmp/n", { recursive: true });
  assert(!fs.existsSync("/tmp/n"));
  fs.symlinkSync("round", "/tmp/round");
  equal(code(() => fs.readFileSync("/tmp/round")).split(" ")[0], "ELOOP");
});

test("streams read and write", async () => {
  await pipeline(Readable.from(["x".repeat(100_000), "y"]), fs.createWriteStream("/tmp/s"));
  let length = 0;
  for await (const chunk of fs.createReadStream("/tmp/s")) length += chunk.length;
  equal(length, 100_001);
  let text = "";
  for await (const chunk of fs.createReadStream("/tmp/s", { start: 99_999, encoding: "utf8" })) text += chunk;
  equal(text, "xy");
  const missing = fs.createReadStream("/nope");
  equal(await new Promise((resolve) => missing.on("error", (error) => resolve(error.code))), "ENOENT");
});
