/**
 * What compiled code and its host say to each other while a unit runs: dwords of the shared memory, by index. Counts are
 * added up by the unit in locals and left here at its exit.
 */

export const CELL = {
  /** Issue ticks that the running instruction owes (those before it included), while a helper runs. */
  due: 0,
  /** Ticks of mispredicted branches that are not charged yet. */
  mispredictTicks: 1,
  mispredicts: 2,
  /** Issue ticks after which the next border is an exit: until the next event, less what was charged since entry. */
  limit: 3,
  /** What a helper answers: bits of STATUS. */
  status: 4,
  /** Of the front table: epoch, bank in bytes, TLB entry used last. */
  epoch: 5,
  bank: 6,
  lastEntry: 7,
  /** At an exit: issue ticks not charged, lines fetched, last line, and where it stands (block << 8 | instruction). */
  ticks: 8,
  fetches: 9,
  lastLine: 10,
  at: 11,
  /** A qword: instructions | loads << 21 | stores << 42. */
  counts: 12,
  /** The row of the matrix that is charged, in bytes; Hierarchy's ringNext; what was counted there. */
  row: 14,
  ringNext: 15,
  l1dMisses: 16,
  l2Accesses: 17,
  /** A double: the tick until which the unit may run. */
  until: 18,
} as const;

export const CELLS = 20;

/** What has happened in a helper. */
export const FAULT = 1;
/** Code that the unit holds has changed: it must stop behind the running instruction. */
export const STALE = 2;

/** How a unit ends. */
export const EXIT_BORDER = 0;
/** Before an instruction in the middle of a block. */
export const EXIT_MIDDLE = 1;
/** An instruction faulted. */
export const EXIT_FAULT = 2;

/** Entries of the table of indirect targets: two dwords each, EIP and unit << 8 | block. */
export const TARGETS = 4096;
