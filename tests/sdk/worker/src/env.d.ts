// What the worker holds. The binding types are Workers' own and are not installed here.
interface Env {
  AI: any;
  LOADER: any;
  Counter: unknown;
  Worker: unknown;
  Chat: unknown;
  Notes: unknown;
  Client: unknown;
  Coder: unknown;
  Party: unknown;
}
interface ExecutionContext {
  waitUntil(promise: Promise<unknown>): void;
}
