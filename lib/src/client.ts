// The client: programs of an OCI runtime called from Node.

export { hostFacts } from "./client/host-facts.ts";
export { TsrunError, type ClientErrorCode, type ErrorRecord } from "./client/error.ts";
export type { GlobalOptions } from "./client/invoke.ts";
export type { ContainerEvent, Statistics } from "./client/events.ts";
export { ContainerProcess, type Exit, type Output, type Stdio, type StdioOptions } from "./client/process.ts";
export type { Terminal, TerminalSize } from "./client/terminal.ts";
export {
  Container,
  Runtime,
  type CallOptions,
  type CheckpointOptions,
  type CreateOptions,
  type ExecOptions,
  type RuntimeKind,
  type Version,
} from "./client/runtime.ts";
