/**
 * `node:fs`: a worker has no files. Asking whether one is there answers no; everything else says what is missing.
 */
import { constants } from "../node_support/fs_constants.js";
import { unavailable } from "../node_support/unavailable.js";
import { validateFunction } from "../node_support/validators.js";
import promises from "./fs/promises.js";

const { module, take } = unavailable("fs", "a worker has no file system", {
  given: {
    constants,
    promises,
    F_OK: constants.F_OK,
    R_OK: constants.R_OK,
    W_OK: constants.W_OK,
    X_OK: constants.X_OK,
    existsSync: () => false,
    exists(path, callback) {
      validateFunction(callback, "cb");
      queueMicrotask(() => callback(false));
    },
    unwatchFile() {},
  },
});

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
realpath.native = realpath;
realpathSync.native = realpathSync;
export default module;
