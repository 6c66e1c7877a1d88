import { test, assert, equal, throws, deepEqual } from "atoll:test";
import buffer, { Buffer, constants, isAscii, isUtf8, transcode } from "node:buffer";
import util from "node:util";

const hex = (bytes) => Buffer.from(bytes).toString("hex");

test("text becomes bytes in every encoding", () => {
  for (const [text, encoding, expected] of [
    ["héllo€😀", "utf8", "68c3a96c6c6fe282acf09f9880"], ["\ud800x", "utf8", "efbfbd78"], ["é\u0141", "latin1", "e941"],
    ["é\u0141", "ascii", "e941"], ["é\u0141", "binary", "e941"], ["aé😀", "utf16le", "6100e9003dd800de"], ["a", "ucs-2", "6100"],
    ["ff00zz11", "hex", "ff00"], ["abc", "hex", "ab"], ["YWJj", "base64", "616263"], ["YW-_", "base64", "616fbf"],
    ["Y W\nJ=j", "base64", "6162"], ["YWI", "base64url", "6162"], ["", "utf8", ""], ["a", "UTF-8", "61"], ["a", undefined, "61"],
  ]) equal(hex(Buffer.from(text, encoding)), expected, `${text} ${encoding}`);
});

test("bytes become text in every encoding", () => {
  const bytes = Buffer.from([0xff, 0x61, 0xe2, 0x82, 0xac, 0xf0, 0x9f]);
  for (const [encoding, expected] of [
    ["utf8", "\ufffda€\ufffd"], ["latin1", "ÿaâ\x82¬ð\x9f"], ["ascii", "\x7fab\x02,p\x1f"], ["hex", "ff61e282acf09f"],
    ["base64", "/2Higqzwnw=="], ["base64url", "_2Higqzwnw"], ["utf16le", "\u61ff\u82e2\uf0ac"],
  ]) equal(bytes.toString(encoding), expected, encoding);
  equal(bytes.toString("latin1", 1, 2), "a");
  equal(bytes.toString("latin1", -5, 100).length, 7);
  equal(bytes.toString("latin1", 3, 1), "");
  throws(() => bytes.toString("nope"), /Unknown encoding: nope/);
});

test("from takes arrays, views, array buffers, objects and wrappers", () => {
  equal(hex([1, 2, 300, -1, "7", "x"]), "01022cff0700");
  equal(hex(new Uint16Array([1, 300])), "012c");
  const memory = new ArrayBuffer(4);
  const view = Buffer.from(memory, 1, 2);
  view[0] = 9;
  equal(new Uint8Array(memory)[1], 9);
  equal(view.length, 2);
  equal(Buffer.from(JSON.parse(JSON.stringify(Buffer.from("hi")))).toString(), "hi");
  equal(Buffer.from(new String("s")).toString(), "s");
  equal(Buffer.from({ [Symbol.toPrimitive]: () => "p" }).toString(), "p");
  for (const bad of [undefined, null, 5, true, Symbol("s"), {}]) {
    equal(throws(() => Buffer.from(bad), TypeError).code, "ERR_INVALID_ARG_TYPE");
  }
  throws(() => Buffer.from(memory, 5), RangeError);
});

test("copying from a Buffer copies its memory", () => {
  const source = Buffer.from("abc");
  const copy = Buffer.from(source);
  copy[0] = 0x7a;
  equal(source.toString(), "abc");
});

test("alloc fills, and sizes are checked", () => {
  equal(hex(Buffer.alloc(5, "ab")), "6162616261");
  equal(hex(Buffer.alloc(3)), "000000");
  equal(hex(Buffer.alloc(4, Buffer.from([1, 2]))), "01020102");
  equal(Buffer.allocUnsafe(7).length, 7);
  throws(() => Buffer.alloc(-1), RangeError);
  throws(() => Buffer.alloc("5"), TypeError);
});

