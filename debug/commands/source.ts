/** Commands for code, names and values. */
import { type Command, type Context, place } from '../command.ts';
import { listing } from '../disassembly.ts';
import { CommandError } from '../error.ts';
import { evaluate, location } from '../expression.ts';
import { registersText } from '../registers.ts';
import { FORMATS } from '../source/print.ts';
import { linesText, variablesText } from '../source/show.ts';
import { pointsText } from '../stops.ts';
import { hex8 } from '../text.ts';
import { chosen } from './frames.ts';
import { historyText } from './reverse.ts';

const LISTED = 12;
/** Lines that `list` shows. */
const LINES = 10;

export const SOURCE: readonly Command[] = [
  {
    name: 'info',
    alias: 'i',
    usage:
      'breakpoints | registers | history | frame | args | locals | scope LOCATION | symbol ADDRESS | line LOCATION',
    summary:
      'what stops the guest; the frame and its variables; what an address is called; where its source is',
    example: 'info locals',
    complete: 'breakpoints|registers|history|frame|args|locals|scope|symbol|line location',
    run: info,
  },
  {
    name: 'print',
    alias: 'p',
    usage: '[/FMT] [EXPRESSION]',
    summary: `the value of a C expression ($1, $$, FILE.c::NAME, A[0]@4 too); FMT is one of ${[...FORMATS].join(' ')}`,
    example: 'print *skb',
    complete: 'expression',
    run: print,
  },
  {
    name: 'set',
    usage: 'var EXPRESSION',
    summary: 'change the guest by an assignment; what came after this moment is forgotten',
    example: 'set var skb->len = 60',
    complete: 'var expression',
    run(c, args) {
      const [, text] = /^var(?:iable)?\s+(.+)$/s.exec(args) ?? [];
      if (text === undefined) throw new CommandError('set var EXPRESSION');
      c.source.look(text);
    },
  },
  {
    name: 'ptype',
    usage: '[/o] TYPE | EXPRESSION',
    summary: 'the definition of a type, or of what an expression is; /o: with offsets and sizes',
    example: 'ptype/o struct sk_buff',
    complete: 'expression',
    run(c, args, format) {
      if (format !== '' && format !== 'o') throw new CommandError('ptype or ptype/o');
      c.write(
        `${format ? '/* offset      |    size */  ' : ''}type = ${c.source.definition(args, format === 'o')}\n`,
      );
    },
  },
  {
    name: 'whatis',
    usage: 'EXPRESSION',
    summary: 'the type of an expression',
    example: 'whatis skb->dev',
    complete: 'expression',
    run: (c, args) => c.write(`type = ${c.source.typeOf(args)}\n`),
  },
  {
    name: 'list',
    alias: 'l',
    usage: '[LOCATION | LINE | LINE,LINE | -]',
    summary: 'the source around a place, by default of the frame; again: what follows; -: what comes before',
    example: 'list e1000_xmit_frame',
    complete: 'location',
    repeats: 'on',
    run: list,
  },
  {
    name: 'disas',
    usage: '[LOCATION]',
    summary: 'the function there, with source lines; from there on where no function is known',
    example: 'disas nooks_enter_domain',
    complete: 'location',
    run: (c, args) => c.write(listing(c.target, args ? location(c.target, args) : chosen(c).pc, LISTED)),
  },
];

/** FILE:LINE and names of one module are no C, but places in the code. */
const PLACE = /^\*?[\w./-]+\.\w+:\d+$|^[\w.-]+\.ko:\w+/;

function print(c: Context, args: string, format: string): void {
  if (format.length > 1 || !(FORMATS.includes(format) || format === ''))
    throw new CommandError(`format ${format}: one of ${[...FORMATS].join(' ')}`);
  if (PLACE.test(args)) return c.write(`${c.target.describe(evaluate(c.target, args))}\n`);
  const { value, isType } = c.source.look(args === '' ? '$' : args);
  if (isType) throw new CommandError(`${args} is a type: ptype ${args}`);
  const text = c.source.text(value, format ? { format } : {});
  c.write(`$${c.source.keep(value)} = ${text}\n`);
}

