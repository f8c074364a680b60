// netlink(7): one request at a time and its answers. The bytes are laid out by abi/; links and addresses are nothing to this file.

import {
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NLA_ALIGNTO,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
  nlattr,
  nlmsgerr,
  nlmsghdr,
  SOL_NETLINK,
} from "../abi/netlink.ts";
import { AF_NETLINK, SOCK_RAW } from "../abi/socket.ts";
import { SYS_setsockopt, SYS_write } from "../abi/syscall.ts";
import { SysError } from "../base/errors.ts";
import type { Fd } from "./fd.ts";
import { read } from "./file.ts";
import { host } from "./host.ts";
import { syscall } from "./call.ts";
import { Struct } from "./memory.ts";
import { socket } from "./socket.ts";

export type Attribute = { readonly type: number; readonly value: Uint8Array };

export type Message = {
  readonly type: number;
  /** NLM_F_* besides REQUEST and ACK, which are added. */
  readonly flags: number;
  /** The family's own header, such as ifinfomsg. */
  readonly header: Struct;
  readonly attributes: readonly Attribute[];
};

export type Answer = {
  readonly type: number;
  /** The family's header, and attributes after it. */
  readonly body: Uint8Array;
};

const BUFFER_BYTES = 65536;
const ATTEMPTS = 10;
const ATTRIBUTE_TYPE = 0x3fff; // without NLA_F_*

const align = (length: number): number => (length + NLA_ALIGNTO - 1) & -NLA_ALIGNTO;
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

let sequence = 0;

/** A socket to a part of the kernel (NETLINK_ROUTE …) in the network namespace that we are in now, wherever we go afterwards; the caller closes it. */
export function netlinkSocket(protocol: number): Fd {
  const kernel = socket(AF_NETLINK, SOCK_RAW, protocol);
  const on = new Int32Array([1]);
  for (const option of [NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK])
    host.syscall(SYS_setsockopt, kernel.raw, SOL_NETLINK, option, on, 4); // since 4.12 and 4.20; better words and fewer answers, no more
  return kernel;
}

/**
 * Sends a request and hears it out.
 * @param name what the request is called, for the error
 * @throws SysError with the errno that the kernel answered, and in its detail the kernel's own words where it has any
 */
export function request(kernel: Fd, name: string, detail: string, message: Message): readonly Answer[] {
  for (let attempt = 1; ; attempt++) {
    const number = ++sequence;
    const bytes = encode(message, number);
    syscall("write", SYS_write, `${name} ${detail}`, kernel.raw, bytes, bytes.byteLength);
    const { answers, interrupted } = hear(kernel, name, detail, number);
    if (!interrupted || attempt === ATTEMPTS) return answers; // a list that changed while it was told may lack something
  }
}

function hear(
  kernel: Fd,
  name: string,
  detail: string,
  number: number,
): { readonly answers: readonly Answer[]; readonly interrupted: boolean } {
  const answers: Answer[] = [];
  let interrupted = false;
  for (;;) {
    const buffer = new Uint8Array(BUFFER_BYTES);
    const received = buffer.subarray(0, read(kernel, buffer));
    const view = viewOf(received);
    for (
      let at = 0;
      at + nlmsghdr.size <= received.byteLength;
      at += align(view.getUint32(at + nlmsghdr.nlmsg_len, true))
    ) {
      const type = view.getUint16(at + nlmsghdr.nlmsg_type, true);
      const flags = view.getUint16(at + nlmsghdr.nlmsg_flags, true);
      const body = received.subarray(at + nlmsghdr.size, at + view.getUint32(at + nlmsghdr.nlmsg_len, true));
      if (view.getUint32(at + nlmsghdr.nlmsg_seq, true) !== number) continue; // the rest of an answer that nobody heard out
      if ((flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        const error = body.byteLength >= 4 ? viewOf(body).getInt32(nlmsgerr.error, true) : 0;
        if (error < 0) throw new SysError(name, -error, [detail, ...kernelWords(type, flags, body)].join(": "));
        return { answers, interrupted };
      }
      answers.push({ type, body });
    }
  }
}

/** What the kernel says about its refusal, since 4.12. */
function kernelWords(type: number, flags: number, body: Uint8Array): readonly string[] {
  if ((flags & NLM_F_ACK_TLVS) === 0) return [];
  const echoed =
    (flags & NLM_F_CAPPED) !== 0
      ? nlmsghdr.size
      : align(viewOf(body).getUint32(nlmsgerr.msg + nlmsghdr.nlmsg_len, true));
  return attributesOf(body, type === NLMSG_DONE ? nlmsgerr.msg : nlmsgerr.msg + echoed)
    .filter((attribute) => attribute.type === NLMSGERR_ATTR_MSG)
    .map(({ value }) => textOf(value));
}

/** The bytes of a request. */
export function encode({ type, flags, header, attributes }: Message, number: number): Uint8Array {
  const start = nlmsghdr.size + align(header.buffer.byteLength);
  const length = attributes.reduce((sum, { value }) => sum + align(nlattr.size + value.byteLength), start);
  const message = new Struct(length)
    .u32(nlmsghdr.nlmsg_len, length)
    .u16(nlmsghdr.nlmsg_type, type)
    .u16(nlmsghdr.nlmsg_flags, flags | NLM_F_REQUEST | NLM_F_ACK)
    .u32(nlmsghdr.nlmsg_seq, number);
  const bytes = new Uint8Array(message.buffer);
  bytes.set(new Uint8Array(header.buffer), nlmsghdr.size);
  let at = start;
  for (const { type: kind, value } of attributes) {
    message.u16(at + nlattr.nla_len, nlattr.size + value.byteLength).u16(at + nlattr.nla_type, kind);
    bytes.set(value, at + nlattr.size);
    at += align(nlattr.size + value.byteLength);
  }
  return bytes;
}

/** The attributes of an answer. @param headerBytes what the family's header takes */
export function attributesOf(body: Uint8Array, headerBytes: number): readonly Attribute[] {
  const found: Attribute[] = [];
  const view = viewOf(body);
  for (let at = align(headerBytes); at + nlattr.size <= body.byteLength;) {
    const length = view.getUint16(at + nlattr.nla_len, true);
    if (length < nlattr.size) break;
    found.push({
      type: view.getUint16(at + nlattr.nla_type, true) & ATTRIBUTE_TYPE,
      value: body.subarray(at + nlattr.size, at + length),
    });
    at += align(length);
  }
  return found;
}

/** An attribute's text, without its NUL. */
export function textOf(value: Uint8Array): string {
  const end = value.indexOf(0);
  return host.decode(end < 0 ? value : value.subarray(0, end));
}

/** A text as attributes hold it, with a NUL. */
export const textAttribute = (type: number, text: string): Attribute => ({
  type,
  value: new Uint8Array(host.encode(text)),
});

export const u32Attribute = (type: number, value: number): Attribute => ({
  type,
  value: new Uint8Array(new Struct(4).u32(0, value).buffer),
});

export const u32Of = (value: Uint8Array): number => viewOf(value).getUint32(0, true);

/** A descriptor of ours, as its number. */
export const fdAttribute = (type: number, fd: Fd): Attribute => u32Attribute(type, fd.raw);
