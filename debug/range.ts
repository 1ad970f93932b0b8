/** Ranges of memory as the user writes them: what a C expression names, or an address and a number of bytes. */
import { type Context, count } from './command.ts';
import { CommandError } from './error.ts';
import { evaluate } from './expression.ts';

/** Of an address without a length. */
const BYTES = 4;

/** `skb->len`, `ADDRESS` or `ADDRESS LENGTH`; at most `most` bytes. Throws a CommandError. */
export function range(
  c: Context,
  text: string,
  physical: boolean,
  most: number,
): { address: number; length: number } {
  if (text === '') throw new CommandError('an address is needed');
  const [, where, length] = /^(.*[\w)\]])\s+(\d+)$/.exec(text) ?? [];
  if (where !== undefined) return { address: evaluate(c.target, where), length: count(length, 1, most) };
  const named = physical ? undefined : variable(c, text);
  if (!named) return { address: evaluate(c.target, text), length: BYTES };
  if (named.size < 1 || named.size > most)
    throw new CommandError(`${text} has ${named.size} bytes: give ADDRESS LENGTH`);
  return { address: named.address, length: named.size };
}

/** What lies in memory and has that name; undefined where the text is no C, or a value that lies nowhere. */
function variable(c: Context, text: string): { address: number; size: number } | undefined {
  try {
    return c.source.lvalue(text);
  } catch (error) {
    if (!(error instanceof CommandError) || /in memory$/.test(error.message)) throw error;
    return undefined;
  }
}
