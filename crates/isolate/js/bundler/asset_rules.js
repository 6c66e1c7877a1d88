// Redirects and headers by patterns of paths.

const escaped = (text) => text.replaceAll(/[-/\\^$*+?.()|[\]{}]/g, "\\$&");

/** `*` is anything, `:name` one part of a path. Undefined for a pattern that makes no sense. */
function pattern(rule, names) {
  const pieces = rule.split("*").map((piece) => {
    const text = escaped(piece);
    return names ? text.replaceAll(/:([A-Za-z]\w*)/g, "(?<$1>[^/]+)") : text;
  });
  try {
    return new RegExp(`^${pieces.join(names ? "(?<splat>.*)" : ".*")}$`);
  } catch {
    return undefined;
  }
}

/** Where rules lead: `{ status, location }`, or the pathname to go on with. @param {URL} url */
export function redirected(url, { static: fixed = {}, dynamic = {} } = {}) {
  const rule = fixedRule(url, fixed) ?? dynamicRule(url.pathname, dynamic);
  if (rule === undefined) return { pathname: url.pathname };
  const target = new URL(rule.to, url);
  if (rule.status === 200) return { pathname: target.pathname };
  const location =
    target.origin === url.origin ? `${target.pathname}${target.search || url.search}${target.hash}` : target.href;
  return { status: rule.status, location };
}

/** Of a rule with the host and one without it, the one that is listed first. */
function fixedRule({ host, pathname }, rules) {
  const names = [`https://${host}${pathname}`, pathname];
  const name = Object.keys(rules).find((key) => names.includes(key));
  return name === undefined ? undefined : rules[name];
}

function dynamicRule(pathname, rules) {
  for (const [text, { status, to }] of Object.entries(rules)) {
    const match = pattern(text, true)?.exec(pathname);
    if (match === null || match === undefined) continue;
    let target = to;
    for (const [name, value] of Object.entries(match.groups ?? {})) target = target.replaceAll(`:${name}`, () => value);
    return { status, to: target.trim() };
  }
  return undefined;
}

/** Takes headers off and puts headers on, as rules say. */
export function customHeaders(pathname, response, rules = {}) {
  const already = new Set();
  for (const [text, { set = {}, unset = [] }] of Object.entries(rules)) {
    if (!pattern(text, false)?.test(pathname)) continue;
    for (const name of unset) response.headers.delete(name);
    for (const [name, value] of Object.entries(set)) {
      if (already.has(name.toLowerCase())) response.headers.append(name, value);
      else response.headers.set(name, value);
      already.add(name.toLowerCase());
    }
  }
  return response;
}
