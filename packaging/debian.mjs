// Which package of Debian a file of this machine belongs to, in which version, and under which licence its sources are.
import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";

/** By source package. What each package's `copyright` says of the files that are used here, in SPDX's words. */
const LICENSES = {
  binutils: "GPL-3.0-or-later",
  coreutils: "GPL-3.0-or-later",
  dpkg: "GPL-2.0-or-later",
  gcc: "GPL-3.0-or-later WITH GCC-exception-3.1",
  glibc: "LGPL-2.1-or-later",
  gzip: "GPL-3.0-or-later",
  libseccomp: "LGPL-2.1-only",
  linux: "GPL-2.0-only WITH Linux-syscall-note",
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

/** @throws Error for a source package that nobody has looked at yet */
export function licenseOf(source) {
  const license = LICENSES[source] ?? LICENSES[source.replace(/-[\d.]+(-cross(-ports)?)?$/, "")];
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

/**
 * @returns name, version, architecture of the package, name and version of its source, and its file of copyrights
 * @throws Error when it belongs to none: releases are made of packages, so that everybody can look at their sources
 */
export function debianPackageOf(file) {
  // dpkg knows files by the path of before /usr was merged.
  const paths = [file, realpathSync(file), realpathSync(file).replace(/^\/usr/, "")];
  const owner = paths.map((path) => query("dpkg-query", "-S", path)).find((line) => line !== "");
  if (owner === undefined) throw new Error(`${file} is of no package of Debian`);
  const fields = ["Package", "Version", "Architecture", "source:Package", "source:Version"];
  const [name, version, architecture, source, sourceVersion] = query(
    "dpkg-query",
    "-W",
    "-f",
    fields.map((field) => `\${${field}}\t`).join(""),
    owner.slice(0, owner.lastIndexOf(": ")),
  ).split("\t");
  const copyright = `/usr/share/doc/${name}/copyright`;
  return {
    name,
    version,
    architecture,
    source,
    sourceVersion,
    copyright: existsSync(copyright) ? copyright : undefined,
  };
}
