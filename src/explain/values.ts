// Words that the schemas do not count up: capabilities, types and options of mounts. One that nobody knows is usually misspelt. Pure.

import { nearest } from "../base/nearest.ts";
import { capabilityNames } from "../process/capabilities.ts";
import { knownMountOptions, parseMountOptions } from "../rootfs/options.ts";
import type { Finding, Understood } from "../spec/examine.ts";
import type { Mount, Spec } from "../spec/types.ts";

/** What file systems take as data; where the kernel has more, nothing is said of it. @see the kernel's filesystems/*.rst and mount(8) */
const DATA: { readonly [type: string]: string } = {
  tmpfs:
    "size nr_blocks nr_inodes mode uid gid huge mpol inode32 inode64 noswap quota usrquota grpquota casefold strict_encoding context fscontext defcontext rootcontext",
  proc: "hidepid gid subset pidns",
  sysfs: "",
  devpts: "uid gid mode newinstance ptmxmode max",
  mqueue: "",
  ramfs: "mode",
  cgroup2: "nsdelegate favordynmods memory_localevents memory_recursiveprot memory_hugetlb_accounting pids_localevents",
  overlay:
    "lowerdir lowerdir+ datadir+ upperdir workdir default_permissions redirect_dir index uuid nfs_export userxattr xino metacopy verity volatile fsync override_creds nooverride_creds",
  hugetlbfs: "gid min_size mode nr_inodes pagesize size uid",
  bpf: "uid gid mode delegate_cmds delegate_maps delegate_progs delegate_attachs",
};

/** Types that containers have mounted, and that the schemas say nothing about. */
const TYPES: readonly string[] = [
  ...Object.keys(DATA),
  "cgroup",
  "bind",
  "none",
  ..."ext4 xfs btrfs nfs nfs4 cifs 9p fuse iso9660 vfat squashfs erofs securityfs debugfs tracefs configfs".split(" "),
];

/** Both, with what was meant. Pointers are those of the Spec. */
export function examineValues(spec: Spec): readonly Finding[] {
  return [...unknownCapabilities(spec), ...spec.mounts.flatMap((mount, i) => unknownMountWords(mount, `/mounts/${i}`))];
}

/** The same for a document that may be broken elsewhere, where nothing has been found yet. */
export const valuesIn = ({ rest, spec }: Understood, found: readonly Finding[]): readonly Finding[] =>
  examineValues(spec)
    .map((finding) => ({ ...finding, pointer: rest.original(finding.pointer) }))
    .filter(({ pointer }) => !found.some((other) => other.pointer === pointer));

function unknownCapabilities({ process }: Spec): readonly Finding[] {
  const seen = new Set<string>();
  const all = capabilityNames.map((name) => `CAP_${name}`);
  return Object.entries(process?.capabilities ?? {}).flatMap(([set, names]) =>
    names.flatMap((name, i): readonly Finding[] => {
      if (seen.has(name) || all.includes(name) || all.includes(`CAP_${name}`)) return [];
      seen.add(name);
      const found = nearest(name, all) ?? nearest(`CAP_${name}`, all);
      return [
        {
          level: "warning",
          pointer: `/process/capabilities/${set}/${i}`,
          problem: `there is no capability ${name}: it is ignored`,
          ...(found !== undefined && { hint: `did you mean ${found}?` }),
        },
      ];
    }),
  );
}

function unknownMountWords({ type, options }: Mount, pointer: string): readonly Finding[] {
  const bind = options.includes("bind") || options.includes("rbind");
  const findings: Finding[] = [];
  if (type !== undefined && !bind && !TYPES.includes(type)) {
    const found = nearest(type, TYPES);
    if (found !== undefined)
      findings.push({
        level: "warning",
        pointer: `${pointer}/type`,
        problem: `${JSON.stringify(type)} is no file system that is known`,
        hint: `did you mean ${JSON.stringify(found)}?`,
      });
  }
  const known = type !== undefined && !bind && Object.hasOwn(DATA, type) ? (DATA[type] ?? "").split(" ") : undefined;
  options.forEach((option, i) => {
    for (const word of dataWords(option)) {
      const [key = ""] = word.split("=");
      if (known?.includes(key) || (known === undefined && !bind && word.includes("="))) continue;
      const found = optionMeant(type, option);
      if (known === undefined && found === undefined) continue;
      findings.push({
        level: "warning",
        pointer: `${pointer}/options/${i}`,
        problem: bind
          ? `no mount has an option ${JSON.stringify(key)}`
          : `${type ?? ""} has no option ${JSON.stringify(key)}`,
        ...(found !== undefined && { hint: `did you mean ${JSON.stringify(found)}?` }),
      });
    }
  });
  return findings;
}

/** What of an option goes to the file system. */
export const dataWords = (option: string): readonly string[] =>
  parseMountOptions([option])
    .data.split(",")
    .filter((word) => word !== "");

/** The option that was probably meant: ours, or that file system's. */
export function optionMeant(type: string | undefined, option: string): string | undefined {
  const [key = ""] = option.split("=");
  const words = option.includes("=") ? [] : [...knownMountOptions(), "idmap", "ridmap"];
  const found = nearest(key, [
    ...(type !== undefined && Object.hasOwn(DATA, type) ? (DATA[type] ?? "").split(" ") : []),
    ...words,
  ]);
  return found === undefined ? undefined : `${found}${option.slice(key.length)}`;
}
