/**
 * Units, abbreviations and debugging information entries (DWARF 4 and 5, 2.1 and 7.5), 32-bit format, 32-bit addresses.
 * An entry's attributes are read when asked for; a unit's tree is built when first walked.
 *
 * Left out: type units and split units (passed over), supplementary files, signatures (a reference by one is none).
 */
import type { ByteReader } from '../bytes.ts';
import { AT, FORM } from './constants.ts';
import { Cursor } from './cursor.ts';
import { type AttributeValue, readForm, skipForm } from './forms.ts';
import { type DebugSections, NOWHERE } from './sections.ts';

/** DW_UT_compile; others have no code of their own or lie in other files (7.5.1). */
const UNIT_COMPILE = 1;
/** More nesting than any compiler's; a hostile tree is cut there. */
const MAX_DEPTH = 256;
/** References in a row (type of type, origin of origin). */
export const MAX_CHAIN = 64;

export interface AttributeSpec {
  attribute: number;
  form: number;
  /** DW_FORM_implicit_const. */
  implicit: bigint;
}

export interface Abbreviation {
  tag: number;
  children: boolean;
  attributes: AttributeSpec[];
}

export interface Attribute {
  form: number;
  value: AttributeValue;
}

/** One compilation unit. */
export class Unit {
  readonly sections: DebugSections;
  /** Of its header in .debug_info. */
  readonly offset: number;
  readonly end: number;
  readonly version: number;
  /** Of its first entry. */
  readonly first: number;
  readonly abbreviations: ReadonlyMap<number, Abbreviation>;
  readonly reader: ByteReader;
  private tree: Die | undefined;
  private readonly dies = new Map<number, Die>();

  constructor(
    sections: DebugSections,
    header: { offset: number; end: number; version: number; first: number },
    abbreviations: ReadonlyMap<number, Abbreviation>,
  ) {
    this.sections = sections;
    this.offset = header.offset;
    this.end = header.end;
    this.version = header.version;
    this.first = header.first;
    this.abbreviations = abbreviations;
    this.reader = sections.reader('.debug_info');
  }

  /** The unit's own entry with all below it. */
  root(): Die {
    return (this.tree ??= this.build());
  }

  /** The entry at an offset in .debug_info, or undefined if none begins there. */
  die(offset: number): Die | undefined {
    this.root();
    return this.dies.get(offset);
  }

  /** The address that offsets in its lists count from (3.1.1). */
  base(): number {
    return this.head().address(AT.lowPc) ?? 0;
  }

  /** The unit's own entry, for its attributes only: builds no tree. */
  head(): Die {
    if (this.tree) return this.tree;
    const abbreviation = this.next(new Cursor(this.reader, this.first));
    return abbreviation ? new Die(this, this.first, abbreviation, undefined) : this.empty();
  }

  /**
   * Calls `visit` for each entry down to a depth, in order, without keeping any: depth 0 is the unit. For indices.
   */
  scan(deepest: number, visit: (die: Die, depth: number) => void): void {
    const cursor = new Cursor(this.reader, this.first);
    let depth = 0;
    while (cursor.at < this.end) {
      const at = cursor.at;
      const abbreviation = this.next(cursor);
      if (!abbreviation) {
        if (--depth <= 0) return;
        continue;
      }
      if (depth <= deepest) visit(new Die(this, at, abbreviation, undefined), depth);
      this.skip(cursor, abbreviation);
      if (abbreviation.children) depth++;
      else if (depth === 0) return;
    }
  }

  private build(): Die {
    const cursor = new Cursor(this.reader, this.first);
    let parent: Die | undefined;
    let root: Die | undefined;
    let depth = 0;
    while (cursor.at < this.end) {
      const at = cursor.at;
      const abbreviation = this.next(cursor);
      if (!abbreviation) {
        parent = parent?.parent;
        depth--;
        if (!parent) break;
        continue;
      }
      const die = new Die(this, at, abbreviation, parent);
      this.dies.set(at, die);
      root ??= die;
      parent?.children.push(die);
      this.skip(cursor, abbreviation);
      if (abbreviation.children) {
        parent = die;
        if (++depth > MAX_DEPTH) this.reader.fail(`entries are nested deeper than ${MAX_DEPTH}`);
      } else if (!parent) break;
    }
    return root ?? this.empty();
  }

  private empty(): never {
    return this.reader.fail(`the unit at 0x${this.offset.toString(16)} is empty`);
  }

  /** The abbreviation of the entry at the cursor, which moves behind its code; undefined ends a list of children. */
  private next(cursor: Cursor): Abbreviation | undefined {
    const code = cursor.uleb();
    if (code === 0) return undefined;
    return (
      this.abbreviations.get(code) ??
      this.reader.fail(`the unit at 0x${this.offset.toString(16)} has no abbreviation ${code}`)
    );
  }

  private skip(cursor: Cursor, abbreviation: Abbreviation): void {
    for (const { form } of abbreviation.attributes) skipForm(cursor, form, this.version);
  }
}

/** A debugging information entry. */
export class Die {
  readonly unit: Unit;
  /** In .debug_info. */
  readonly offset: number;
  readonly parent: Die | undefined;
  readonly children: Die[] = [];
  private readonly abbreviation: Abbreviation;

  constructor(unit: Unit, offset: number, abbreviation: Abbreviation, parent: Die | undefined) {
    this.unit = unit;
    this.offset = offset;
    this.abbreviation = abbreviation;
    this.parent = parent;
  }