function list(c: Context, args: string): void {
  const { file, from, to } = span(c, args);
  c.write(linesText(c.source, file, from, to));
  c.listed = { file, from, to, moment: c.selection.moment() };
}

/** Which lines are meant. Throws a CommandError. */
function span(c: Context, args: string): { file: string; from: number; to: number } {
  const around = (file: string, line: number) => {
    const from = Math.max(1, line - LINES / 2);
    return { file, from, to: from + LINES - 1 };
  };
  const here = () => {
    const { file, line } = chosen(c);
    if (!file || !line) throw new CommandError('no source is known for this place');
    return { file, line };
  };
  const listed = c.listed?.moment === c.selection.moment() ? c.listed : undefined;
  if (args === '') {
    if (listed) return { file: listed.file, from: listed.to + 1, to: listed.to + LINES };
    const { file, line } = here();
    return around(file, line);
  }
  if (args === '-') {
    const first = listed?.from ?? Math.max(1, here().line - LINES / 2);
    if (first <= 1) throw new CommandError('this is the beginning of the file');
    return { file: listed?.file ?? here().file, from: Math.max(1, first - LINES), to: first - 1 };
  }
  const [, path, first, last] = /^(?:(.+\.\w+):)?(\d{1,7})(?:\s*,\s*(\d{1,7}))?$/.exec(args) ?? [];
  if (first !== undefined) {
    const file = path === undefined ? (listed?.file ?? here().file) : c.source.fileNamed(path);
    if (last === undefined) return around(file, Number(first));
    return { file, from: Math.max(1, Number(first)), to: Number(last) };
  }
  const found = c.source.lineAt(location(c.target, args));
  if (!found?.line) throw new CommandError(`no source is known for ${args}`);
  return around(found.file, found.line);
}

type About = (c: Context, rest: string) => string;

/** What `info` tells, by any beginning of its name. */
const ABOUT: readonly [name: string, about: About][] = [
  ['breakpoints', c => pointsText(c.target, c.control.points.all())],
  ['watchpoints', c => pointsText(c.target, c.control.points.all())],
  ['registers', c => registersText(c.target)],
  ['history', c => historyText(c)],
  ['frame', frameFacts],
  ['args', c => variablesText(chosen(c).arguments) || 'no arguments\n'],
  ['locals', c => variablesText(c.source.locals(chosen(c))) || 'no locals\n'],
  ['scope', (c, rest) => c.source.scopeText(location(c.target, rest))],
  ['symbol', symbol],
  ['line', (c, rest) => `${place(c.target, location(c.target, rest))}\n`],
];

function info(c: Context, args: string): void {
  const [what, ...rest] = args.split(/\s+/);
  const found = what === '' ? undefined : ABOUT.find(([name]) => name.startsWith(what));
  if (!found) throw new CommandError(`info ${ABOUT.map(([name]) => name).join(', ')}`);
  c.write(found[1](c, rest.join(' ')));
}

function symbol(c: Context, where: string): string {
  const address = evaluate(c.target, where);
  const name = c.target.symbolAt(address);
  return name ? `${hex8(address)} is ${name}\n` : `no symbol holds ${hex8(address)}\n`;
}

function frameFacts(c: Context): string {
  const frame = chosen(c);
  const outer = c.source.frames(frame.level + 2)[frame.level + 1];
  const lines = [
    `frame ${frame.level}: ${frame.function}${frame.file ? `, ${frame.file}:${frame.line ?? '?'}` : ''}`,
    `  pc ${c.target.describe(frame.pc)}; esp ${hex8(frame.esp)}; ebp ${hex8(frame.ebp)}`,
    ...(frame.inlined ? [`  inlined into frame ${frame.level + 1}`] : []),
    ...(frame.border ? [`  ${frame.border}`] : []),
    outer ? `  called by frame ${outer.level}: ${c.target.describe(outer.pc)}` : '  no caller is known',
    ...c.source.savedRegisters(frame).map(({ name, address }) => `  caller's ${name} at ${hex8(address)}`),
  ];
  return `${lines.join('\n')}\n`;
}
