/** C's types in C's own words: names as gdb's `whatis` gives them, definitions as its `ptype` does. */
import {
  type CType,
  type EnumType,
  type FunctionType,
  type Member,
  type StructType,
  sizeOf,
} from '../../guest/dwarf/types.ts';

/** Nesting of types in one another; deeper ones are cut. */
const MAX_DEPTH = 32;

/** `struct sk_buff *`. */
export function typeName(type: CType): string {
  return declaration(type, '');
}

/** A type with a name declared to be of it: `int (*fn)(void)`, `char name[16]`. An empty name gives the type's. */
export function declaration(type: CType, name: string, depth = 0): string {
  if (depth > MAX_DEPTH) return `… ${name}`.trimEnd();
  switch (type.kind) {
    case 'pointer':
      return declaration(type.to, pointed(type.to, `*${name}`), depth + 1);
    case 'array':
      return declaration(type.of, `${joint(name, type.of)}[${type.count ?? ''}]`, depth + 1);
    case 'function':
      return declaration(
        type.returns,
        `${joint(name, type.returns)}(${parameters(type, depth + 1)})`,
        depth + 1,
      );
    case 'const':
    case 'volatile':
    case 'restrict':
    case '_Atomic':
      return type.to.kind === 'pointer'
        ? declaration(
            type.to.to,
            pointed(
              type.to.to,
              name.startsWith('[') ? `* ${type.kind}${name}` : spaced(`* ${type.kind}`, name),
            ),
            depth + 1,
          )
        : declaration(type.to, name, depth + 1).replace(/^/, `${type.kind} `);
    default:
      return spaced(word(type), name);
  }
}

/** A pointer to an array or function needs parentheses. */
function pointed(to: CType, name: string): string {
  return to.kind === 'array' || to.kind === 'function' ? `(${name})` : name;
}

/** What follows a word directly in a declarator; a nameless one keeps gdb's blank before it, but for the one behind a *. */
function joint(name: string, before: CType): string {
  const star = before.kind === 'const' || before.kind === 'volatile' ? before.to : before;
  return name === '' && star.kind !== 'pointer' ? ' ' : name;
}

function spaced(left: string, name: string): string {
  if (name === '') return left;
  return name.startsWith(' ') ? left + name : `${left} ${name}`;
}

function parameters(type: FunctionType, depth: number): string {
  const list = type.parameters.map(p => declaration(p.type, '', depth));
  if (type.variadic) list.push('...');
  return list.length ? list.join(', ') : type.prototyped ? 'void' : '';
}

function word(type: CType): string {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return `${type.kind} ${type.name ?? '{...}'}`;
    case 'enum':
      return `enum ${type.name ?? '{...}'}`;
    case 'base':
    case 'typedef':
      return type.name;
    default:
      return 'void';
  }
}

/** The definition behind a type, over several lines for a struct; `offsets` adds each member's offset and size. */
export function definition(type: CType, complete: (type: CType) => CType, offsets = false): string {
  const { around, core } = unwrap(type);
  const bare = complete(core);
  if (bare.kind === 'struct' || bare.kind === 'union')
    return around(structText(bare, complete, { ...OUTERMOST, offsets }));
  return around(bare.kind === 'enum' ? enumText(bare) : typeName(bare));
}

/** Values that go on by one are left out. */
function enumText(type: EnumType): string {
  let next = 0n;
  const values = type.values.map(v => {
    const text = v.value === next ? v.name : `${v.name} = ${v.value}`;
    next = v.value + 1n;
    return text;
  });
  return `enum ${type.name ? `${type.name} ` : ''}{${values.join(', ')}}`;
}

/** Pointers, arrays and functions around the type that is spelt out, typedefs resolved on the way. */
function unwrap(type: CType): { around: (core: string) => string; core: CType } {
  const marker = '\u0001';
  let core = type;
  const chain: CType[] = [];
  for (let n = 0; n < MAX_DEPTH; n++) {
    if (core.kind === 'typedef' || core.kind === 'const' || core.kind === 'volatile') {
      if (core.kind !== 'typedef') chain.push(core);
      core = core.to;
    } else if (core.kind === 'pointer') {
      chain.push(core);
      core = core.to;
    } else if (core.kind === 'array') {
      chain.push(core);
      core = core.of;
    } else if (core.kind === 'function') {
      chain.push(core);
      core = core.returns;
    } else break;
  }
  const stand: CType = { kind: 'typedef', name: marker, to: core };
  const rebuilt = chain.reduceRight<CType>((inner, outer) => {
    if (outer.kind === 'pointer') return { kind: 'pointer', size: outer.size, to: inner };
    if (outer.kind === 'array') return { kind: 'array', of: inner, count: outer.count };
    if (outer.kind === 'function')
      return {
        kind: 'function',
        returns: inner,
        parameters: outer.parameters,
        variadic: outer.variadic,
        prototyped: outer.prototyped,
      };
    return { kind: outer.kind as 'const', to: inner };
  }, stand);
  return { around: text => typeName(rebuilt).replace(marker, text), core };
}

