/**
 * Snapshots that share what is equal in them, so that many can be kept: a tree of pages, of which each snapshot has its
 * own copy of the branches that changed since the one before. Going back copies only the pages that differ.
 *
 * The machine's other state (SnapshotParts) is shared array by array. Left out: compression.
 */
import { DIRTY_INCREMENT, type Machine, type SnapshotParts } from './machine.ts';
import { RAM_OFFSET } from './state.ts';

const PAGE = 4096;
/** Pages of a branch. */
const BRANCH = 256;
const ZERO = new Uint8Array(PAGE);

type Page = Uint8Array;
type Branch = readonly Page[];

/** One moment. It must only be given back to the Increments that took it. */
export interface Increment {
  /** The state memory from address 0 on. */
  readonly tree: readonly Branch[];
  readonly parts: SnapshotParts;
}

export class Increments {
  private readonly machine: Machine;
  private readonly memory: Uint8Array;
  /** The one that DIRTY_INCREMENT counts from: what is not dirty is as in it. */
  private base: Increment | null = null;

  constructor(machine: Machine) {
    this.machine = machine;
    this.memory = new Uint8Array(machine.state.memory.buffer, 0, RAM_OFFSET + machine.ramSize);
  }

  /** The machine as it is; it takes over what is equal from the one before and, if given, from the one that `follows`. */
  take(follows?: Increment): Increment {
    const { base } = this;
    const tree = Array.from({ length: Math.ceil(this.memory.length / PAGE / BRANCH) }, (_, b) =>
      this.branch(b, base?.tree[b], follows?.tree[b]),
    );
    let parts = this.machine.saveParts();
    for (const near of [base, follows]) if (near) parts = share(parts, near.parts);
    this.base = { tree, parts };
    this.machine.cpu.mmu.forgetDirty(DIRTY_INCREMENT);
    return this.base;
  }

  /** The machine becomes as it was; decoded code of pages that stay as they are is kept. */
  restore(wanted: Increment): void {
    const { dirty } = this.machine.cpu.mmu;
    const stale: number[] = [];
    wanted.tree.forEach((branch, b) => {
      const now = this.base?.tree[b];
      for (let n = 0; n < branch.length; n++) {
        const number = b * BRANCH + n;
        if (this.isScratch(number) || (now?.[n] === branch[n] && !this.mayDiffer(number))) continue;
        this.memory.set(branch[n], number * PAGE);
        const ram = number - RAM_OFFSET / PAGE;
        if (ram < 0) continue;
        dirty[ram] = 255;
        stale.push(ram);
      }
    });
    this.machine.loadParts(wanted.parts, stale);
    this.base = wanted;
    this.machine.cpu.mmu.forgetDirty(DIRTY_INCREMENT);
  }

  /** Has the page been written since the base? What lies below RAM always counts as written, as far as it is used. */
  private mayDiffer(page: number): boolean {
    const ram = page - RAM_OFFSET / PAGE;
    if (ram < 0) return page * PAGE < this.machine.state.used;
    return (this.machine.cpu.mmu.dirty[ram] & DIRTY_INCREMENT) !== 0;
  }

  /** Below RAM, and no state. */
  private isScratch(page: number): boolean {
    return page * PAGE >= this.machine.state.used && page < RAM_OFFSET / PAGE;
  }

  private branch(b: number, old: Branch | undefined, follows: Branch | undefined): Branch {
    const first = b * BRANCH;
    const last = Math.min(first + BRANCH, this.memory.length / PAGE);
    let branch: Page[] | null = null;
    for (let page = first; page < last; page++) {
      const before = old?.[page - first];
      if (before && !this.mayDiffer(page)) continue;
      const now = this.isScratch(page) ? ZERO : this.memory.subarray(page * PAGE, (page + 1) * PAGE);
      const known = [before, follows?.[page - first], ZERO].find(p => p && same(p, now));
      branch ??= old ? old.slice() : [];
      branch[page - first] = known ?? now.slice();
    }
    if (!branch) return old!;
    return old && branch.every((page, n) => page === old[n]) ? old : branch;
  }
}

/** Bytes that `one` holds and neither of its neighbours does. */
export function ownBytes(one: Increment, before?: Increment, after?: Increment): number {
  let bytes = 8 * one.tree.length;
  one.tree.forEach((branch, b) => {
    const [old, next] = [before?.tree[b], after?.tree[b]];
    if (branch === old || branch === next) return;
    bytes += 8 * branch.length;
    branch.forEach((page, n) => {
      if (page !== ZERO && page !== old?.[n] && page !== next?.[n]) bytes += PAGE;
    });
  });
  const known = new Set<unknown>();
  for (const near of [before, after]) if (near) collect(near.parts, known);
  return bytes + sizeOf(one.parts, known);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  const [x, y] = [words(a), words(b)];
  for (let n = 0; n < x.length; n++) if (x[n] !== y[n]) return false;
  return true;
}

function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** `value`, with `old`'s in place of each part that is equal to the same part of `old`. Both are plain data. */
function share<T>(value: T, old: unknown): T {
  if (!isObject(value) || !isObject(old)) return value;
  if (ArrayBuffer.isView(value)) return equalViews(value, old) ? (old as T) : value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.getPrototypeOf(old)) return value;
  if (prototype !== Object.prototype && prototype !== Array.prototype) return value;
  const [mine, theirs] = [value as Record<string, unknown>, old as Record<string, unknown>];
  const keys = Object.keys(mine);
  const shared: Record<string, unknown> = Array.isArray(value) ? ([] as never) : {};
  let equal = keys.length === Object.keys(theirs).length;
  for (const key of keys) {
    shared[key] = share(mine[key], theirs[key]);
    equal &&= key in theirs && Object.is(shared[key], theirs[key]);
  }
  return (equal ? old : shared) as T;
}

function equalViews(a: ArrayBufferView, b: object): boolean {
  if (!ArrayBuffer.isView(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a.byteLength !== b.byteLength) return false;
  const x = new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  const y = new Uint8Array(b.buffer, b.byteOffset, b.byteLength);
  for (let n = 0; n < x.length; n++) if (x[n] !== y[n]) return false;
  return true;
}

function collect(value: unknown, into: Set<unknown>): void {
  if (!isObject(value) || into.has(value)) return;
  into.add(value);
  if (!ArrayBuffer.isView(value)) for (const part of Object.values(value)) collect(part, into);
}

/** About: 8 bytes for each value, and what arrays hold. */
function sizeOf(value: unknown, known: ReadonlySet<unknown>): number {
  if (!isObject(value)) return 8;
  if (known.has(value)) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let bytes = 16;
  for (const part of Object.values(value)) bytes += sizeOf(part, known);
  return bytes;
}
