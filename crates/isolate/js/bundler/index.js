// What the npm package `@cloudflare/worker-bundler` exports, with a bundler on the host behind it.
// https://github.com/cloudflare/agents/tree/main/packages/worker-bundler

export { buildAssetManifest, buildAssets, createMemoryStorage, handleAssetRequest } from "./assets.js";
export { createApp, createWorker } from "./create.js";
export { createFileSystemSnapshot, DurableObjectKVFileSystem, DurableObjectRawFileSystem, InMemoryFileSystem } from "./files.js";
export { hasDependencies, installDependencies } from "./install.js";
export { inferContentType, isTextContentType } from "./mime.js";
