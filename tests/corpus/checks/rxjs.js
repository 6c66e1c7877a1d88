import { firstValueFrom, from, map, toArray } from "rxjs";
import { equal } from "../support.js";

export default async function () {
  equal(await firstValueFrom(from([1, 2]).pipe(map((n) => n * 2), toArray())), [2, 4]);
}
