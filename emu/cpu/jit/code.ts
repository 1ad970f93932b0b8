/** A compiled unit, as its host keeps it. */
import type { Block, CompiledCode } from '../blocks.ts';
import type { Insn } from '../insn.ts';
import { EXIT_BORDER } from './cells.ts';
import { accessesOf } from './forms.ts';

export class Code implements CompiledCode {
  /** Its number, in the table of functions too. */
  readonly id: number;
  /** What it is compiled for: Jit.shape. */
  readonly shape: number;
  readonly blocks: readonly Block[];
  readonly insns: readonly (readonly Insn[])[];
  readonly loads: readonly number[][];
  readonly stores: readonly number[][];
  valid = true;
  /** Of its module, in bytes; bytes of each block; numbers of the blocks where others go on with it. */
  size = 0;
  images: readonly Uint8Array[] = [];
  entries: readonly number[] = [];
  run: (block: number) => number = () => EXIT_BORDER;
  private readonly onDrop: (code: Code) => void;

  constructor(id: number, shape: number, blocks: readonly Block[], onDrop: (code: Code) => void) {
    this.id = id;
    this.shape = shape;
    this.blocks = blocks;
    this.insns = blocks.map(block => block.insns.slice());
    const accesses = blocks.map(block => block.insns.map(accessesOf));
    this.loads = accesses.map(of => sums(of.map(a => a.loads)));
    this.stores = accesses.map(of => sums(of.map(a => a.stores)));
    this.onDrop = onDrop;
  }

  drop(): void {
    if (!this.valid) return;
    this.valid = false;
    this.onDrop(this);
  }
}

/** The sum before each, and of all. */
function sums(values: readonly number[]): number[] {
  const sums = [0];
  for (const v of values) sums.push(sums[sums.length - 1] + v);
  return sums;
}
