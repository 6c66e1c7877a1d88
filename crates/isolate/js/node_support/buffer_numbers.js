/**
 * The `readInt32LE` family of Buffer. Bytes are combined by hand because a DataView per call costs more than
 * the arithmetic.
 */
import { bufferOutOfBounds, invalidArgType, outOfRange } from "./errors.js";

const scratchFloat64 = new Float64Array(1);
const scratchFloat32 = new Float32Array(scratchFloat64.buffer);
const scratchBytes = new Uint8Array(scratchFloat64.buffer);
const scratchBig = new BigInt64Array(scratchFloat64.buffer);
const scratchBigUnsigned = new BigUint64Array(scratchFloat64.buffer);

function refuseOffset(buffer, offset, size, name = "offset") {
  if (typeof offset !== "number") throw invalidArgType(name, "number", offset);
  if (Math.floor(offset) !== offset) throw outOfRange(name, "an integer", offset);
  if (buffer.length < size) throw bufferOutOfBounds();
  throw outOfRange(name, `>= 0 and <= ${buffer.length - size}`, offset);
}

/** Throws unless `size` bytes exist at `offset`. */
function checkOffset(buffer, offset, size) {
  if (!(Number.isInteger(offset) && offset >= 0 && offset + size <= buffer.length)) refuseOffset(buffer, offset, size);
}

function refuseValue(value, min, max, size) {
  let range = `>= ${min} and <= ${max}`;
  if (size > 4) range = min === 0 ? `>= 0 and < 2 ** ${size * 8}` : `>= -(2 ** ${size * 8 - 1}) and < 2 ** ${size * 8 - 1}`;
  throw outOfRange("value", range, value);
}

function checkSize(size) {
  if (typeof size !== "number") throw invalidArgType("byteLength", "number", size);
  if (!Number.isInteger(size)) throw outOfRange("byteLength", "an integer", size);
  if (size < 1 || size > 6) throw outOfRange("byteLength", ">= 1 and <= 6", size);
}

function readUnsigned(buffer, offset, size, little) {
  checkOffset(buffer, offset, size);
  let value = 0;
  if (little) for (let index = size - 1; index >= 0; index--) value = value * 256 + buffer[offset + index];
  else for (let index = 0; index < size; index++) value = value * 256 + buffer[offset + index];
  return value;
}

function readSigned(buffer, offset, size, little) {
  const value = readUnsigned(buffer, offset, size, little);
  return value >= 2 ** (size * 8 - 1) ? value - 2 ** (size * 8) : value;
}

