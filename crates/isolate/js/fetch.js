// Placeholder module while the Fetch API is written.
export function makeFetcher() {
  throw new Error("fetch bindings are not there yet");
}
