/**
 * Completion: what may continue a line, by what its command takes. A row of COMPLETIONS is one kind of argument; a
 * command names one for each of its arguments (`complete`), and what is no kind is the choice itself, `in|out`.
 */
import { MILESTONES } from '../guest/milestones.ts';
import { EXCEPTIONS } from './catch.ts';
import { type Command, namesOf } from './command.ts';
import { domains } from './domains.ts';
import { CATCH_EVENTS, type CatchEvent } from './model.ts';
import type { Target } from './target.ts';
import { DEVICES } from './views/devices.ts';
import { spaceWords } from './views/spaces.ts';

/** What completion looks at. */
export interface Completer {
  target: Target;
  commands: readonly Command[];
  find(word: string): Command;
  /** Names of the host's files that begin so; absent where there are none to be had. */
  files?(begun: string): string[];
}

/** `words` may stand for what is typed from `from` on. */
export interface Completion {
  from: number;
  words: string[];
}

const MAX_WORDS = 200;
/** What stands at the end of an expression: a name, a register, a file and a line. */
const LAST_NAME = /[$\w.:/-]*$/;
const REGISTERS = 'eax ecx edx ebx esp ebp esi edi eip eflags cr0 cr2 cr3 cr4 pc sp'.split(' ');

type Complete = (begun: string, c: Completer, before: readonly string[]) => readonly string[];

const COMPLETIONS: Readonly<Record<string, Complete>> = {
  command: (_, c) => c.commands.flatMap(namesOf),
  file: (begun, c) => c.files?.(begun) ?? [],
  location: (begun, { target }, before) =>
    ['domain', 'if'].includes(before.at(-1) ?? '') ? domainNames(target) : places(begun, target),
  expression: (begun, { target }) =>
    begun.startsWith('$') ? REGISTERS.map(name => `$${name}`) : symbols(begun, target),
  register: () => REGISTERS.map(name => `$${name}`),
  event: () => [...CATCH_EVENTS],
  filter: (_, { target }, before) => FILTERS[before[0] as CatchEvent]?.(target) ?? [],
  domain: (_, { target }) => domainNames(target),
  space: (_, { target }) => spaceWords(target),
  module: (_, { target }) => modules(target),
  tlb: (_, { target }) => target.machine.cpu.mmu.tlbs().map(t => t.name),
  device: () => DEVICES,
  program: (_, { target }) => target.session?.programs() ?? [],
};

const IRQS = Array.from({ length: 16 }, (_, n) => `irq${n}`);

/** What of an event may be caught alone. */
const FILTERS: Readonly<Record<CatchEvent, (target: Target) => readonly string[]>> = {
  exception: () => EXCEPTIONS,
  interrupt: () => IRQS,
  syscall: target => target.symbols.functions().flatMap(f => (f.name.startsWith('sys_') ? f.name : [])),
  xpc: () => ['in', 'out'],
  domain: domainNames,
  'tlb-miss': () => ['itlb', 'dtlb', 'switch'],
  'tlb-flush': () => ['all', 'page'],
  load: modules,
  unload: modules,
  recovery: target => [...MILESTONES, ...modules(target)],
};

export function complete(line: string, c: Completer): Completion {
  const [before, last] = /^(.*?)(\S*)$/s.exec(line)!.slice(1);
  const typed = before.trim().split(/\s+/).filter(Boolean);
  if (typed.length === 0 && !last.includes('/')) {
    const words = c.commands.map(command => command.name);
    return { from: before.length, words: unique(words, last) };
  }
  const kinds = kindsOf(typed[0] ?? '', c);
  const kind = kinds[Math.min(typed.length, kinds.length) - 1];
  if (kind === undefined) return { from: line.length, words: [] };
  const begun = kind === 'file' || kind.includes('|') ? last : LAST_NAME.exec(last)![0];
  const words = COMPLETIONS[kind]?.(begun, c, typed.slice(1)) ?? kind.split('|');
  return { from: line.length - begun.length, words: unique(words, begun) };
}

function kindsOf(word: string, c: Completer): string[] {
  try {
    return c.find(word.replace(/\/.*$/, '')).complete?.split(' ') ?? [];
  } catch {
    return [];
  }
}

function unique(words: readonly string[], begun: string): string[] {
  return [...new Set(words.filter(word => word.startsWith(begun)))].sort().slice(0, MAX_WORDS);
}

/** Functions, source files, and behind a file's colon its lines that have code. */
function places(begun: string, target: Target): string[] {
  const [, file] = /^(.+\.\w+):\d*$/.exec(begun) ?? [];
  const tables = target.images.visible().map(image => image.lines());
  if (file !== undefined)
    return [...new Set(tables.flatMap(table => table.linesWithCode(file)))]
      .sort((a, b) => a - b)
      .map(line => `${file}:${line}`);
  const files = tables.flatMap(table => table.files());
  const names = begun.includes('/') ? files : files.map(path => path.slice(path.lastIndexOf('/') + 1));
  return [...(begun === '' ? [] : target.symbols.functions().map(s => s.name)), ...names.map(n => `${n}:`)];
}

/** Names of functions and variables; none before there is a letter to go by. */
function symbols(begun: string, target: Target): string[] {
  return begun === '' ? [] : target.symbols.all().map(s => s.name);
}

function modules(target: Target): string[] {
  return (target.session?.modules() ?? []).map(m => m.name);
}

function domainNames(target: Target): string[] {
  return ['kernel', ...domains(target).flatMap(d => [String(d.id), ...d.name.split(', ')])];
}
