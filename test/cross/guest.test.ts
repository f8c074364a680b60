// tsrun on a kernel of aarch64: a machine that QEMU emulates, booted once for all of these tests. Its root file system is in memory and holds busybox, the
// samples and the program, which was built here. A short selection: what the kernel does is tested on this machine's own.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { skipBecause } from "../skip.ts";
import type { Config } from "../system/bundle.ts";
import { archive } from "./cpio.ts";
import { build, lacks, OTHER, OTHER_BUILD } from "./other.ts";

const PROJECT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const QEMU = "qemu-system-aarch64";
const CANNOT = 125;
const BOOT_LIMIT_MS = 240_000;

type Job = {
  readonly title: string;
  /** For the shell in the guest, in /work. */
  readonly script: string;
  readonly check: (said: string) => void;
};

/** Bundles of the samples' root file system, in /work/build/NAME: bundles/shell with something changed. */
const bundles: { readonly [name: string]: (config: Config) => void } = {
  terminal: (config) => {
    config.process.args = ["sh", "-c", "tty; test -t 0 -a -t 1 -a -t 2 && echo a terminal"];
  },
  limited: (config) => {
    const controllers = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max";
    config.process.args = [
      "sh",
      "-c",
      `${controllers}; (for i in 1 2 3 4 5 6 7 8; do sleep 1 & done) 2>&1; sleep 9999`,
    ];
    config.mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" });
    config.linux.namespaces.push({ type: "cgroup" });
    config.linux["resources"] = { memory: { limit: 33_554_432 }, pids: { limit: 5 } };
  },
  sealed: (config) => {
    config.process.args = ["sh", "-c", "mkdir /tmp/a; grep Seccomp: /proc/self/status"];
    config.linux["seccomp"] = {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }],
    };
  },
  sleeping: (config) => {
    config.process.args = ["sleep", "9999"];
  },
};

