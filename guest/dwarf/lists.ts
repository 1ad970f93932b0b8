/**
 * Ranges and location lists: .debug_ranges and .debug_loc of version 4 (2.17.3, 2.6.2), .debug_rnglists and
 * .debug_loclists of version 5 (7.25, 7.29). All give half-open ranges of addresses.
 */
import { AT, FORM } from './constants.ts';
import { Cursor } from './cursor.ts';
import { indexedAddress, sectionBase } from './forms.ts';
import { type Attribute, type Die, isLoaded, type Unit } from './units.ts';

export interface Range {
  low: number;
  /** First address behind it. */
  high: number;
}

export interface Located extends Range {
  expression: Uint8Array;
}

/** Chooses a new base (version 4). */
const BASE_SELECTION = 0xffff_ffff;
const MAX_ENTRIES = 65536;

/** Kinds of entries (7.25, 7.29): those of location lists and of range lists, which differ from 4 on. */
const LLE = {
  end: 0,
  basex: 1,
  startxEndx: 2,
  startxLength: 3,
  offsetPair: 4,
  default: 5,
  base: 6,
  startEnd: 7,
  startLength: 8,
};
const RLE = {
  end: 0,
  basex: 1,
  startxEndx: 2,
  startxLength: 3,
  offsetPair: 4,
  base: 5,
  startEnd: 6,
  startLength: 7,
};

/** Where an entry's code lies; none for a declaration or code that was not loaded. */
export function rangesOf(die: Die): Range[] {
  const ranges = die.attribute(AT.ranges);
  const found = ranges ? rangeList(die.unit, ranges) : lowHigh(die);
  return found.filter(r => isLoaded(r.low) && r.high > r.low);
}

function lowHigh(die: Die): Range[] {
  const low = die.address(AT.lowPc);
  const high = die.attribute(AT.highPc);
  if (low === undefined || high === undefined || typeof high.value === 'string') return [];
  // An address, or since version 4 a length.
  const end = die.address(AT.highPc) ?? low + Number(high.value);
  return Number.isSafeInteger(end) ? [{ low, high: end }] : [];
}

function rangeList(unit: Unit, { form, value }: Attribute): Range[] {
  if (typeof value !== 'number') return [];
  if (unit.version < 5) return pairs(unit, '.debug_ranges', value, () => undefined);
  return entries(
    unit,
    '.debug_rnglists',
    listAt(unit, '.debug_rnglists', AT.rangeListsBase, form, value),
    RLE,
  );
}

/**
 * The expression that says where something lies while the program counter is at `pc`; undefined while it is nowhere.
 * `attribute` is an expression or a list of them.
 */
export function locationAt(unit: Unit, attribute: Attribute, pc: number): Uint8Array | undefined {
  if (attribute.value instanceof Uint8Array) return attribute.value;
  return locationList(unit, attribute).find(l => pc >= l.low && pc < l.high)?.expression;
}

/** All entries of a location list, in order; a default entry holds everywhere, so it comes last. */
export function locationList(unit: Unit, { form, value }: Attribute): Located[] {
  if (typeof value !== 'number') return [];
  if (unit.version < 5) return pairs(unit, '.debug_loc', value, c => c.block(c.u16())) as Located[];
  const at = listAt(unit, '.debug_loclists', AT.locationListsBase, form, value);
  return entries(unit, '.debug_loclists', at, LLE, c => c.block(c.uleb())) as Located[];
}

/** A list's offset in its section: as written, or by its index in the table of offsets (7.28). */
function listAt(unit: Unit, section: string, baseAttribute: number, form: number, value: number): number {
  if (form !== FORM.loclistx && form !== FORM.rnglistx) return value;
  const base = sectionBase(unit, baseAttribute) ?? 12;
  return base + unit.sections.reader(section).u32(base + 4 * value, 'list offset');
}

type Payload = (cursor: Cursor) => Uint8Array | undefined;

/** Version 4: pairs of offsets from a base, ended by two zeros. */
function pairs(
  unit: Unit,
  section: string,
  at: number,
  payload: Payload,
): (Range & { expression?: Uint8Array })[] {
  const cursor = new Cursor(unit.sections.reader(section), at);
  const found: (Range & { expression?: Uint8Array })[] = [];
  let base = unit.base();
  for (let n = 0; n < MAX_ENTRIES; n++) {
    const [low, high] = [cursor.u32(), cursor.u32()];
    if (low === 0 && high === 0) return found;
    if (low === BASE_SELECTION) base = high;
    else found.push({ low: low + base, high: high + base, expression: payload(cursor) });
  }
  return cursor.reader.fail(`a list of more than ${MAX_ENTRIES} entries`);
}

/** Version 5. */
function entries(
  unit: Unit,
  section: string,
  at: number,
  kinds: { [K in keyof typeof RLE]: number } & { default?: number },
  payload: Payload = () => undefined,
): (Range & { expression?: Uint8Array })[] {
  const cursor = new Cursor(unit.sections.reader(section), at);
  const found: (Range & { expression?: Uint8Array })[] = [];
  const everywhere: typeof found = [];
  let base = unit.base();
  const add = (low: number, high: number) => found.push({ low, high, expression: payload(cursor) });
  for (let n = 0; n < MAX_ENTRIES; n++) {
    const kind = cursor.u8();
    if (kind === kinds.end) return [...found, ...everywhere];
    if (kind === kinds.basex) base = indexedAddress(unit, cursor.uleb());
    else if (kind === kinds.base) base = cursor.u32();
    else if (kind === kinds.startxEndx)
      add(indexedAddress(unit, cursor.uleb()), indexedAddress(unit, cursor.uleb()));
    else if (kind === kinds.offsetPair) add(base + cursor.uleb(), base + cursor.uleb());
    else if (kind === kinds.startEnd) add(cursor.u32(), cursor.u32());
    else if (kind === kinds.default) everywhere.push({ low: 0, high: 2 ** 32, expression: payload(cursor) });
    else if (kind === kinds.startxLength || kind === kinds.startLength) {
      const low = kind === kinds.startLength ? cursor.u32() : indexedAddress(unit, cursor.uleb());
      add(low, low + cursor.uleb());
    } else cursor.reader.fail(`list entry of kind ${kind} is not read`);
  }
  return cursor.reader.fail(`a list of more than ${MAX_ENTRIES} entries`);
}
