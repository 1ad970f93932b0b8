/** What a launch configuration may say, and what the adapter asks of those who can do it. */
import { z } from 'zod';
import type { Pause } from '../control.ts';
import type { Debugger } from '../debugger.ts';

/** Most MiB of RAM that a guest gets. */
const MAX_MEMORY_MB = 2048;

/** One row for each key of our own; its description is what docs/vscode/package.json says of it. */
export const LAUNCH = {
  image: z.string().max(4096).describe('a Multiboot image to debug instead of our kernel'),
  isolation: z.enum(['none', 'nooks']).default('nooks').describe('where our kernel puts the e1000 driver'),
  profile: z.string().max(64).default('p4-1700').describe('machine profile'),
  engine: z
    .enum(['interpreter', 'compiled'])
    .describe(
      'how guest code is run, at the same cycles; compiled unless `nooks86 dap --engine` says otherwise',
    ),
  memory: z.int().min(1).max(MAX_MEMORY_MB).default(64).describe('RAM in MiB'),
  stopOnEntry: z.boolean().default(false).describe('stop before the first instruction'),
  stopAt: z.string().max(1024).describe('run to this place first: a function, FILE:LINE or an address'),
  stopAtEnd: z
    .boolean()
    .default(true)
    .describe('stop when the guest has ended, to look and to step back; the next continue ends the session'),
  sourceRoot: z
    .string()
    .max(4096)
    .describe('directory of the sources when they are elsewhere than the debug information says'),
  results: z.string().max(4096).describe('a results file of `nooks86 inject`, for `trial`'),
  trial: z
    .string()
    .max(256)
    .describe(
      'a trial to run again (`nooks/restart:1317`), stopped at the first of its faults that is executed',
    ),
} as const;

/** What editors add or keep for themselves. */
const EDITORS =
  /^(__.*|type|request|name|noDebug|debugServer|preLaunchTask|postDebugTask|presentation|internalConsoleOptions|serverReadyAction|suppressMultipleSessionWarning|windows|linux|osx|restart|cwd)$/;

const optional = <T extends z.ZodType>(schema: T) => schema.optional();

export const launchArguments = z.looseObject({
  ...LAUNCH,
  image: optional(LAUNCH.image),
  engine: optional(LAUNCH.engine),
  stopAt: optional(LAUNCH.stopAt),
  sourceRoot: optional(LAUNCH.sourceRoot),
  results: optional(LAUNCH.results),
  trial: optional(LAUNCH.trial),
  noDebug: z.boolean().optional(),
});

export type LaunchArguments = z.output<typeof launchArguments>;

/** Keys that mean nothing here: misspelt, most likely. */
export function unknownKeys(args: LaunchArguments): string[] {
  return Object.keys(args).filter(key => !(key in LAUNCH) && !EDITORS.test(key));
}

/** What was launched. */
export interface Debuggee {
  debugger: Debugger;
  /** Directory that relative names of source files start from. */
  sourceRoot: string;
  /** One line for the user: where it stands, if that needs saying. */
  message?: string;
}

/** The side of the adapter that knows files, clocks and machines; the command line is it (cli/commands/dap.ts). */
export interface Host {
  /** Builds and loads what is to be debugged. Throws an error whose message is one line for the user. */
  launch(args: LaunchArguments, pause: Pause, serial: (byte: number) => void): Promise<Debuggee>;
  /** Lets the process do what waits: messages, timers. Also waits while the editor does not read what it is sent. */
  breathe(): Promise<void>;
  /** Something is wrong that the editor cannot be told. */
  log(text: string): void;
  /** The conversation is over. */
  close(): void;
}
