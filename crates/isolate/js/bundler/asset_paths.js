// Which asset a path means, as `html_handling` and `not_found_handling` say.
// https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/

/** Without the end. */
const without = (path, end) => path.slice(0, -end.length);

// What to try for a path, in order: `[path]` serves an asset, `[file, to]` leads to another path if that means the file.
const MODES = {
  "auto-trailing-slash": (path) => {
    const after = [[path], [`${path}.html`], [`${path}/index.html`, `${path}/`]];
    if (path.endsWith("/index")) {
      const folder = without(path, "/index");
      return [[path], [`${path}.html`, `${folder}/`], [`${folder}.html`, folder], ...after];
    }
    if (path.endsWith("/index.html")) {
      const folder = without(path, "/index.html");
      return [[path, `${folder}/`], [`${folder}.html`, folder], ...after];
    }
    if (path.endsWith("/")) {
      const folder = without(path, "/");
      return [[`${path}index.html`], [`${folder}.html`, folder], ...after];
    }
    if (path.endsWith(".html")) {
      const stem = without(path, ".html");
      return [[path, stem], [`${stem}/index.html`, `${stem}/`], ...after];
    }
    return after;
  },
  "force-trailing-slash": (path) => {
    const after = [[path], [`${path}.html`, `${path}/`], [`${path}/index.html`, `${path}/`]];
    if (path.endsWith("/index")) {
      const folder = without(path, "/index");
      return [[path], [`${folder}.html`, `${folder}/`], [`${path}.html`, `${folder}/`], ...after];
    }
    if (path.endsWith("/index.html")) {
      const folder = without(path, "/index.html");
      return [[path, `${folder}/`], [`${folder}.html`, `${folder}/`], ...after];
    }
    if (path.endsWith("/")) return [[`${path}index.html`], [`${without(path, "/")}.html`], ...after];
    if (path.endsWith(".html")) {
      const stem = without(path, ".html");
      return [[path, `${stem}/`], [path], [`${stem}/index.html`, `${stem}/`], ...after];
    }
    return after;
  },
  "drop-trailing-slash": (path) => {
    const after = [[path], [`${path}.html`], [`${path}/index.html`]];
    if (path === "/index") return [[path], ["/index.html", "/"], ...after];
    if (path === "/index.html") return [["/index.html", "/"], ...after];
    if (path === "/") return [["/index.html"], ...after];
    if (path.endsWith("/index")) {
      const folder = without(path, "/index");
      return [[path], [`${folder}.html`, folder], [`${path}.html`, folder], ...after];
    }
    if (path.endsWith("/index.html")) {
      const folder = without(path, "/index.html");
      return [[path, folder], [path], [`${folder}.html`, folder], ...after];
    }
    if (path.endsWith("/")) {
      const folder = without(path, "/");
      return [[`${folder}.html`, folder], [`${folder}/index.html`, folder], ...after];
    }
    if (path.endsWith(".html")) {
      const stem = without(path, ".html");
      return [[path, stem], [`${stem}/index.html`, stem], ...after];
    }
    return after;
  },
  none: (path) => [[path]],
};

/** `{ path, status }` of what is served, or `{ to }`; undefined for neither. */
export function resolveAsset(path, manifest, config, wantsHtml) {
  const { html_handling: html = "auto-trailing-slash", not_found_handling: notFound = "none" } = config;
  return find(path, manifest, MODES[html], true) ?? absent(path, manifest, notFound, wantsHtml);
}

function find(path, manifest, mode, redirects) {
  if (mode === undefined) return undefined;
  for (const [file, to] of mode(path)) {
    if (to === undefined) {
      if (manifest.has(file)) return { path: file, status: 200 };
    } else if (redirects && !manifest.has(to)) {
      // Only where the other path leads to the same content, or nobody would ever arrive.
      const there = find(to, manifest, mode, false);
      if (there !== undefined && manifest.get(there.path).etag === manifest.get(file)?.etag) return { to };
    }
  }
  return undefined;
}

function absent(path, manifest, handling, wantsHtml) {
  if (handling === "single-page-application") {
    // Scripts that ask for data are answered by the server.
    return wantsHtml && manifest.has("/index.html") ? { path: "/index.html", status: 200 } : undefined;
  }
  if (handling !== "404-page") return undefined;
  for (let folder = path; folder !== ""; ) {
    folder = folder.slice(0, Math.max(folder.lastIndexOf("/"), 0));
    if (manifest.has(`${folder}/404.html`)) return { path: `${folder}/404.html`, status: 404 };
  }
  return undefined;
}
