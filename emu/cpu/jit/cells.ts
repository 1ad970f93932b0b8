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
  /** Bits of GATES. */
  gates: 20,
  /** Something of the processor's state changed that the host has its own idea of: it must look (Jit.adopt). */
  passed: 21,
  /** Since it looked: deliveries, loads and stores of gates. */
  deliveries: 22,
  gateLoads: 23,
  gateStores: 24,
  /** Of the page at hand: its entry in the instruction TLBs (Walker.fetchEntry), and whether a user fetches from it. */
  fetchEntry: 25,
  fetchUser: 26,
  /** Segment registers, a bit each, that differ in more than privilege from what the unit is compiled for. */
  reshaped: 27,
} as const;

export const CELLS = 28;

/** A head has nothing to look at but the clock, and gates nobody to tell of what they do. */
export const GATES_QUIET = 1;
/** But an interrupt waits for IF. */
export const GATES_INTR = 2;

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
/** At a border behind which a head looks at everything: an event was delivered, or something that opens interrupts. */
export const EXIT_HEAD = 3;

/** Entries of the table of indirect targets: two dwords each, EIP and unit << 8 | block. */
export const TARGETS = 4096;
