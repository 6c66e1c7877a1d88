// Static assets as Workers serve them, from anything that holds their contents.
// https://developers.cloudflare.com/workers/static-assets/

import { customHeaders, redirected } from "./asset_rules.js";
import { resolveAsset } from "./asset_paths.js";
import { inferContentType } from "./mime.js";

const REVALIDATE = "public, max-age=0, must-revalidate";
const IMMUTABLE = "public, max-age=31536000, immutable";
/** Names that hold a hash of the content. */
const HASHED = /\.[a-f0-9]{8,}\.\w+$/;

/** Gives contents from memory. */
export function createMemoryStorage(assets) {
  const contents = new Map(Object.entries(assets));
  return { get: async (pathname) => contents.get(pathname) ?? null };
}

const hex = (number, digits) => number.toString(16).padStart(digits, "0");

async function etagOf(content) {
  if (typeof content !== "string") {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    return Array.from(digest.subarray(0, 8), (byte) => hex(byte, 2)).join("");
  }
  // FNV-1a over code units. The product is rounded as numbers are, which is part of what others compute.
  let hash = 0x811c9dc5;
  for (let index = 0; index < content.length; index++) hash = ((hash ^ content.charCodeAt(index)) * 0x1000193) >>> 0;
  return hex(hash, 8);
}

/** What is known of each asset beside its content. */
export async function buildAssetManifest(assets) {
  const entries = Object.entries(assets).map(async ([pathname, content]) => [
    pathname,
    { contentType: inferContentType(pathname), etag: await etagOf(content) },
  ]);
  return new Map(await Promise.all(entries));
}

/** Manifest and storage of assets in memory. */
export async function buildAssets(assets) {
  return { manifest: await buildAssetManifest(assets), storage: createMemoryStorage(assets) };
}

/** Applies to each part between slashes; what cannot be decoded stays. */
const eachPart = (pathname, change) =>
  pathname
    .split("/")
    .map((part) => {
      try {
        return change(part);
      } catch {
        return part;
      }
    })
    .join("/");

/** The response to a request for an asset; null when it is not for one. */
export async function handleAssetRequest(request, manifest, storage, config = {}) {
  const method = request.method.toUpperCase();
  if (method !== "GET" && method !== "HEAD") return null;
  const url = new URL(request.url);
  const rule = redirected(url, config.redirects);
  const finish = (body, init) => customHeaders(url.pathname, new Response(body, init), config.headers);
  if (rule.location !== undefined) return finish(null, { status: rule.status, headers: { location: rule.location } });
  const goTo = (pathname) => finish(null, { status: 307, headers: { location: eachPart(pathname, encodeURIComponent) + url.search } });

  const pathname = eachPart(rule.pathname, decodeURIComponent).replaceAll(/\/+/g, "/");
  const wantsHtml = (request.headers.get("accept") ?? "").includes("text/html");
  const found = resolveAsset(pathname, manifest, config, wantsHtml);
  if (found === undefined) return null;
  if (found.to !== undefined) return goTo(found.to);
  if (eachPart(pathname, encodeURIComponent) !== rule.pathname) return goTo(pathname);

  const { contentType, etag } = manifest.get(found.path);
  const headers = new Headers({ etag: `"${etag}"`, "cache-control": HASHED.test(pathname) ? IMMUTABLE : REVALIDATE });
  if (contentType) headers.set("content-type", contentType);
  const known = (request.headers.get("if-none-match") ?? "").split(",").map((tag) => tag.trim());
  if (known.includes(`"${etag}"`) || known.includes(`W/"${etag}"`)) return finish(null, { status: 304, headers });
  const body = method === "HEAD" ? null : await storage.get(found.path);
  return finish(body, { status: found.status, headers });
}
