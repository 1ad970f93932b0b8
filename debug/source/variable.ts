/** Values as front ends get them: named, in one line, with what they consist of. */
import type { CType } from '../../guest/dwarf/types.ts';
import { resolve, sizeOf } from '../../guest/dwarf/types.ts';
import { CommandError } from '../error.ts';
import type { Variable } from '../model.ts';
import type { Target } from '../target.ts';
import { typeName } from './ctype.ts';
import { memberPart } from './evaluate.ts';
import { valueText } from './print.ts';
import { contents, isScalar, numeric, part, type Value } from './value.ts';

/** Elements of an array that are given one by one. */
const MAX_CHILDREN = 1000;

export interface Maker {
  target: Target;
  complete(type: CType): CType;
  /** Evaluates an expression and stores it in the value. */
  assign(value: Value, text: string): void;
  /** Makes a CommandError of bad debug information. */
  guarded<T>(look: () => T): T;
}

export function variable(name: string, value: Value, maker: Maker): Variable {
  const children = childrenOf(value, maker, name);
  const writable = (value.address !== undefined || value.write !== undefined) && isScalar(value.type);
  let text: string | undefined;
  return {
    name,
    type: typeName(value.type),
    get value() {
      return (text ??= valueText(maker.target, value, { complete: maker.complete }));
    },
    ...(value.address !== undefined && { address: value.address }),
    size: sizeOf(maker.complete(value.type)),
    ...(children && { children: () => maker.guarded(children) }),
    ...(writable && { assign: (to: string) => maker.assign(value, to) }),
  };
}

function childrenOf(value: Value, maker: Maker, name: string): (() => Variable[]) | undefined {
  const bare = maker.complete(value.type);
  switch (bare.kind) {
    case 'struct':
    case 'union':
      return bare.declaration ? undefined : () => membersOf(value, maker, 0);
    case 'array': {
      const count = Math.min(bare.count ?? 0, MAX_CHILDREN);
      const step = sizeOf(maker.complete(bare.of));
      return () =>
        Array.from({ length: count }, (_, n) => variable(`[${n}]`, part(value, n * step, bare.of), maker));
    }
    case 'pointer':
      return pointed(value, bare.to, maker, name);
    default:
      return undefined;
  }
}

/** An unnamed struct's members are its owner's. */
function membersOf(value: Value, maker: Maker, depth: number): Variable[] {
  const bare = maker.complete(value.type);
  if ((bare.kind !== 'struct' && bare.kind !== 'union') || depth > 16) return [];
  return bare.members.flatMap(member => {
    const inner = memberPart(value, member.offset, member);
    return member.name === '' ? membersOf(inner, maker, depth + 1) : [variable(member.name, inner, maker)];
  });
}

/** A pointer to a struct has its members, any other has what is there. */
function pointed(value: Value, to: CType, maker: Maker, name: string): (() => Variable[]) | undefined {
  const bare = maker.complete(to);
  if (bare.kind === 'void' || bare.kind === 'function') return undefined;
  let address: number;
  try {
    contents(maker.target, value);
    address = Number(numeric(maker.target, value));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return undefined;
  }
  if (address === 0 || maker.target.byte(address) < 0) return undefined;
  const there = { type: to, address };
  return resolve(bare).kind === 'struct' || bare.kind === 'union'
    ? () => membersOf(there, maker, 0)
    : () => [variable(`*${name}`, there, maker)];
}
