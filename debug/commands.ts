/** The debugger's commands: one table. */
import { backtraceText } from './backtrace.ts';
import { cacheText } from './caches.ts';
import type { Control } from './control.ts';
import { listing } from './disassembly.ts';
import { directoryOf, domainText, modulesText, owner } from './domains.ts';
import { CommandError } from './error.ts';
import { examine, type Format, parseFormat } from './examine.ts';
import { evaluate, location } from './expression.ts';
import { tlbText, walkText } from './paging.ts';
import { registersText } from './registers.ts';
import { eventsText, type Statistics } from './statistics.ts';
import { pointsText, runAndTell } from './stops.ts';
import type { Target } from './target.ts';
import { hex8, table } from './text.ts';

/** What a command works on. */
export interface Context {
  target: Target;
  control: Control;
  statistics: Statistics;
  write(text: string): void;
  /** Cycles that one command may run the guest. */
  limit: number | undefined;
  /** Where `x` goes on. */
  examined: { format: Format; next: number; physical: boolean };
  /** CR3 when the guest last stood: a change is told. */
  directory: number;
  quit(): void;
}

export interface Command {
  name: string;
  alias?: string;
  /** Arguments, as help shows them. */
  usage: string;
  summary: string;
  example: string;
  /** An empty line at a prompt does it again. */
  repeats?: boolean;
  run(context: Context, args: string, format: string): void | Promise<void>;
}

const MAX_STEPS = 1_000_000_000;
const LISTED = 12;

