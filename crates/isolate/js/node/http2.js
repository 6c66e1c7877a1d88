/** `node:http2`: it links, and says that a worker has no sockets; one should use fetch(). */
import { unavailable } from "../node_support/unavailable.js";

const { module, take } = unavailable("http2", "a worker has no sockets; use fetch()", {
  given: { constants: {}, sensitiveHeaders: Symbol("nodejs.http2.sensitiveHeaders") },
});

export const {
  Http2ServerRequest, Http2ServerResponse, connect, constants, createSecureServer, createServer, getDefaultSettings,
  getPackedSettings, getUnpackedSettings, performServerHandshake, sensitiveHeaders,
} = take;
export default module;
