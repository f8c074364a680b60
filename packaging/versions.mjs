// Whether all files say the same version: package.json, package-lock.json, CHANGELOG.md, the lines to install in README.md and docs/install.md, and, where
// there is a folder of what is released, the names and packages there.
//
//   node packaging/versions.mjs [--root DIR] [--dist DIR] [--release]      --release: nothing may be left under "Unreleased"
//
// Prints what is wrong, one a line, and ends with 1 then; else prints the version.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    root: { type: "string", default: "." },
    dist: { type: "string" },
    release: { type: "boolean", default: false },
  },
});
const read = (file) => readFileSync(join(options.root, file), "utf8");
const { name, version } = JSON.parse(read("package.json"));
const problems = [];
const expect = (where, found, wanted = version) =>
  found === wanted || problems.push(`${where} says ${found ?? "nothing"}, and package.json says ${wanted}`);

if (!/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[\dA-Za-z.-]+)?$/.test(version))
  problems.push(`package.json: ${version} is no version of SemVer`);
const lock = JSON.parse(read("package-lock.json"));
expect("package-lock.json", lock.version);
expect("package-lock.json, of its first package,", lock.packages[""].version);

const changelog = read("CHANGELOG.md");
const [latest] = changelog.matchAll(/^## \[(\d[^\]]*)\](?: - (\d{4}-\d\d-\d\d))?$/gm);
expect("the latest section of CHANGELOG.md", latest?.[1]);
if (latest?.[2] === undefined) problems.push("the latest section of CHANGELOG.md has no date");
const [, unreleased] = /^## \[Unreleased\]\n([\s\S]*?)^## \[/m.exec(changelog) ?? [];
if (unreleased === undefined) problems.push("CHANGELOG.md has no section Unreleased");
else if (options.release && unreleased.trim() !== "")
  problems.push(`CHANGELOG.md has changes that are not of ${version}: those under Unreleased`);
for (const [label, target] of [
  ["Unreleased", `/compare/v${version}...HEAD`],
  [version, `/releases/tag/v${version}`],
])
  if (!changelog.includes(`\n[${label}]: `) || !changelog.includes(target))
    problems.push(`CHANGELOG.md has no link [${label}] to ${target}`);

for (const file of ["README.md", "docs/install.md"])
  for (const [url, tag, rest] of read(file).matchAll(/releases\/download\/v([^/\s]+)\/(\S+)/g)) {
    expect(`${file}: ${url}`, tag);
    const [, named = version] =
      /^tsrun[_-](\d+\.\d+\.\d+[^_\s]*?)(?:-linux|-1[._]|-source|-library|_)/.exec(rest) ?? [];
    expect(`${file}: ${rest}`, named);
  }

if (options.dist !== undefined) {
  const files = existsSync(options.dist) ? readdirSync(options.dist) : [];
  if (files.length === 0) problems.push(`${options.dist} is empty`);
  for (const file of files)
    if (file !== "SHA256SUMS" && !file.includes(version.replace("-", "~")) && !file.includes(version))
      problems.push(`${file} is not of version ${version}`);
  for (const file of files.filter((one) => one.endsWith(".tgz"))) {
    const manifest = JSON.parse(
      execFileSync("tar", ["-xOf", join(options.dist, file), "package/package.json"], { encoding: "utf8" }),
    );
    expect(file, manifest.version);
    for (const [other, wanted] of Object.entries(manifest.optionalDependencies ?? {})) {
      expect(`${file}: ${other}`, wanted);
      const tarball = `${other.slice(1).replace("/", "-")}-${version}.tgz`;
      if (!files.includes(tarball)) problems.push(`${file} names ${other}, and ${tarball} is not there`);
    }
  }
  if (!files.includes(`${name.slice(1).replace("/", "-")}-${version}.tgz`))
    problems.push(`${options.dist} has no package ${name}`);
}

console.log(problems.length > 0 ? problems.join("\n") : version);
process.exitCode = problems.length > 0 ? 1 : 0;
