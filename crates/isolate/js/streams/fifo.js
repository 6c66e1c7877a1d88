/** First in, first out, in constant time: `Array.prototype.shift` moves every element that is left. */
export class Fifo {
  constructor() {
    this.items = [];
    this.head = 0;
  }

  get length() {
    return this.items.length - this.head;
  }

  push(item) {
    this.items.push(item);
  }

  peek() {
    return this.items[this.head];
  }

  /** Puts another item in the place of the first. */
  replaceHead(item) {
    this.items[this.head] = item;
  }

  shift() {
    const { items } = this;
    const item = items[this.head];
    items[this.head] = undefined;
    this.head += 1;
    if (this.head === items.length) {
      items.length = 0;
      this.head = 0;
    } else if (this.head >= 256 && this.head * 2 >= items.length) {
      items.splice(0, this.head);
      this.head = 0;
    }
    return item;
  }
}

// Internals must not see what users put on Object.prototype.
Object.setPrototypeOf(Fifo.prototype, null);
