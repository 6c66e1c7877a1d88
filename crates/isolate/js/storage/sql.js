// `storage.sql`: what exec() and cursors do is native; this gives it its classes.

import {
  columnNames, databaseSize, exec, next, nextRaw, one, raw, rows, rowsRead, rowsWritten, setPrototypes, toArray,
} from "atoll:native/sqlite";
import { defineInterface, illegalConstructor } from "../webidl.js";

const getter = (get) => ({ get() { return get.call(this); }, enumerable: true, configurable: true });
const method = (value) => ({ value, writable: true, enumerable: true, configurable: true });

class Cursor {
  constructor() {
    throw illegalConstructor();
  }
}
Object.defineProperties(Cursor.prototype, {
  next: method(next),
  toArray: method(toArray),
  one: method(one),
  raw: method(raw),
  columnNames: getter(columnNames),
  rowsRead: getter(rowsRead),
  rowsWritten: getter(rowsWritten),
  [Symbol.iterator]: { ...method(rows), enumerable: false },
});
defineInterface(Cursor);

class Statement {
  constructor() {
    throw illegalConstructor();
  }
}
defineInterface(Statement);

class SqlStorage {
  constructor() {
    throw illegalConstructor();
  }
  get databaseSize() {
    return databaseSize(this);
  }
  get Cursor() {
    return Cursor;
  }
  get Statement() {
    return Statement;
  }
}
Object.defineProperty(SqlStorage.prototype, "exec", method(exec));
defineInterface(SqlStorage);

const iterator = (name, step) =>
  Object.create(Iterator.prototype, {
    next: method(step),
    [Symbol.toStringTag]: { value: name, configurable: true },
  });

setPrototypes(SqlStorage.prototype, Cursor.prototype, iterator("RowIterator", next), iterator("RawIterator", nextRaw));
