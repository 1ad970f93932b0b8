/** `modules`: what the kernel's loader has loaded (kernel/include/linux/module.h), and of one module its sections. */
import { SHF_ALLOC } from '../../guest/elf.ts';
import { CommandError } from '../error.ts';
import type { Target } from '../target.ts';
import { hex8, table } from '../text.ts';
import { type Struct, Structs } from './structs.ts';

const MAX_MODULES = 64;
const MAX_SECTIONS = 256;
/** MODULE_*. */
const STATES = ['loading', 'live', 'going'];

export interface ModuleView {
  name: string;
  state: string;
  /** 0: in the kernel. */
  domain: number;
  text: [start: number, end: number];
  base: number;
  size: number;
  uses: number;
  /** Of the loaded ones, where they are; names only where the file is known. */
  sections: { name: string; address: number; size: number }[];
  init: number;
  cleanup: number;
}

export function modules(target: Target): { modules: ModuleView[]; broken: boolean } {
  const structs = Structs.of(target);
  const head = target.paging() && structs.ours ? structs.global('module_list')?.value : undefined;
  if (head === undefined || head < 0) return { modules: [], broken: false };
  const { items, more, broken } = structs.chain(head, 'struct module', 'next', MAX_MODULES);
  return { modules: items.map(m => moduleOf(target, m)), broken: more || broken };
}

function moduleOf(target: Target, m: Struct): ModuleView {
  const name = m.text('name');
  return {
    name,
    state: STATES[m.number('state')] ?? '?',
    domain: m.number('domain_id'),
    text: [m.number('text_start'), m.number('text_end')],
    base: m.number('base'),
    size: m.number('size'),
    uses: m.number('use_count') | 0,
    sections: sectionsOf(target, name, m),
    init: m.number('init'),
    cleanup: m.number('cleanup'),
  };
}

function sectionsOf(target: Target, name: string, m: Struct): ModuleView['sections'] {
  const elf = target.images.loaded().find(image => image.name === `${name}.ko`)?.elf;
  const [addresses, count] = [m.number('section_addr'), m.number('section_count')];
  if (addresses <= 0 || count <= 0) return [];
  const words = [...m.structs.words(addresses, Math.min(count, MAX_SECTIONS))];
  return words.flatMap((address, n) => {
    const section = elf?.sections[n];
    if (address === 0 || (section && !(section.flags & SHF_ALLOC))) return [];
    return [{ name: section?.name ?? `section ${n}`, address, size: section?.size ?? -1 }];
  });
}

export function modulesText(target: Target): string {
  const { modules: list, broken } = modules(target);
  if (list.length === 0) return broken ? 'the list of modules is broken\n' : 'no modules\n';
  const rows = list.map(m => [
    m.name,
    `text ${range(...m.text)}`,
    `image ${at(m.base)}+${m.size < 0 ? '?' : m.size.toString(16)}`,
    m.state,
    `${m.uses} uses`,
    m.domain === 0 ? 'in the kernel' : `domain ${m.domain < 0 ? '?' : m.domain}`,
  ]);
  return table(rows, [0, 1, 2, 3, 4, 5]) + (broken ? 'the list of modules is broken here\n' : '');
}

/** One module: its sections, and the functions and variables that its file has for others. Throws a CommandError. */
export function moduleText(target: Target, name: string): string {
  const m = modules(target).modules.find(m => m.name === name || `${m.name}.ko` === name);
  if (!m) throw new CommandError(`no module ${name}`);
  const where = m.domain === 0 ? 'in the kernel' : `domain ${m.domain}`;
  const sections = m.sections.map(s => [
    `  ${s.name}`,
    s.size < 0 ? at(s.address) : range(s.address, s.address + s.size),
    s.size < 0 ? '' : `${s.size} bytes`,
  ]);
  const text = `${m.name}, ${m.state}, ${m.uses} uses, ${where}; init ${symbol(target, m.init)}, cleanup ${symbol(target, m.cleanup)}\n`;
  return `${text}sections\n${table(sections, [0, 1])}global symbols\n${exportsText(target, m)}`;
}

function exportsText(target: Target, m: ModuleView): string {
  const found = target.symbols.all().filter(s => s.global && s.image === `${m.name}.ko`);
  return table(
    found.map(s => [`  ${s.name}`, hex8(s.start), `${s.end - s.start} bytes`]),
    [0, 1],
  );
}

const at = (n: number) => (n < 0 ? '?' : hex8(n));
const range = (from: number, to: number) => `${at(from)}-${at(to)}`;

function symbol(target: Target, address: number): string {
  return address <= 0 ? 'none' : target.describe(address);
}
