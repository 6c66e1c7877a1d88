/** `node:path`, both flavours. Paths are strings only: nothing here looks at a file system. */
import { validateObject, validateString } from "../node_support/validators.js";
import { globToRegExp } from "../node_support/glob.js";

/** The folder that relative paths start from; `process.cwd()` says the same. */
const WORKING_DIRECTORY = "/bundle";

const isSlash = (char) => char === "/";
const isEitherSlash = (char) => char === "/" || char === "\\";
const isDriveLetter = (char) => char !== undefined && /^[A-Za-z]$/.test(char);

/**
 * Resolves `.` and `..` in a path that has had its root cut off.
 * @param {string} path
 * @param {boolean} allowAboveRoot whether leading `..` survive
 * @param {string} separator what joins the parts of the answer
 * @param {(char: string) => boolean} isSeparator
 */
function normalizeSegments(path, allowAboveRoot, separator, isSeparator) {
  const kept = [];
  let start = 0;
  for (let index = 0; index <= path.length; index++) {
    if (index < path.length && !isSeparator(path[index])) continue;
    const segment = path.slice(start, index);
    start = index + 1;
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (allowAboveRoot) kept.push("..");
  }
  return kept.join(separator);
}

/** Where the last path segment starts and ends, trailing separators left out. */
function lastSegment(path, floor, isSeparator) {
  let end = path.length;
  while (end > floor && isSeparator(path[end - 1])) end--;
  let start = end;
  while (start > floor && !isSeparator(path[start - 1])) start--;
  return { start, end };
}

/** Where the extension starts inside a file name, or its length when it has none. */
function extensionStart(base) {
  const dot = base.lastIndexOf(".");
  return dot <= 0 || base === ".." ? base.length : dot;
}

function cutSuffix(base, suffix) {
  return suffix !== base && suffix !== "" && base.endsWith(suffix) ? base.slice(0, -suffix.length) : base;
}

/** `basename` cuts the suffix from a path that is nothing but the suffix's text only when a folder precedes it. */
function baseName(path, suffix, floor, isSeparator) {
  if (suffix !== undefined) validateString(suffix, "suffix");
  validateString(path, "path");
  const { start, end } = lastSegment(path, floor, isSeparator);
  const base = path.slice(start, end);
  if (suffix === undefined) return base;
  if (suffix === path) return "";
  return cutSuffix(base, suffix);
}

function formatPath(separator, parts) {
  validateObject(parts, "pathObject");
  const dir = parts.dir || parts.root;
  const extension = parts.ext ? `${parts.ext.startsWith(".") ? "" : "."}${parts.ext}` : "";
  const base = parts.base || `${parts.name || ""}${extension}`;
  if (!dir) return base;
  return dir === parts.root ? `${dir}${base}` : `${dir}${separator}${base}`;
}

function matchesGlobWith(path, pattern, windows) {
  validateString(path, "path");
  validateString(pattern, "pattern");
  return globToRegExp(pattern, windows).test(path);
}