export const COMMANDS: readonly Command[] = [
  {
    name: 'step',
    alias: 's',
    usage: '[N]',
    summary: 'one instruction, or N; an interrupt that is delivered counts as one',
    example: 'step 10',
    repeats: true,
    run: (c, args) => runAndTell(c, c.control.step(count(args, 1, MAX_STEPS), c.limit)),
  },
  {
    name: 'next',
    alias: 'n',
    usage: '',
    summary: 'one instruction, but all of what it calls (CALL, INT n) or repeats (REP)',
    example: 'next',
    repeats: true,
    run: alone(c => runAndTell(c, c.control.next(c.limit))),
  },
  {
    name: 'finish',
    usage: '',
    summary: 'run until the current function has returned',
    example: 'finish',
    run: alone(c => runAndTell(c, c.control.finish(c.limit))),
  },
  {
    name: 'continue',
    alias: 'c',
    usage: '[CYCLES]',
    summary: 'run until something stops the guest, at most that many cycles',
    example: 'continue 1000000',
    repeats: true,
    run: (c, args) => runAndTell(c, c.control.continue(args ? count(args, 1, 2 ** 50) : c.limit)),
  },
  {
    name: 'until',
    alias: 'u',
    usage: 'LOCATION',
    summary: 'run until LOCATION is reached, or something else stops the guest',
    example: 'until nooks_enter_domain',
    run: (c, args) => runAndTell(c, c.control.runTo(location(c.target, args), c.limit)),
  },
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
  {
    name: 'info',
    alias: 'i',
    usage: 'breakpoints | symbol ADDRESS | line LOCATION',
    summary: 'what stops the guest; what an address is called; where its source is',
    example: 'info symbol 0xc0100040',
    run: info,
  },
  {
    name: 'regs',
    alias: 'r',
    usage: '',
    summary: 'all registers: EFLAGS and control registers by bit, segments with base, limit and attributes',
    example: 'regs',
    run: alone(c => c.write(registersText(c.target))),
  },
  {
    name: 'x',
    usage: '/FMT ADDRESS',
    summary: 'memory: a count, a format of x d u c s i, a size of b h w; without ADDRESS goes on',
    example: 'x/8xw $esp',
    repeats: true,
    run: (c, args, format) => show(c, args, format, false),
  },
  {
    name: 'xp',
    usage: '/FMT PHYSICAL',
    summary: 'the same for a physical address',
    example: 'xp/4xw $cr3',
    repeats: true,
    run: (c, args, format) => show(c, args, format, true),
  },
  {
    name: 'print',
    alias: 'p',
    usage: 'EXPRESSION',
    summary:
      'the value of an address expression: numbers, $registers and symbols with + and -; *E is the dword at E',
    example: 'print *current_task',
    run(c, args) {
      const value = evaluate(c.target, args);
      c.write(
        `0x${hex8(value)} ${value}${c.target.symbolAt(value) ? ` <${c.target.symbolAt(value)}>` : ''}\n`,
      );
    },
  },
  {
    name: 'disas',
    usage: '[LOCATION]',
    summary: 'the function there, with source lines; from there on where no function is known',
    example: 'disas nooks_enter_domain',
    run: (c, args) => c.write(listing(c.target, args ? location(c.target, args) : c.target.pc(), LISTED)),
  },
  {
    name: 'bt',
    alias: 'where',
    usage: '',
    summary: 'the chain of calls, across domains and traps as far as frame pointers lead',
    example: 'bt',
    run: alone(c => c.write(backtraceText(c.target))),
  },
  {
    name: 'walk',
    usage: 'ADDRESS [CR3 | DOMAIN]',
    summary: 'the page-table walk level by level, the permission that results, and what the TLBs hold',
    example: 'walk current_task 1',
    run: walkCommand,
  },
  {
    name: 'tlb',
    usage: '[NAME]',
    summary: 'entries of each TLB, the last used first, and what it would hold had no switch flushed it',
    example: 'tlb dtlb',
    run(c, args) {
      const text = tlbText(c.target, args || undefined);
      const names = c.target.machine.cpu.mmu.tlbs().map(t => t.name);
      if (text === undefined) throw new CommandError(`no TLB ${args}; there are: ${names.join(', ')}`);
      c.write(text);
    },
  },
  {
    name: 'cache',
    usage: '[ADDRESS | phys:ADDRESS]',
    summary: 'how full the caches are, or where in them the line of an address is',
    example: 'cache current_task',
    run: cache,
  },
  {
    name: 'domain',
    usage: '',
    summary: 'whose page directory is loaded, and all domains with their crossings',
    example: 'domain',
    run: alone(c => c.write(domainText(c.target))),
  },
  {
    name: 'modules',
    usage: '',
    summary: 'the loaded modules, where they are and in which domain',
    example: 'modules',
    run: alone(c => c.write(modulesText(c.target))),
  },
  {
    name: 'stats',
    usage: '[all]',
    summary: 'cycles by region and cause, and counters, since the last look; all: since reset',
    example: 'stats',
    run(c, args) {
      if (args !== '' && args !== 'all') throw new CommandError('stats takes nothing, or all');
      c.write(c.statistics.text(args === ''));
    },
  },
  {
    name: 'events',
    usage: '',
    summary: 'what the devices are about to do, by the clock',
    example: 'events',
    run: alone(c => c.write(eventsText(c.target))),
  },
  {
    name: 'help',
    alias: 'h',
    usage: '[COMMAND]',
    summary: 'this, or one command',
    example: 'help walk',
    run: help,
  },
  {
    name: 'quit',
    alias: 'q',
    usage: '',
    summary: 'leave the debugger',
    example: 'quit',
    run: alone(c => c.quit()),
  },
];

/** A whole number in a range. */
function count(text: string, least: number, most: number): number {
  if (text === '') return 1;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new CommandError(`not a number from ${least} to ${most}: ${text}`);
  return value;
}

/** For a command that takes no arguments. */
function alone(run: (c: Context) => void | Promise<void>): Command['run'] {
  return (c, args) => {
    if (args !== '') throw new CommandError(`too much: ${args}`);
    return run(c);
  };
}

function place(target: Target, address: number): string {
  const source = target.sourceAt(address);
  return target.describe(address) + (source ? ` at ${source}` : '');
}

/** `phys:` before an address; then the rest. */
function physicalOr(text: string): [physical: boolean, rest: string] {
  return text.startsWith('phys:') ? [true, text.slice(5)] : [false, text];
}

