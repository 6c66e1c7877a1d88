// The board in the browser: all strokes, drawn smoothly, at the size that fits.

export const WIDTH = 1600;
export const HEIGHT = 1000;

/** The middle between the point at this index and the next. */
const middle = (points, at) => [(points[at] + points[at + 2]) / 2, (points[at + 1] + points[at + 3]) / 2];

/** @typedef {{ by: string, color: string, width: number, points: number[] }} Stroke */

export class Paper {
  /** @type {Map<number, Stroke>} */
  strokes = new Map();
  #canvas;
  #context;
  #scale = 1;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  /** @param {number} width of the board on the screen */
  resize(width) {
    const pixels = window.devicePixelRatio || 1;
    this.#scale = (width * pixels) / WIDTH;
    this.#canvas.width = Math.round(WIDTH * this.#scale);
    this.#canvas.height = Math.round(HEIGHT * this.#scale);
    this.redraw();
  }

  redraw() {
    const context = this.#context;
    context.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    context.clearRect(0, 0, WIDTH, HEIGHT);
    for (const stroke of this.strokes.values()) {
      this.#draw(stroke, 0);
      this.#drawEnd(stroke);
    }
  }

  /** Adds points to a stroke, which is made if there is none. */
  add({ stroke: id, by, color, width, points }) {
    let stroke = this.strokes.get(id);
    if (stroke === undefined) this.strokes.set(id, (stroke = { by, color, width, points: [] }));
    const from = stroke.points.length;
    stroke.points.push(...points);
    this.#draw(stroke, from);
  }

  finish(id) {
    const stroke = this.strokes.get(id);
    if (stroke !== undefined) this.#drawEnd(stroke);
  }

  remove(id) {
    if (this.strokes.delete(id)) this.redraw();
  }

  clear() {
    this.strokes.clear();
    this.redraw();
  }

  #begin({ color, width }) {
    const context = this.#context;
    context.strokeStyle = color;
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    return context;
  }

  /** Draws a stroke from the point at this index on: curves from middle to middle between points. */
  #draw(stroke, from) {
    const { points } = stroke;
    const context = this.#begin(stroke);
    // So far it was drawn to the middle before the last point.
    const start = Math.max(0, from - 4);
    context.moveTo(...(start === 0 ? points.slice(0, 2) : middle(points, start)));
    if (points.length === 2) context.lineTo(...points);
    for (let at = start === 0 ? 0 : start + 2; at + 3 < points.length; at += 2) {
      context.quadraticCurveTo(points[at], points[at + 1], ...middle(points, at));
    }
    context.stroke();
  }

  /** The end of a stroke goes straight to its last point. */
  #drawEnd(stroke) {
    const { points } = stroke;
    if (points.length < 4) return;
    const context = this.#begin(stroke);
    context.moveTo(...middle(points, points.length - 4));
    context.lineTo(points.at(-2), points.at(-1));
    context.stroke();
  }
}
