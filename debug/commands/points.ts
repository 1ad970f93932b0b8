/** Commands for what stops the guest. */
import { CATCHES } from '../catch.ts';
import { type Command, type Context, count, physicalOr, place } from '../command.ts';
import { domains } from '../domains.ts';
import { CommandError } from '../error.ts';
import { CATCH_EVENTS, type Point, type WatchAccess } from '../model.ts';
import { range } from '../range.ts';
import { placeOf } from '../stops.ts';

const HIGHEST = 2 ** 31;
const MAX_WATCHED = 65536;
const CONDITIONS = '[domain D] [if CONDITION]';

export const POINTS: readonly Command[] = [
  {
    name: 'break',
    alias: 'b',
    usage: `LOCATION ${CONDITIONS}`,
    summary: 'stop before LOCATION: FUNCTION, FILE:LINE, SYMBOL+OFFSET, *ADDRESS; in one domain only',
    explanation:
      'FUNCTION is where its body begins, *FUNCTION its first instruction. A name that nothing loaded has is waited for.',
    example: 'break e1000_xmit_frame domain 1 if $eax != 0',
    complete: 'location',
    run: (c, args) => addBreak(c, args, false),
  },
  {
    name: 'tbreak',
    alias: 'tb',
    usage: `LOCATION ${CONDITIONS}`,
    summary: 'the same, once',
    example: 'tbreak udp_sendmsg',
    complete: 'location',
    run: (c, args) => addBreak(c, args, true),
  },
  {
    name: 'watch',
    alias: 'w',
    usage: `[-change] EXPRESSION | [phys:]ADDRESS [LENGTH] ${CONDITIONS}`,
    summary:
      'stop behind the instruction that writes what EXPRESSION names (or 4 bytes), or changes it; phys: by whatever address, and by DMA',
    explanation:
      'An address alone is any directory’s, for the CPU; with phys: devices and the page walker count too.',
    example: 'watch -change domain_cr3',
    complete: 'expression',
    run: (c, args) => {
      const [, change, rest] = /^(-change\s+)?(.*)$/s.exec(args) ?? [];
      addWatch(c, rest ?? '', change ? 'change' : 'write');
    },
  },
  {
    name: 'rwatch',
    usage: `[phys:]ADDRESS [LENGTH] ${CONDITIONS}`,
    summary: 'stop behind the instruction that reads there',
    example: 'rwatch jiffies',
    complete: 'expression',
    run: (c, args) => addWatch(c, args, 'read'),
  },
  {
    name: 'awatch',
    usage: `[phys:]ADDRESS [LENGTH] ${CONDITIONS}`,
    summary: 'stop behind the instruction that reads or writes there',
    example: 'awatch jiffies',
    complete: 'expression',
    run: (c, args) => addWatch(c, args, 'access'),
  },
  {
    name: 'catch',
    usage: `EVENT [FILTER] ${CONDITIONS}`,
    summary: `stop at an event: ${CATCH_EVENTS.map(e => `${e} [${CATCHES[e].filter}]`).join('; ')}`,
    explanation:
      'Deliveries, domain switches and TLB events stop behind what happened; xpc, load and recovery before the code there.',
    example: 'catch exception PF',
    complete: 'event filter',
    run: (c, args) => addCatch(c, args, false),
  },
  {
    name: 'tcatch',
    usage: `EVENT [FILTER] ${CONDITIONS}`,
    summary: 'the same, once',
    example: 'tcatch xpc in',
    complete: 'event filter',
    run: (c, args) => addCatch(c, args, true),
  },
  {
    name: 'condition',
    usage: 'NUMBER [CONDITION]',
    summary: 'let a point stop only where CONDITION is not 0; without one, always',
    example: 'condition 1 $eax == 0',
    run(c, args) {
      const [, number = '', condition] = /^(\S+)(?:\s+(.+))?$/s.exec(args) ?? [];
      point(c, number).condition = condition;
    },
  },
  {
    name: 'ignore',
    usage: 'NUMBER COUNT',
    summary: 'let the next COUNT hits of a point pass',
    example: 'ignore 1 100',
    run(c, args) {
      const [number = '', many = '', ...more] = args.split(/\s+/);
      if (many === '' || more.length) throw new CommandError('ignore NUMBER COUNT');
      point(c, number).ignore = count(many, 0, HIGHEST);
    },
  },
  {
    name: 'enable',
    usage: '[NUMBER ...]',
    summary: 'let points stop the guest again; without a number, all',
    example: 'enable 1',
    run: (c, args) => each(c, args, id => c.control.points.enable(id, true)),
  },
  {
    name: 'disable',
    alias: 'dis',
    usage: '[NUMBER ...]',
    summary: 'let points be, without forgetting them; without a number, all',
    example: 'disable 1 2',
    run: (c, args) => each(c, args, id => c.control.points.enable(id, false)),
  },
  {
    name: 'delete',
    alias: 'd',
    usage: '[NUMBER ...]',
    summary: 'remove points; without a number, all',
    example: 'delete 2',
    run: (c, args) => each(c, args, id => c.control.points.remove(id)),
  },
];

