// Content types by the ends of names.

const TEXT = "; charset=utf-8";
const TYPES = {
  html: `text/html${TEXT}`, htm: `text/html${TEXT}`,
  js: `application/javascript${TEXT}`, mjs: `application/javascript${TEXT}`,
  css: `text/css${TEXT}`, json: `application/json${TEXT}`, txt: `text/plain${TEXT}`, csv: `text/csv${TEXT}`,
  png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", svg: "image/svg+xml", ico: "image/x-icon",
  webp: "image/webp", avif: "image/avif",
  woff: "font/woff", woff2: "font/woff2", ttf: "font/ttf", otf: "font/otf", eot: "application/vnd.ms-fontobject",
  mp3: "audio/mpeg", ogg: "audio/ogg", wav: "audio/wav", mp4: "video/mp4", webm: "video/webm",
  pdf: "application/pdf", xml: "application/xml", zip: "application/zip", gz: "application/gzip", tar: "application/x-tar",
  wasm: "application/wasm", webmanifest: "application/manifest+json", map: "application/json",
};

/** The content type of a file by its name; undefined for an unknown one. */
export function inferContentType(path) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  const extension = name.slice(dot + 1).toLowerCase();
  return dot >= 0 && Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined;
}

/** Whether content of this type is text. */
export const isTextContentType = (type) =>
  type.startsWith("text/") || ["json", "xml", "javascript", "svg"].some((part) => type.includes(part));
