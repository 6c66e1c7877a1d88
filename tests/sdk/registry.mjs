// A registry on this machine, with the packages that are installed here.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const packages = join(dirname(fileURLToPath(import.meta.url)), "node_modules");

function archiveOf(name) {
  const folder = join(packages, name);
  const { stdout } = spawnSync("tar", ["-cz", "-C", folder, "--exclude=./node_modules", "--transform=s,^\\.,package,", "."], {
    maxBuffer: 1 << 28,
  });
  return stdout;
}

/** @returns {Promise<{ url: string, close: () => void }>} */
export function registry() {
  const archives = new Map();
  const archive = (name) => archives.get(name) ?? archives.set(name, archiveOf(name)).get(name);
  const server = createServer((request, response) => {
    const { url } = server;
    const [, name, isArchive] = /^\/(.+?)(\.tgz)?$/.exec(decodeURIComponent(request.url)) ?? [];
    const file = join(packages, name ?? "", "package.json");
    if (name === undefined || name.includes("..") || !existsSync(file)) {
      response.writeHead(404).end("{}");
    } else if (isArchive) {
      response.end(archive(name));
    } else {
      const manifest = JSON.parse(readFileSync(file, "utf8"));
      const integrity = `sha512-${createHash("sha512").update(archive(name)).digest("base64")}`;
      manifest.dist = { tarball: `${url}/${name}.tgz`, integrity };
      const { version } = manifest;
      response.end(JSON.stringify({ name, "dist-tags": { latest: version }, versions: { [version]: manifest } }));
    }
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      server.url = `http://127.0.0.1:${server.address().port}`;
      resolve({ url: server.url, close: () => server.close() });
    });
  });
}
