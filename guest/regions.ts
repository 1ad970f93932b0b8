/**
 * Who is charged for the cycles of an instruction, by its linear address: the code regions of docs/architecture.md.
 * The kernel's come from the output sections of kernel.elf, a driver's from where the module loader put its text,
 * and everything below the kernel is user code. Sections of kernel.elf outside the table are kernel code.
 */
import { type ElfFile, SHF_ALLOC, SHF_EXECINSTR } from './elf.ts';

/** The regions, in the order of every report; the index is what the accounting counts by. */
export const REGIONS = ['user', 'kernel', 'driver', 'wrapper', 'tracker', 'xpc', 'copy', 'recovery'] as const;
export type RegionName = (typeof REGIONS)[number];

/** Code that charges whoever called it. */
export const INHERIT = -1;

const KERNEL_BASE = 0xc000_0000;
const USER = REGIONS.indexOf('user');
const KERNEL = REGIONS.indexOf('kernel');
const DRIVER = REGIONS.indexOf('driver');

/** Output sections of kernel.elf that are not plain kernel code (linux/section.h). */
const SECTION_REGIONS: Readonly<Record<string, number>> = {
  '.text.inherit': INHERIT,
  '.text.wrapper': REGIONS.indexOf('wrapper'),
  '.text.tracker': REGIONS.indexOf('tracker'),
  '.text.xpc': REGIONS.indexOf('xpc'),
  '.text.copy': REGIONS.indexOf('copy'),
  '.text.recovery': REGIONS.indexOf('recovery'),
};

interface RegionRange {
  start: number;
  end: number;
  region: number;
}

export class RegionMap {
  private readonly kernel: RegionRange[];
  private drivers: RegionRange[] = [];

  constructor(kernel: ElfFile) {
    this.kernel = kernel.sections
      .filter(s => s.flags & SHF_ALLOC && s.flags & SHF_EXECINSTR && Object.hasOwn(SECTION_REGIONS, s.name))
      .map(s => ({ start: s.address, end: s.address + s.size, region: SECTION_REGIONS[s.name] }));
  }

  /** Sets the text ranges of the loaded modules (linear addresses, end exclusive). */
  setDrivers(texts: readonly { start: number; end: number }[]): void {
    this.drivers = texts.map(({ start, end }) => ({ start, end, region: DRIVER }));
  }

  /** Index into REGIONS, or INHERIT. */
  regionOf(linear: number): number {
    linear >>>= 0;
    if (linear < KERNEL_BASE) return USER;
    const holds = (range: RegionRange) => linear >= range.start && linear < range.end;
    return (this.kernel.find(holds) ?? this.drivers.find(holds))?.region ?? KERNEL;
  }
}
