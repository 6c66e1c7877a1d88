import { DurableObject } from "cloudflare:workers";
import type { Manifest, Post } from "./plugin";

export interface Installed extends Manifest {
  source: string;
}

/** The posts, the plugins, and what plugins note down. */
export class Blog extends DurableObject {
  #sql = this.ctx.storage.sql;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS posts (id INTEGER PRIMARY KEY, title TEXT, text TEXT);
      CREATE TABLE IF NOT EXISTS plugins (name TEXT PRIMARY KEY, powers TEXT, source TEXT);
      CREATE TABLE IF NOT EXISTS notes (plugin TEXT, name TEXT, text TEXT, PRIMARY KEY (plugin, name));`);
  }

  posts(): Post[] {
    return [...this.#sql.exec("SELECT id, title, text FROM posts ORDER BY id DESC LIMIT 20")] as unknown as Post[];
  }

  publish(title: string, text: string): void {
    this.#sql.exec("INSERT INTO posts (title, text) VALUES (?, ?)", title.slice(0, 200), text.slice(0, 20_000));
  }

  plugins(): Installed[] {
    const rows = [...this.#sql.exec("SELECT name, powers, source FROM plugins ORDER BY name")];
    return rows.map(({ name, powers, source }) => ({ name: String(name), powers: JSON.parse(String(powers)), source: String(source) }));
  }

  install({ name, powers }: Manifest, source: string): void {
    this.#sql.exec("INSERT OR REPLACE INTO plugins VALUES (?, ?, ?)", name, JSON.stringify(powers), source);
  }

  remove(name: string): void {
    this.#sql.exec("DELETE FROM plugins WHERE name = ?", name);
    this.#sql.exec("DELETE FROM notes WHERE plugin = ?", name);
  }

  readNote(plugin: string, name: string): string | undefined {
    const [row] = [...this.#sql.exec("SELECT text FROM notes WHERE plugin = ? AND name = ?", plugin, name)];
    return row === undefined ? undefined : String(row.text);
  }

  writeNote(plugin: string, name: string, text: string): void {
    const [{ count } = { count: 0 }] = [...this.#sql.exec("SELECT count(*) AS count FROM notes WHERE plugin = ?", plugin)];
    if (Number(count) >= 100) throw new Error("A plugin may keep 100 notes.");
    this.#sql.exec("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", plugin, name.slice(0, 100), text.slice(0, 1000));
  }
}
