import { RpcTarget } from "cloudflare:workers";

/** All that a program may do to the world outside. */
export class Tools extends RpcTarget {
  constructor(private readonly log: string[]) {
    super();
  }

  /** A line for whoever runs the program. */
  print(...values: unknown[]): void {
    if (this.log.length >= 100) throw new Error("A program may print 100 lines.");
    this.log.push(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(" ").slice(0, 500));
  }

  weather(city: string): { city: string; degrees: number } {
    // A real one would ask a service, with a key that the program never sees.
    const degrees = [...String(city)].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 30;
    return { city, degrees };
  }

  /** Calls back: `choose` is a function of the program's own, in its own process. */
  async best(cities: string[], choose: (degrees: number) => number): Promise<string> {
    let best = { city: "", points: -Infinity };
    for (const city of cities.slice(0, 20)) {
      const points = await choose(this.weather(city).degrees);
      if (points > best.points) best = { city, points };
    }
    return best.city;
  }
}
