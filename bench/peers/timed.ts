/**
 * Runs one emulator as a process of its own and takes the time between two lines of the guest's output, BEGIN and
 * RESULT, as they arrive here. The process is ended when the guest has printed its last line, TSC, or at the limit.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export interface PeerCommand {
  file: string;
  args: string[];
  cwd?: string;
  /** Variables beside those of this process. */
  env?: Record<string, string>;
}

/**
 * `wall`: time on the wall. `processor`: what the process's threads had of the host's processors, which other work on the
 * host does not lengthen; known on Linux, to a hundredth of a second.
 */
export type ClockKind = 'wall' | 'processor';

/** What one run gave. `instructions` only from an emulator of ours, which prints them. */
export type Timed =
  | { ok: true; seconds: number; checksum: string; instructions?: number }
  | { ok: false; why: string };

/** No guest prints longer lines; what an emulator writes beside them may be anything. */
const LONGEST_LINE = 4096;
/** Of what a process says last, in characters. */
const LAST_WORDS = 160;

/** What the guest has said so far. */
export class GuestOutput {
  private readonly name: string;
  private rest = '';
  private begin: number | undefined;
  private end: number | undefined;
  private seconds: number | undefined;
  private checksum = '';
  private instructions: number | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Takes output that arrived at `now` (milliseconds); the result once the last line is there. */
  feed(text: string, now: number): Timed | undefined {
    const lines = (this.rest + text).split('\n');
    this.rest = (lines.pop() ?? '').slice(-LONGEST_LINE);
    for (const line of lines) if (this.take(line, now)) return this.result();
    return undefined;
  }

  private take(line: string, now: number): boolean {
    // Terminals and emulators put their own characters in front.
    const [, what, who = '', value] =
      /(BEGIN|DONE|RESULT|INSTRUCTIONS|TSC) (\S+)(?: (\S+))?\s*$/.exec(line) ?? [];
    if (what === 'BEGIN' && who === this.name) this.begin = now;
    // Ours say that they are done before the guest prints: it waits for their UART, which takes its time.
    if (what === 'DONE') this.end = now;
    if (what === 'RESULT' && who === this.name && this.begin !== undefined) {
      this.seconds = ((this.end ?? now) - this.begin) / 1000;
      this.checksum = value ?? '';
    }
    if (what === 'INSTRUCTIONS') this.instructions = Number(who);
    return what === 'TSC';
  }

  private result(): Timed {
    const { seconds, checksum, instructions } = this;
    if (seconds === undefined) return { ok: false, why: 'ended without a result' };
    return { ok: true, seconds, checksum, ...(instructions === undefined ? {} : { instructions }) };
  }
}

/** Milliseconds in a clock tick of /proc, which Linux fixes for programs. */
const TICK = 10;

/** Can the processor time of another process be read here? */
export const hasProcessorTime = () => existsSync('/proc/self/stat');

/** Of a process that runs, in milliseconds (proc(5): utime and stime). */
function processorTime(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field, a name in brackets, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

const running = new Set<ChildProcess>();

/** Ends every emulator that runs: for a process that is told to stop. */
export function endRuns(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Runs `command` on the guest `name`; never rejects. `limit` is in seconds on the wall, for the whole process. */
export function runTimed(
  name: string,
  command: PeerCommand,
  limit: number,
  clock: ClockKind = 'wall',
): Promise<Timed> {
  return new Promise(resolve => {
    const output = new GuestOutput(name);
    const child = spawn(command.file, command.args, {
      cwd: command.cwd,
      env: { ...process.env, ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let errors = '';
    const end = (result: Timed) => {
      clearTimeout(timer);
      running.delete(child);
      child.kill('SIGKILL');
      resolve(result);
    };
    const timer = setTimeout(() => end({ ok: false, why: `not done in ${limit} s` }), limit * 1000);
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      const { pid } = child;
      const now = clock === 'wall' || pid === undefined ? performance.now() : processorTime(pid);
      const result = output.feed(text, now);
      if (result) end(result);
    });
    child.stderr.setEncoding('latin1').on('data', (text: string) => {
      errors = (errors + text).slice(-LONGEST_LINE);
    });
    child.on('error', (error: NodeJS.ErrnoException) =>
      end({ ok: false, why: `cannot run ${command.file} (${error.code})` }),
    );
    child.on('close', (code, signal) => {
      const words = errors.trim().split('\n').at(-1)?.slice(-LAST_WORDS);
      end({ ok: false, why: `ended early (${signal ?? code})${words ? `: ${words}` : ''}` });
    });
  });
}
