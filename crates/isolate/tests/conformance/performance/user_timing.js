// performance.mark() and its kin, as https://w3c.github.io/user-timing/ and Workers have them.

import { deepEqual, equal, test, throws } from "atoll:test";

const shown = (entries) => entries.map(({ name, entryType, startTime, duration }) => [name, entryType, startTime, duration]);

function cleared(work) {
  performance.clearMarks();
  performance.clearMeasures();
  return work();
}

test("a mark is at the time that stands still, or at the one it is given", () => cleared(() => {
  const mark = performance.mark("now");
  deepEqual([mark instanceof PerformanceMark, mark instanceof PerformanceEntry, mark.detail], [true, true, null]);
  equal(mark.startTime, performance.now());
  performance.mark("later", { startTime: 5, detail: { of: "it" } });
  deepEqual(shown(performance.getEntriesByName("later")), [["later", "mark", 5, 0]]);
  equal(
    JSON.stringify(performance.getEntriesByName("later")[0]),
    '{"name":"later","entryType":"mark","startTime":5,"duration":0,"detail":{"of":"it"}}',
  );
}));

test("a measure lies between marks, times, or one of them and a duration", () => cleared(() => {
  performance.mark("a", { startTime: 2 });
  performance.mark("b", { startTime: 7 });
  const measures = [
    performance.measure("marks", "a", "b"),
    performance.measure("times", { start: 1, end: 4 }),
    performance.measure("duration", { start: "b", duration: 3 }),
    performance.measure("before", { end: "b", duration: 3 }),
    performance.measure("from the origin", { end: "a" }),
    performance.measure("backwards", "b", "a"),
  ];
  deepEqual(
    measures.map(({ startTime, duration }) => [startTime, duration]),
    [[2, 5], [1, 3], [7, 3], [4, 3], [0, 2], [7, 0]],
  );
  equal(performance.measure("all").duration, performance.now());
  equal(performance.measure("no such mark", "nope").startTime, 0);
}));

test("entries are found by name and type, and forgotten by name", () => cleared(() => {
  performance.mark("a", { startTime: 1 });
  performance.mark("b", { startTime: 1 });
  performance.measure("a", { start: 0, end: 1 });
  equal(performance.getEntries().length, 3);
  deepEqual(shown(performance.getEntriesByName("a", "measure")), [["a", "measure", 0, 1]]);
  deepEqual(performance.getEntriesByType("nothing"), []);
  performance.clearMarks("a");
  deepEqual(shown(performance.getEntries()), [["b", "mark", 1, 0], ["a", "measure", 0, 1]]);
  performance.clearMeasures();
  deepEqual(performance.getEntries().map(({ name }) => name), ["b"]);
}));

test("an observer is told of what is marked after it began, together", async () => {
  const told = [];
  const observer = new PerformanceObserver((list, self) => {
    told.push(list.getEntries().map(({ name }) => name), self === observer);
  });
  performance.mark("before");
  observer.observe({ entryTypes: ["mark"] });
  performance.mark("one");
  performance.measure("not asked for");
  performance.mark("two");
  await new Promise((resolve) => setTimeout(resolve, 0));
  deepEqual(told, [["one", "two"], true]);
  performance.mark("taken");
  deepEqual(observer.takeRecords().map(({ name }) => name), ["taken"]);
  observer.disconnect();
  performance.mark("after");
  deepEqual([observer.takeRecords(), PerformanceObserver.supportedEntryTypes], [[], ["measure", "mark"]]);
});

test("what cannot be is refused", () => {
  throws(() => performance.mark(), TypeError);
  throws(() => performance.mark("a", 5), TypeError);
  throws(() => performance.getEntriesByName(), TypeError);
  throws(() => new PerformanceEntry(), TypeError);
  throws(() => new PerformanceMeasure("a"), TypeError);
  throws(() => new PerformanceObserver(), TypeError);
});
