/**
 * The guest's C structures, read by name: where their members lie is debug information's to say (source/layout.ts), so
 * nothing here knows an offset. What the guest holds is believed to be numbers only: what cannot be read is -1 or
 * undefined, and lists end after `most` members or where they bite their tail.
 */
import { AT } from '../../guest/dwarf/constants.ts';
import { indexedAddress } from '../../guest/dwarf/forms.ts';
import { type CType, resolve, sizeOf, typeOfDie } from '../../guest/dwarf/types.ts';
import type { Die } from '../../guest/dwarf/units.ts';
import { CommandError } from '../error.ts';
import { type Layout, layoutOf } from '../source/layout.ts';
import { Source } from '../source/source.ts';
import type { Target } from '../target.ts';

const DW_OP_ADDR = 0x03;
const DW_OP_ADDRX = 0xa1;
/** Longest text that is read of a `char *` or array. */
const MAX_TEXT = 128;
export const MAX_LIST = 4096;

const structsByTarget = new WeakMap<Target, Structs>();

/** Members of a list; `more`: it goes on, `broken`: it leaves what can be read, or does not come back. */
export interface List {
  items: Struct[];
  more: boolean;
  broken: boolean;
}

export class Structs {
  readonly target: Target;
  private readonly source: Source;
  private readonly variables = new Map<string, { address: number; type: CType } | undefined>();
  private readonly types = new Map<string, CType>();
  private readonly layouts = new WeakMap<CType, Layout>();

  private constructor(target: Target) {
    this.target = target;
    this.source = new Source(target);
  }

  static of(target: Target): Structs {
    let structs = structsByTarget.get(target);
    if (!structs) structsByTarget.set(target, (structs = new Structs(target)));
    return structs;
  }

  /** Does the guest have our kernel's tasks, as far as debug information and symbols tell? */
  get ours(): boolean {
    return this.variable('current_task') !== undefined && this.variable('nooks_domains') !== undefined;
  }

  /** A struct of that type (`struct x`) at an address. Throws a CommandError if there is no such type. */
  at(type: string, address: number): Struct {
    let found = this.types.get(type);
    if (!found) {
      this.source.layout(type);
      this.types.set(type, (found = this.source.names.complete(this.source.names.type(type)!)));
    }
    return new Struct(this, found, address);
  }

  /** The variable of file scope of that name, in the file whose path ends so; undefined if there is none. */
  global(name: string, file = ''): Struct | undefined {
    const found = this.variable(name, file);
    return found && new Struct(this, found.type, found.address);
  }

  /** The address that a global pointer or array begins at, and its type. */
  variable(name: string, file = ''): { address: number; type: CType } | undefined {
    const key = `${file}:${name}`;
    if (!this.variables.has(key)) this.variables.set(key, this.findVariable(name, file));
    return this.variables.get(key);
  }

  /** Names of an enumeration's values, by value, without `prefix`. */
  enumeration(name: string, prefix = ''): Map<number, string> {
    const type = this.source.names.type(`enum ${name}`);
    const bare = type && this.source.names.complete(type);
    if (bare?.kind !== 'enum') return new Map();
    return new Map(
      bare.values.map(v => [
        Number(v.value),
        v.name.startsWith(prefix) ? v.name.slice(prefix.length) : v.name,
      ]),
    );
  }

  layout(type: CType): Layout {
    let layout = this.layouts.get(type);
    if (!layout) {
      const found = layoutOf(type, 'name' in type ? (type.name ?? '') : '', this.source.names.complete);
      const fields = new Map<string, ReturnType<Layout['field']>>();
      const field = (path: string) => {
        let at = fields.get(path);
        if (!at) fields.set(path, (at = found.field(path)));
        return at;
      };
      this.layouts.set(type, (layout = { size: found.size, field }));
    }
    return layout;
  }

  complete(type: CType): CType {
    return this.source.names.complete(type);
  }

  /** Unsigned, little-endian, up to eight bytes; -1 where it cannot be read. */
  number(address: number, size: number): number {
    if (size !== 8) return this.target.value(address >>> 0, Math.min(size, 4));
    const low = this.target.value(address >>> 0, 4);
    const high = this.target.value((address + 4) >>> 0, 4);
    return low < 0 || high < 0 ? -1 : high * 2 ** 32 + low;
  }

  /** Text up to a NUL; undefined where not even its first byte can be read. Unprintable bytes become dots. */
  text(address: number, most = MAX_TEXT): string | undefined {
    let text = '';
    for (let n = 0; n < most; n++) {
      const byte = this.target.byte((address + n) >>> 0);
      if (byte < 0) return n === 0 ? undefined : text;
      if (byte === 0) break;
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    }
    return text;
  }

  /** Dwords from a linear address as far as they can be read. */
  words(address: number, count: number): Uint32Array {
    const words = new Uint32Array(count);
    const { mmu } = this.target.machine.cpu;
    for (let n = 0; n < count; ) {
      const at = (address + 4 * n) >>> 0;
      const pa = mmu.peekTranslate(at | 0);
      if (pa < 0 || at & 3) return words.subarray(0, n);
      for (let left = (0x1000 - (at & 0xfff)) >> 2; left > 0 && n < count; left--, n++) {
        const value = this.target.value(pa + (((address + 4 * n) >>> 0) - at), 4, true);
        if (value < 0) return words.subarray(0, n);
        words[n] = value;
      }
    }
    return words;
  }