/** Does something to the points of these numbers, or to all. */
function each(c: Context, args: string, act: (id: number) => void): void {
  const all = c.control.points.all();
  const chosen = args === '' ? all : args.split(/\s+/).map(number => point(c, number));
  for (const { id } of chosen) act(id);
}

function point(c: Context, number: string): Point {
  if (number === '') throw new CommandError('which point? info breakpoints lists them');
  const id = count(number, 1, HIGHEST);
  const found = c.control.points.get(id);
  if (!found) throw new CommandError(`no breakpoint, watchpoint or catchpoint ${id}`);
  return found;
}

/** Splits `WHAT [domain D] [if CONDITION]`. */
function split(c: Context, args: string): { what: string; domain?: number; condition?: string } {
  const [, rest = '', condition] = /^(.*?)(?:(?:^|\s+)if\s*(?=[\s(])(.+))?$/s.exec(args) ?? [];
  const [, what = '', domain] = /^(.*?)(?:(?:^|\s+)domain\s+(\S+))?$/s.exec(rest) ?? [];
  return {
    what: what.trim(),
    ...(domain === undefined ? {} : { domain: domainNumber(c, domain) }),
    ...(condition === undefined ? {} : { condition: condition.trim() }),
  };
}

/** A domain by its number or module; `kernel` is 0. */
function domainNumber(c: Context, text: string): number {
  if (text === 'kernel') return 0;
  if (/^\d+$/.test(text)) return count(text, 0, 65535);
  const found = domains(c.target).find(d => d.name.split(', ').includes(text));
  if (!found) throw new CommandError(`no domain ${text}`);
  return found.id;
}

function addBreak(c: Context, args: string, temporary: boolean): void {
  const { what, ...rest } = split(c, args);
  // As in gdb, without a location it is here.
  const here = what === '' ? { addresses: [c.target.pc()] } : {};
  const added = c.control.points.add({
    kind: 'breakpoint',
    text: what || 'here',
    temporary,
    ...here,
    ...rest,
  });
  if (added.kind !== 'breakpoint') return;
  const name = `${temporary ? 'temporary ' : ''}breakpoint ${added.id}`;
  if (added.addresses.length === 0) return c.write(`${name} (${what}) pending: nothing loaded has it\n`);
  const shown = added.addresses.length > 1 ? `${added.addresses.length} locations: ` : '';
  c.write(`${name} at ${shown}${added.addresses.map(a => place(c.target, a)).join(', ')}\n`);
}

function addWatch(c: Context, args: string, access: WatchAccess): void {
  const { what: text, ...rest } = split(c, args);
  const [physical, what] = physicalOr(text);
  const { address, length } = range(c, what, physical, MAX_WATCHED);
  const added = c.control.points.add({
    kind: 'watchpoint',
    text,
    address,
    length,
    physical,
    access,
    ...rest,
  });
  c.write(`watchpoint ${added.id}: ${placeOf(c.target, added)}\n`);
}

function addCatch(c: Context, args: string, temporary: boolean): void {
  const { what, ...rest } = split(c, args.replace(/^(domain)(?=\s|$)/, 'domain-switch'));
  const [, word = '', filter] = /^(\S+)(?:\s+(.+))?$/s.exec(what) ?? [];
  const event = word === 'domain-switch' ? 'domain' : word;
  const known = CATCH_EVENTS.find(e => e === event);
  if (!known) throw new CommandError(`no event ${event || '(nothing)'}: ${CATCH_EVENTS.join(', ')}`);
  const spec = { kind: 'catchpoint', event: known, filter, temporary, ...rest } as const;
  const added = c.control.points.add(spec);
  c.write(`${temporary ? 'temporary ' : ''}catchpoint ${added.id} (${added.text})\n`);
}
