/**
 * Forms of attribute values (DWARF 5, 7.5.6), the indexed ones included (7.26, 7.27).
 *
 * Left out: supplementary files; DW_FORM_indirect, which no C compiler emits.
 */
import { AT, FORM } from './constants.ts';
import type { Cursor } from './cursor.ts';
import type { Unit } from './units.ts';

/** Numbers of up to 32 bits are numbers, those of LEB128 and of 64 bits are bigints. */
export type AttributeValue = number | bigint | string | boolean | Uint8Array;

/** The value at the cursor. */
export function readForm(cursor: Cursor, form: number, unit: Unit, implicit: bigint): AttributeValue {
  switch (form) {
    case FORM.addr:
    case FORM.data4:
    case FORM.ref4:
    case FORM.refAddr:
    case FORM.secOffset:
      return cursor.u32();
    case FORM.data1:
    case FORM.ref1:
      return cursor.u8();
    case FORM.data2:
    case FORM.ref2:
      return cursor.u16();
    case FORM.data8:
    case FORM.refSig8:
      return cursor.u64();
    case FORM.ref8:
      return Number(cursor.u64());
    case FORM.udata:
      return cursor.leb64(false);
    case FORM.sdata:
      return cursor.leb64(true);
    case FORM.refUdata:
    case FORM.loclistx:
    case FORM.rnglistx:
      return cursor.uleb();
    case FORM.implicitConst:
      return implicit;
    case FORM.flag:
      return cursor.u8() !== 0;
    case FORM.flagPresent:
      return true;
    case FORM.string:
      return cursor.string();
    case FORM.strp:
      return unit.sections.reader('.debug_str').string(cursor.u32(), 'string');
    case FORM.lineStrp:
      return unit.sections.reader('.debug_line_str').string(cursor.u32(), 'string');
    case FORM.strx:
    case FORM.strx1:
    case FORM.strx2:
    case FORM.strx3:
    case FORM.strx4:
      return indexedString(unit, readIndex(cursor, form));
    case FORM.addrx:
    case FORM.addrx1:
    case FORM.addrx2:
    case FORM.addrx3:
    case FORM.addrx4:
      return indexedAddress(unit, readIndex(cursor, form));
    case FORM.data16:
      return cursor.block(16);
    case FORM.exprloc:
    case FORM.block:
      return cursor.block(cursor.uleb());
    case FORM.block1:
      return cursor.block(cursor.u8());
    case FORM.block2:
      return cursor.block(cursor.u16());
    case FORM.block4:
      return cursor.block(cursor.u32());
    default:
      return cursor.reader.fail(`form 0x${form.toString(16)} is not read`);
  }
}

function readIndex(cursor: Cursor, form: number): number {
  switch (form) {
    case FORM.strx1:
    case FORM.addrx1:
      return cursor.u8();
    case FORM.strx2:
    case FORM.addrx2:
      return cursor.u16();
    case FORM.strx3:
    case FORM.addrx3:
      return cursor.u24();
    case FORM.strx4:
    case FORM.addrx4:
      return cursor.u32();
    default:
      return cursor.uleb();
  }
}

/** Entry of .debug_str_offsets (7.26); its header is 8 bytes where the unit names no base. */
function indexedString(unit: Unit, index: number): string {
  const base = sectionBase(unit, AT.stringOffsetsBase) ?? 8;
  const at = unit.sections.reader('.debug_str_offsets').u32(base + 4 * index, 'string offset');
  return unit.sections.reader('.debug_str').string(at, 'string');
}

/** Entry of .debug_addr (7.27). */
export function indexedAddress(unit: Unit, index: number): number {
  const base = sectionBase(unit, AT.addressBase) ?? 8;
  return unit.sections.reader('.debug_addr').u32(base + 4 * index, 'address');
}

/** A base that the unit's own entry gives for its part of another section. */
export function sectionBase(unit: Unit, attribute: number): number | undefined {
  // Of no other form: an index into the very table would lead here again.
  const head = unit.head();
  const found = head.formOf(attribute) === FORM.secOffset ? head.attribute(attribute) : undefined;
  return typeof found?.value === 'number' ? found.value : undefined;
}

/** Bytes of the forms whose size does not depend on their contents. */
const SIZES: Readonly<Record<number, number>> = {
  [FORM.addr]: 4,
  [FORM.data1]: 1,
  [FORM.data2]: 2,
  [FORM.data4]: 4,
  [FORM.data8]: 8,
  [FORM.data16]: 16,
  [FORM.flag]: 1,
  [FORM.strp]: 4,
  [FORM.lineStrp]: 4,
  [FORM.refAddr]: 4,
  [FORM.ref1]: 1,
  [FORM.ref2]: 2,
  [FORM.ref4]: 4,
  [FORM.ref8]: 8,
  [FORM.refSig8]: 8,
  [FORM.secOffset]: 4,
  [FORM.flagPresent]: 0,
  [FORM.implicitConst]: 0,
  [FORM.strx1]: 1,
  [FORM.strx2]: 2,
  [FORM.strx3]: 3,
  [FORM.strx4]: 4,
  [FORM.addrx1]: 1,
  [FORM.addrx2]: 2,
  [FORM.addrx3]: 3,
  [FORM.addrx4]: 4,
};

/** Moves behind the value at the cursor. */
export function skipForm(cursor: Cursor, form: number, version: number): void {
  const size = SIZES[form];
  if (size !== undefined) {
    cursor.at += size;
    return;
  }
  switch (form) {
    case FORM.udata:
    case FORM.sdata:
    case FORM.refUdata:
    case FORM.strx:
    case FORM.addrx:
    case FORM.loclistx:
    case FORM.rnglistx:
      cursor.uleb();
      return;
    case FORM.string:
      cursor.string();
      return;
    case FORM.exprloc:
    case FORM.block:
      cursor.skip(cursor.uleb());
      return;
    case FORM.block1:
      cursor.skip(cursor.u8());
      return;
    case FORM.block2:
      cursor.skip(cursor.u16());
      return;
    case FORM.block4:
      cursor.skip(cursor.u32());
      return;
    default:
      cursor.reader.fail(`form 0x${form.toString(16)} of version ${version} is not read`);
  }
}
