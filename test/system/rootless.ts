// Runs the runtime as a real user without privileges: no namespace, no capability and no group of root's, and what the host knows about the
// user (/etc/passwd, /etc/subuid, /etc/subgid) in a mount namespace of each command's own, so that the host is not changed.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sharedRootfs, type Config } from "./bundle.ts";
import { PROGRAM, type Box, type Result, type RunOptions } from "./harness.ts";

/** Nobody's ids on any host that we know of. */
export const UID = 54_321;
export const GID = 54_322;
/** What /etc/subuid and /etc/subgid grant. */
export const SUB_FIRST = 3_000_000;
export const SUB_COUNT = 65_536;

export const USER = "tsrun-tester";

/** Bind mounts files over those of /etc, then becomes the user. */
const BECOME = `for name in passwd subuid subgid; do mount --bind "$0/etc/$name" "/etc/$name" || exit 125; done
exec setpriv --reuid ${UID} --regid ${GID} --clear-groups --inh-caps=-all --bounding-set=-all "$@"`;

/** setuid programs get no more than the bounding set: newuidmap needs these. */
const BECOME_WITH_HELPERS = BECOME.replace("--bounding-set=-all", "");

export type RootlessOptions = RunOptions & {
  /** False: setuid programs get no rights either. */
  readonly helpers?: boolean;
  /** The directory of a cgroup to start in. */
  readonly cgroup?: string;
};

export class Rootless {
  readonly box: Box;
  readonly directory: string;
  readonly runtimeDirectory: string;
  #bundles = 0;

  constructor(box: Box) {
    this.box = box;
    chmodSync(box.directory, 0o755);
    this.directory = this.#mkdir("home");
    this.runtimeDirectory = this.#mkdir("run");
    mkdirSync(box.path("etc"));
    writeFileSync(box.path("etc/passwd"), `${readFileSync("/etc/passwd", "utf8")}${USER}:x:${UID}:${GID}::/:/bin/sh\n`);
    this.grant(`${USER}:${SUB_FIRST}:${SUB_COUNT}\n`);
  }

  #mkdir(name: string): string {
    const path = this.box.path(name);
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, UID, GID);
    return path;
  }

  get stateRoot(): string {
    return join(this.runtimeDirectory, "tsrun");
  }

  /** The content of /etc/subuid and /etc/subgid. */
  grant(text: string): void {
    for (const name of ["subuid", "subgid"]) writeFileSync(this.box.path(`etc/${name}`), text);
  }

  /** A file that the user owns. */
  write(name: string, text: string, mode = 0o644): string {
    const path = join(this.directory, name);
    writeFileSync(path, text, { mode });
    chownSync(path, UID, GID);
    return path;
  }

  /** A bundle of the user's own. */
  bundle(config: object): string {
    const bundle = join(this.directory, `bundle${++this.#bundles}`);
    mkdirSync(bundle);
    chownSync(bundle, UID, GID);
    execFileSync("cp", ["-al", sharedRootfs(), join(bundle, "rootfs")]);
    own(join(bundle, "rootfs"));
    this.write(`bundle${this.#bundles}/config.json`, JSON.stringify(config, null, 2));
    return bundle;
  }

  exec(program: string, args: readonly string[], options: RootlessOptions = {}): Result {
    const enter = options.cgroup === undefined ? "" : `echo $$ >${options.cgroup}/cgroup.procs || exit 125\n`;
    const become = enter + (options.helpers === false ? BECOME : BECOME_WITH_HELPERS);
    const env = {
      XDG_RUNTIME_DIR: this.runtimeDirectory,
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      ...options.env,
    };
    // The environment is the program's, but not that of what becomes the user.
    const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return this.box.exec(
      "/usr/bin/unshare",
      [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        become,
        this.box.directory,
        "/usr/bin/env",
        "-i",
        `TSRUN_TEST=${this.box.prefix}`,
        ...words,
        program,
        ...args,
      ],
      {
        ...options,
        cwd: options.cwd ?? this.directory,
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      },
    );
  }

  runtime(args: readonly string[], options: RootlessOptions = {}): Result {
    return this.exec(options.program ?? PROGRAM, args, options);
  }

  /** What `spec --rootless` writes, with one command to do. */
  config(...args: string[]): Config {
    const directory = join(this.directory, "spec");
    if (!existsSync(directory)) {
      mkdirSync(directory);
      chownSync(directory, UID, GID);
      const { status, stderr } = this.runtime(["spec", "--rootless", "--bundle", directory]);
      if (status !== 0) throw new Error(stderr);
    }
    const config = JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as Config;
    config.process.terminal = false;
    config.process.args = args;
    return config;
  }
}

/** Directories only: the files are shared with other bundles, and nobody writes into them. */
function own(directory: string): void {
  lchownSync(directory, UID, GID);
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) own(join(directory, entry.name));
}