/** Where a struct stands within the one that is spelt out. */
interface Nesting {
  depth: number;
  /** Bytes from the outermost struct's start. */
  at: number;
  offsets: boolean;
  /** It is what an array consists of. */
  inArray: boolean;
}

const OUTERMOST = { depth: 0, at: 0, inArray: false };
/** Blanks in the place of an offset and a size. */
const NO_OFFSET = ' '.repeat(27);

function structText(type: StructType, complete: (type: CType) => CType, nesting: Nesting): string {
  const { depth, at, offsets } = nesting;
  const blank = offsets ? NO_OFFSET : '';
  const pad = '    '.repeat(depth);
  const head = `${type.kind} ${type.name ? `${type.name} ` : ''}`;
  if (type.declaration) return `${head}{\n${blank}${pad}    <incomplete type>\n${blank}${pad}}`;
  let text = `${head}{\n`;
  /** Bits behind the member before. */
  let end = 0;
  for (const member of type.members) {
    const from = member.bits?.offset ?? 8 * member.offset;
    if (offsets && type.kind === 'struct') text += hole(end, from, 'hole', Boolean(member.bits));
    end = Math.max(end, from + (member.bits?.size ?? 8 * sizeOf(complete(member.type))));
    const place = offsets ? offsetText(member, type.kind, at, complete) : '';
    text += `${place}${pad}    ${memberText(member, complete, nesting)};\n`;
  }
  if (!offsets) return `${text}${pad}}`;
  if (type.kind === 'struct') text += hole(end, 8 * type.size, 'padding', false);
  const size = `${blank}${pad}    /* total size (bytes): ${String(type.size).padStart(4)} */\n`;
  const total = nesting.inArray ? '' : `\n${size}`;
  return `${text}${total}${blank}${pad}${depth === 0 ? '  ' : ''}}`;
}

/** gdb's lines for bits that no member has. */
function hole(from: number, to: number, what: string, field: boolean): string {
  if (to <= from) return '';
  const [bits, bytes] = field ? [to - from, 0] : [(8 - (from % 8)) % 8, Math.floor((to - from) / 8)];
  const line = (n: number, unit: string, width: number) =>
    `/* XXX ${String(n).padStart(2)}-${unit} ${what.padEnd(width)}*/\n`;
  const rest = field && bits >= 8 ? [bits % 8, Math.floor(bits / 8)] : [bits, bytes];
  return (rest[0] ? line(rest[0], 'bit', 11) : '') + (rest[1] ? line(rest[1], 'byte', 10) : '');
}

function memberText(member: Member, complete: (type: CType) => CType, nesting: Nesting): string {
  const bits = member.bits ? ` : ${member.bits.size}` : '';
  let core = member.type;
  for (let n = 0; n < MAX_DEPTH && (core.kind === 'pointer' || core.kind === 'array'); n++)
    core = core.kind === 'pointer' ? core.to : core.of;
  // As gdb: with offsets, members that are structs are spelt out; in an array of them they count from its element.
  const direct = core === member.type;
  const whole = declaration(member.type, member.name);
  const within = {
    ...nesting,
    depth: nesting.depth + 1,
    at: nesting.at + (direct ? member.offset : 0),
    inArray: !direct,
  };
  const spelt =
    (core.kind === 'struct' || core.kind === 'union') &&
    (!core.name || (nesting.offsets && direct)) &&
    nesting.depth < MAX_DEPTH
      ? structText(core, complete, within)
      : core.kind === 'enum' && !core.name
        ? enumText(core)
        : undefined;
  return (spelt === undefined ? whole : whole.replace(typeName(core), () => spelt)) + bits;
}

function offsetText(member: Member, kind: string, at: number, complete: (type: CType) => CType): string {
  const size = String(sizeOf(complete(member.type))).padStart(8);
  if (kind === 'union') return `/*              ${size} */`;
  const offset = String(at + member.offset).padStart(7);
  const bit = member.bits ? `:${String(member.bits.offset - 8 * member.offset).padStart(2)}   ` : '      ';
  return `/*${offset}${bit}|${size} */`;
}
