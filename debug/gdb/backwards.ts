/** Running backwards for gdb: bs and bc. */
import { CommandError } from '../error.ts';
import type { Stop } from '../model.ts';
import type { Stub } from './stub.ts';

export function backwards(_stub: Stub, _how: 'continue' | 'step'): Promise<Stop> {
  throw new CommandError('not yet');
}
