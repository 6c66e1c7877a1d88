// `cloudflare:sockets`.

/** Opens a TCP connection, as soon as there is something that may. */
export function connect() {
  throw new Error("connect() of cloudflare:sockets is not supported yet: Workers here can only use fetch() and WebSockets.");
}
