// Packages for a file system. The host finds them; nothing here reaches the network.

import { TextDecoder } from "../encoding.js";
import { install } from "./service.js";

/** Files of packages that no program needs. */
export function isNeedless(path) {
  // Most files end like this, and there are many.
  if (path.endsWith(".js") || path.endsWith(".json") || !path.startsWith("node_modules/")) return false;
  return /(\.d\.[cm]?ts|\.map|\.md|\.markdown|\.flow)$/i.test(path);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The packages that `package.json` asks for and that are not there.
 * @param {import("./files.js").FileSystem} files @param {boolean} dev
 */
export function missingPackages(files, dev = false) {
  const manifest = parse(files.read("package.json") ?? "");
  const dependencies = { ...manifest?.dependencies, ...(dev ? manifest?.devDependencies : undefined) };
  return Object.fromEntries(
    Object.entries(dependencies).filter(([name]) => files.read(`node_modules/${name}/package.json`) === null),
  );
}

/** Whether there is anything to install. */
export function hasDependencies(files) {
  const manifest = files.read("package.json");
  if (manifest) return Object.keys(parse(manifest)?.dependencies ?? {}).length > 0;
  // Python's list of the same name, as far as it is written out where it belongs.
  const project = /^\[project\]$([^]*?)(?=^\[|$(?![^]))/m.exec(files.read("pyproject.toml") ?? "");
  return project !== null && /^dependencies\s*=\s*\[\s*["']/m.test(project[1]);
}

/** Puts what `package.json` asks for below `node_modules`. */
export async function installDependencies(files, { dev = false, registry = undefined } = {}) {
  const result = { installed: [], warnings: [] };
  const manifest = files.read("package.json");
  if (manifest && files.read("pyproject.toml")) {
    result.warnings.push("Cannot have package.json and pyproject.toml");
    return result;
  }
  if (!manifest) {
    if (hasDependencies(files)) throw new Error("Packages of Python are not supported here.");
    return result;
  }
  if (parse(manifest) === undefined) {
    result.warnings.push("Failed to parse package.json");
    return result;
  }
  const dependencies = missingPackages(files, dev);
  if (Object.keys(dependencies).length === 0) return result;
  const { files: found, installed, warnings } = await install({ dependencies, registry });
  for (const [path, content] of found) {
    const text = textOf(content);
    // A file system holds text.
    if (text !== undefined) files.write(path, text);
  }
  return { installed, warnings };
}

function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
