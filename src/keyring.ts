// A session keyring of the container's own, so that its keys are not those of whoever called the runtime.

import { KEY_USR_SEARCH, KEYCTL_DESCRIBE, KEYCTL_JOIN_SESSION_KEYRING, KEYCTL_SETPERM } from "./abi/keyctl.ts";
import { SYS_keyctl } from "./abi/syscall.ts";
import { ENOSYS } from "./abi/errno.ts";
import { isErrno } from "./base/errors.ts";
import { syscall } from "./sys/call.ts";
import { host } from "./sys/host.ts";

export type KeyringPlan = { readonly name: string } | undefined;

/** Joins the keyring that joinSessionKeyring has made, or one of that name if it has gone. */
export function rejoinSessionKeyring(plan: KeyringPlan): void {
  if (plan === undefined) return;
  try {
    syscall("keyctl", SYS_keyctl, `JOIN_SESSION_KEYRING ${plan.name}`, KEYCTL_JOIN_SESSION_KEYRING, plan.name);
  } catch (error) {
    if (!isErrno(error, ENOSYS)) throw error;
  }
}

/** @see keyctl_join_session_keyring(3), keyctl_setperm(3) */
export function joinSessionKeyring(plan: KeyringPlan): void {
  if (plan === undefined) return;
  try {
    const ring = syscall(
      "keyctl",
      SYS_keyctl,
      `JOIN_SESSION_KEYRING ${plan.name}`,
      KEYCTL_JOIN_SESSION_KEYRING,
      plan.name,
    );
    const text = new Uint8Array(256);
    syscall("keyctl", SYS_keyctl, "DESCRIBE", KEYCTL_DESCRIBE, ring, text, text.byteLength);
    // "keyring;UID;GID;PERM;NAME": its user may search it, or a process that joins later finds no key in it
    const permissions = parseInt(host.decode(text).split(";")[3] ?? "0", 16);
    syscall("keyctl", SYS_keyctl, "SETPERM", KEYCTL_SETPERM, ring, (permissions | KEY_USR_SEARCH) >>> 0);
  } catch (error) {
    if (!isErrno(error, ENOSYS)) throw error; // a kernel without keys has none to keep apart
  }
}
