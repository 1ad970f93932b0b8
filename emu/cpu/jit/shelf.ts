/**
 * The code cache's bounds, and what is laid aside: a unit that was dropped because bytes of it changed is kept for a while,
 * with the bytes that it was compiled from. When they are there again (a snapshot was gone back to, a program was loaded
 * once more, code patches itself to and fro) it is taken up again in place of a compilation.
 *
 * What is bounded are units and bytes of their modules; native code is some times that. What was laid aside goes first,
 * then the units that were made or taken up longest ago.
 */
import type { Block } from '../blocks.ts';
import type { Insn } from '../insn.ts';

/** A unit as the shelf sees it. */
export interface Shelved {
  readonly shape: number;
  readonly blocks: readonly Block[];
  readonly insns: readonly (readonly Insn[])[];
  /** Numbers of the blocks where it can be entered. */
  readonly entries: readonly number[];
  /** Of its module, in bytes. */
  readonly size: number;
  /** Bytes of each block when it was compiled. */
  readonly images: readonly Uint8Array[];
}

/** Most units, laid aside or not, and bytes of their modules. */
const MAX_UNITS = 4096;
const MAX_BYTES = 32 << 20;
/** Of them those laid aside. */
const MAX_ASIDE = 512;

/** The bytes of each of a unit's blocks, as they are now. */
export function imagesOf(ram: Uint8Array, blocks: readonly Block[]): Uint8Array[] {
  return blocks.map(b => ram.slice(b.pa, b.pa + b.bytes));
}

function entriesOf(unit: Shelved): Block[] {
  return unit.entries.map(n => unit.blocks[n]);
}

export class Shelf<Unit extends Shelved> {
  private readonly ram: Uint8Array;
  /** Oldest first. */
  private readonly live = new Set<Unit>();
  private readonly aside = new Set<Unit>();
  /** Those laid aside, by the physical address of each block where they can be entered. */
  private readonly at = new Map<number, Unit[]>();
  private bytes = 0;

  constructor(ram: Uint8Array) {
    this.ram = ram;
  }

  /** Units that may run, those laid aside, and the bytes of all their modules. */
  figures(): { live: number; aside: number; bytes: number } {
    return { live: this.live.size, aside: this.aside.size, bytes: this.bytes };
  }

  /** `unit` is new, or was taken up. Returns those that have to go for it: to be dropped, or laid aside already. */
  add(unit: Unit): Unit[] {
    this.live.add(unit);
    this.bytes += unit.size;
    const gone: Unit[] = [];
    while (this.live.size + this.aside.size > MAX_UNITS || this.bytes > MAX_BYTES) {
      const [oldest] = this.aside.size > 0 ? this.aside : this.live;
      if (oldest === unit) break;
      this.remove(oldest);
      gone.push(oldest);
    }
    return gone;
  }

  /** `unit` was dropped, and its bytes may come back. Returns those that have to go for it. */
  layAside(unit: Unit): Unit[] {
    if (!this.live.delete(unit)) return [unit];
    this.aside.add(unit);
    for (const { pa } of entriesOf(unit)) {
      const here = this.at.get(pa);
      if (here) here.push(unit);
      else this.at.set(pa, [unit]);
    }
    if (this.aside.size <= MAX_ASIDE) return [];
    const [oldest] = this.aside;
    this.remove(oldest);
    return [oldest];
  }

  /** Takes from the shelf what can be entered at `b` and is for `shape`, if all its bytes are what they were; else null. */
  take(b: Block, shape: number): Unit | null {
    for (const unit of this.at.get(b.pa) ?? []) {
      if (unit.shape !== shape || !this.fits(unit, b)) continue;
      this.remove(unit);
      return unit;
    }
    return null;
  }

  /** Forgets `unit`, live or laid aside. */
  remove(unit: Unit): void {
    if (this.live.delete(unit)) {
      this.bytes -= unit.size;
      return;
    }
    if (!this.aside.delete(unit)) return;
    this.bytes -= unit.size;
    for (const { pa } of entriesOf(unit)) {
      const here = this.at.get(pa)?.filter(other => other !== unit) ?? [];
      if (here.length > 0) this.at.set(pa, here);
      else this.at.delete(pa);
    }
  }

  private fits(unit: Unit, b: Block): boolean {
    const like = entriesOf(unit).find(o => o.pa === b.pa);
    if (like?.lin !== b.lin || like.eip !== b.eip || like.mode !== b.mode) return false;
    return unit.blocks.every((o, n) => this.isThere(o.pa, unit.images[n]));
  }

  private isThere(pa: number, bytes: Uint8Array): boolean {
    const { ram } = this;
    for (let n = 0; n < bytes.length; n++) if (ram[pa + n] !== bytes[n]) return false;
    return true;
  }
}
