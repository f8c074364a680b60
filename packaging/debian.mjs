// Which package of Debian a file of this machine belongs to, in which version, and under which licence its sources are.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** By source package, or by package where a source has several licences. What each package's `copyright` says of the files that are used here, in SPDX's words. */
const LICENSES = {
  binutils: "GPL-3.0-or-later",
  coreutils: "GPL-3.0-or-later",
  dpkg: "GPL-2.0-or-later",
  gcc: "GPL-3.0-or-later WITH GCC-exception-3.1",
  glibc: "LGPL-2.1-or-later",
  gzip: "GPL-3.0-or-later",
  libseccomp: "LGPL-2.1-only",
  linux: "GPL-2.0-only WITH Linux-syscall-note",
  "linux-libc-dev-amd64-cross": "GPL-2.0-only WITH Linux-syscall-note",
  "linux-libc-dev-arm64-cross": "GPL-2.0-only WITH Linux-syscall-note",
  "libc6-dev-amd64-cross": "LGPL-2.1-or-later",
  "libc6-dev-arm64-cross": "LGPL-2.1-or-later",
  "make-dfsg": "GPL-3.0-or-later",
  musl: "MIT",
  nodejs: "MIT",
  npm: "Artistic-2.0",
  qemu: "GPL-2.0-only",
  quickjs: "MIT",
  rpm: "GPL-2.0-or-later",
  tar: "GPL-3.0-or-later",
  "util-linux": "GPL-2.0-or-later",
  "xz-utils": "0BSD",
};

/** @throws Error for a package that nobody has looked at yet */
export function licenseOf({ name, source }) {
  const license = LICENSES[name] ?? LICENSES[source] ?? LICENSES[source.replace(/-[\d.]+(-cross(-ports)?)?$/, "")];
  if (license === undefined)
    throw new Error(
      `what is the licence of Debian's source package ${source}? packaging/debian.mjs lists those that are known`,
    );
  return license;
}

const query = (program, ...args) => {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
};

/** What dpkg of this machine knows of a file. */
function installed(file) {
  // It knows files by the path of before /usr was merged.
  const paths = [file, realpathSync(file), realpathSync(file).replace(/^\/usr/, "")];
  const owner = paths.map((path) => query("dpkg-query", "-S", path)).find((line) => line !== "");
  if (owner === undefined) return undefined;
  const fields = ["Package", "Version", "Architecture", "source:Package", "source:Version"];
  const format = fields.map((field) => `\${${field}}\t`).join("");
  return {
    fields: query("dpkg-query", "-W", "-f", format, owner.slice(0, owner.lastIndexOf(": "))).split("\t"),
    root: "/",
  };
}

/** What scripts/foreign-packages knows of a file that it has unpacked. */
function unpacked(file) {
  for (let root = dirname(file); root !== "/"; root = dirname(root)) {
    if (!existsSync(join(root, "packages"))) continue;
    for (const name of readdirSync(join(root, "packages"))) {
      const lines = readFileSync(join(root, "packages", name), "utf8").split("\n");
      if (lines.includes(relative(root, file))) return { fields: lines.slice(0, 5), root };
    }
  }
  return undefined;
}

/**
 * @returns name, version, architecture of the package, name and version of its source, and its file of copyrights
 * @throws Error when it belongs to none: releases are made of packages, so that everybody can look at their sources
 */
export function debianPackageOf(file) {
  const found = installed(file) ?? unpacked(realpathSync(file));
  if (found === undefined) throw new Error(`${file} is of no package of Debian`);
  const [name, version, architecture, source, sourceVersion] = found.fields;
  const copyright = join(found.root, "usr/share/doc", name, "copyright");
  return { name, version, architecture, source, sourceVersion, copyright };
}
