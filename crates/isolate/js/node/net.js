/** `node:net`: addresses can be told apart; there are no sockets to connect. */
import { unavailable } from "../node_support/unavailable.js";

const BYTE = "(?:\\d|[1-9]\\d|1\\d\\d|2[0-4]\\d|25[0-5])";
const V4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`);

/** Groups of hex digits, at most one `::`, perhaps an IPv4 address at the end and a zone after it. */
function matchesV6(text) {
  let address = text.replace(/%[0-9a-zA-Z-.:]+$/, "");
  const tail = address.slice(address.lastIndexOf(":") + 1);
  if (tail.includes(".")) {
    if (!V4.test(tail)) return false;
    address = `${address.slice(0, -tail.length)}0:0`;
  }
  const halves = address.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

export function isIPv4(input) {
  return V4.test(`${input}`);
}

export function isIPv6(input) {
  return matchesV6(`${input}`);
}

/** 4, 6, or 0 for what is no address. */
export function isIP(input) {
  if (isIPv4(input)) return 4;
  return isIPv6(input) ? 6 : 0;
}

let selectFamily = true;
let attemptTimeout = 250;

export const getDefaultAutoSelectFamily = () => selectFamily;
export const getDefaultAutoSelectFamilyAttemptTimeout = () => attemptTimeout;
export function setDefaultAutoSelectFamily(value) {
  selectFamily = value;
}
export function setDefaultAutoSelectFamilyAttemptTimeout(value) {
  attemptTimeout = value;
}

const { module, take } = unavailable("net", "a worker has no sockets; use fetch()", {
  given: {
    getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout, isIP, isIPv4, isIPv6,
    setDefaultAutoSelectFamily, setDefaultAutoSelectFamilyAttemptTimeout,
  },
});

export const {
  BlockList, BoundSocket, Server, Socket, SocketAddress, Stream, _normalizeArgs, connect, createConnection, createServer,
} = take;
export default module;
