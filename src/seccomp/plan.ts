// linux.seccomp as the kernel's and libseccomp's numbers: what the filter shall answer to which system call, with which flags it is loaded
// and when. Names of system calls stay names: which number they have, and whether they have one, only libseccomp knows (compile.ts).

import { ENOSYS, EPERM } from "../abi/errno.ts";
import {
  SCMP_CMP_EQ,
  SCMP_CMP_GE,
  SCMP_CMP_GT,
  SCMP_CMP_LE,
  SCMP_CMP_LT,
  SCMP_CMP_MASKED_EQ,
  SCMP_CMP_NE,
} from "../abi/libseccomp.ts";
import {
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from "../abi/seccomp.ts";
import { SpecError } from "../base/errors.ts";
import type { Int64 } from "../base/int64.ts";
import type {
  Seccomp,
  SeccompAction,
  SeccompArch,
  SeccompArg,
  SeccompFlag,
  SeccompOperator,
  Spec,
} from "../spec/types.ts";

/**
 * When the child loads the filter. [kernel] Without no_new_privs it takes CAP_SYS_ADMIN, so it must be before privileges are dropped, and
 * everything that init does afterwards is subject to it. With no_new_privs it is done as late as it can be:
 *
 * - `privileged`: no_new_privs is not set. Right before the user and capabilities change.
 * - `created`: a supervisor gets the notify descriptor, which `create` passes on. Right before init says that it is created.
 * - `started`: all others. After `start`, before the startContainer hooks, which are to be subject to it, too.
 */
export type SeccompMoment = "privileged" | "created" | "started";

/** One comparison of an argument of the call; `b` counts for MASKED_EQ only, where `a` is the mask. */
export type SeccompCondition = { readonly arg: number; readonly op: number; readonly a: Int64; readonly b: Int64 };

/** The same answer for every call named, when all conditions hold. */
export type SeccompOp = {
  readonly names: readonly string[];
  /** SECCOMP_RET_*, the errno or trace number added. */
  readonly action: number;
  readonly conditions: readonly SeccompCondition[];
  readonly why: string;
};

export type SeccompListener = { readonly path: string; readonly metadata: string };

export type SeccompPlan = {
  /** The answer to every call that no rule matches. */
  readonly defaultAction: number;
  /** libseccomp's names, beside the machine's own architecture. */
  readonly architectures: readonly string[];
  readonly rules: readonly SeccompOp[];
  /** Calls named only to ask for the default: no rule comes of them, but they tell how new the profile is. */
  readonly redundant: readonly string[];
  /** Whether calls newer than the newest that the profile names fail with ENOSYS, as on a kernel of that age, and not as the default says. */
  readonly enosys: boolean;
  /** A name that libseccomp does not know is an error (crun's annotation), and not passed over. */
  readonly failUnknown: boolean;
  /** A whole program in base64 that stands for all of the above: crun's annotation. */
  readonly program: string | undefined;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  readonly moment: SeccompMoment;
  readonly listener: SeccompListener | undefined;
  readonly why: string;
};

const FAIL_UNKNOWN = "run.oci.seccomp_fail_unknown_syscall";
const PROGRAM = "run.oci.seccomp_bpf_data";

/**
 * @param noNewPrivileges of the process that the filter is for
 * @returns undefined when no filter is asked for
 */
export function planSeccomp(
  spec: Pick<Spec, "linux" | "annotations">,
  noNewPrivileges: boolean,
): SeccompPlan | undefined {
  const { seccomp } = spec.linux;
  const program = spec.annotations[PROGRAM];
  if (seccomp === undefined && program === undefined) return undefined;
  const profile = seccomp ?? ALLOW_ALL;
  const defaultAction = action(profile.defaultAction, profile.defaultErrnoRet);
  const rules: SeccompOp[] = [];
  const redundant: string[] = [];
  for (const [i, { names, action: name, errnoRet, args }] of profile.syscalls.entries()) {
    const act = action(name, errnoRet);
    if (act === defaultAction)
      redundant.push(...names); // libseccomp refuses such a rule
    else
      for (const conditions of alternatives(args))
        rules.push({ names, action: act, conditions, why: `/linux/seccomp/syscalls/${i}` });
  }
  const notifies = program === undefined && rules.some((rule) => rule.action === SECCOMP_RET_USER_NOTIF);
  return {
    defaultAction,
    architectures: profile.architectures.map(architectureName),
    rules,
    redundant,
    enosys: denies(profile.defaultAction) && defaultAction !== SECCOMP_RET_ERRNO + ENOSYS,
    failUnknown: (spec.annotations[FAIL_UNKNOWN] ?? "0") !== "0",
    program,
    flags: flags(profile, notifies),
    moment: !noNewPrivileges ? "privileged" : notifies ? "created" : "started",
    listener:
      notifies && profile.listenerPath !== undefined
        ? { path: profile.listenerPath, metadata: profile.listenerMetadata ?? "" }
        : undefined,
    why: program === undefined ? "/linux/seccomp" : `/annotations/${PROGRAM}`,
  };
}

/** Actions after which no program runs: the call is not made. A supervisor, a tracer and a logger may let it happen. */
const REFUSALS: readonly number[] = [
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_ERRNO,
];

const withoutData = (act: number): number => act - (act % (SECCOMP_RET_DATA + 1));

/** @throws SpecError for a container that can never become its program: it would die of its profile, before it could say why */
export function checkExecve({ program, rules, defaultAction }: SeccompPlan): void {
  if (program !== undefined) return;
  const answers = rules.filter(({ names }) => names.includes("execve"));
  const first = withoutData(answers[0]?.action ?? defaultAction);
  const isSure = answers.every(
    ({ conditions, action: act }) => conditions.length === 0 && REFUSALS.includes(withoutData(act)),
  );
  if (!isSure || !REFUSALS.includes(first)) return;
  const name = Object.entries(ACTIONS).find(([, number]) => number === first)?.[0] ?? "";
  throw new SpecError([
    {
      pointer: answers[0]?.why ?? "/linux/seccomp/defaultAction",
      problem: `the profile answers execve with ${name}: the container's program could never be executed`,
    },
  ]);
}

const ALLOW_ALL: Seccomp = {
  defaultAction: "SCMP_ACT_ALLOW",
  defaultErrnoRet: undefined,
  architectures: [],
  flags: undefined,
  listenerPath: undefined,
  listenerMetadata: undefined,
  syscalls: [],
};

const ACTIONS: { readonly [name in SeccompAction]: number } = {
  SCMP_ACT_KILL: SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_THREAD: SECCOMP_RET_KILL_THREAD,
  SCMP_ACT_KILL_PROCESS: SECCOMP_RET_KILL_PROCESS,
  SCMP_ACT_TRAP: SECCOMP_RET_TRAP,
  SCMP_ACT_ERRNO: SECCOMP_RET_ERRNO,
  SCMP_ACT_TRACE: SECCOMP_RET_TRACE,
  SCMP_ACT_ALLOW: SECCOMP_RET_ALLOW,
  SCMP_ACT_LOG: SECCOMP_RET_LOG,
  SCMP_ACT_NOTIFY: SECCOMP_RET_USER_NOTIF,
};

const OPERATORS: { readonly [name in SeccompOperator]: number } = {
  SCMP_CMP_NE,
  SCMP_CMP_LT,
  SCMP_CMP_LE,
  SCMP_CMP_EQ,
  SCMP_CMP_GE,
  SCMP_CMP_GT,
  SCMP_CMP_MASKED_EQ,
};

export const FLAGS: { readonly [name in SeccompFlag]: number } = {
  SECCOMP_FILTER_FLAG_TSYNC: 0, // for the other threads, of which init has none
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};

function action(name: SeccompAction, number: number | undefined): number {
  const takesNumber = name === "SCMP_ACT_ERRNO" || name === "SCMP_ACT_TRACE";
  return ACTIONS[name] + (takesNumber ? (number ?? EPERM) & SECCOMP_RET_DATA : 0);
}

/** libseccomp's name of an architecture. */
export const architectureName = (name: SeccompArch): string => name.slice("SCMP_ARCH_".length).toLowerCase();

/** A logger and a tracer let new calls happen; a tracer answers them itself. */
const denies = (name: SeccompAction): boolean =>
  name !== "SCMP_ACT_ALLOW" && name !== "SCMP_ACT_LOG" && name !== "SCMP_ACT_TRACE";

const UNCONDITIONAL: readonly (readonly SeccompCondition[])[] = [[]];

/** [kernel] A rule compares each argument once: a second comparison of the same makes each a rule of its own, and any of them matches (as runc). */
function alternatives(args: readonly SeccompArg[]): readonly (readonly SeccompCondition[])[] {
  if (args.length === 0) return UNCONDITIONAL;
  const conditions = args.map(({ index, op, value, valueTwo }) => ({
    arg: index,
    op: OPERATORS[op],
    a: value,
    b: valueTwo,
  }));
  const distinct = args.length === 1 || new Set(args.map(({ index }) => index)).size === args.length;
  return distinct ? [conditions] : conditions.map((condition) => [condition]);
}

function flags(profile: Seccomp, notifies: boolean): number {
  let mask = notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  for (const flag of profile.flags ?? ["SECCOMP_FILTER_FLAG_SPEC_ALLOW" as const]) mask |= FLAGS[flag];
  if (mask & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !notifies)
    throw new SpecError([
      {
        pointer: "/linux/seccomp/flags",
        problem: "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY",
      },
    ]);
  return mask;
}
