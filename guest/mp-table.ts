/**
 * The tables by which firmware tells a system of its APICs: Intel MultiProcessor Specification 1.4, chapter 4. One
 * processor, a PCI and an ISA bus, one I/O APIC, and how the interrupt lines are wired (emu/interrupts.ts).
 *
 * They lie in the BIOS area below 1 MiB, which every memory map that our loaders give calls reserved: the floating
 * pointer at 0xF5A00, the configuration table behind it. Left out: ACPI, the default configurations, extended entries.
 */

import { cpuid } from '../emu/cpu/cpuid.ts';
import { IO_APIC_ADDRESS, IO_APIC_VERSION } from '../emu/devices/apic/io-apic.ts';
import { BIOS_IO_APIC_ID } from '../emu/interrupts.ts';
import type { Machine } from '../emu/machine.ts';

/** Where the tables go: on a paragraph of F0000h to FFFFFh, one of the places that the specification has searched. */
export const MP_TABLE_ADDRESS = 0xf_5a00;

const LOCAL_APIC = 0xfee0_0000;
const LOCAL_APIC_VERSION = 0x14;
const SPECIFICATION = 4; // 1.4
const OEM = 'NOOKS86 ';
const PRODUCT = 'PC 440FX    ';

const POINTER_SIZE = 16;
const HEADER_SIZE = 44;

/** Entry types (table 4-3). */
const PROCESSOR = 0;
const BUS = 1;
const IO_APIC_ENTRY = 2;
const IO_INTERRUPT = 3;
const LOCAL_INTERRUPT = 4;

const ENABLED = 1;
const BOOT_PROCESSOR = 2;
const PCI_BUS = 0; // as PCI numbers it (4.3.2)
const ISA_BUS = 1;

/** Interrupt types (table 4-11) and flags (table 4-10). */
const INT = 0;
const NMI = 1;
const EXT_INT = 3;
const CONFORMS = 0;
/** The board hands PCI lines to the pins of ISA ones, where high is active. */
const HIGH_LEVEL = 0b1101;

const ISA_IRQS = 16;
const CASCADE = 2;
const TIMER_PIN = 2;
const INTR_PIN = 0;
const EVERY_LOCAL_APIC = 0xff;

/** What the tables depend on. */
export interface MpBoard {
  /** EAX and EDX of CPUID leaf 1. */
  signature: number;
  features: number;
  /** PCI devices of bus 0 whose INTA# is wired, and the I/O APIC pin of each. */
  pci: readonly { device: number; pin: number }[];
}

/** The board of a machine. */
export function boardOf(machine: Machine): MpBoard {
  const [signature, , , features] = cpuid(machine.profile, 1, machine.cpu.apic);
  return { signature, features, pci: machine.cards.map(({ slot, irq }) => ({ device: slot, pin: irq })) };
}

/** Floating pointer and configuration table as bytes, for physical address `at` (below 4 GiB, a multiple of 16). */
export function mpTable(board: MpBoard, at: number = MP_TABLE_ADDRESS): Uint8Array {
  const entries = entriesOf(board);
  const length = HEADER_SIZE + entries.reduce((sum, e) => sum + e.length, 0);
  const bytes = new Uint8Array(POINTER_SIZE + length);
  const pointer = bytes.subarray(0, POINTER_SIZE);
  const table = bytes.subarray(POINTER_SIZE);

  // Feature byte 1 of 0 says that there is a table; bit 7 of byte 2 clear: virtual wire, no IMCR.
  pointer.set([...ascii('_MP_'), ...le32(at + POINTER_SIZE), POINTER_SIZE / 16, SPECIFICATION]);
  pointer[10] = checksum(pointer);

  table.set([...ascii('PCMP'), ...le16(length), SPECIFICATION, 0, ...ascii(OEM), ...ascii(PRODUCT)]);
  table.set([...le16(entries.length), ...le32(LOCAL_APIC)], 34);
  table.set(entries.flat(), HEADER_SIZE);
  table[7] = checksum(table);
  return bytes;
}

function entriesOf(board: MpBoard): number[][] {
  const pciPins = board.pci.map(p => p.pin);
  const isa = Array.from({ length: ISA_IRQS }, (_, irq) => irq).filter(
    irq => irq !== CASCADE && !pciPins.includes(irq),
  );
  return [
    [
      PROCESSOR,
      0,
      LOCAL_APIC_VERSION,
      ENABLED | BOOT_PROCESSOR,
      ...le32(board.signature),
      ...le32(board.features),
      ...le32(0),
      ...le32(0),
    ],
    [BUS, PCI_BUS, ...ascii('PCI   ')],
    [BUS, ISA_BUS, ...ascii('ISA   ')],
    [IO_APIC_ENTRY, BIOS_IO_APIC_ID, IO_APIC_VERSION, ENABLED, ...le32(IO_APIC_ADDRESS)],
    interrupt(IO_INTERRUPT, EXT_INT, CONFORMS, ISA_BUS, 0, BIOS_IO_APIC_ID, INTR_PIN),
    ...isa.map(irq =>
      interrupt(IO_INTERRUPT, INT, CONFORMS, ISA_BUS, irq, BIOS_IO_APIC_ID, irq === 0 ? TIMER_PIN : irq),
    ),
    // The source of a PCI interrupt is its device number and its pin, INTA# being 0 (table 4-9).
    ...board.pci.map(({ device, pin }) =>
      interrupt(IO_INTERRUPT, INT, HIGH_LEVEL, PCI_BUS, device << 2, BIOS_IO_APIC_ID, pin),
    ),
    interrupt(LOCAL_INTERRUPT, EXT_INT, CONFORMS, ISA_BUS, 0, EVERY_LOCAL_APIC, 0),
    interrupt(LOCAL_INTERRUPT, NMI, CONFORMS, ISA_BUS, 0, EVERY_LOCAL_APIC, 1),
  ];
}

function interrupt(
  entry: number,
  type: number,
  flags: number,
  bus: number,
  source: number,
  apic: number,
  pin: number,
): number[] {
  return [entry, type, ...le16(flags), bus, source, apic, pin];
}

/** What makes the bytes add up to 0. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, b) => sum + b, 0) & 0xff;
}

function ascii(text: string): number[] {
  return [...text].map(c => c.charCodeAt(0));
}

function le16(v: number): number[] {
  return [v & 0xff, (v >> 8) & 0xff];
}

function le32(v: number): number[] {
  return [...le16(v), ...le16(v >> 16)];
}