  /** The members of a circular list (`struct list_head`) that begins at `head`, linked by `link` of structs `type`. */
  list(head: number, type: string, link: string, most = MAX_LIST): List {
    const { offset } = this.at(type, 0).layout.field(`${link}.next`);
    return this.follow(this.number(head, 4), at => at !== head, type, offset, most);
  }

  /** A list whose members' `next` leads to the next one's start, ended by 0. */
  chain(first: number, type: string, next: string, most = MAX_LIST): List {
    const { offset } = this.at(type, 0).layout.field(next);
    return this.follow(first, at => at !== 0, type, offset, most, 0);
  }

  private follow(
    first: number,
    goesOn: (at: number) => boolean,
    type: string,
    offset: number,
    most: number,
    back = offset,
  ): List {
    const items: Struct[] = [];
    const seen = new Set<number>();
    let at = first;
    while (goesOn(at)) {
      if (at <= 0 || seen.has(at)) return { items, more: false, broken: true };
      if (items.length === most) return { items, more: true, broken: false };
      seen.add(at);
      const item = this.at(type, (at - back) >>> 0);
      const next = this.number(item.address + offset, 4);
      if (next < 0) return { items, more: false, broken: true };
      items.push(item);
      at = next;
    }
    return { items, more: false, broken: false };
  }

  private findVariable(name: string, file: string): { address: number; type: CType } | undefined {
    for (const { die, image } of this.source.names.variables(name)) {
      // A module or program may well have a variable of the same name.
      if (image !== this.target.images.main) continue;
      const unit = die.unit.root().name() ?? '';
      if (!unit.endsWith(file)) continue;
      const address = addressOf(die);
      const type = address === undefined ? undefined : this.typeOf(die);
      if (address !== undefined && type) return { address, type };
    }
    return undefined;
  }

  private typeOf(die: Die): CType {
    return resolve(this.source.names.complete(typeOfDie(die)));
  }
}

/** A struct (or array, or pointer) of a known type at an address. */
export class Struct {
  readonly structs: Structs;
  readonly type: CType;
  readonly address: number;

  constructor(structs: Structs, type: CType, address: number) {
    this.structs = structs;
    this.type = type;
    this.address = address >>> 0;
  }

  get layout(): Layout {
    return this.structs.layout(this.type);
  }

  get size(): number {
    return sizeOf(this.type);
  }

  /** The unsigned number in a member; -1 where it cannot be read. */
  number(path: string): number {
    const { offset, size } = this.layout.field(path);
    return this.structs.number(this.address + offset, size);
  }

  /** Where a member lies. */
  place(path: string): number {
    return (this.address + this.layout.field(path).offset) >>> 0;
  }

  /** The text in a char array, or behind a `char *`. */
  text(path: string): string {
    const { offset, size, type } = this.layout.field(path);
    const bare = resolve(type);
    const at = bare.kind === 'pointer' ? this.number(path) : this.address + offset;
    if (at <= 0) return '?';
    return this.structs.text(at, bare.kind === 'pointer' ? MAX_TEXT : size) ?? '?';
  }

  /** What a member is, or points to; undefined for a pointer that is 0 or cannot be read. */
  to(path: string): Struct | undefined {
    const { offset, type } = this.layout.field(path);
    const bare = resolve(type);
    if (bare.kind !== 'pointer')
      return new Struct(this.structs, this.structs.complete(bare), this.address + offset);
    const at = this.number(path);
    return at > 0 ? new Struct(this.structs, this.structs.complete(bare.to), at) : undefined;
  }

  /** Of an array: its elements, at most `most`. */
  elements(most = MAX_LIST): Struct[] {
    const bare = resolve(this.type);
    if (bare.kind !== 'array') throw new CommandError('not an array');
    const of = this.structs.complete(bare.of);
    const size = sizeOf(of);
    return Array.from(
      { length: Math.min(bare.count ?? 0, most) },
      (_, n) => new Struct(this.structs, of, this.address + n * size),
    );
  }

  /** Of a scalar or pointer itself: its value. */
  get value(): number {
    return this.structs.number(this.address, this.size);
  }

  /** Of a pointer itself: what it points to. */
  get target(): Struct | undefined {
    const bare = resolve(this.type);
    const at = this.value;
    if (bare.kind !== 'pointer' || at <= 0) return undefined;
    return new Struct(this.structs, this.structs.complete(bare.to), at);
  }

  /** Names of the members, in order. */
  members(): string[] {
    const bare = resolve(this.type);
    return bare.kind === 'struct' ? bare.members.map(m => m.name) : [];
  }
}

/** Of a variable with a place of its own for the whole run. */
function addressOf(die: Die): number | undefined {
  const block = die.block(AT.location);
  if (block?.[0] === DW_OP_ADDR && block.length === 5)
    return new DataView(block.buffer, block.byteOffset).getUint32(1, true);
  if (block?.[0] !== DW_OP_ADDRX) return undefined;
  let [index, shift] = [0, 0];
  for (const byte of block.subarray(1, 5)) {
    index |= (byte & 0x7f) << shift;
    shift += 7;
    if (!(byte & 0x80)) break;
  }
  return indexedAddress(die.unit, index);
}
