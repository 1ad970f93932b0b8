/** What a subcommand may touch of the process: its output, and the exit code that it leaves. */
export interface CommandContext {
  /** To stdout. */
  out(chunk: string | Uint8Array): void;
  /** To stderr; whole lines. */
  err(text: string): void;
  /** stdout is a terminal. */
  terminal?: boolean;
  /** The process's exit code when the command is done: 0 unless set. */
  exitCode: number;
}

/** Wrong usage: an unknown option, a missing file, a bad image. */
export const USAGE_ERROR = 2;

/** A fault of ours (EX_SOFTWARE of sysexits.h), so that it is not taken for a result. */
export const INTERNAL_ERROR = 70;

/** The user asked for something that cannot be: one line for stderr and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
