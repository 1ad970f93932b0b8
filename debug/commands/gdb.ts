/** Commands for users of gdb. */
import type { Command } from '../command.ts';
import { CommandError } from '../error.ts';
import { symbolLines } from '../gdb/symbols.ts';

export const GDB: readonly Command[] = [
  {
    name: 'gdb-symbols',
    usage: '[PROGRAM ...]',
    summary:
      'lines for gdb that load the symbols of the kernel, of the modules where they are now, of programs',
    example: 'gdb-symbols netsend',
    complete: 'program',
    run(c, args) {
      const { session } = c.target;
      if (!session) throw new CommandError('only for our kernel; gdb reads the file of an image by itself');
      c.write(symbolLines(session, args.split(/\s+/).filter(Boolean)));
    },
  },
];
