/** Frames as `bt` writes them, and stretches of source text. */
import { CommandError } from '../error.ts';
import type { SourceFrame, Variable } from '../model.ts';
import { hex8 } from '../text.ts';
import type { Source } from './source.ts';

/** Characters of one argument. */
const MAX_ARGUMENT = 200;

/** `#1  c0118dc9 in nooks_driver_call_with (d=0xf0…) at nooks/xpc.c:67  [xpc]`, with a line for the border before. */
export function frameText(source: Source, frame: SourceFrame): string {
  const { target } = source;
  const list = frame.arguments.map(a => `${a.name}=${argument(a)}`).join(', ');
  const place = frame.file ? ` at ${frame.file}${frame.line ? `:${frame.line}` : ''}` : '';
  const facts = [...(frame.region ? [frame.region] : []), ...(frame.inlined ? ['inlined'] : [])];
  // Without a line, how far the code is into its function is all that can be said.
  const name = frame.file ? frame.function : (target.symbolAt(frame.pc) ?? frame.function);
  const border = frame.border ? `    -- ${frame.border} --\n` : '';
  const about = facts.length ? `  [${facts.join(', ')}]` : '';
  return `${border}#${String(frame.level).padEnd(3)}${hex8(frame.pc)} in ${name} (${list})${place}${about}\n`;
}

/** Structs and unions are left out, as in gdb. */
function argument({ type, value, size }: Variable): string {
  const whole = /^(struct|union) [^*]*$/.test(type) && size > 0 && value.startsWith('{');
  if (whole) return '...';
  return value.length > MAX_ARGUMENT ? `${value.slice(0, MAX_ARGUMENT)}...` : value;
}

/** `name = value` a line, indented. */
export function variablesText(list: readonly Variable[], indent = ''): string {
  return list.map(({ name, value }) => `${indent}${name} = ${value}\n`).join('');
}

/** Lines `from` to `to`, numbered, as far as the file has them. Throws a CommandError. */
export function linesText(source: Source, file: string, from: number, to: number): string {
  const lines = source.sourceText(file);
  if (!lines) throw new CommandError(`the source of ${file} is not at hand`);
  if (from > lines.length) throw new CommandError(`${file} has ${lines.length} lines`);
  return lines
    .slice(from - 1, to)
    .map((line, n) => `${from + n}\t${line}\n`)
    .join('');
}

/** A frame's own line of source, or nothing where it cannot be had. */
export function lineText(source: Source, { file, line }: SourceFrame): string {
  const text = file && line ? source.sourceText(file)?.[line - 1] : undefined;
  return text === undefined ? '' : `${line}\t${text}\n`;
}
