/** `node:dns/promises`: it links, and says that a worker cannot ask name servers. */
import { unavailable } from "../../node_support/unavailable.js";

const { module, take } = unavailable("dns/promises", "a worker cannot ask name servers", {
  promises: true,
  given: {
    ADDRCONFIG: 32, ADDRGETNETWORKPARAMS: "EADDRGETNETWORKPARAMS", ALL: 16, BADFAMILY: "EBADFAMILY",
    BADFLAGS: "EBADFLAGS", BADHINTS: "EBADHINTS", BADNAME: "EBADNAME", BADQUERY: "EBADQUERY", BADRESP: "EBADRESP",
    BADSTR: "EBADSTR", CANCELLED: "ECANCELLED", CONNREFUSED: "ECONNREFUSED", DESTRUCTION: "EDESTRUCTION", EOF: "EOF",
    FILE: "EFILE", FORMERR: "EFORMERR", LOADIPHLPAPI: "ELOADIPHLPAPI", NODATA: "ENODATA", NOMEM: "ENOMEM",
    NONAME: "ENONAME", NOTFOUND: "ENOTFOUND", NOTIMP: "ENOTIMP", NOTINITIALIZED: "ENOTINITIALIZED",
    REFUSED: "EREFUSED", SERVFAIL: "ESERVFAIL", TIMEOUT: "ETIMEOUT", V4MAPPED: 8,
    getDefaultResultOrder: () => "verbatim", getServers: () => [], setDefaultResultOrder() {},
  },
});

export const {
  ADDRCONFIG, ADDRGETNETWORKPARAMS, ALL, BADFAMILY, BADFLAGS, BADHINTS, BADNAME, BADQUERY, BADRESP, BADSTR,
  CANCELLED, CONNREFUSED, DESTRUCTION, EOF, FILE, FORMERR, LOADIPHLPAPI, NODATA, NOMEM, NONAME, NOTFOUND, NOTIMP,
  NOTINITIALIZED, REFUSED, Resolver, SERVFAIL, TIMEOUT, V4MAPPED, getDefaultResultOrder, getServers, lookup,
  lookupService, resolve, resolve4, resolve6, resolveAny, resolveCaa, resolveCname, resolveMx, resolveNaptr,
  resolveNs, resolvePtr, resolveSoa, resolveSrv, resolveTxt, reverse, setDefaultResultOrder, setServers,
} = take;
export default module;