const JOBS: readonly Job[] = [
  {
    title: "the machine is aarch64, and the program is",
    script: "uname -m; tsrun --version",
    check: (said) => assert.match(said, /^aarch64\ntsrun version \d/),
  },
  {
    title: "doctor says that containers can be run",
    script: "tsrun doctor",
    check: (said) => {
      assert.match(said, /yes +libseccomp, which compiles profiles/);
      assert.match(said, /\nContainers can be run here\.\n/);
    },
  },
  {
    title: "features names the machine's own architecture",
    script: "tsrun features",
    check: (said) => assert.match(said, /"SCMP_ARCH_AARCH64"/),
  },
  {
    title: "the samples keep what they promise",
    script: "sh bundles/try /bin/tsrun",
    check: (said) => assert.match(said, /^1\d passed, 0 failed$/m),
  },
  {
    title: "a profile answers system calls, compiled and from the cache",
    script: "for i in 1 2; do tsrun run -b build/sealed s$i; done; ls /run/tsrun/@seccomp | wc -l",
    check: (said) =>
      assert.match(said, /^(mkdir: can't create directory '\/tmp\/a': Permission denied\nSeccomp:\s*2\n){2}1\n/),
  },
  {
    title: "create, start, exec, kill and delete",
    script: [
      "tsrun create -b build/sleeping c1 && tsrun state c1 | grep status",
      "tsrun start c1 && tsrun list -q",
      'tsrun exec c1 sh -c \'echo pid $$; cat /proc/1/cmdline | tr "\\0" " "; exit 7\'; echo status $?',
      "tsrun pause c1 && tsrun state c1 | grep status; tsrun resume c1",
      "tsrun kill c1 KILL; until tsrun state c1 | grep -q stopped; do :; done; tsrun delete c1; tsrun list -q | wc -l",
    ].join("\n"),
    check: (said) =>
      assert.match(said, /"status": "created".*\nc1\npid \d+\nsleep 9999 status 7\n.*"status": "paused".*\n0\n/),
  },
  {
    title: "limits of memory and processes, of cgroup v2",
    script: "tsrun run -d -b build/limited l1 >/tmp/limited 2>&1; sleep 2; cat /tmp/limited; tsrun delete --force l1",
    check: (said) => assert.match(said, /^33554432\n5\n[\s\S]*can't fork/),
  },
  {
    title: "a terminal of its own",
    script: "tsrun run -b build/terminal t1 </dev/console >/dev/console 2>&1",
    check: (said) => assert.match(said, /\/dev\/pts\/0\na terminal\n/),
  },
  {
    title: "a user without rights runs a container, and execs in it",
    script: [
      "mkdir /tmp/user && cd /tmp/user && chown 1000:1000 .",
      "cat >go <<'END'",
      "export XDG_RUNTIME_DIR=/tmp/user",
      'tsrun spec --rootless && sed -i \'s/"terminal": true/"terminal": false/; s/"sh"/"sleep", "9999"/; s#"rootfs"#"/work/build/rootfs"#\' config.json',
      "tsrun run -d u1 </dev/null >/dev/null && tsrun exec u1 id -u && tsrun delete --force u1",
      "END",
      "su user -c 'sh go'",
    ].join("\n"),
    check: (said) => assert.match(said, /^0\n/m),
  },
];

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /root && mount -t tmpfs -o size=512m tmpfs /root
cp -a /bin /work /jobs /etc /go /root/
mkdir -p /root/proc /root/sys /root/dev /root/tmp /root/run
exec switch_root /root /go
`;

const GO = `#!/bin/sh
export PATH=/bin
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm && mount -t devpts devpts /dev/pts && mount -t tmpfs tmpfs /dev/shm
chmod 1777 /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
dmesg -n 1
cd /work
for job in /jobs/*; do
  echo "@@ begin \${job#/jobs/}"
  (sh $job) </dev/null 2>&1
  echo "@@ end \${job#/jobs/} $?"
done
poweroff -f
`;

/** TSRUN_16K=1 runs all of it on a kernel with pages of 16 KB, too: 100 MB more to download. */
const KERNELS = [
  ["on aarch64"],
  ...(process.env["TSRUN_16K"] === undefined ? [] : [["on aarch64, pages of 16 KB", "16k"]]),
];

for (const [title = "", ...pages] of KERNELS)
  describe(title, function () {
    this.timeout(BOOT_LIMIT_MS + 300_000);
    const reason = OTHER === "aarch64" ? lacks(QEMU) : "this machine is one: all other tests are";
    if (reason !== undefined) {
      it.skip(`containers run (${reason})`);
      return;
    }
    const scratch = mkdtempSync(join(tmpdir(), "tsrun-cross-"));
    let console = "";

    before(function () {
      build("build");
      const machine = spawnSync(join(PROJECT, "test/cross/kernel"), pages, { encoding: "utf8" });
      if (machine.status === CANNOT) return skipBecause(this, machine.stderr.trim().split("\n").at(-1) ?? "");
      assert.equal(machine.status, 0, machine.stderr);
      console = boot(machine.stdout.trim());
    });
    after(() => rmSync(scratch, { recursive: true, force: true }));

    /** Boots, runs all jobs, powers off. @returns what was printed */
    function boot(machine: string): string {
      const tree = join(scratch, "tree");
      for (const directory of ["bin", "jobs", "etc", "work/build"])
        mkdirSync(join(tree, directory), { recursive: true });
      copyFileSync(join(machine, "busybox"), join(tree, "bin/busybox"));
      copyFileSync(join(OTHER_BUILD, "tsrun"), join(tree, "bin/tsrun"));
      cpSync(join(PROJECT, "bundles"), join(tree, "work/bundles"), { recursive: true });
      for (const [name, change] of Object.entries(bundles)) {
        const config = JSON.parse(readFileSync(join(PROJECT, "bundles/shell/config.json"), "utf8")) as Config;
        config.root.path = "../rootfs";
        config.root.readonly = false;
        config.process.terminal = name === "terminal";
        change(config);
        mkdirSync(join(tree, "work/build", name));
        writeFileSync(join(tree, "work/build", name, "config.json"), JSON.stringify(config));
      }
      writeFileSync(join(tree, "etc/passwd"), "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n");
      writeFileSync(join(tree, "etc/group"), "root:x:0:\nuser:x:1000:\n");
      JOBS.forEach(({ script }, i) => writeFileSync(join(tree, "jobs", `${10 + i}`), `${script}\n`));
      for (const [name, text] of [
        ["init", INIT],
        ["go", GO],
      ] as const) {
        writeFileSync(join(tree, name), text);
        chmodSync(join(tree, name), 0o755);
      }
      symlinkSync("busybox", join(tree, "bin/sh"));
      const initramfs = join(scratch, "initramfs");
      writeFileSync(initramfs, archive(tree));
      const words = [
        "-M",
        "virt",
        "-cpu",
        pages.length > 0 ? "max,pauth-impdef=on" : "cortex-a72", // which is faster, and has no pages of 16 KB
        "-smp",
        "1",
        "-m",
        "1024",
        "-nographic",
        "-nic",
        "none",
        "-no-reboot",
      ];
      const kernel = [
        "-kernel",
        join(machine, "kernel"),
        "-initrd",
        initramfs,
        "-append",
        "console=ttyAMA0 quiet panic=-1",
      ];
      const ran = spawnSync(QEMU, [...words, ...kernel], {
        encoding: "latin1",
        timeout: BOOT_LIMIT_MS,
        stdio: ["ignore", "pipe", "pipe"],
      });
      assert.equal(ran.error, undefined, `${ran.error?.message ?? ""}\n${ran.stdout}`);
      return ran.stdout.replaceAll("\r", "") + ran.stderr;
    }

    JOBS.forEach(({ title: job, check }, i) =>
      it(job, () => {
        const said = new RegExp(`@@ begin ${10 + i}\\n([\\s\\S]*?)@@ end ${10 + i} `).exec(console)?.[1];
        assert(said !== undefined, console);
        check(said);
      }),
    );
  });