export const posix = {
  resolve(...paths) {
    let resolved = "";
    let absolute = false;
    for (let index = paths.length - 1; index >= -1 && !absolute; index--) {
      const path = index >= 0 ? paths[index] : WORKING_DIRECTORY;
      validateString(path, `paths[${index}]`);
      if (path.length === 0) continue;
      resolved = `${path}/${resolved}`;
      absolute = path[0] === "/";
    }
    resolved = normalizeSegments(resolved, !absolute, "/", isSlash);
    if (absolute) return `/${resolved}`;
    return resolved || ".";
  },

  normalize(path) {
    validateString(path, "path");
    if (path.length === 0) return ".";
    const absolute = path[0] === "/";
    const trailing = path.at(-1) === "/";
    let normal = normalizeSegments(path, !absolute, "/", isSlash);
    if (normal.length === 0) {
      if (absolute) return "/";
      return trailing ? "./" : ".";
    }
    if (trailing) normal += "/";
    return absolute ? `/${normal}` : normal;
  },

  isAbsolute(path) {
    validateString(path, "path");
    return path[0] === "/";
  },

  join(...paths) {
    for (const path of paths) validateString(path, "path");
    const joined = paths.filter((path) => path.length > 0).join("/");
    return joined.length === 0 ? "." : posix.normalize(joined);
  },

  relative(from, to) {
    validateString(from, "from");
    validateString(to, "to");
    if (from === to) return "";
    from = posix.resolve(from);
    to = posix.resolve(to);
    if (from === to) return "";
    const source = from.split("/").filter(Boolean);
    const target = to.split("/").filter(Boolean);
    let shared = 0;
    while (shared < source.length && shared < target.length && source[shared] === target[shared]) shared++;
    return [...source.slice(shared).map(() => ".."), ...target.slice(shared)].join("/");
  },

  toNamespacedPath(path) {
    return path;
  },

  dirname(path) {
    validateString(path, "path");
    if (path.length === 0) return ".";
    let { start } = lastSegment(path, 1, isSlash);
    if (start <= 1) {
      if (path[0] !== "/") {
        const slash = path.indexOf("/");
        const hasFolder = slash === 1 && /[^/]/.test(path.slice(1));
        return hasFolder ? path[0] : ".";
      }
      return path[1] === "/" && /[^/]/.test(path) ? "//" : "/";
    }
    let end = start - 1;
    return end === 1 && path[0] === "/" ? "//" : path.slice(0, end);
  },

  basename(path, suffix) {
    return baseName(path, suffix, 0, isSlash);
  },

  extname(path) {
    validateString(path, "path");
    const { start, end } = lastSegment(path, 0, isSlash);
    const base = path.slice(start, end);
    return base.slice(extensionStart(base));
  },

  format: (parts) => formatPath("/", parts),

  parse(path) {
    validateString(path, "path");
    const root = path[0] === "/" ? "/" : "";
    const { start, end } = lastSegment(path, root.length, isSlash);
    const base = path.slice(start, end);
    const dot = extensionStart(base);
    const dir = start > root.length ? path.slice(0, start - 1) : root;
    return { root, dir, base, ext: base.slice(dot), name: base.slice(0, dot) };
  },

  matchesGlob: (path, pattern) => matchesGlobWith(path, pattern, false),

  sep: "/",
  delimiter: ":",
  win32: null,
  posix: null,
};

/**
 * Splits a Windows path in its device (`C:` or `\\server\share`), whether a separator follows it, and how
 * many characters both take.
 */
function windowsRoot(path) {
  const none = { device: "", absolute: false, length: 0 };
  if (path.length === 0) return none;
  if (isEitherSlash(path[0])) {
    if (!isEitherSlash(path[1] ?? "")) return { device: "", absolute: true, length: 1 };
    const share = /^[\\/]{2}([^\\/]+)[\\/]+([^\\/]+)/.exec(path);
    if (!share) return { device: "", absolute: true, length: 1 };
    const [whole, server, name] = share;
    if (server === "." || server === "?") return { device: `\\\\${server}`, absolute: true, length: 4 };
    const followed = whole.length < path.length;
    return {
      device: `\\\\${server}\\${name}`,
      absolute: true,
      length: whole.length + (followed ? 1 : 0),
      share: true,
      bare: !followed,
    };
  }
  if (!isDriveLetter(path[0]) || path[1] !== ":") return none;
  const absolute = isEitherSlash(path[2] ?? "");
  return { device: path.slice(0, 2), absolute, length: absolute ? 3 : 2 };
}