test("the old constructor still works, called either way", () => {
  equal(Buffer(3).length, 3);
  equal(new Buffer("hi").toString(), "hi");
  assert(new Buffer(2) instanceof Buffer);
});

test("concat joins, cuts and pads", () => {
  equal(Buffer.concat([Buffer.from("ab"), new Uint8Array([99])]).toString(), "abc");
  equal(Buffer.concat([Buffer.from("abc"), Buffer.from("def")], 4).toString(), "abcd");
  equal(hex(Buffer.concat([Buffer.from("a")], 3)), "610000");
  throws(() => Buffer.concat([5]), TypeError);
  throws(() => Buffer.concat("x"), TypeError);
});

test("write puts whole characters only and says how many bytes", () => {
  const target = Buffer.alloc(6);
  equal(target.write("a€€", 1), 4);
  equal(hex(target), "0061e282ac00");
  equal(Buffer.alloc(3).write("€€"), 3);
  equal(Buffer.alloc(2).write("€"), 0);
  equal(target.write("ffzz", 0, "hex"), 1);
  equal(target.write("abcdef", 4, 1, "latin1"), 1);
  throws(() => target.write("x", 7), RangeError);
  throws(() => target.write(5), TypeError);
});

test("searching forwards and backwards", () => {
  const bytes = Buffer.from("xxabcabc");
  deepEqual(
    [bytes.indexOf("abc"), bytes.indexOf("abc", 3), bytes.lastIndexOf("abc"), bytes.lastIndexOf("abc", 4), bytes.indexOf(0x61)],
    [2, 5, 5, 2, 2],
  );
  deepEqual([bytes.indexOf("zz"), bytes.indexOf(""), bytes.indexOf("abc", -3), bytes.includes("bca")], [-1, 0, 5, true]);
  equal(Buffer.from("aXbX", "utf16le").indexOf("X", 0, "utf16le"), 2);
  equal(bytes.lastIndexOf("x", -8), 0);
});

test("compare and equals order bytes", () => {
  deepEqual([["a", "b"], ["b", "a"], ["a", "a"], ["a", "aa"]].map(([a, b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))), [-1, 1, 0, -1]);
  assert(Buffer.from("a").equals(new Uint8Array([97])));
  equal(Buffer.from("abcd").compare(Buffer.from("xbcx"), 1, 3, 1, 3), 0);
  throws(() => Buffer.from("a").equals("a"), TypeError);
});

test("copy and fill stay within bounds", () => {
  const target = Buffer.alloc(5, ".");
  equal(Buffer.from("abcdef").copy(target, 1, 2, 4), 2);
  equal(target.toString(), ".cd..");
  equal(Buffer.from("abcdef").copy(target, 3), 2);
  equal(target.fill("xyz", 1, 4).toString(), ".xyzb");
  equal(hex(Buffer.alloc(3).fill(0x1ff)), "ffffff");
  equal(hex(Buffer.alloc(4).fill("616263", "hex")), "61626361");
  throws(() => Buffer.alloc(2).fill("zz", "hex"), /is invalid/);
});

test("slices share memory and are Buffers", () => {
  const bytes = Buffer.from("abcdef");
  const slice = bytes.slice(-3, -1);
  assert(slice instanceof Buffer && Buffer.isBuffer(slice) && slice instanceof Uint8Array);
  slice[0] = 0x7a;
  equal(bytes.toString(), "abczef");
  assert(bytes.subarray(1) instanceof Buffer);
  assert(bytes.map((byte) => byte) instanceof Buffer);
});

test("swapping changes the byte order in place", () => {
  equal(hex(Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]).swap16()), "0201040306050807");
  equal(hex(Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]).swap32()), "0403020108070605");
  equal(hex(Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]).swap64()), "0807060504030201");
  throws(() => Buffer.alloc(3).swap16(), RangeError);
});

