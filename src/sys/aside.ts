// A namespace made by a thread beside us, while we go on: the kernel takes half a millisecond for a network.

import { FUTEX_WAIT } from "../abi/futex.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../abi/mman.ts";
import { SYS_futex, SYS_mmap } from "../abi/syscall.ts";
import { SysError } from "../base/errors.ts";
import { syscall } from "./call.ts";
import { Fd } from "./fd.ts";
import { host } from "./host.ts";

// struct aside of host/host.c
const RUNNING = 0;
const RESULT = 4;
const FLAG = 8;
const PATH = 12;
const TLS = 64 + 2048; // errno is before it or behind it
const ASIDE_BYTES = 64 + 4096 + 4096;

/**
 * [kernel] The thread shares all we have but what it unshares: what changes the memory that we run in, or wants a process of one thread, must not
 * happen between begin and end.
 */
export class NamespaceInTheMaking {
  /** Never given back: an error may have taken us elsewhere while the thread still stands in it. */
  readonly #aside = host.view(syscall("mmap", SYS_mmap, "memory of a thread", null, ASIDE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ASIDE_BYTES);
  readonly #flag: number;

  /**
   * @param flag a CLONE_NEW* that takes effect for the thread
   * @param file its name below /proc/PID/ns
   * @throws SysError EAGAIN, ENOMEM when there can be no thread
   */
  constructor(flag: number, file: string) {
    this.#flag = flag;
    const fields = new DataView(this.#aside);
    fields.setUint32(FLAG, flag, true);
    fields.setBigUint64(TLS, BigInt(host.address(this.#aside) + TLS), true); // x86_64: what is thread-local is found by the address that stands there
    new Uint8Array(this.#aside, PATH).set(new Uint8Array(host.encode(`/proc/thread-self/ns/${file}`)));
    const result = host.aside(this.#aside);
    if (result < 0) throw new SysError("clone", -result, "a thread");
  }

  /** Waits for it, once. The caller closes it. @throws SysError as unshare(2) and open(2) do */
  take(): Fd {
    for (let thread = this.#field(RUNNING); thread !== 0; thread = this.#field(RUNNING)) host.syscall(SYS_futex, this.#aside, FUTEX_WAIT, thread, null);
    const result = this.#field(RESULT);
    if (result < 0) throw new SysError("unshare", -result, `0x${this.#flag.toString(16)}`);
    return new Fd(result);
  }

  /** What another thread writes; an engine that interprets reads it anew each time. */
  #field(offset: number): number {
    return new DataView(this.#aside).getInt32(offset, true);
  }
}