export const win32 = {
  resolve(...paths) {
    let device = "";
    let tail = "";
    let absolute = false;
    for (let index = paths.length - 1; index >= -1; index--) {
      let path;
      if (index >= 0) {
        path = paths[index];
        validateString(path, `paths[${index}]`);
        if (path.length === 0) continue;
      } else {
        path = device === "" ? WORKING_DIRECTORY : `${device}\\`;
      }
      const root = windowsRoot(path);
      if (root.device !== "") {
        if (device !== "" && root.device.toLowerCase() !== device.toLowerCase()) continue;
        device ||= root.device;
      }
      if (!absolute) {
        tail = `${path.slice(root.length)}\\${tail}`;
        absolute = root.absolute;
      }
      if (absolute && device !== "") break;
    }
    tail = normalizeSegments(tail, !absolute, "\\", isEitherSlash);
    if (absolute) return `${device}\\${tail}`;
    return `${device}${tail}` || ".";
  },

  normalize(path) {
    validateString(path, "path");
    if (path.length === 0) return ".";
    const root = windowsRoot(path);
    if (root.bare) return `${root.device}\\`;
    let tail = normalizeSegments(path.slice(root.length), !root.absolute, "\\", isEitherSlash);
    if (tail.length === 0 && !root.absolute) tail = ".";
    if (tail.length > 0 && isEitherSlash(path.at(-1))) tail += "\\";
    if (!root.absolute && root.device === "" && path.includes(":")) {
      // A relative path must not turn into a drive path by losing its first segments.
      if (isDriveLetter(tail[0]) && tail[1] === ":") return `.\\${tail}`;
      if (/:(?=[\\/]|$)/.test(path)) return `.\\${tail}`;
    }
    return `${root.device}${root.absolute ? "\\" : ""}${tail}`;
  },

  isAbsolute(path) {
    validateString(path, "path");
    return isEitherSlash(path[0] ?? "") || (isDriveLetter(path[0]) && path[1] === ":" && isEitherSlash(path[2] ?? ""));
  },

  join(...paths) {
    for (const path of paths) validateString(path, "path");
    const parts = paths.filter((path) => path.length > 0);
    if (parts.length === 0) return ".";
    let joined = parts.join("\\");
    // Only a first part that itself starts with exactly two separators may name a network share.
    const leading = /^[\\/]*/.exec(parts[0])[0].length;
    const keepsShare = leading === 2 && parts[0].length > 2;
    if (!keepsShare) joined = joined.replace(/^[\\/]{2,}/, "\\");
    return win32.normalize(joined);
  },

  relative(from, to) {
    validateString(from, "from");
    validateString(to, "to");
    if (from === to) return "";
    const source = win32.resolve(from);
    const target = win32.resolve(to);
    if (source.toLowerCase() === target.toLowerCase()) return "";
    const sourceParts = source.split("\\").filter(Boolean);
    const targetParts = target.split("\\").filter(Boolean);
    let shared = 0;
    const limit = Math.min(sourceParts.length, targetParts.length);
    while (shared < limit && sourceParts[shared].toLowerCase() === targetParts[shared].toLowerCase()) shared++;
    const differentRoots = windowsRoot(source).device.toLowerCase() !== windowsRoot(target).device.toLowerCase();
    if (differentRoots) return target;
    return [...sourceParts.slice(shared).map(() => ".."), ...targetParts.slice(shared)].join("\\");
  },

  toNamespacedPath(path) {
    if (typeof path !== "string" || path.length === 0) return path;
    const resolved = win32.resolve(path);
    if (resolved.length <= 2) return path;
    if (resolved.startsWith("\\\\")) {
      return resolved[2] !== "?" && resolved[2] !== "." ? `\\\\?\\UNC\\${resolved.slice(2)}` : resolved;
    }
    return isDriveLetter(resolved[0]) && resolved.startsWith(":\\", 1) ? `\\\\?\\${resolved}` : resolved;
  },

  dirname(path) {
    validateString(path, "path");
    if (path.length === 0) return ".";
    const root = windowsRoot(path);
    if (root.bare || root.length === path.length) return path;
    const { start } = lastSegment(path, root.length, isEitherSlash);
    if (start <= root.length) return root.length > 0 ? path.slice(0, root.length) : ".";
    return path.slice(0, start - 1);
  },

  basename(path, suffix) {
    const floor = typeof path === "string" && isDriveLetter(path[0]) && path[1] === ":" ? 2 : 0;
    return baseName(path, suffix, floor, isEitherSlash);
  },

  extname(path) {
    validateString(path, "path");
    const base = win32.basename(path);
    return base.slice(extensionStart(base));
  },

  format: (parts) => formatPath("\\", parts),

  parse(path) {
    validateString(path, "path");
    const { length } = windowsRoot(path);
    const root = path.slice(0, length);
    const { start, end } = lastSegment(path, length, isEitherSlash);
    const base = path.slice(start, end);
    const dot = extensionStart(base);
    const dir = start > length ? path.slice(0, start - 1) : root;
    return { root, dir, base, ext: base.slice(dot), name: base.slice(0, dot) };
  },

  matchesGlob: (path, pattern) => matchesGlobWith(path, pattern, true),

  sep: "\\",
  delimiter: ";",
  win32: null,
  posix: null,
};

posix.win32 = win32.win32 = win32;
posix.posix = win32.posix = posix;

export const {
  resolve, normalize, isAbsolute, join, relative, toNamespacedPath, dirname, basename, extname, format, parse,
  matchesGlob, sep, delimiter,
} = posix;
export default posix;
