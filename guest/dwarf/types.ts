/**
 * C's types as debug information describes them (DWARF 5, chapter 5), made when asked for and once for an entry, so
 * that types may refer to themselves.
 *
 * Left out: what C does not have (classes, subranges with a lower bound, variant parts), complex and decimal numbers.
 */
import { AT, ATE, TAG } from './constants.ts';
import { type Die, MAX_CHAIN } from './units.ts';

export interface BaseType {
  kind: 'base';
  name: string;
  size: number;
  /** `ATE`. */
  encoding: number;
}

export interface PointerType {
  kind: 'pointer';
  size: number;
  readonly to: CType;
}

export interface Member {
  /** Empty for an unnamed struct or union, whose members are its owner's. */
  name: string;
  readonly type: CType;
  /** Bytes from the start of the struct. */
  offset: number;
  /** A bit field: its lowest bit from the start of the struct, and how many. */
  bits?: { offset: number; size: number };
}

export interface StructType {
  kind: 'struct' | 'union';
  name?: string;
  size: number;
  /** Only declared here: defined in another unit, or nowhere. */
  declaration: boolean;
  readonly members: readonly Member[];
}

export interface EnumType {
  kind: 'enum';
  name?: string;
  size: number;
  signed: boolean;
  declaration: boolean;
  readonly values: readonly { name: string; value: bigint }[];
}

export interface ArrayType {
  kind: 'array';
  readonly of: CType;
  /** Elements; undefined where nobody says. */
  count?: number;
}

export interface FunctionType {
  kind: 'function';
  readonly returns: CType;
  readonly parameters: readonly { name?: string; type: CType }[];
  variadic: boolean;
  prototyped: boolean;
}

export interface TypedefType {
  kind: 'typedef';
  name: string;
  readonly to: CType;
}

export interface QualifiedType {
  kind: 'const' | 'volatile' | 'restrict' | '_Atomic';
  readonly to: CType;
}

export interface VoidType {
  kind: 'void';
}

export type CType =
  | BaseType
  | PointerType
  | StructType
  | EnumType
  | ArrayType
  | FunctionType
  | TypedefType
  | QualifiedType
  | VoidType;

export const VOID: VoidType = { kind: 'void' };
const POINTER_SIZE = 4;
/** Greater numbers of elements or bytes are a lie. */
const MAX_COUNT = 0xffff_ffff;

export const base = (name: string, size: number, encoding: number): BaseType => ({
  kind: 'base',
  name,
  size,
  encoding,
});
export const INT = base('int', 4, ATE.signed);
export const UNSIGNED = base('unsigned int', 4, ATE.unsigned);
export const LONG_LONG = base('long long', 8, ATE.signed);
export const UNSIGNED_LONG_LONG = base('unsigned long long', 8, ATE.unsigned);
export const CHAR = base('char', 1, ATE.signedChar);

export const pointerTo = (to: CType): PointerType => ({ kind: 'pointer', size: POINTER_SIZE, to });
export const arrayOf = (of: CType, count?: number): ArrayType => ({ kind: 'array', of, count });

const made = new WeakMap<Die, CType>();

/** The type that an entry's DW_AT_type names; `void` without one. */
export function typeOfDie(die: Die): CType {
  let owner: Die | undefined = die;
  for (let n = 0; owner && n < MAX_CHAIN; n++) {
    if (owner.has(AT.type)) {
      const type = owner.reference(AT.type);
      return type ? typeAt(type) : VOID;
    }
    owner = owner.origin();
  }
  return VOID;
}

/** The type that an entry defines; `void` if it defines none. */
export function typeAt(die: Die): CType {
  let type = made.get(die);
  if (!type) made.set(die, (type = make(die)));
  return type;
}

/** The type of a subprogram's entry. */
export function functionType(die: Die): FunctionType {
  return {
    kind: 'function',
    get returns() {
      return typeOfDie(die);
    },
    get parameters() {
      const declared = die.children.some(isParameter) ? die : (die.origin() ?? die);
      return declared.children.filter(isParameter).map(p => ({ name: p.name(), type: typeOfDie(p) }));
    },
    variadic: die.children.some(c => c.tag === TAG.unspecifiedParameters),
    prototyped: die.flag(AT.prototyped),
  };
}

const isParameter = (die: Die) => die.tag === TAG.formalParameter;
const sizeOfDie = (die: Die) => clamp(die.number(AT.byteSize) ?? 0);
const clamp = (n: number) => (n >= 0 && n <= MAX_COUNT ? n : 0);

