// Text to standard output and standard error. Apart from file.ts because every command prints and few do more with files.

import { SYS_write } from "../abi/syscall.ts";
import { host } from "./host.ts";
import { syscall } from "./call.ts";

/** Writes all of `text` as UTF-8 to standard output. @throws SysError EPIPE cannot come: SIGPIPE ends us @see write(2) */
export function print(text: string): void {
  write(1, text);
}

/** Writes all of `text` as UTF-8 to standard error; a failure has nowhere to be told. */
export function complain(text: string): void {
  try {
    write(2, text);
  } catch {
    // Whoever closed standard error does not want to know.
  }
}

function write(fd: number, text: string): void {
  const bytes = new Uint8Array(host.encode(text));
  const length = bytes.byteLength - 1; // without the NUL
  for (let done = 0; done < length;)
    done += syscall("write", SYS_write, "output", fd, done === 0 ? bytes : bytes.subarray(done), length - done);
}
