/** What a request is: a row with the shape of its arguments, when it may come, and what it does. */
import type { z } from 'zod';
import { CommandError } from '../error.ts';
import type { Adapter } from './session.ts';

/** `standing`: the guest must not be running, for what is asked changes under it. */
export type When = 'always' | 'launched' | 'standing';

export interface Request {
  arguments: z.ZodType;
  when: When;
  /** Gives the response's body. Throws a CommandError for the user. */
  // biome-ignore lint/suspicious/noExplicitAny: the row's own schema has checked it.
  run(adapter: Adapter, args: any): unknown;
}

export type Requests = Readonly<Record<string, Request>>;

/** A row, with `run` typed by its schema. */
export function request<S extends z.ZodType>(
  when: When,
  schema: S,
  run: (adapter: Adapter, args: z.output<S>) => unknown,
): Request {
  return { arguments: schema, when, run };
}

/** The arguments by their schema, or a CommandError that says in one line what is wrong with them. */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0];
  throw new CommandError(`bad arguments: ${path.join('.') || 'all of them'}: ${message}`);
}

/** An address as references write it: `0xc0100000`, or decimal. Throws a CommandError. */
export function addressOf(reference: string, offset = 0): number {
  const value = /^(0x[\da-f]{1,8}|\d{1,10})$/i.test(reference) ? Number(reference) : Number.NaN;
  const at = value + offset;
  if (!(value <= 0xffff_ffff)) throw new CommandError(`not an address: ${reference}`);
  if (!(at >= 0 && at <= 0xffff_ffff)) throw new CommandError(`${reference} with ${offset} is no address`);
  return at;
}
