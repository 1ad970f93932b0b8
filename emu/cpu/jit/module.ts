/**
 * A WebAssembly module's bytes (WebAssembly Core Specification 2.0, chapter 5.5): imported functions, one imported memory, one
 * imported table, functions, which are exported if they have a name, and branch hints.
 */
import { Bytes, type Func, I32, type Import, type Signature } from './wasm.ts';

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const MEMORY_MODULE = 'm';
/** Opcode of a body's end. */
const END = 0x0b;
const MAX_PAGES = 65536;
const MEMORY_IMPORT = -1;
const TABLE_IMPORT = -2;

/** Type of every unit's function, and of what runs them: the block to begin with, how it ended. Number 0 in a module. */
const RUN: Signature = { parameters: [I32], results: [I32] };
export const RUN_TYPE = 0;

/**
 * A module that imports `m.memory`, `m.units` (a table of functions of RUN_TYPE) and the functions of `imports` from `m`.
 * Functions are numbered imports first. The bytes are fresh. `table` false: not `m.units`, for V8 keeps each instance that
 * imports a table as long as the table, and goes through all of them whenever an element is set.
 */
export function moduleBytes(
  imports: readonly Import[],
  functions: readonly Func[],
  table = true,
): Uint8Array<ArrayBuffer> {
  const types = new Types();
  types.index(RUN);
  const importTypes = imports.map(i => types.index(i.signature));
  const functionTypes = functions.map(f => types.index(f.signature));
  const out = new Bytes();
  for (const byte of HEADER) out.u8(byte);
  section(out, 1, types.list, (s, t) => {
    s.u8(0x60);
    s.u32(t.parameters.length);
    for (const p of t.parameters) s.u8(p);
    s.u32(t.results.length);
    for (const r of t.results) s.u8(r);
  });
  section(out, 2, [...imports.keys(), MEMORY_IMPORT, ...(table ? [TABLE_IMPORT] : [])], (s, n) => {
    s.text(MEMORY_MODULE);
    if (n === TABLE_IMPORT) {
      s.text('units');
      s.u8(0x01);
      s.u8(0x70);
      s.u8(0x00);
      s.u32(0);
      return;
    }
    if (n === MEMORY_IMPORT) {
      s.text('memory');
      s.u8(0x02);
      s.u8(0x01);
      s.u32(1);
      s.u32(MAX_PAGES);
      return;
    }
    s.text(imports[n].name);
    s.u8(0x00);
    s.u32(importTypes[n]);
  });
  section(out, 3, functionTypes, (s, type) => s.u32(type));
  const exported = [...functions.keys()].filter(n => functions[n].name !== undefined);
  section(out, 7, exported, (s, n) => {
    s.text(functions[n].name ?? '');
    s.u8(0x00);
    s.u32(imports.length + n);
  });
  branchHints(out, imports.length, functions);
  section(out, 10, functions, (s, f) => {
    const body = new Bytes();
    body.u32(f.locals.length);
    for (const type of f.locals) {
      body.u32(1);
      body.u8(type);
    }
    body.append(f.code.bytes());
    body.u8(END);
    s.u32(body.length);
    s.append(body);
  });
  return out.view().slice();
}

/** Bytes that the declaration of a function's locals takes in front of its code. */
function localBytes(f: Func): number {
  const count = new Bytes();
  count.u32(f.locals.length);
  return count.length + 2 * f.locals.length;
}

/**
 * The custom section of branch hints (Branch Hinting proposal): compilers that know it keep rare code, and what it spills,
 * out of the way; others skip it.
 */
function branchHints(out: Bytes, imported: number, functions: readonly Func[]): void {
  const hinted = [...functions.keys()].filter(n => functions[n].code.rare.length > 0);
  if (hinted.length === 0) return;
  const body = new Bytes();
  body.text('metadata.code.branch_hint');
  body.u32(hinted.length);
  for (const n of hinted) {
    body.u32(imported + n);
    body.u32(functions[n].code.rare.length);
    for (const at of functions[n].code.rare) {
      body.u32(localBytes(functions[n]) + at);
      body.u32(1);
      body.u8(0);
    }
  }
  out.u8(0);
  out.u32(body.length);
  out.append(body);
}

class Types {
  readonly list: Signature[] = [];
  private readonly known = new Map<string, number>();

  index(signature: Signature): number {
    const key = `${signature.parameters}>${signature.results}`;
    let index = this.known.get(key);
    if (index === undefined) {
      index = this.list.push(signature) - 1;
      this.known.set(key, index);
    }
    return index;
  }
}

function section<T>(out: Bytes, id: number, items: readonly T[], write: (s: Bytes, item: T) => void): void {
  const body = new Bytes();
  body.u32(items.length);
  for (const item of items) write(body, item);
  out.u8(id);
  out.u32(body.length);
  out.append(body);
}
