/** What needs a history of the run: going back in it, and changing it, so that the change is part of it. */
import type { Debugger } from '../debugger.ts';
import { CommandError } from '../error.ts';
import type { Stop } from '../model.ts';
import type { Target } from '../target.ts';

interface Reverse {
  continue(): Promise<Stop>;
  next(count: number): Promise<Stop>;
  stepi(count: number): Promise<Stop>;
}

interface Writer {
  writeMemory(address: number, bytes: Uint8Array): void;
  writeRegister(name: string, value: number): void;
}

/** Throws a CommandError where nothing is recorded. */
export function reverseOf(d: Debugger): Reverse {
  const { reverse } = d as Debugger & { reverse?: Reverse };
  if (!reverse) throw new CommandError('nothing is recorded to go back to');
  return reverse;
}

/** Throws a CommandError where the guest cannot be changed. */
export function writerOf(target: Target): Writer {
  const writer = target as Target & Partial<Writer>;
  if (!writer.writeMemory || !writer.writeRegister)
    throw new CommandError('the guest cannot be changed here');
  return writer as Writer;
}
