import { assert, equal, test, throws } from "atoll:test";

const INTEGER_ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
];

for (const IntegerArray of INTEGER_ARRAYS) {
  test(`getRandomValues fills and returns a ${IntegerArray.name}`, () => {
    const array = new IntegerArray(32);
    equal(crypto.getRandomValues(array), array);
    assert(array.some((value) => value != 0));
  });
}

for (const array of [new Float32Array(4), new Float64Array(4), new DataView(new ArrayBuffer(4))]) {
  test(`getRandomValues refuses a ${array.constructor.name}`, () => {
    throws(() => crypto.getRandomValues(array), "TypeMismatchError");
  });
}

test("getRandomValues looks at the kind of a view before its length", () => {
  throws(() => crypto.getRandomValues(new Float32Array(65536)), "TypeMismatchError");
});

test("getRandomValues gives 65536 bytes and not one more", () => {
  equal(crypto.getRandomValues(new Uint8Array(65536)).length, 65536);
  throws(() => crypto.getRandomValues(new Uint8Array(65537)), "QuotaExceededError");
  throws(() => crypto.getRandomValues(new Uint32Array(16385)), "QuotaExceededError");
});

test("getRandomValues writes only the part that a view shows", () => {
  const whole = new Uint8Array(64);
  crypto.getRandomValues(whole.subarray(16, 48));
  assert(whole.subarray(0, 16).every((byte) => byte === 0));
  assert(whole.subarray(48).every((byte) => byte === 0));
  assert(whole.subarray(16, 48).some((byte) => byte !== 0));
});

test("getRandomValues takes an empty view and refuses what is none", () => {
  equal(crypto.getRandomValues(new Uint8Array()).length, 0);
  throws(() => crypto.getRandomValues(new ArrayBuffer(4)), TypeError);
  throws(() => crypto.getRandomValues(), TypeError);
  throws(() => crypto.getRandomValues([1, 2]), TypeError);
});

test("randomUUID gives different version 4 UUIDs in lower case", () => {
  const seen = new Set();
  for (let count = 0; count < 256; count++) {
    const id = crypto.randomUUID();
    assert(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id), id);
    seen.add(id);
  }
  equal(seen.size, 256);
});

test("Math.random stays from 0 up to 1", () => {
  for (let count = 0; count < 1000; count++) {
    const number = Math.random();
    assert(number >= 0 && number < 1);
  }
});
