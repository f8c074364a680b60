// What of others is linked into a program, by the map that the linker wrote of it: name, version, licence, and the files that the licences want
// to go along.
//
//   node packaging/components.mjs --map FILE --out FILE --licenses DIR
//
// DIR gets `copyright` in Debian's format, and licenses/ with a text for each. Libraries that nobody here knows the licence of are an error.
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { debianPackageOf, licenseOf } from "./debian.mjs";

const { values: options } = parseArgs({
  options: { map: { type: "string" }, out: { type: "string" }, licenses: { type: "string" } },
});

const LGPL = "/usr/share/common-licenses/LGPL-2.1";

/** The archives that members were taken of, and the objects that the compiler adds. */
function linkedFiles(map) {
  const members = map.slice(map.indexOf("Archive member included"), map.indexOf("\n\n", map.indexOf("\n\n/") + 2));
  const archives = [...members.matchAll(/^(\S+\.a)\(/gm)].map(([, file]) => file);
  const objects = [...map.matchAll(/^LOAD (\S*crt\w+\.o)$/gm)].map(([, file]) => file);
  return [...new Set([...archives, ...objects].map((file) => realpathSync(file)))].sort();
}

/** The npm package that a file belongs to; undefined when it is no file of one. */
function npmPackageOf(file) {
  if (!file.includes("/node_modules/")) return undefined;
  let folder = dirname(file);
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return {
    name,
    version,
    license,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    text: join(folder, "LICENSE"),
  };
}

function componentOf(file) {
  const npm = npmPackageOf(file);
  if (npm !== undefined) return npm;
  const found = debianPackageOf(file);
  const { source, sourceVersion, copyright } = found;
  return {
    name: source,
    version: sourceVersion,
    license: licenseOf(found),
    purl: `pkg:deb/debian/${source}@${encodeURIComponent(sourceVersion)}?arch=source`,
    text: copyright,
  };
}

const components = new Map();
for (const file of linkedFiles(readFileSync(options.map, "utf8"))) {
  const component = componentOf(file);
  components.set(component.purl, component);
}
const linked = [...components.values()].sort((a, b) => (a.name < b.name ? -1 : 1));

mkdirSync(join(options.licenses, "licenses"), { recursive: true });
const fileName = ({ name }) => `${name.replace(/^@/, "").replaceAll("/", "-")}.txt`;
for (const component of linked) copyFileSync(component.text, join(options.licenses, "licenses", fileName(component)));
if (linked.some(({ license }) => license.includes("LGPL-2.1")))
  copyFileSync(LGPL, join(options.licenses, "licenses/LGPL-2.1.txt"));
writeFileSync(
  join(options.licenses, "copyright"),
  [
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: tsrun\nSource: https://github.com/tsrun/tsrun\n",
    "Files: *\nCopyright: the tsrun authors\nLicense: Apache-2.0\n",
    "License: Apache-2.0\n The whole text is in LICENSE beside this file, and on Debian systems in /usr/share/common-licenses/Apache-2.0.\n",
    ...(linked.length > 0
      ? [
          "Comment:\n These are linked into the program. RELINKING.md beside this file says how to replace them by others.\n .",
        ]
      : []),
    ...linked.map((one) => ` ${one.name} ${one.version}: ${one.license}; see licenses/${fileName(one)}`),
    "",
  ].join("\n"),
);
writeFileSync(
  options.out,
  `${JSON.stringify({ license: ["Apache-2.0", ...new Set(linked.map(({ license }) => license))].map((one) => (one.includes(" ") ? `(${one})` : one)).join(" AND "), linked: linked.map(({ text: _, ...rest }) => rest) }, null, 2)}\n`,
);
