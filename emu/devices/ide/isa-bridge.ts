/**
 * Function 0 of Intel's 82371SB (PIIX3): the PCI-to-ISA bridge, as a PCI header with the registers that software
 * looks at (data sheet 290550, 2.2), at their reset values.
 *
 * All of them are kept and none does anything: the ISA devices answer where they are, the edge/level registers are in
 * pic.ts and the reset control register in pci.ts. PIRQRC tells how a BIOS routed the PCI interrupts; a device's IRQ
 * comes from the machine and does not follow a change.
 * Left out: the APIC's and the SMM's chip selects as such, DMA aliasing, power management.
 */

import { COMMAND_IO, COMMAND_MASTER, COMMAND_MEMORY, type PciFunctionSpec } from '../pci-function.ts';

const NOT_ROUTED = 0x80;
const PIRQ_BITS = 0x8f;

/** `pirqs` are the IRQs of PIRQA# to PIRQD#, where they are routed. */
export function isaBridge(device: number, pirqs: readonly (number | undefined)[]): PciFunctionSpec {
  return {
    ...{ name: '82371SB ISA', device, function: 0, vendorId: 0x8086, deviceId: 0x7000 },
    classCode: 0x060100,
    command: COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER,
    status: 0x0280,
    writable: [
      [0x4c, 0xff, 0x4d], // IORT: ISA I/O recovery
      [0x4e, 0xff, 0x03], // XBCS: X-bus chip selects
      [0x4f, 0x01, 0x00],
      ...Array.from({ length: 4 }, (_, n): [number, number, number] => [
        0x60 + n,
        PIRQ_BITS,
        pirqs[n] ?? NOT_ROUTED,
      ]),
      [0x69, 0xfe, 0x02], // TOM: top of memory
      [0x6a, 0x85, 0x00], // MSTAT: miscellaneous status
      [0x70, 0xef, 0x80], // MBIRQ0: motherboard interrupt
      [0x76, 0x8f, 0x0c], // MBDMA0, MBDMA1
      [0x77, 0x8f, 0x0c],
      [0x78, 0xff, 0x02], // PCSC: programmable chip select
      [0x79, 0xff, 0x00],
      [0x80, 0x7f, 0x00], // APICBASE
      [0x82, 0x0f, 0x00], // DLC: deterministic latency
      [0xa0, 0x1f, 0x08], // SMICNTL
      [0xa2, 0xff, 0x00], // SMIEN
      [0xa3, 0x01, 0x00],
      [0xa4, 0xff, 0x00], // SEE: system events
      [0xa5, 0xff, 0x00],
      [0xa6, 0x00, 0x00],
      [0xa7, 0xe0, 0x00],
      [0xa8, 0xff, 0x0f], // FTMR: fast-off timer
      [0xaa, 0xff, 0x00], // SMIREQ
      [0xab, 0x01, 0x00],
      [0xac, 0xff, 0x00], // CTLTMR, CTHTMR: clock throttling
      [0xae, 0xff, 0x00],
    ],
  };
}
