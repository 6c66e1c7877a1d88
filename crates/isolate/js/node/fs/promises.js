/** `node:fs/promises`: the operations of `node:fs`, told by promises. */
import { constants as numbers } from "../../node_support/fs_constants.js";
import * as handles from "../../node_support/fs/handles.js";
import * as files from "../../node_support/fs/operations.js";
import { unavailable } from "../../node_support/unavailable.js";

const given = { constants: numbers, FileHandle: handles.FileHandle };
for (const [name, operation] of Object.entries(files)) {
  // What takes the number of a file is a method of its handle.
  if (/^f(stat|chmod|chown|utimes|sync|datasync|truncate)$/.test(name) || /^(exists|close|read|write|readv|writev)$/.test(name)) continue;
  given[name] = { [name]: async (path, ...args) => operation(path instanceof handles.FileHandle ? path.fd : path, ...args) }[name];
}
given.open = async function open(path, flags) {
  return new handles.FileHandle(files.open(path, flags));
};

const { module, take } = unavailable("fs/promises", "nothing tells of changes to files in memory", { promises: true, given });

export const {
  FileHandle, access, appendFile, chmod, chown, constants, copyFile, cp, glob, lchmod, lchown, link, lstat, lutimes,
  mkdir, mkdtemp, open, opendir, readFile, readdir, readlink, realpath, rename, rm, rmdir, stat, statfs, symlink,
  truncate, unlink, utimes, watch, writeFile,
} = take;
export default module;
