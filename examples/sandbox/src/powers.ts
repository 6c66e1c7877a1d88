import { RpcTarget } from "cloudflare:workers";

/** How many lines of each kind a program may fill. */
const MOST = 100;

const short = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value) ?? String(value)).slice(0, 500);

/** What a program did: what it said, what it used, what it was refused. */
export class Ledger {
  #log: string[] = [];
  #used: string[] = [];
  #denied: string[] = [];

  print(values: unknown[]): void {
    if (this.#log.length >= MOST) throw new Error(`A program may print ${MOST} lines.`);
    this.#log.push(values.map(short).join(" "));
  }

  used(what: string): void {
    if (this.#used.length < MOST) this.#used.push(what.slice(0, 300));
  }

  denied(what: string): void {
    if (this.#denied.length < MOST) this.#denied.push(what.slice(0, 300));
  }

  report(): { log: string[]; used: string[]; denied: string[] } {
    return { log: this.#log, used: this.#used, denied: this.#denied };
  }
}

/** The weather, as far as anybody knows. */
export class Weather extends RpcTarget {
  constructor(private readonly ledger: Ledger) {
    super();
  }

  of(city: string): { city: string; degrees: number } {
    this.ledger.used(`weather.of(${short(city)})`);
    // A real one would ask a service, with a key that the program never sees.
    const degrees = [...String(city)].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 30;
    return { city, degrees };
  }

  /** Calls back: `choose` is a function of the program's own, in its own process. */
  async best(cities: string[], choose: (degrees: number) => number): Promise<string> {
    let best = { city: "", points: -Infinity };
    for (const city of cities.slice(0, 20)) {
      const points = await choose(this.of(city).degrees);
      if (points > best.points) best = { city, points };
    }
    return best.city;
  }
}

/** Notes that last as long as the program runs. */
export class Notes extends RpcTarget {
  #notes = new Map<string, string>();

  constructor(private readonly ledger: Ledger) {
    super();
  }

  write(name: string, text: string): void {
    this.ledger.used(`notes.write(${short(name)})`);
    if (this.#notes.size >= MOST) throw new Error(`There is room for ${MOST} notes.`);
    this.#notes.set(String(name), String(text).slice(0, 1000));
  }

  read(name: string): string | undefined {
    this.ledger.used(`notes.read(${short(name)})`);
    return this.#notes.get(String(name));
  }
}

/** Stands where a power would be that was not granted: whatever is asked of it is refused, and written down. */
export class Withheld extends RpcTarget {
  constructor(
    private readonly name: string,
    private readonly ledger: Ledger,
  ) {
    super();
  }

  #refuse(method: string): never {
    this.ledger.denied(`${this.name}.${method}()`);
    throw new Error(`${this.name} was not granted.`);
  }

  of(): never {
    return this.#refuse("of");
  }

  best(): never {
    return this.#refuse("best");
  }

  write(): never {
    return this.#refuse("write");
  }

  read(): never {
    return this.#refuse("read");
  }
}
