/** Runs the command line in this process and keeps what it printed. */
import { type RegisterCommand, runProgram } from '../../cli/program.ts';

export interface Ran {
  code: number;
  out: string;
  err: string;
}

export async function nooks86(args: readonly string[], commands?: readonly RegisterCommand[]): Promise<Ran> {
  const ran = { out: '', err: '' };
  const context = {
    out: (chunk: string | Uint8Array) => {
      ran.out += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    },
    err: (text: string) => {
      ran.err += text;
    },
    exitCode: 0,
  };
  return { code: await runProgram(args, context, commands), ...ran };
}
