// What CRIU is asked for and what it answers, over the socket of `criu swrk`. Field numbers are those of CRIU's images/rpc.proto, which it keeps.
//
//   tsrun                                CRIU
//     │ ── VERSION (keep open) ───────────▶ │
//     │ ◀───────────────────────── VERSION │
//     │ ── DUMP, PRE_DUMP, RESTORE ───────▶ │
//     │ ◀────────────────────────── NOTIFY │ any number of times; a descriptor may come along
//     │ ── NOTIFY, success ───────────────▶ │
//     │ ◀──────────── DUMP, … with success │ then it ends

import { encode, Message, type Field } from "./protobuf.ts";

/** enum criu_req_type */
export const REQUESTS = { dump: 1, restore: 2, preDump: 4, notify: 6, featureCheck: 9, version: 10 } as const;

export type RequestKind = keyof typeof REQUESTS;

/** enum criu_cg_mode */
export const CGROUP_MODES = { ignore: 0, soft: 3, full: 4, strict: 5, default: 6 } as const;

/** enum criu_network_lock_method */
export const NETWORK_LOCKS = { iptables: 1, nftables: 2, skip: 3 } as const;

/** message criu_opts, but for what nobody asks for here. Absent: CRIU's default. Descriptors are numbers of ours, but for inheritFds. */
export type CriuOptions = {
  readonly imagesDirFd: number;
  readonly workDirFd?: number;
  readonly pid?: number;
  readonly logLevel?: number;
  readonly logFile?: string;
  readonly root?: string;
  readonly parentImage?: string;
  readonly configFile?: string;
  readonly leaveRunning?: boolean;
  readonly trackMemory?: boolean;
  readonly autoDedup?: boolean;
  readonly lazyPages?: boolean;
  readonly notifyScripts?: boolean;
  readonly shellJob?: boolean;
  readonly extUnixSk?: boolean;
  readonly tcpEstablished?: boolean;
  readonly tcpSkipInFlight?: boolean;
  readonly tcpClose?: boolean;
  readonly fileLocks?: boolean;
  readonly linkRemap?: boolean;
  readonly evasiveDevices?: boolean;
  readonly orphanPtsMaster?: boolean;
  /** The restored processes become children of ours. */
  readonly restoreSibling?: boolean;
  readonly manageCgroupsMode?: number;
  readonly networkLock?: number;
  /** CLONE_NEW* */
  readonly emptyNamespaces?: number;
  readonly freezeCgroup?: string;
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
  readonly pageServer?: { readonly address: string; readonly port: number };
  /** Dump: where it is mounted, and its name. Restore: its name, and what to mount. */
  readonly externalMounts?: readonly { readonly key: string; readonly value: string }[];
  /** Such as "net[4026531840]:extRootNetNS". */
  readonly external?: readonly string[];
  readonly joinNamespaces?: readonly { readonly type: string; readonly path: string }[];
  readonly inheritFds?: readonly { readonly key: string; readonly fd: number }[];
  readonly cgroupRoots?: readonly { readonly controllers: string; readonly path: string }[];
};

export type Features = { readonly memTrack?: boolean; readonly lazyPages?: boolean };

export type CriuRequest = {
  readonly kind: RequestKind;
  readonly options?: CriuOptions;
  readonly features?: Features;
  /** The answer to a notification. */
  readonly notifySuccess?: boolean;
  /** A further request follows: only after version and featureCheck. */
  readonly keepOpen?: boolean;
};

export type CriuResponse = {
  /** An enum criu_req_type. */
  readonly type: number;
  readonly success: boolean;
  /** Of the restored root process, as our pid namespace numbers it. */
  readonly restoredPid: number | undefined;
  readonly notification: { readonly script: string; readonly pid: number | undefined } | undefined;
  readonly features: Features | undefined;
  /** major × 10000 + minor × 100 + sublevel */
  readonly version: number | undefined;
  readonly errno: number | undefined;
  readonly errorMessage: Uint8Array | undefined;
};

