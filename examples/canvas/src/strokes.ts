import type { Part } from "./protocol";

type Stroke = { id: number; by: string; color: string; width: number };
type Row = Stroke & { points: ArrayBuffer };

const pack = (points: number[]) => new Float32Array(points).buffer;
const unpack = (points: ArrayBuffer) => Array.from(new Float32Array(points), (value) => Math.round(value * 10) / 10);

/** The strokes of a board. One that is being drawn has a row for each part, a finished one has one for all. */
export class Strokes {
  constructor(private storage: DurableObjectStorage) {
    storage.sql.exec(`
      create table if not exists strokes (
        number integer primary key,
        id integer not null unique,
        by text not null,
        color text not null,
        width real not null
      );
      create table if not exists parts (
        number integer primary key,
        stroke integer not null,
        points blob not null
      );
      create index if not exists parts_by_stroke on parts (stroke)`);
  }

  /** Adds a part to a stroke, unless it is somebody else's. */
  add(by: string, { stroke, color, width, points }: Part): boolean {
    const { sql } = this.storage;
    sql.exec("insert or ignore into strokes (id, by, color, width) values (?, ?, ?, ?)", stroke, by, color, width);
    if (!this.belongs(stroke, by)) return false;
    sql.exec("insert into parts (stroke, points) values (?, ?)", stroke, pack(points));
    return true;
  }

  /** Makes one row of a stroke's parts. */
  finish(stroke: number, by: string): boolean {
    if (!this.belongs(stroke, by)) return false;
    const { sql } = this.storage;
    const parts = sql.exec<Row>("select points from parts where stroke = ? order by number", stroke).toArray();
    if (parts.length < 2) return true;
    const points = parts.flatMap((part) => [...new Float32Array(part.points)]);
    this.storage.transactionSync(() => {
      sql.exec("delete from parts where stroke = ?", stroke);
      sql.exec("insert into parts (stroke, points) values (?, ?)", stroke, pack(points));
    });
    return true;
  }

  /** Takes away somebody's latest stroke. */
  undo(by: string): number | undefined {
    const { sql } = this.storage;
    const [latest] = sql.exec<Stroke>("select id from strokes where by = ? order by number desc limit 1", by).toArray();
    if (latest === undefined) return undefined;
    sql.exec("delete from parts where stroke = ?", latest.id);
    sql.exec("delete from strokes where id = ?", latest.id);
    return latest.id;
  }

  clear() {
    this.storage.sql.exec("delete from parts; delete from strokes");
  }

  /** All that was drawn, in the order in which it was. */
  *all(): Generator<Part & { by: string }> {
    const rows = this.storage.sql.exec<Row>(
      "select id, by, color, width, points from parts join strokes on strokes.id = parts.stroke order by strokes.number, parts.number",
    );
    for (const { id, points, ...rest } of rows) yield { stroke: id, points: unpack(points), ...rest };
  }

  private belongs(stroke: number, by: string): boolean {
    return this.storage.sql.exec("select 1 from strokes where id = ? and by = ?", stroke, by).toArray().length > 0;
  }
}
