import { test, equal, deepEqual, assert, throws } from "atoll:test";

test("entries keep their order and may repeat", () => {
  const form = new FormData();
  form.append("a", "1");
  form.append("b", 2);
  form.append("a", null);
  deepEqual([...form], [["a", "1"], ["b", "2"], ["a", "null"]]);
  equal(form.get("a"), "1");
  deepEqual(form.getAll("a"), ["1", "null"]);
  equal(form.get("none"), null);
  deepEqual(form.getAll("none"), []);
  equal(form.has("b"), true);
  form.delete("a");
  deepEqual([...form.keys()], ["b"]);
});

test("set replaces where the first one stood", () => {
  const form = new FormData();
  for (const [name, value] of [["a", "1"], ["b", "2"], ["a", "3"]]) form.append(name, value);
  form.set("a", "new");
  deepEqual([...form], [["a", "new"], ["b", "2"]]);
  form.set("c", "4");
  deepEqual([...form.values()], ["new", "2", "4"]);
});

test("blobs become files", () => {
  const form = new FormData();
  form.append("named", new Blob(["x"], { type: "a/b" }), "file.txt");
  const file = new File(["z"], "own.txt");
  form.append("file", file);
  form.append("renamed", file, "other.txt");
  assert(form.get("named") instanceof File);
  deepEqual([form.get("named").name, form.get("named").type], ["file.txt", "a/b"]);
  equal(form.get("file"), file);
  equal(form.get("renamed").name, "other.txt");
});

test("forEach sees entries with the form", () => {
  const form = new FormData();
  form.append("a", "1");
  const seen = [];
  form.forEach((value, name, all) => seen.push([name, value, all === form]));
  deepEqual(seen, [["a", "1", true]]);
});

test("wrong arguments are refused", () => {
  const form = new FormData();
  throws(() => form.append("a"), TypeError);
  throws(() => form.set("a"), TypeError);
  throws(() => form.get(), TypeError);
});

test("the encoding has a part for each entry", async () => {
  const form = new FormData();
  form.append("text", "value");
  form.append("file", new Blob(["data"]), "f.bin");
  const response = new Response(form);
  const boundary = response.headers.get("content-type").split("boundary=")[1].replaceAll('"', "");
  const lines = (await response.text()).split("\r\n");
  equal(lines[0], `--${boundary}`);
  equal(lines[1], 'Content-Disposition: form-data; name="text"');
  equal(lines[3], "value");
  assert(lines.includes('Content-Disposition: form-data; name="file"; filename="f.bin"'));
  assert(lines.includes("data"));
  assert(lines.includes(`--${boundary}--`));
});

test("names with quotes survive the way there and back", async () => {
  const form = new FormData();
  form.append('quo"te', "v");
  form.append("file", new Blob(["d"]), 'na"me');
  const text = await new Response(form).text();
  assert(text.includes("quo%22te"));
});

test("a multipart body of another sender is read", async () => {
  const body = [
    "preamble to ignore",
    "--XX",
    "content-disposition: form-data; name=\"a\"",
    "",
    "first\r\nsecond",
    "--XX",
    'Content-Disposition: form-data; name="f"; filename="x.png"',
    "Content-Type: image/png",
    "",
    "\u0001bytes",
    "--XX--",
    "",
  ].join("\r\n");
  const form = await new Response(body, { headers: { "content-type": 'multipart/form-data; boundary="XX"' } }).formData();
  equal(form.get("a"), "first\r\nsecond");
  const file = form.get("f");
  deepEqual([file.name, file.type, await file.text()], ["x.png", "image/png", "\u0001bytes"]);
});