/** @param text turns a string into UTF-8 */
export function encodeRequest(request: CriuRequest, text: (value: string) => Uint8Array): Uint8Array {
  const { kind, options, features, notifySuccess, keepOpen } = request;
  return encode(
    present([
      [1, REQUESTS[kind]],
      [2, options && encodeOptions(options, text)],
      [3, notifySuccess],
      [4, keepOpen],
      [
        5,
        features &&
          encode(
            present([
              [1, features.memTrack],
              [2, features.lazyPages],
            ]),
          ),
      ],
    ]),
  );
}

type MaybeField = readonly [number: number, value: Field[1] | undefined];

const present = (fields: readonly MaybeField[]): readonly Field[] =>
  fields.flatMap(([number, value]) => (value === undefined ? [] : [[number, value]]));

function encodeOptions(options: CriuOptions, text: (value: string) => Uint8Array): Uint8Array {
  const string = (value: string | undefined): Uint8Array | undefined => (value === undefined ? undefined : text(value));
  const each = <T>(
    number: number,
    values: readonly T[] | undefined,
    fields: (value: T) => readonly Field[],
  ): MaybeField[] => (values ?? []).map((value) => [number, encode(fields(value))]);
  return encode(
    present([
      [1, options.imagesDirFd],
      [2, options.pid],
      [3, options.leaveRunning],
      [4, options.extUnixSk],
      [5, options.tcpEstablished],
      [6, options.evasiveDevices],
      [7, options.shellJob],
      [8, options.fileLocks],
      [9, options.logLevel],
      [10, string(options.logFile)],
      ...each(11, options.pageServer && [options.pageServer], ({ address, port }) => [
        [1, text(address)],
        [2, port],
      ]),
      [12, options.notifyScripts],
      [13, string(options.root)],
      [14, string(options.parentImage)],
      [15, options.trackMemory],
      [16, options.autoDedup],
      [17, options.workDirFd],
      [18, options.linkRemap],
      ...each(23, options.externalMounts, ({ key, value }) => [
        [1, text(key)],
        [2, text(value)],
      ]),
      [24, options.manageCgroupsMode === undefined ? undefined : true], // what CRIU had before there were modes
      ...each(25, options.cgroupRoots, ({ controllers, path }) => [
        [1, text(controllers)],
        [2, text(path)],
      ]),
      [26, options.restoreSibling],
      ...each(27, options.inheritFds, ({ key, fd }) => [
        [1, text(key)],
        [2, fd],
      ]),
      [34, options.manageCgroupsMode],
      ...(options.external ?? []).map((value): MaybeField => [37, text(value)]),
      [38, options.emptyNamespaces],
      ...each(39, options.joinNamespaces, ({ type, path }) => [
        [1, text(type)],
        [2, text(path)],
      ]),
      [44, string(options.freezeCgroup)],
      [46, options.tcpSkipInFlight],
      [48, options.lazyPages],
      [50, options.orphanPtsMaster],
      [51, string(options.configFile)],
      [52, options.tcpClose],
      [53, string(options.lsmProfile)],
      [63, string(options.lsmMountContext)],
      [64, options.networkLock],
    ]),
  );
}

/** @throws RangeError when it is no answer of CRIU's */
export function decodeResponse(bytes: Uint8Array, text: (value: Uint8Array) => string): CriuResponse {
  const response = new Message(bytes);
  const type = response.number(1);
  if (type === undefined) throw new RangeError("an answer without a type");
  const notification = response.message(5);
  const script = notification?.bytes(1);
  const features = response.message(8);
  const version = response.message(10);
  const memTrack = features?.boolean(1);
  const lazyPages = features?.boolean(2);
  return {
    type,
    success: response.boolean(2) ?? false,
    restoredPid: response.message(4)?.number(1),
    notification:
      notification === undefined
        ? undefined
        : { script: script === undefined ? "" : text(script), pid: notification.number(2) },
    features:
      features === undefined
        ? undefined
        : { ...(memTrack !== undefined && { memTrack }), ...(lazyPages !== undefined && { lazyPages }) },
    version:
      version === undefined
        ? undefined
        : (version.number(1) ?? 0) * 10000 + (version.number(2) ?? 0) * 100 + (version.number(4) ?? 0),
    errno: response.number(7),
    errorMessage: response.bytes(9),
  };
}
