// What `tail()` gets: events of other Workers that are over.

import { defineInterface, illegalConstructor } from "./webidl.js";

/** A class that users cannot make instances of. @param {string} name */
function interfaceNamed(name) {
  const Class = {
    [name]: class {
      constructor() {
        throw illegalConstructor();
      }
    },
  }[name];
  return defineInterface(Class, { name });
}

const TraceItem = interfaceNamed("TraceItem");
const TraceLog = interfaceNamed("TraceLog");
const TraceException = interfaceNamed("TraceException");
const FetchEventInfo = interfaceNamed("FetchEventInfo");
const TraceResponse = interfaceNamed("Response");
const JsRpcEventInfo = interfaceNamed("JsRpcEventInfo");
const AlarmEventInfo = interfaceNamed("AlarmEventInfo");
const ScheduledEventInfo = interfaceNamed("ScheduledEventInfo");
const EmailEventInfo = interfaceNamed("EmailEventInfo");
const TailEventInfo = interfaceNamed("TailEventInfo");
const TailItem = interfaceNamed("TailItem");
const HibernatableWebSocketEventInfo = interfaceNamed("HibernatableWebSocketEventInfo");
const SocketMessage = interfaceNamed("Message");
const SocketClose = interfaceNamed("Close");
const SocketError = interfaceNamed("Error");

function made(Class, fields) {
  const value = Object.create(Class.prototype);
  for (const [name, field] of Object.entries(fields)) {
    Object.defineProperty(value, name, { value: field, enumerable: true, configurable: true });
  }
  return value;
}

const SECRET_NAMES = ["auth", "jwt", "key", "secret", "token"];
const isSecret = (name) => name === "cookie" || name === "set-cookie" || SECRET_NAMES.some((part) => name.includes(part));

const REDACTED = "REDACTED";

/** Whether digits are the number of a payment card. */
function isCard(span) {
  const digits = span.replace(/[+_-]/g, "");
  if (!/^[0-9]{13,19}$/.test(digits)) return false;
  let sum = 0;
  [...digits].reverse().forEach((digit, index) => {
    const doubled = Number(digit) * (index % 2 === 1 ? 2 : 1);
    sum += doubled > 9 ? doubled - 9 : doubled;
  });
  return sum % 10 === 0;
}

function isId(span) {
  const count = (pattern) => span.match(pattern)?.length ?? 0;
  if (!/[^0-9a-fA-F+_-]/.test(span) && count(/[0-9a-fA-F]/g) >= 32) return true;
  return span.length >= 21 && count(/[0-9]/g) >= 2 && count(/[A-Z]/g) >= 2 && count(/[a-z]/g) >= 2;
}

/** An address without what may be a secret in it. @param {string} url */
export const redactUrl = (url) =>
  url.replace(/[0-9A-Za-z+_-]+/g, (span) => (isId(span) || isCard(span) ? REDACTED : span));

/** A request of another Worker. What may be a secret shows only when it is asked for. */
class TraceRequest {
  #details;

  constructor(token, details, isRedacted) {
    if (token !== made) throw illegalConstructor();
    this.#details = details;
    const { method, url, headers, cf } = details;
    const shown = headers.map(([name, value]) => [name, isRedacted && isSecret(name) ? REDACTED : value]);
    const fields = { cf, headers: Object.fromEntries(shown), method, url: isRedacted ? redactUrl(url) : url };
    for (const [name, value] of Object.entries(fields)) {
      Object.defineProperty(this, name, { value, enumerable: true, configurable: true });
    }
  }

  getUnredacted() {
    return new TraceRequest(made, this.#details, false);
  }
}
defineInterface(TraceRequest, { name: "Request" });
Object.defineProperty(TraceRequest, "name", { value: "Request", configurable: true });

/** Header lines as the event loop gives them: names and values in turn. */
function headerPairs(text) {
  const pairs = new Map();
  if (text === "") return [];
  const lines = text.split("\n");
  for (let index = 0; index < lines.length; index += 2) {
    const [name, value] = [lines[index], lines[index + 1]];
    pairs.set(name, pairs.has(name) ? `${pairs.get(name)}, ${value}` : value);
  }
  return [...pairs];
}

function parsed(json) {
  try {
    return JSON.parse(json);
  } catch {
    return [json];
  }
}

const events = {
  fetch(method, url, headers, cf, status) {
    const details = { method, url, headers: headerPairs(headers), cf: typeof cf === "string" ? parsed(cf) : undefined };
    const response = typeof status === "number" ? made(TraceResponse, { status }) : undefined;
    return made(FetchEventInfo, { response, request: new TraceRequest(made, details, true) });
  },
  rpc: (rpcMethod) => made(JsRpcEventInfo, { rpcMethod }),
  alarm: (time) => made(AlarmEventInfo, { scheduledTime: new Date(time) }),
  scheduled: (cron, scheduledTime) => made(ScheduledEventInfo, { scheduledTime, cron }),
  email: (mailFrom, rcptTo, rawSize) => made(EmailEventInfo, { mailFrom, rcptTo, rawSize }),
  socket(kind, code) {
    const Class = { message: SocketMessage, close: SocketClose, error: SocketError }[kind];
    const fields = { webSocketEventType: kind };
    if (kind === "close") Object.assign(fields, { code, wasClean: true });
    return made(HibernatableWebSocketEventInfo, { getWebSocketEvent: made(Class, fields) });
  },
  tail: (script) => made(TailEventInfo, { consumedEvents: [made(TailItem, { scriptName: script ?? null })] }),
};

function traceItem({ script, entrypoint, object, event: [kind, ...details], at, outcome, logs, exceptions, ...rest }) {
  return made(TraceItem, {
    event: events[kind](...details),
    eventTimestamp: at,
    logs: logs.map(([timestamp, level, message]) => made(TraceLog, { timestamp, level, message: parsed(message) })),
    exceptions: exceptions.map(([timestamp, name, message, stack]) =>
      made(TraceException, { timestamp, name, message, stack: stack === "" ? undefined : stack }),
    ),
    diagnosticsChannelEvents: [],
    scriptName: script ?? null,
    entrypoint: entrypoint ?? undefined,
    durableObjectId: object ?? undefined,
    outcome,
    executionModel: typeof object === "string" ? "durableObject" : "stateless",
    truncated: rest.truncated,
    cpuTime: rest.cpuTime,
    wallTime: rest.wallTime,
  });
}

/** What the event loop gives, as `tail()` gets it. @param {object[]} traces */
export const traceItems = (traces) => traces.map(traceItem);
