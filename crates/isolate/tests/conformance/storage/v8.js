// Bytes that workerd 1.20261117 has stored.

import { test, equal, deepEqual, throws } from "atoll:test";
import { readV8 } from "atoll:test-storage";

const read = (hex) => readV8(Uint8Array.fromHex(hex));

const VALUES = [
  ["FF0F5F", undefined],
  ["FF0F30", null],
  ["FF0F54", true],
  ["FF0F46", false],
  ["FF0F490D", -7],
  ["FF0F4E0000000000007042", 2 ** 40],
  ["FF0F4E000000000000F83F", 1.5],
  ["FF0F5A2100000000000000004000000000000000", -(2n ** 70n)],
  ["FF0F5A00", 0n],
  ["FF0F2205706C61696E", "plain"],
  ["FF0F22067AFC72696368", "zürich"],
  ["FF0F630AE5652C6720003CD889DF", "日本 🎉"],
];

test("plain values that workerd stored are read", () => {
  for (const [hex, expected] of VALUES) equal(read(hex), expected);
  equal(Number.isNaN(read("FF0F4E000000000000F87F")), true);
});

test("objects that workerd stored are read", () => {
  const object = read("FF0F6F490E2205736576656E2201784902220179410349022201326F22017A49067B012400037B03");
  deepEqual(object, { 7: "seven", x: 1, y: [1, "2", { z: 3 }] });
  const aligned = read("FF0F4103220161006304E5652C676F0063083A043B044E044704631037043D043004470435043D04380435047B01240003");
  deepEqual(aligned, ["a", "日本", { ключ: "значение" }]);
  const sparse = read("FF0F61892749904E220366617240018927");
  equal(sparse.length, 5001);
  equal(sparse[5000], "far");
  const hole = read("FF0F61034900490249044906400203");
  equal(1 in hole, false);
  deepEqual([hole.length, hole[0], hole[2]], [3, 1, 3]);
});

test("identity that workerd stored is kept", () => {
  const twice = read("FF0F41026F22016149027B015E01240002");
  equal(twice[0], twice[1]);
  const cycle = read("FF0F6F22046E616D65220163220473656C665E007B02");
  equal(cycle.self, cycle);
});

test("built-in objects that workerd stored are read", () => {
  equal(read("FF0F440000000070999441").getTime(), 86_400_000);
  equal(String(read("FF0F522203612B6203")), "/a+b/gi");
  const map = read("FF0F3B22016B6F22017649027B0149042749022201612C023A04");
  deepEqual(map.get("k"), { v: 1 });
  deepEqual([...map.get(2)], [1, "a"]);
  deepEqual([...new Uint8Array(read("FF0F42030102FF"))], [1, 2, 255]);
  const view = read("FF0F42040100FFFF5657000400");
  equal(view.constructor, Uint16Array);
  deepEqual([...view], [1, 65535]);
  const part = read("FF0F420409080706563F010200");
  deepEqual([part.constructor, part.byteLength, part.getUint8(0)], [DataView, 2, 8]);
  const boxed = read("FF0F41036E000000000000F03F7322017379240003");
  deepEqual(boxed.map((value) => value.valueOf()), [1, "s", true]);
});

test("errors that workerd stored are read", () => {
  const error = read("FF0F5C0A0322016D6F2205737461636B22017322056361757365490A7B02");
  equal(error.constructor, RangeError);
  deepEqual([error.message, error.stack, error.cause], ["m", "s", 5]);
  const own = read("FF0F5C0A0022024D7922026D6D6F2205737461636B2201717B01");
  deepEqual([own instanceof Error, own.name, own.message], [true, "My", "mm"]);
  const dom = read("FF0F5C0809446174614572726F72026E6F0173");
  deepEqual([dom.name, dom.message], ["DataError", "no"]);
});

test("what cannot be read says so", () => {
  throws(() => read("FF0F5C0403010001610162"), Error);
  throws(() => read("FF0F6F"), Error);
  throws(() => read("FF0C30"), Error);
  throws(() => read("FF0F5E07"), Error);
});
