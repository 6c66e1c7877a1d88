import { test, assert, deepEqual, equal, throws } from "atoll:test";

const bytes = (...values) => new Uint8Array(values);

for (const [text, expected] of [
  ["", []],
  ["abc\0", [97, 98, 99, 0]],
  ["é", [0xc3, 0xa9]],
  ["€", [0xe2, 0x82, 0xac]],
  ["😀", [0xf0, 0x9f, 0x98, 0x80]],
  ["\ud800", [0xef, 0xbf, 0xbd]],
  ["a\udc00b", [97, 0xef, 0xbf, 0xbd, 98]],
  ["\udc00\ud800", [0xef, 0xbf, 0xbd, 0xef, 0xbf, 0xbd]],
]) {
  test(`encode gives UTF-8 of ${JSON.stringify(text)}`, () => {
    deepEqual([...new TextEncoder().encode(text)], expected);
  });
}

test("encode takes anything as text, and nothing as none", () => {
  const encoder = new TextEncoder();
  equal(encoder.encode().byteLength, 0);
  equal(encoder.encode(undefined).byteLength, 0);
  equal(new TextDecoder().decode(encoder.encode(12)), "12");
  equal(encoder.encoding, "utf-8");
});

for (const [text, room, read, written] of [
  ["abc", 3, 3, 3],
  ["abc", 2, 2, 2],
  ["aé", 2, 1, 1],
  ["aé€😀", 6, 3, 6],
  ["aé€😀", 10, 5, 10],
  ["😀", 3, 0, 0],
  ["\ud800a", 4, 2, 4],
  ["", 0, 0, 0],
]) {
  test(`encodeInto ${JSON.stringify(text)} with room for ${room} takes whole characters`, () => {
    const target = new Uint8Array(room);
    deepEqual(new TextEncoder().encodeInto(text, target), { read, written });
    equal(target.slice(0, written).join(), new TextEncoder().encode(text).slice(0, written).join());
  });
}

test("encodeInto wants a Uint8Array", () => {
  for (const target of [undefined, [], new ArrayBuffer(4), new Uint16Array(2)]) {
    throws(() => new TextEncoder().encodeInto("a", target), TypeError);
  }
});

for (const [label, name] of [
  ["utf8", "utf-8"],
  [" UTF-8\n", "utf-8"],
  ["latin1", "windows-1252"],
  ["ascii", "windows-1252"],
  ["iso-8859-2", "iso-8859-2"],
  ["sjis", "shift_jis"],
  ["x-sjis", "shift_jis"],
  ["euc-kr", "euc-kr"],
  ["gb2312", "gbk"],
  ["gb18030", "gb18030"],
  ["big5-hkscs", "big5"],
  ["utf-16", "utf-16le"],
  ["unicode", "utf-16le"],
  ["utf-16be", "utf-16be"],
  ["koi8-r", "koi8-r"],
  ["x-user-defined", "x-user-defined"],
]) {
  test(`the label ${JSON.stringify(label)} stands for ${name}`, () => equal(new TextDecoder(label).encoding, name));
}

for (const label of ["", "foo", "utf-7", "utf-32", "replacement", "iso-2022-kr", "utf\u00a08"]) {
  test(`the label ${JSON.stringify(label)} stands for nothing`, () => {
    const error = throws(() => new TextDecoder(label), RangeError);
    equal(error.message, `"${label}" is not a valid encoding.`);
  });
}

for (const [label, given, expected] of [
  ["utf-8", [0xef, 0xbb, 0xbf, 97], "a"],
  ["utf-8", [0xff, 97, 0xc3], "\ufffda\ufffd"],
  ["utf-8", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
  ["utf-8", [0xf0, 0x9f, 0x98], "\ufffd"],
  ["latin1", [0x80, 0xe9], "€é"],
  ["utf-16le", [0xff, 0xfe, 97, 0, 0x3d, 0xd8, 0, 0xde], "a😀"],
  ["utf-16be", [0, 97, 0xd8], "a\ufffd"],
  ["shift_jis", [0x82, 0xa0], "あ"],
  ["euc-jp", [0xa4, 0xa2], "あ"],
  ["gbk", [0xc4, 0xe3], "你"],
  ["big5", [0xa7, 0x41], "你"],
  ["euc-kr", [0xb0, 0xa1], "가"],
]) {
  test(`${label} decodes [${given.map((byte) => byte.toString(16))}]`, () => {
    equal(new TextDecoder(label).decode(bytes(...given)), expected);
  });
}

test("fatal throws for what is malformed, and the decoder goes on", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  equal(throws(() => decoder.decode(bytes(0xff)), TypeError).message, "Failed to decode input.");
  equal(decoder.decode(bytes(97)), "a");
  decoder.decode(bytes(0xc3), { stream: true });
  throws(() => decoder.decode(), TypeError);
  equal(decoder.decode(bytes(97)), "a");
});

test("ignoreBOM keeps the mark", () => {
  const marked = bytes(0xef, 0xbb, 0xbf, 97);
  equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(marked), "\ufeffa");
  equal(new TextDecoder("utf-8", { ignoreBOM: true, fatal: true }).decode(marked), "\ufeffa");
  equal(new TextDecoder("utf-8", { fatal: true }).decode(marked), "a");
});

test("stream keeps what is incomplete for the next call", () => {
  const decoder = new TextDecoder();
  let text = "";
  for (const byte of new TextEncoder().encode("aé€😀")) text += decoder.decode(bytes(byte), { stream: true });
  equal(text, "aé€😀");
  equal(decoder.decode(bytes(0xe2, 0x82), { stream: true }), "");
  equal(decoder.decode(), "\ufffd");
  equal(decoder.decode(bytes(0xef, 0xbb), { stream: true }) + decoder.decode(bytes(0xbf, 97)), "a");
});

test("every kind of buffer can be decoded", () => {
  const { buffer } = bytes(97, 98, 99, 100);
  const decoder = new TextDecoder();
  equal(decoder.decode(buffer), "abcd");
  equal(decoder.decode(new DataView(buffer, 1, 2)), "bc");
  equal(decoder.decode(new Uint16Array(buffer, 2)), "cd");
  equal(decoder.decode(new SharedArrayBuffer(1)), "\0");
  equal(decoder.decode(), "");
  for (const value of [5, "text", {}, [97], null]) throws(() => decoder.decode(value), TypeError);
});

test("attributes say how the decoder was made", () => {
  const decoder = new TextDecoder("latin1", { fatal: 1, ignoreBOM: "yes" });
  deepEqual([decoder.encoding, decoder.fatal, decoder.ignoreBOM], ["windows-1252", true, true]);
  assert(Object.prototype.toString.call(decoder) === "[object TextDecoder]");
  throws(() => TextDecoder.prototype.decode.call({}), /Illegal invocation/);
});