function make(die: Die): CType {
  switch (die.tag) {
    case TAG.baseType:
      return base(die.name() ?? '?', sizeOfDie(die), die.number(AT.encoding) ?? 0);
    case TAG.pointerType:
      return {
        kind: 'pointer',
        size: die.number(AT.byteSize) ?? POINTER_SIZE,
        get to() {
          return typeOfDie(die);
        },
      };
    case TAG.structureType:
    case TAG.unionType:
      return struct(die);
    case TAG.enumerationType:
      return enumeration(die);
    case TAG.arrayType:
      return array(die);
    case TAG.subroutineType:
      return functionType(die);
    case TAG.typedef:
      return {
        kind: 'typedef',
        name: die.name() ?? '?',
        get to() {
          return typeOfDie(die);
        },
      };
    case TAG.constType:
      return qualified('const', die);
    case TAG.volatileType:
      return qualified('volatile', die);
    case TAG.restrictType:
      return qualified('restrict', die);
    case TAG.atomicType:
      return qualified('_Atomic', die);
    default:
      return VOID;
  }
}

function qualified(kind: QualifiedType['kind'], die: Die): QualifiedType {
  return {
    kind,
    get to() {
      return typeOfDie(die);
    },
  };
}

function struct(die: Die): StructType {
  let members: Member[] | undefined;
  return {
    kind: die.tag === TAG.unionType ? 'union' : 'struct',
    name: die.name(),
    size: sizeOfDie(die),
    declaration: die.flag(AT.declaration),
    get members() {
      return (members ??= die.children.filter(c => c.tag === TAG.member).map(member));
    },
  };
}

function member(die: Die): Member {
  const offset = clamp(die.number(AT.dataMemberLocation) ?? 0);
  const size = die.number(AT.bitSize);
  const found: Member = {
    name: die.name() ?? '',
    get type() {
      return typeOfDie(die);
    },
    offset,
  };
  if (size === undefined) return found;
  const unit = die.number(AT.byteSize) ?? sizeOf(typeOfDie(die));
  // Version 4's DW_AT_bit_offset counts from the highest bit of the storage unit (5.5.6).
  const old = die.number(AT.bitOffset);
  const at = die.number(AT.dataBitOffset) ?? offset * 8 + (old === undefined ? 0 : unit * 8 - old - size);
  if (!(at >= 0 && size > 0 && size <= 64)) return found;
  found.bits = { offset: at, size };
  found.offset = Math.floor(at / 8);
  return found;
}

function enumeration(die: Die): EnumType {
  let values: { name: string; value: bigint }[] | undefined;
  const under = die.has(AT.type) ? resolve(typeOfDie(die)) : undefined;
  const list = () =>
    (values ??= die.children
      .filter(c => c.tag === TAG.enumerator)
      .map(c => ({ name: c.name() ?? '?', value: constantOf(c) })));
  return {
    kind: 'enum',
    name: die.name(),
    size: sizeOfDie(die) || POINTER_SIZE,
    signed:
      under?.kind === 'base' ? under.encoding === ATE.signed || under.encoding === ATE.signedChar : true,
    declaration: die.flag(AT.declaration),
    get values() {
      return list();
    },
  };
}

/** DW_AT_const_value as a number, 0 if it is none. */
export function constantOf(die: Die): bigint {
  const value = die.inherited(AT.constValue)?.value;
  return typeof value === 'bigint' ? value : typeof value === 'number' ? BigInt(value) : 0n;
}

/** A dimension is a child; the first is the outermost. */
function array(die: Die): CType {
  const dimensions = die.children.filter(c => c.tag === TAG.subrangeType).slice(0, MAX_CHAIN);
  if (dimensions.length === 0) return lazyArray(die, undefined);
  let type: ArrayType | undefined;
  for (const dimension of dimensions.reverse()) {
    const count = elements(dimension);
    type = type ? arrayOf(type, count) : lazyArray(die, count);
  }
  return type!;
}

function lazyArray(die: Die, count: number | undefined): ArrayType {
  return {
    kind: 'array',
    count,
    get of() {
      return typeOfDie(die);
    },
  };
}

function elements(dimension: Die): number | undefined {
  const count = dimension.number(AT.count);
  const last = dimension.number(AT.upperBound);
  const n = count ?? (last === undefined ? undefined : last + 1);
  return n !== undefined && n >= 0 && n <= MAX_COUNT ? n : undefined;
}

// ---- asking ----------------------------------------------------------------------------------------------------------------

/** Without typedefs and qualifiers. */
export function resolve(type: CType): Exclude<CType, TypedefType | QualifiedType> {
  for (let n = 0; n < MAX_CHAIN; n++) {
    switch (type.kind) {
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case '_Atomic':
        type = type.to;
        break;
      default:
        return type;
    }
  }
  return VOID;
}

/** Bytes; 0 for what has no size or says a nonsensical one. */
export function sizeOf(type: CType, depth = 0): number {
  const bare = resolve(type);
  switch (bare.kind) {
    case 'array':
      return depth > MAX_CHAIN ? 0 : clamp((bare.count ?? 0) * sizeOf(bare.of, depth + 1));
    case 'function':
    case 'void':
      return 1; // as GNU C has it
    default:
      return bare.size;
  }
}
