/**
 * What compiled code and its host say to each other while units run: dwords of the shared memory, by index. Counts are
 * added up by the units in locals and handed on from one to the next through here.
 */

export const CELL = {
  /** Issue ticks that the running instruction owes (those before it included), while a helper runs. */
  due: 0,
  /** Ticks of mispredicted branches that are not charged yet. */
  mispredictTicks: 1,
  mispredicts: 2,
  /**
   * Issue ticks from which on the next border is an exit: until the next event, less what was charged since entry.
   * Negative: LEAVE, or the page that instructions come from must be looked up again, but nothing else (REFETCH).
   */
  limit: 3,
  /** What a helper answers: bits of STATUS. */
  status: 4,
  /** Of the front table: epoch, bank in bytes, TLB entry used last; the low bits of the line filter's tags. */
  epoch: 5,
  bank: 6,
  lastEntry: 7,
  bankBits: 8,
  /** Between units and at an exit: issue ticks not charged, lines fetched, last line, what a unit is compiled for. */
  ticks: 9,
  fetches: 10,
  lastLine: 11,
  shape: 12,
  /** The running unit, and at an exit in the middle where it stands (block << 8 | instruction). */
  unit: 13,
  at: 14,
  /** The row of the matrix that is charged, in bytes. */
  row: 15,
  /** A qword: instructions | loads << 21 | stores << 42. */
  counts: 16,
  /** What was counted in the memory hierarchy. */
  l1dMisses: 18,
  l2Accesses: 19,
  l2Misses: 20,
  /**
   * Which code may go on without a look by the host: WATCHED, 0, or ANY: nobody watches. If it is not ANY, whatever loads
   * CR3 or restores a region must leave it to the host (Engine.goesOn).
   */
  watched: 21,
  /** A double: the tick until which units may run. */
  until: 22,
  /** Bits of GATES. */
  gates: 24,
  /** Not 0: privilege or segment registers (CELL.reshaped) changed, of which the host has its own idea (Jit.adopt). */
  passed: 25,
  reshaped: 26,
  /** A qword, since the host looked: deliveries | loads of gates << 21 | their stores << 42. */
  gateCounts: 28,
  /** Not 0: tools look at accesses, walks or flushes (Mmu.observed). */
  observed: 30,
  /** 1 with paging on, else 0. */
  paged: 31,
  /** Not 0: compiled code has done what asks for a head. */
  leaves: 32,
} as const;

export const CELLS = 34;

/** CELL.gates: a head has nothing to look at but the clock. */
export const GATES_QUIET = 1;
/** But an interrupt waits for IF. */
export const GATES_INTR = 2;
/** Somebody watches or wants to be told of what gates do: they are the host's, and all else goes on. */
export const GATES_HEARD = 4;

/** CELL.limit: the next border is an exit; only the code page must be looked up again. */
export const LEAVE = -1;
export const REFETCH = -2;
/** CELL.watched and a target's: either. */
export const ANY = -1;
/** Of CELL.watched: none; the next border is an exit. */
export const LOOK = -2;

/** What has happened in a helper. */
export const FAULT = 1;
/** Code that the unit holds has changed: it must stop behind the running instruction. */
export const STALE = 2;

/** How a run of units ends. */
export const EXIT_BORDER = 0;
/** Before an instruction in the middle of a block. */
export const EXIT_MIDDLE = 1;
/** An instruction faulted. */
export const EXIT_FAULT = 2;
/** At a border behind which a head looks at everything, as behind an event's delivery. */
export const EXIT_HEAD = 3;
/** At a border where the next block's page was walked for already, which took time: the host goes on with that block. */
export const EXIT_BEGUN = 4;

/** Descriptors that looks.ts has at hand, and bytes of each: key, address, slot; its eight bytes; what is made of them. */
export const AT_HAND = 6;
export const AT_HAND_BYTES = 48;

/**
 * The table of targets: where compiled code begins with the block at an EIP. Dwords of a target, of which it has eight: EIP;
 * the block's physical address; the shape that it is compiled for; its unit and its number there; issue ticks of its first
 * instruction; the row of the matrix in bytes, or -1 as it is; Block.watched.
 */
export const TARGET = { eip: 0, pa: 1, shape: 2, unit: 3, block: 4, first: 5, row: 6, watched: 7 } as const;
export const TARGETS = 4096;
export const TARGET_SHIFT = 5;

/** A target's place by EIP. */
export function targetOf(eip: number): number {
  return (eip ^ (eip >>> 12)) & (TARGETS - 1);
}
