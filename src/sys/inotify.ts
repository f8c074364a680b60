// Being told of what happens to files.

import { SYS_inotify_add_watch, SYS_inotify_init1 } from "../abi/syscall.ts";
import { IN_CLOEXEC, inotify_event } from "../abi/inotify.ts";
import { syscall } from "./call.ts";
import { Fd } from "./fd.ts";
import { read } from "./file.ts";

/** The caller closes it. @param flags IN_NONBLOCK @throws SysError EMFILE at the limit of instances of this user @see inotify_init1(2) */
export function inotify_init(flags = 0): Fd {
  return new Fd(syscall("inotify_init1", SYS_inotify_init1, "", flags | IN_CLOEXEC));
}

/** @param mask IN_* @returns the watch's number, which its events bear @see inotify_add_watch(2) */
export function inotify_add_watch(inotify: Fd, path: string, mask: number): number {
  return syscall("inotify_add_watch", SYS_inotify_add_watch, path, inotify.raw, path, mask);
}

export type FileEvent = { readonly watch: number; readonly mask: number };

const BUFFER_BYTES = 4096;

/** Waits for at least one event. @see inotify(7) */
export function readEvents(inotify: Fd): readonly FileEvent[] {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const view = new DataView(buffer.buffer);
  const length = read(inotify, buffer);
  const events: FileEvent[] = [];
  for (let at = 0; at < length; at += inotify_event.size + view.getUint32(at + inotify_event.len, true)) {
    events.push({
      watch: view.getInt32(at + inotify_event.wd, true),
      mask: view.getUint32(at + inotify_event.mask, true),
    });
  }
  return events;
}