  get tag(): number {
    return this.abbreviation.tag;
  }

  has(attribute: number): boolean {
    return this.formOf(attribute) !== undefined;
  }

  formOf(attribute: number): number | undefined {
    return this.abbreviation.attributes.find(a => a.attribute === attribute)?.form;
  }

  /** The attribute as written in this entry. */
  attribute(wanted: number): Attribute | undefined {
    if (!this.has(wanted)) return undefined;
    const cursor = new Cursor(this.unit.reader, this.offset);
    cursor.uleb();
    for (const { attribute, form, implicit } of this.abbreviation.attributes) {
      if (attribute === wanted) return { form, value: readForm(cursor, form, this.unit, implicit) };
      skipForm(cursor, form, this.unit.version);
    }
    return undefined;
  }

  /** The same, or the one of the entry that this is an instance or completion of. */
  inherited(wanted: number): Attribute | undefined {
    let die: Die | undefined = this;
    for (let n = 0; die && n < MAX_CHAIN; n++) {
      const found = die.attribute(wanted);
      if (found) return found;
      die = die.origin();
    }
    return undefined;
  }

  /** The entry that this one is an instance (DW_AT_abstract_origin) or completion of (DW_AT_specification). */
  origin(): Die | undefined {
    return this.reference(AT.abstractOrigin) ?? this.reference(AT.specification);
  }

  name(): string | undefined {
    const value = this.inherited(AT.name)?.value;
    return typeof value === 'string' ? value : undefined;
  }

  flag(attribute: number): boolean {
    return this.inherited(attribute)?.value === true;
  }

  /** A constant that fits in 32 bits, or an offset. */
  number(attribute: number): number | undefined {
    const value = this.inherited(attribute)?.value;
    return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : undefined;
  }

  block(attribute: number): Uint8Array | undefined {
    const value = this.inherited(attribute)?.value;
    return value instanceof Uint8Array ? value : undefined;
  }

  address(attribute: number): number | undefined {
    const found = this.attribute(attribute);
    if (!found) return undefined;
    return isAddress(found.form) && typeof found.value === 'number' ? found.value : undefined;
  }

  reference(attribute: number): Die | undefined {
    const found = this.attribute(attribute);
    if (!found || typeof found.value !== 'number') return undefined;
    if (found.form === FORM.refAddr) return this.elsewhere(found.value);
    if (found.form === FORM.refSig8) return undefined;
    return this.unit.die(this.unit.offset + found.value);
  }

  private elsewhere(offset: number): Die | undefined {
    return unitsOf(this.unit.sections)
      .find(u => offset >= u.offset && offset < u.end)
      ?.die(offset);
  }
}

function isAddress(form: number): boolean {
  return form === FORM.addr || form === FORM.addrx || (form >= FORM.addrx1 && form <= FORM.addrx4);
}

// ---- reading -----------------------------------------------------------------------------------------------------------

const unitsBySections = new WeakMap<DebugSections, Unit[]>();

/** The compilation units of a file, in order. Throws a GuestError. */
export function unitsOf(sections: DebugSections): Unit[] {
  let units = unitsBySections.get(sections);
  if (!units) unitsBySections.set(sections, (units = readUnits(sections)));
  return units;
}

function readUnits(sections: DebugSections): Unit[] {
  const reader = sections.reader('.debug_info');
  const tables = new Map<number, ReadonlyMap<number, Abbreviation>>();
  const units: Unit[] = [];
  for (let offset = 0; offset < reader.length; ) {
    const cursor = new Cursor(reader, offset);
    const length = cursor.u32();
    if (length >= 0xffff_fff0) reader.fail('64-bit DWARF is not read');
    const end = cursor.at + length;
    if (end > reader.length) reader.fail(`the unit at 0x${offset.toString(16)} runs past the section`);
    const version = cursor.u16();
    if (version < 4 || version > 5) reader.fail(`DWARF version ${version} is not read, only 4 and 5`);
    const kind = version >= 5 ? cursor.u8() : UNIT_COMPILE;
    if (version >= 5 && cursor.u8() !== 4) reader.fail('addresses are not 32 bits');
    const table = cursor.u32();
    if (version < 5 && cursor.u8() !== 4) reader.fail('addresses are not 32 bits');
    if (kind === UNIT_COMPILE) {
      let abbreviations = tables.get(table);
      if (!abbreviations) tables.set(table, (abbreviations = readAbbreviations(sections, table)));
      units.push(new Unit(sections, { offset, end, version, first: cursor.at }, abbreviations));
    }
    offset = end;
  }
  return units;
}

function readAbbreviations(sections: DebugSections, at: number): Map<number, Abbreviation> {
  const cursor = new Cursor(sections.reader('.debug_abbrev'), at);
  const table = new Map<number, Abbreviation>();
  for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
    const tag = cursor.uleb();
    const children = cursor.u8() !== 0;
    const attributes: AttributeSpec[] = [];
    for (;;) {
      const attribute = cursor.uleb();
      const form = cursor.uleb();
      const implicit = form === FORM.implicitConst ? cursor.leb64(true) : 0n;
      if (attribute === 0 && form === 0) break;
      attributes.push({ attribute, form, implicit });
    }
    table.set(code, { tag, children, attributes });
  }
  return table;
}

/** Is code placed there at all? */
export function isLoaded(address: number): boolean {
  return address !== NOWHERE;
}
