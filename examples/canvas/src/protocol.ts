// What browsers and boards say to each other, as JSON.

/** A part of a stroke: its points as x, y, x, y, in units of the board, which is 1600 wide and 1000 high. */
export type Part = { stroke: number; color: string; width: number; points: number[] };

/** Somebody at the board. */
export type Person = { id: string; name: string; color: string };

/** From a browser, at most once a frame. */
export type Did = {
  /** Where the pointer is now; null when it has left. */
  at?: [x: number, y: number] | null;
  draw?: Part;
  /** The stroke is finished. */
  end?: number;
  undo?: true;
  clear?: true;
  me?: { name: string; color: string };
};

/** To the browsers: everything since the last time. */
export type Happened = {
  people?: Person[];
  at?: [id: string, at: [x: number, y: number] | null][];
  draw?: (Part & { by: string })[];
  ended?: number[];
  undone?: number[];
  cleared?: true;
  /** The last of what was there before. */
  ready?: true;
};

const COLOR = /^#[0-9a-f]{6}$/;
const LONGEST_NAME = 24;
const MOST_POINTS = 2000;

const isCoordinate = (value: unknown) => Number.isFinite(value) && Math.abs(value as number) < 10_000;
const isId = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0;

/** Reads what a browser sent, which may be anything. Nothing comes of what makes no sense. */
export function read(text: string): Did {
  const { at, draw, end, undo, clear, me } = JSON.parse(text);
  const did: Did = {};
  if (at === null || (Array.isArray(at) && at.length === 2 && at.every(isCoordinate))) did.at = at;
  if (
    isId(draw?.stroke) &&
    COLOR.test(draw.color) &&
    draw.width >= 1 &&
    draw.width <= 100 &&
    Array.isArray(draw.points) &&
    draw.points.length <= MOST_POINTS &&
    draw.points.length % 2 === 0 &&
    draw.points.every(isCoordinate)
  ) {
    const { stroke, color, width, points } = draw;
    did.draw = { stroke, color, width, points };
  }
  if (isId(end)) did.end = end;
  if (undo === true) did.undo = true;
  if (clear === true) did.clear = true;
  if (typeof me?.name === "string" && COLOR.test(me.color)) {
    did.me = { name: me.name.trim().slice(0, LONGEST_NAME) || "Somebody", color: me.color };
  }
  return did;
}
