/**
 * What a trial's programs say of themselves (user/lib/trial.h): each has a page that begins with magic words. The host
 * finds the pages once, in RAM, and reads them there later, whatever has become of the kernel and its page tables.
 */
import type { Machine } from '../../emu/machine.ts';
import { GuestError } from '../../guest/error.ts';

/** The programs, in the order of the reports. */
export const PROGRAMS = ['trialsend', 'trialrecv', 'trialctl', 'trialbeat'] as const;
export type ProgramName = (typeof PROGRAMS)[number];

export interface ProgramReport {
  /** The page is still the program's. */
  intact: boolean;
  rounds: number;
  done: number;
  errors: number;
  damaged: number;
  lost: number;
  /** The first errors, in words. */
  notes: string[];
}

const PAGE = 4096;
const START = 0x5452_494c;
const NAME = 16;
const NAME_LENGTH = 16;
const COUNTERS = 32;
const NOTES = 56;
const MOST_NOTES = 8;

/** The enum of user/lib/trial.h. */
const WHAT = [
  'send',
  'receive',
  'interface down',
  'interface up',
  'statistics',
  'settings',
  'link',
  'driver information',
  'MII',
  'multicast list',
  'MAC address',
  'MTU',
  'promiscuous mode',
  'loopback',
  'data',
] as const;

/** Errors that the network has for those who use it. */
const ERRNO: Record<number, string> = {
  4: 'EINTR',
  5: 'EIO',
  6: 'ENXIO',
  11: 'EAGAIN',
  12: 'ENOMEM',
  14: 'EFAULT',
  16: 'EBUSY',
  19: 'ENODEV',
  22: 'EINVAL',
  25: 'ENOTTY',
  95: 'EOPNOTSUPP',
  99: 'EADDRNOTAVAIL',
  100: 'ENETDOWN',
  101: 'ENETUNREACH',
  105: 'ENOBUFS',
};

function magic(): number[] {
  const words: number[] = [];
  for (let n = 0, x = START; n < 4; n++) {
    words.unshift(x);
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
  }
  return words;
}

const MAGIC = magic();

export class Reports {
  private readonly view: DataView;
  private readonly ram: Uint8Array;
  /** Physical address by program. */
  private readonly places = new Map<ProgramName, number>();

  constructor(machine: Machine) {
    this.view = machine.state.ramView();
    this.ram = machine.state.ram8();
  }

  /** Looks for the pages; true when all programs have theirs. */
  find(): boolean {
    this.places.clear();
    for (let page = 0; page + PAGE <= this.ram.length; page += PAGE) {
      const name = PROGRAMS.find(program => this.isOf(page, program));
      if (name !== undefined) this.places.set(name, page);
    }
    return this.places.size === PROGRAMS.length;
  }

  /** Throws a GuestError before the page was found. */
  read(name: ProgramName): ProgramReport {
    const page = this.places.get(name);
    if (page === undefined) throw new GuestError(`${name} has not begun`);
    const word = (offset: number) => this.view.getUint32(page + offset, true);
    const [rounds, done, errors, damaged, lost, count] = [0, 1, 2, 3, 4, 5].map(n => word(COUNTERS + 4 * n));
    const notes = Array.from({ length: Math.min(count, MOST_NOTES) }, (_, n) =>
      inWords(word(NOTES + 8 * n), word(NOTES + 8 * n + 4)),
    );
    return { intact: this.isOf(page, name), rounds, done, errors, damaged, lost, notes };
  }

  /** One counter, cheaply: rounds of the main loop. */
  rounds(name: ProgramName): number {
    return this.view.getUint32((this.places.get(name) ?? 0) + COUNTERS, true);
  }

  /** Errors and damage of all programs together. */
  complaints(): number {
    let sum = 0;
    for (const page of this.places.values())
      sum += this.view.getUint32(page + COUNTERS + 8, true) + this.view.getUint32(page + COUNTERS + 12, true);
    return sum;
  }

  private isOf(page: number, name: ProgramName): boolean {
    return (
      MAGIC.every((word, n) => this.view.getUint32(page + 4 * n, true) === word) &&
      this.textAt(page + NAME) === name
    );
  }

  private textAt(at: number): string {
    const bytes = this.ram.subarray(at, at + NAME_LENGTH);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...bytes.subarray(0, end < 0 ? NAME_LENGTH : end));
  }
}

function inWords(what: number, error: number): string {
  const name = WHAT[what] ?? `what ${what}`;
  return error === 0 ? `${name}: wrong` : `${name}: ${ERRNO[error] ?? `error ${error}`}`;
}
