/** What can keep a process of ours from starting; a program can tell them apart by it. */
export type StartRefusedCode =
  | "data_dir_in_use"
  | "data_dir_unusable"
  | "port_in_use"
  | "postgres_unavailable"
  | "postgres_initialisation_failed"
  | "postgres_start_failed"
  | "postgres_version_mismatch";

/**
 * An expected failure to start. Its message is whole sentences for the person at the terminal: what is wrong and what
 * to do, so whoever catches it prints the message alone, without a stack trace.
 */
export class StartRefused extends Error {
  readonly code: StartRefusedCode;
  /** The process that stands in the way, when one does and it is known. */
  readonly pid: number | undefined;

  constructor(code: StartRefusedCode, message: string, options: { cause?: unknown; pid?: number } = {}) {
    super(message, { cause: options.cause });
    this.name = "StartRefused";
    this.code = code;
    this.pid = options.pid;
  }
}
