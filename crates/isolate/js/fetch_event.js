// Placeholder while the Fetch API is written.
export function fetchEvent() {
  throw new Error("fetch events are not there yet");
}
