/** `node:fs`: files in memory, as in Workers. See `node_support/fs/tree.js` for where they are. */
import { Blob } from "../blob.js";
import { constants as numbers } from "../node_support/fs_constants.js";
import * as handles from "../node_support/fs/handles.js";
import * as files from "../node_support/fs/operations.js";
import * as shapes from "../node_support/fs/shapes.js";
import { nextTick } from "../node_support/stream/destroy.js";
import { unavailable } from "../node_support/unavailable.js";
import { validateFunction } from "../node_support/validators.js";
import withPromises from "./fs/promises.js";

/** Operations whose callbacks get more than their result: what they were given as well. */
const WITH_BUFFER = new Set(["read", "write", "readv", "writev"]);

/** An operation that tells its callback. */
function withCallback(name, operation) {
  return {
    [name](...args) {
      const callback = args.pop();
      validateFunction(callback, "cb");
      let result;
      try {
        result = operation(...args);
      } catch (error) {
        // A wrong argument is the caller's mistake, and thrown at once.
        if (error.syscall === undefined) throw error;
        nextTick(() => callback(error));
        return;
      }
      if (WITH_BUFFER.has(name)) nextTick(() => callback(null, result, args[1]));
      else if (result === undefined) nextTick(() => callback(null));
      else nextTick(() => callback(null, result));
    },
  }[name];
}

const given = {
  constants: numbers,
  promises: withPromises,
  Dir: shapes.Dir, Dirent: shapes.Dirent, Stats: shapes.Stats,
  ReadStream: handles.ReadStream, WriteStream: handles.WriteStream,
  FileReadStream: handles.ReadStream, FileWriteStream: handles.WriteStream,
  F_OK: numbers.F_OK, R_OK: numbers.R_OK, W_OK: numbers.W_OK, X_OK: numbers.X_OK,
  createReadStream: (path, options) => new handles.ReadStream(path, options),
  createWriteStream: (path, options) => new handles.WriteStream(path, options),
  openAsBlob: async (path, options) => new Blob([files.readFile(path)], { type: options?.type ?? "" }),
  existsSync: files.exists,
  exists(path, callback) {
    validateFunction(callback, "cb");
    const answer = files.exists(path);
    nextTick(() => callback(answer));
  },
  unwatchFile() {},
};
for (const [name, operation] of Object.entries(files)) {
  if (name === "exists") continue;
  given[name] = withCallback(name, operation);
  given[`${name}Sync`] = { [`${name}Sync`]: (...args) => operation(...args) }[`${name}Sync`];
}
for (const name of ["realpath", "realpathSync"]) given[name].native = given[name];

const { module, take } = unavailable("fs", "nothing tells of changes to files in memory", { given });

export const {
  Dir, Dirent, F_OK, FileReadStream, FileWriteStream, R_OK, ReadStream, Stats, W_OK, WriteStream, X_OK, access,
  accessSync, appendFile, appendFileSync, chmod, chmodSync, chown, chownSync, close, closeSync, constants, copyFile,
  copyFileSync, cp, cpSync, createReadStream, createWriteStream, exists, existsSync, fchmod, fchmodSync, fchown,
  fchownSync, fdatasync, fdatasyncSync, fstat, fstatSync, fsync, fsyncSync, ftruncate, ftruncateSync, futimes,
  futimesSync, glob, globSync, lchmod, lchmodSync, lchown, lchownSync, link, linkSync, lstat, lstatSync, lutimes,
  lutimesSync, mkdir, mkdirSync, mkdtemp, mkdtempSync, open, openAsBlob, openSync, opendir, opendirSync, promises,
  read, readFile, readFileSync, readSync, readdir, readdirSync, readlink, readlinkSync, readv, readvSync, realpath,
  realpathSync, rename, renameSync, rm, rmSync, rmdir, rmdirSync, stat, statSync, statfs, statfsSync, symlink,
  symlinkSync, truncate, truncateSync, unlink, unlinkSync, unwatchFile, utimes, utimesSync, watch, watchFile, write,
  writeFile, writeFileSync, writeSync, writev, writevSync,
} = take;
export default module;