test("every number method reads what it wrote", () => {
  for (const [suffix, values, size] of [
    ["Int8", [-128, 127], 1], ["UInt8", [0, 255], 1], ["Int16LE", [-32768, 32767], 2], ["UInt16BE", [0, 65535], 2],
    ["Int32LE", [-(2 ** 31), 2 ** 31 - 1], 4], ["UInt32BE", [0, 2 ** 32 - 1], 4], ["Int32BE", [-5], 4], ["UInt32LE", [7], 4],
    ["FloatLE", [1.5, -0.25], 4], ["FloatBE", [1.5], 4], ["DoubleLE", [Math.PI], 8], ["DoubleBE", [-Math.E], 8],
    ["BigInt64LE", [-(2n ** 63n), 2n ** 63n - 1n], 8], ["BigUInt64BE", [2n ** 64n - 1n], 8],
  ]) {
    for (const value of values) {
      const bytes = Buffer.alloc(size + 1);
      equal(bytes[`write${suffix}`](value, 1), size + 1, suffix);
      equal(bytes[`read${suffix}`](1), value, suffix);
    }
    throws(() => Buffer.alloc(size)[`read${suffix}`](1), RangeError);
  }
  for (let size = 1; size <= 6; size++) {
    const bytes = Buffer.alloc(6);
    const largest = 2 ** (size * 8) - 1;
    bytes.writeUIntLE(largest, 0, size);
    equal(bytes.readUIntLE(0, size), largest);
    bytes.writeIntBE(-2, 0, size);
    equal(bytes.readIntBE(0, size), -2);
  }
});

test("numbers out of range are refused with Node's texts", () => {
  const { message, code } = throws(() => Buffer.alloc(1).writeUInt8(256), RangeError);
  equal(code, "ERR_OUT_OF_RANGE");
  equal(message, 'The value of "value" is out of range. It must be >= 0 and <= 255. Received 256');
  equal(
    throws(() => Buffer.alloc(4).readInt32LE(1), RangeError).message,
    'The value of "offset" is out of range. It must be >= 0 and <= 0. Received 1',
  );
  equal(throws(() => Buffer.alloc(2).readInt32LE(), RangeError).code, "ERR_BUFFER_OUT_OF_BOUNDS");
});

test("byteLength counts without making bytes", () => {
  deepEqual(
    [["€", "utf8"], ["€", "latin1"], ["abcd", "hex"], ["YWI=", "base64"], ["ab", "utf16le"]].map((args) => Buffer.byteLength(...args)),
    [3, 1, 2, 2, 4],
  );
  equal(Buffer.byteLength(new ArrayBuffer(9)), 9);
});

test("isEncoding, isUtf8, isAscii and transcode", () => {
  deepEqual(["utf8", "HEX", "binary", "nope", "", 5].map(Buffer.isEncoding), [true, true, true, false, false, false]);
  deepEqual([isUtf8(Buffer.from("é")), isUtf8(Buffer.from([0xff])), isAscii(Buffer.from("a")), isAscii(Buffer.from("é"))], [true, false, true, false]);
  equal(hex(transcode(Buffer.from("é€"), "utf8", "latin1")), "e93f");
  equal(transcode(Buffer.from("aé", "utf16le"), "utf16le", "utf8").toString(), "aé");
});

test("printing and JSON", () => {
  equal(util.inspect(Buffer.from("hi!")), "<Buffer 68 69 21>");
  assert(util.inspect(Buffer.alloc(60)).endsWith("... 10 more bytes>"));
  equal(JSON.stringify(Buffer.from("a")), '{"type":"Buffer","data":[97]}');
});

test("the module carries its constants and web classes", () => {
  assert(buffer.Buffer === Buffer && globalThis.Buffer === Buffer);
  assert(constants.MAX_LENGTH > 2 ** 30);
  assert(buffer.Blob === Blob && buffer.File === File);
  equal(buffer.atob("YQ=="), "a");
  equal(buffer.btoa("a"), "YQ==");
});
