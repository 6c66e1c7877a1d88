// `createWorker()` and `createApp()`.

import { encodeUtf8 } from "../encoding.js";
import { bufferSource } from "../webidl.js";
import { buildAssetManifest } from "./assets.js";
import { InMemoryFileSystem, isFileSystem } from "./files.js";
import { installDependencies, isNeedless, missingPackages } from "./install.js";
import { build } from "./service.js";

const PLUGINS = "__dangerouslyUseEsBuildPluginsDoNotUseOrYouWillBeFired";

/** Options that go to the host as they are. */
const PASSED = ["bundle", "externals", "target", "minify", "sourcemap", "jsx", "jsxImportSource", "define", "loader", "conditions", "virtualModules"];

function readPlugins(plugins, bundle) {
  if (plugins === undefined) return false;
  for (const [index, plugin] of [...plugins].entries()) {
    if (typeof plugin?.name !== "string" || typeof plugin.setup !== "function") {
      if (bundle === false) continue;
      throw new TypeError(
        `${PLUGINS}[${index}] is not a valid esbuild plugin (expected an object with \`name: string\` and \`setup: (build) => void\`).`,
      );
    }
  }
  if (plugins.length > 0 && bundle !== false) {
    throw new Error(`${PLUGINS} is not supported: what bundles here is not esbuild. \`virtualModules\` and \`loader\` work.`);
  }
  return true;
}

/** What the host is to do, with all files. */
async function requested(action, options, more) {
  const given = options.files;
  const isSystem = isFileSystem(given);
  const system = isSystem ? given : new InMemoryFileSystem(given);
  const { registry } = options;
  const passed = Object.fromEntries(PASSED.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined));
  const hasPlugins = readPlugins(options[PLUGINS], options.bundle);
  const warnings = [];
  let install;
  if (isSystem) {
    // Who brings a file system finds the packages in it afterwards.
    warnings.push(...(await installDependencies(system, { registry })).warnings);
  } else {
    const dependencies = missingPackages(system);
    if (Object.keys(dependencies).length > 0) install = { dependencies, registry };
  }
  const files = system
    .list()
    .filter((path) => !isNeedless(path))
    .map((path) => [path, contentOf(system.read(path))]);
  const built = await build({ action, files, install, options: { ...passed, ...more, hasPlugins } });
  return { ...built, warnings: [...built.warnings, ...warnings] };
}

const contentOf = (content) => (typeof content === "string" ? encodeUtf8(content) : bufferSource(content?.data ?? content) ?? encodeUtf8(""));

/** What both functions give. */
function resultOf({ mainModule, modules, wranglerConfig, warnings }, between = {}) {
  const result = { mainModule, modules, ...between };
  if (wranglerConfig !== null) result.wranglerConfig = wranglerConfig;
  if (warnings.length > 0) result.warnings = warnings;
  return result;
}

/** Modules for the loader from a map of files. */
export async function createWorker(options) {
  return resultOf(await requested("worker", options, { entryPoint: options.entryPoint }));
}

/** The same, and what browsers get. */
export async function createApp(options) {
  const { assets: given = {}, assetConfig, client } = options;
  const clients = client === undefined || client === "" ? [] : [client].flat();
  const built = await requested("app", options, { entryPoint: options.server, client: clients });
  const rooted = (path) => (path.startsWith("/") ? path : `/${path}`);
  const own = Object.entries(given).map(([path, content]) => [rooted(path), content]);
  const assets = Object.fromEntries([...own, ...built.styles, ...built.clients]);
  return resultOf(built, {
    assets,
    assetManifest: await buildAssetManifest(assets),
    assetConfig,
    clientBundles: built.clients.length > 0 ? built.clients.map(([path]) => path) : undefined,
  });
}
