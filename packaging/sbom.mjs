// The bill of materials of a program, in CycloneDX 1.6: what is linked into it, and what built it, each with version and licence.
//
//   node packaging/sbom.mjs --components FILE --program FILE --arch ARCH --version VERSION --out FILE
//
// The same program gives the same bytes: its time is SOURCE_DATE_EPOCH, its number a hash of the program.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { debianPackageOf, licenseOf } from "./debian.mjs";

const { values: options } = parseArgs({
  options: {
    components: { type: "string" },
    program: { type: "string" },
    arch: { type: "string" },
    version: { type: "string" },
    out: { type: "string" },
  },
});
const project = JSON.parse(readFileSync("package.json", "utf8"));
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const { license, linked } = JSON.parse(readFileSync(options.components, "utf8"));

const licenses = (expression) => [{ expression }];

/** Every package that `npm ci` may install; npm knows them by integrity. */
const fromNpm = Object.entries(lock.packages)
  .filter(([path]) => path !== "")
  .map(([path, { version, license, integrity }]) => {
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    const [algorithm, digest] = integrity.split("-");
    if (license === undefined) throw new Error(`package-lock.json does not know the licence of ${name}`);
    return {
      type: "library",
      "bom-ref": purl,
      name,
      version,
      licenses: licenses(license),
      hashes: [{ alg: algorithm.replace("sha", "SHA-"), content: Buffer.from(digest, "base64").toString("hex") }],
      purl,
    };
  });

function pathOf(program) {
  for (const folder of process.env.PATH.split(delimiter))
    try {
      return realpathSync(join(folder, program));
    } catch {
      // not there: the next folder
    }
  throw new Error(`${program} is not installed`);
}

/** The package of a program or file of this machine. */
function tool(file) {
  const found = debianPackageOf(file);
  const { name, version, architecture } = found;
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { type: "application", "bom-ref": purl, name, version, licenses: licenses(licenseOf(found)), purl };
}

const cross =
  options.arch === process.arch.replace("x64", "x86_64").replace("arm64", "aarch64")
    ? ""
    : `${options.arch}-linux-gnu-`;
const compiler = pathOf(`${cross}gcc`);
const programs = [
  compiler,
  ...["as", "ld", "objcopy", "strip"].map((name) => pathOf(cross + name)),
  ...["make", "flock", "tar", "gzip", "xz", "dpkg-deb", "rpmbuild", "sha256sum"].map(pathOf),
];
const headers = ["stdio.h", "linux/mount.h"].map((header) =>
  execFileSync(compiler, ["-E", "-M", "-include", header, "-x", "c", "/dev/null"], { encoding: "utf8" })
    .split(/[\s\\]+/)
    .find((path) => path.endsWith(`/${header}`)),
);
const node = {
  type: "application",
  "bom-ref": `pkg:generic/node@${process.versions.node}`,
  name: "node",
  version: process.versions.node,
  licenses: licenses("MIT"),
  purl: `pkg:generic/node@${process.versions.node}`,
};

const inProgram = linked.map(({ name, version, license, purl }) => ({
  type: "library",
  "bom-ref": purl,
  name,
  version,
  scope: "required",
  licenses: licenses(license),
  purl,
}));
const isIn = new Set(inProgram.map(({ purl }) => purl));
const builds = new Map(
  [...fromNpm, ...[...programs, ...headers].map(tool), node].map((one) => [one.purl, { ...one, scope: "excluded" }]),
);
// What npm brought and was linked in keeps its hashes.
const components = [
  ...inProgram.map((one) => ({ ...builds.get(one.purl), ...one })),
  ...[...builds.values()].filter(({ purl }) => !isIn.has(purl)),
].sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1));

const program = readFileSync(options.program);
const digest = createHash("sha256").update(program).digest("hex");
const self = `pkg:github/tsrun/tsrun@v${options.version}`;
const uuid = digest.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, "$1-$2-5$3-8$4-$5");
const bom = {
  $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  serialNumber: `urn:uuid:${uuid}`,
  version: 1,
  metadata: {
    timestamp: new Date(Number(process.env.SOURCE_DATE_EPOCH) * 1000).toISOString().replace(".000", ""),
    component: {
      type: "application",
      "bom-ref": self,
      name: "tsrun",
      version: options.version,
      description: `${project.description} (linux, ${options.arch})`,
      licenses: licenses(license),
      hashes: [{ alg: "SHA-256", content: digest }],
      purl: self,
      externalReferences: [
        { type: "website", url: project.homepage },
        { type: "vcs", url: project.repository.url },
        { type: "issue-tracker", url: project.bugs.url },
      ],
    },
  },
  components,
  dependencies: [{ ref: self, dependsOn: inProgram.map(({ purl }) => purl) }],
};
writeFileSync(options.out, `${JSON.stringify(bom, null, 2)}\n`);