function writeInteger(buffer, value, offset, size, little, min, max) {
  value = +value;
  if (value > max || value < min) refuseValue(value, min, max, size);
  checkOffset(buffer, offset, size);
  let rest = Math.trunc(value);
  if (rest < 0) rest += 2 ** (size * 8);
  if (Number.isNaN(rest)) rest = 0;
  for (let index = 0; index < size; index++) {
    buffer[offset + (little ? index : size - 1 - index)] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return offset + size;
}

function writeUnsigned(buffer, value, offset, size, little) {
  return writeInteger(buffer, value, offset, size, little, 0, 2 ** (size * 8) - 1);
}

function writeSigned(buffer, value, offset, size, little) {
  return writeInteger(buffer, value, offset, size, little, -(2 ** (size * 8 - 1)), 2 ** (size * 8 - 1) - 1);
}

function loadScratch(buffer, offset, size, little) {
  checkOffset(buffer, offset, size);
  for (let index = 0; index < size; index++) scratchBytes[index] = buffer[offset + (little ? index : size - 1 - index)];
}

function storeScratch(buffer, offset, size, little) {
  checkOffset(buffer, offset, size);
  for (let index = 0; index < size; index++) buffer[offset + (little ? index : size - 1 - index)] = scratchBytes[index];
  return offset + size;
}

function writeBig(buffer, value, offset, little, min, max, rangeText) {
  if (typeof value !== "bigint") {
    // Mixing with a BigInt throws the engine's own TypeError, as it does in Node.
    value = BigInt.asIntN(64, value);
  }
  if (value > max || value < min) throw outOfRange("value", rangeText, value);
  scratchBigUnsigned[0] = BigInt.asUintN(64, value);
  return storeScratch(buffer, offset, 8, little);
}

/** @type {Record<string, Function>} methods that are called with a Buffer as `this` */
export const numberMethods = {
  readUInt8(offset = 0) {
    checkOffset(this, offset, 1);
    return this[offset];
  },
  readInt8(offset = 0) {
    checkOffset(this, offset, 1);
    return (this[offset] << 24) >> 24;
  },
  readUInt16LE(offset = 0) {
    checkOffset(this, offset, 2);
    return this[offset] | (this[offset + 1] << 8);
  },
  readUInt16BE(offset = 0) {
    checkOffset(this, offset, 2);
    return (this[offset] << 8) | this[offset + 1];
  },
  readInt16LE(offset = 0) {
    checkOffset(this, offset, 2);
    return ((this[offset] | (this[offset + 1] << 8)) << 16) >> 16;
  },
  readInt16BE(offset = 0) {
    checkOffset(this, offset, 2);
    return (((this[offset] << 8) | this[offset + 1]) << 16) >> 16;
  },
  readUInt32LE(offset = 0) {
    checkOffset(this, offset, 4);
    return (
      (this[offset] | (this[offset + 1] << 8) | (this[offset + 2] << 16) | (this[offset + 3] << 24)) >>> 0
    );
  },
  readUInt32BE(offset = 0) {
    checkOffset(this, offset, 4);
    return (
      ((this[offset] << 24) | (this[offset + 1] << 16) | (this[offset + 2] << 8) | this[offset + 3]) >>> 0
    );
  },
  readInt32LE(offset = 0) {
    checkOffset(this, offset, 4);
    return this[offset] | (this[offset + 1] << 8) | (this[offset + 2] << 16) | (this[offset + 3] << 24);
  },
  readInt32BE(offset = 0) {
    checkOffset(this, offset, 4);
    return (this[offset] << 24) | (this[offset + 1] << 16) | (this[offset + 2] << 8) | this[offset + 3];
  },
  readUIntLE(offset, size) {
    if (offset === undefined) throw invalidArgType("offset", "number", offset);
    checkSize(size);
    return readUnsigned(this, offset, size, true);
  },
  readUIntBE(offset, size) {
    if (offset === undefined) throw invalidArgType("offset", "number", offset);
    checkSize(size);
    return readUnsigned(this, offset, size, false);
  },
  readIntLE(offset, size) {
    if (offset === undefined) throw invalidArgType("offset", "number", offset);
    checkSize(size);
    return readSigned(this, offset, size, true);
  },
  readIntBE(offset, size) {
    if (offset === undefined) throw invalidArgType("offset", "number", offset);
    checkSize(size);
    return readSigned(this, offset, size, false);
  },
  readBigInt64LE(offset = 0) {
    loadScratch(this, offset, 8, true);
    return scratchBig[0];
  },
  readBigInt64BE(offset = 0) {
    loadScratch(this, offset, 8, false);
    return scratchBig[0];
  },
  readBigUInt64LE(offset = 0) {
    loadScratch(this, offset, 8, true);
    return scratchBigUnsigned[0];
  },
  readBigUInt64BE(offset = 0) {
    loadScratch(this, offset, 8, false);
    return scratchBigUnsigned[0];
  },
  readFloatLE(offset = 0) {
    loadScratch(this, offset, 4, true);
    return scratchFloat32[0];
  },
  readFloatBE(offset = 0) {
    loadScratch(this, offset, 4, false);
    return scratchFloat32[0];
  },
  readDoubleLE(offset = 0) {
    loadScratch(this, offset, 8, true);
    return scratchFloat64[0];
  },
  readDoubleBE(offset = 0) {
    loadScratch(this, offset, 8, false);
    return scratchFloat64[0];
  },

  writeUInt8(value, offset = 0) {
    return writeUnsigned(this, value, offset, 1, true);
  },
  writeInt8(value, offset = 0) {
    return writeSigned(this, value, offset, 1, true);
  },
  writeUInt16LE(value, offset = 0) {
    return writeUnsigned(this, value, offset, 2, true);
  },
  writeUInt16BE(value, offset = 0) {
    return writeUnsigned(this, value, offset, 2, false);
  },
  writeInt16LE(value, offset = 0) {
    return writeSigned(this, value, offset, 2, true);
  },
  writeInt16BE(value, offset = 0) {
    return writeSigned(this, value, offset, 2, false);
  },
  writeUInt32LE(value, offset = 0) {
    return writeUnsigned(this, value, offset, 4, true);
  },
  writeUInt32BE(value, offset = 0) {
    return writeUnsigned(this, value, offset, 4, false);
  },
  writeInt32LE(value, offset = 0) {
    return writeSigned(this, value, offset, 4, true);
  },
  writeInt32BE(value, offset = 0) {
    return writeSigned(this, value, offset, 4, false);
  },
  writeUIntLE(value, offset, size) {
    checkSize(size);
    return writeUnsigned(this, value, offset, size, true);
  },
  writeUIntBE(value, offset, size) {
    checkSize(size);
    return writeUnsigned(this, value, offset, size, false);
  },
  writeIntLE(value, offset, size) {
    checkSize(size);
    return writeSigned(this, value, offset, size, true);
  },
  writeIntBE(value, offset, size) {
    checkSize(size);
    return writeSigned(this, value, offset, size, false);
  },
  writeBigInt64LE(value, offset = 0) {
    return writeBig(this, value, offset, true, -(2n ** 63n), 2n ** 63n - 1n, ">= -(2n ** 63n) and < 2n ** 63n");
  },
  writeBigInt64BE(value, offset = 0) {
    return writeBig(this, value, offset, false, -(2n ** 63n), 2n ** 63n - 1n, ">= -(2n ** 63n) and < 2n ** 63n");
  },
  writeBigUInt64LE(value, offset = 0) {
    return writeBig(this, value, offset, true, 0n, 2n ** 64n - 1n, ">= 0n and < 2n ** 64n");
  },
  writeBigUInt64BE(value, offset = 0) {
    return writeBig(this, value, offset, false, 0n, 2n ** 64n - 1n, ">= 0n and < 2n ** 64n");
  },
  writeFloatLE(value, offset = 0) {
    scratchFloat32[0] = +value;
    return storeScratch(this, offset, 4, true);
  },
  writeFloatBE(value, offset = 0) {
    scratchFloat32[0] = +value;
    return storeScratch(this, offset, 4, false);
  },
  writeDoubleLE(value, offset = 0) {
    scratchFloat64[0] = +value;
    return storeScratch(this, offset, 8, true);
  },
  writeDoubleBE(value, offset = 0) {
    scratchFloat64[0] = +value;
    return storeScratch(this, offset, 8, false);
  },
};

for (const name of Object.keys(numberMethods)) {
  if (name.includes("UInt")) numberMethods[name.replace("UInt", "Uint")] = numberMethods[name];
}
