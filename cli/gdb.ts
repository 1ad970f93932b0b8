/** `--gdb`: opens the port (debug/gdb/), says how to connect, and serves until a client ends the guest. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Debugger } from '../debug/debugger.ts';
import { framesElf } from '../debug/gdb/frames.ts';
import { serveGdb } from '../debug/gdb/server.ts';
import { kernelPath } from '../debug/gdb/symbols.ts';
import type { Interpreter } from '../debug/interpreter.ts';
import { cacheRoot } from '../guest/project.ts';
import type { Session } from '../guest/session.ts';
import { UsageError } from './context.ts';

export interface Serving {
  debug: Debugger;
  interpreter: Interpreter;
  /** The debugger's pause looks at it. */
  interrupt: { wanted: boolean };
  /** Where the interpreter writes. */
  out: { write(text: string): void };
  /** Cycles that a run may take; no limit when absent. */
  limit: number | undefined;
  /** The image that was booted, if it is not our kernel. */
  path: string | undefined;
}

export async function serve(
  port: number,
  { debug, interpreter, interrupt, out, limit, path }: Serving,
): Promise<void> {
  const { session } = debug.target;
  const file = session ? kernelPath(session) : path && debug.target.symbolic ? resolve(path) : undefined;
  const terminal = out.write;
  const execute = async (line: string, write: (text: string) => void) => {
    out.write = write;
    try {
      await interpreter.execute(line);
    } finally {
      out.write = terminal;
    }
  };
  const frames = session && writeFrames(session);
  const served = { debugger: debug, execute, done: () => interpreter.done, interrupt, limit, file, frames };
  const server = await serveGdb(served, port).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot listen on 127.0.0.1:${port} (${error.code ?? error.message})`);
  });
  terminal(`gdb: target remote 127.0.0.1:${server.port}\n`);
  if (file !== undefined) terminal(`gdb: symbol-file ${file}\n`);
  await server.closed;
}

/** Beside the build, which it belongs to; undefined where nothing can be written: gdb does without. */
function writeFrames(session: Session): string | undefined {
  const bytes = framesElf(session);
  if (!bytes) return undefined;
  const directory = join(cacheRoot(), 'gdb');
  const path = join(directory, `frames-${session.options.build.identity.slice(0, 32)}.elf`);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${path}.${process.pid}`, bytes);
    renameSync(`${path}.${process.pid}`, path);
    return path;
  } catch {
    return undefined;
  }
}
