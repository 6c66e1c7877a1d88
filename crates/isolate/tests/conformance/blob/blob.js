import { test, equal, deepEqual, assert, throws, rejects } from "atoll:test";

test("a blob joins its parts", async () => {
  const cases = [
    [undefined, ""],
    [[], ""],
    [["a", "b"], "ab"],
    [[new Uint8Array([97]), new Uint8Array([98]).buffer], "ab"],
    [[new Blob(["x"]), "y"], "xy"],
    [[new DataView(new Uint8Array([0, 97]).buffer, 1)], "a"],
    [["ü☃"], "ü☃"],
  ];
  for (const [parts, text] of cases) equal(await new Blob(parts).text(), text);
  equal(new Blob(["ü☃"]).size, 5);
});

test("parts must be a sequence", () => {
  for (const parts of ["text", 1, null, true]) throws(() => new Blob(parts), TypeError);
});

test("the bytes are copied", async () => {
  const bytes = new Uint8Array([97, 98]);
  const blob = new Blob([bytes]);
  bytes[0] = 0;
  equal(await blob.text(), "ab");
  new Uint8Array(await blob.arrayBuffer())[0] = 0;
  equal(await blob.text(), "ab");
});

test("types are lower case", () => {
  equal(new Blob([], { type: "Text/HTML" }).type, "text/html");
  equal(new Blob([]).type, "");
});

test("slices count from both ends", async () => {
  const blob = new Blob(["0123456789"], { type: "a/b" });
  const cases = [
    [[], "0123456789"],
    [[2], "23456789"],
    [[2, 4], "23"],
    [[-3], "789"],
    [[-3, -1], "78"],
    [[5, 2], ""],
    [[20], ""],
    [[0, 100], "0123456789"],
    [[-100, 2], "01"],
  ];
  for (const [bounds, text] of cases) equal(await blob.slice(...bounds).text(), text);
  equal(blob.slice().type, "");
  equal(blob.slice(0, 1, "c/d").type, "c/d");
  equal(await blob.slice(2, 8).slice(1, 3).text(), "34");
});

test("every reader gives the same bytes", async () => {
  const blob = new Blob(["abc"]);
  deepEqual([...new Uint8Array(await blob.arrayBuffer())], [97, 98, 99]);
  deepEqual([...(await blob.bytes())], [97, 98, 99]);
  equal(await new Response(blob.stream()).text(), "abc");
  equal(await new Response(new Blob([]).stream()).text(), "");
});

test("a big blob streams in pieces", async () => {
  const blob = new Blob([new Uint8Array(300_000).fill(7)]);
  let size = 0;
  for await (const chunk of blob.stream()) size += chunk.byteLength;
  equal(size, 300_000);
});

test("a file has a name and a time", async () => {
  const file = new File(["x"], "name.txt", { type: "text/plain", lastModified: 42 });
  assert(file instanceof Blob);
  deepEqual([file.name, file.type, file.lastModified, file.size], ["name.txt", "text/plain", 42, 1]);
  equal(typeof new File([], "n").lastModified, "number");
  equal(Object.prototype.toString.call(file), "[object File]");
  equal(file.slice(0) instanceof File, false);
  throws(() => new File(["x"]), TypeError);
  throws(() => new File(), TypeError);
});

test("methods reject on the wrong kind of object", async () => {
  await rejects(async () => Blob.prototype.text.call({}), TypeError);
});
