/** `node:fs/promises`: it links, and says that a worker has no file system. */
import { constants } from "../../node_support/fs_constants.js";
import { unavailable } from "../../node_support/unavailable.js";

const { module, take } = unavailable("fs/promises", "a worker has no file system", { promises: true, given: { constants } });

export const {
  FileHandle, access, appendFile, chmod, chown, constants, copyFile, cp, glob, lchmod, lchown, link, lstat, lutimes,
  mkdir, mkdtemp, open, opendir, readFile, readdir, readlink, realpath, rename, rm, rmdir, stat, statfs, symlink,
  truncate, unlink, utimes, watch, writeFile,
} = take;
export default module;