function watch(c: Context, args: string): void {
  const [physical, rest] = physicalOr(args);
  const [, where, length] = /^(.+?)(?:\s+(\d+))?$/.exec(rest) ?? [];
  if (where === undefined) throw new CommandError('watch needs an address');
  const address = evaluate(c.target, where);
  const point = c.control.addWatchpoint(address, length ? count(length, 1, 65536) : 4, physical, args);
  const at = physical ? `physical ${hex8(address)}` : c.target.describe(address);
  c.write(`watchpoint ${point.id} at ${at}, ${point.length} byte${point.length > 1 ? 's' : ''}\n`);
}

function info(c: Context, args: string): void {
  const [what, ...rest] = args.split(/\s+/);
  const is = (name: string) => what !== '' && name.startsWith(what);
  if (is('breakpoints') || is('watchpoints')) return c.write(pointsText(c));
  const where = rest.join(' ');
  if (is('symbol')) {
    const address = evaluate(c.target, where);
    const name = c.target.symbolAt(address);
    return c.write(name ? `${hex8(address)} is ${name}\n` : `no symbol holds ${hex8(address)}\n`);
  }
  if (is('line')) return c.write(`${place(c.target, location(c.target, where))}\n`);
  if (is('registers')) return c.write(registersText(c.target));
  throw new CommandError('info breakpoints, info symbol ADDRESS or info line LOCATION');
}

function show(c: Context, args: string, format: string, physical: boolean): void {
  const parsed = parseFormat(format, c.examined.format);
  const address =
    args === '' && physical === c.examined.physical ? c.examined.next : evaluate(c.target, args);
  const { text, next } = examine(c.target, address, parsed, physical);
  c.examined = { format: parsed, next, physical };
  c.write(text);
}

/** Domain numbers are small and directories are page-aligned, so one argument names either. */
const HIGHEST_DOMAIN = 16;

function walkCommand(c: Context, args: string): void {
  const words = args.split(/\s+/);
  if (words.length > 2) throw new CommandError('walk ADDRESS [CR3 | DOMAIN]');
  const address = evaluate(c.target, words[0]);
  let cr3 = words[1] === undefined ? c.target.machine.cpu.cr3 : evaluate(c.target, words[1]);
  if (cr3 > 0 && cr3 <= HIGHEST_DOMAIN) {
    const directory = directoryOf(c.target, cr3);
    if (directory === undefined) throw new CommandError(`no domain ${cr3}`);
    cr3 = directory;
  }
  c.write(walkText(c.target, address, cr3, owner(c.target, cr3)));
}

function cache(c: Context, args: string): void {
  if (args === '') return c.write(cacheText(c.target));
  const [physical, rest] = physicalOr(args);
  const address = evaluate(c.target, rest);
  const at = physical ? address : c.target.machine.cpu.mmu.peekTranslate(address | 0);
  if (at < 0) throw new CommandError(`${hex8(address)} is not mapped`);
  c.write(cacheText(c.target, at));
}

function help(c: Context, args: string): void {
  if (args === '') {
    c.write(
      table(
        COMMANDS.map(({ name, usage, summary }) => [`${name} ${usage}`.trimEnd(), summary]),
        [0, 1],
      ),
    );
    return;
  }
  const { name, alias, usage, summary, example } = findCommand(args);
  c.write(`${`${name} ${usage}`.trimEnd()}${alias ? ` (${alias})` : ''}: ${summary}\nexample: ${example}\n`);
}

/** The command of that name, alias or unique beginning of a name. Throws a CommandError. */
export function findCommand(word: string): Command {
  const exact = COMMANDS.find(c => c.name === word || c.alias === word);
  if (exact) return exact;
  const found = COMMANDS.filter(c => c.name.startsWith(word));
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new CommandError(`no command ${word}; help lists them`);
  throw new CommandError(`${word} may be ${found.map(c => c.name).join(', ')}`);
}
