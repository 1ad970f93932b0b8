/** Commands for what stops the guest. */
import { type Command, type Context, count, physicalOr, place } from '../command.ts';
import { CommandError } from '../error.ts';
import { evaluate, location } from '../expression.ts';
import { hex8 } from '../text.ts';

export const POINTS: readonly Command[] = [
  {
    name: 'break',
    alias: 'b',
    usage: 'LOCATION',
    summary: 'stop before LOCATION: SYMBOL, SYMBOL+OFFSET, FILE:LINE, 0xADDRESS, $REGISTER',
    example: 'break nooks_kernel_call+0x10',
    run(c, args) {
      const { id, address } = c.control.addBreakpoint(location(c.target, args), args);
      c.write(`breakpoint ${id} at ${place(c.target, address)}\n`);
    },
  },
  {
    name: 'watch',
    alias: 'w',
    usage: '[phys:]ADDRESS [LENGTH]',
    summary: 'stop after the instruction that writes there (4 bytes); phys: by whatever address, and by DMA',
    example: 'watch domain_cr3',
    run: watch,
  },
  {
    name: 'delete',
    alias: 'd',
    usage: '[NUMBER]',
    summary: 'remove a breakpoint or watchpoint, or all of them',
    example: 'delete 2',
    run(c, args) {
      if (args === '') return c.control.removeAll();
      const id = count(args, 1, 2 ** 31);
      if (!c.control.remove(id)) throw new CommandError(`no breakpoint or watchpoint ${id}`);
    },
  },
];

function watch(c: Context, args: string): void {
  const [physical, rest] = physicalOr(args);
  const [, where, length] = /^(.+?)(?:\s+(\d+))?$/.exec(rest) ?? [];
  if (where === undefined) throw new CommandError('watch needs an address');
  const address = evaluate(c.target, where);
  const point = c.control.addWatchpoint(address, length ? count(length, 1, 65536) : 4, physical, args);
  const at = physical ? `physical ${hex8(address)}` : c.target.describe(address);
  c.write(`watchpoint ${point.id} at ${at}, ${point.length} byte${point.length > 1 ? 's' : ''}\n`);
}
