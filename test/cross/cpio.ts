// An archive in the format "newc" of cpio(5), which the kernel unpacks as its initramfs.

import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

function entry(name: string, inode: number, mode: number, data: Buffer): Buffer {
  const path = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, path.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), path])), padded(data)]);
}

/** All that is below `directory`: directories, files and links, which root owns. */
export function archive(directory: string): Buffer {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  const entries = names.map((name, index) => {
    const path = join(directory, name);
    const { mode } = lstatSync(path);
    const kind = mode & S_IFMT;
    if (kind === S_IFLNK) return entry(name, index + 1, mode, Buffer.from(readlinkSync(path)));
    return entry(name, index + 1, mode, kind === S_IFDIR ? Buffer.alloc(0) : readFileSync(path));
  });
  return Buffer.concat([...entries, entry("TRAILER!!!", 0, 0, Buffer.alloc(0))]);
}
