/**
 * The IDE controller of Intel's 82371SB (PIIX3, data sheet 290550): PCI function 1 of the chip, with two channels at
 * the AT's ports and interrupts, and a bus master for each behind BAR 4. isa-bridge.ts is the chip's function 0.
 *
 *   channel.ts    a cable, its ports, its interrupt      commands.ts   every command, a row each
 *   drive.ts      a drive's registers and protocols      identify.ts   what a drive says of itself
 *   bus-master.ts descriptors and their walk             mechanics.ts, timing.ts  seeks, rotation, buffers
 *   block.ts, medium.ts  where sectors come from         transfer.ts   the data of a command
 *
 * A channel's ports answer while the function's I/O space is enabled and IDETIM's decode bit is set; both come set,
 * as a BIOS leaves them. The timing registers are otherwise kept and change nothing: a port access costs what the
 * profile says, and DMA goes at the drive's mode up to the chip's multiword mode 2.
 * Left out: a third channel, native mode (the chip has none), ATAPI, and the floppy's share of 0x3F6.
 */

import type { AccessSize, Dma, IrqLine, PortHandler, PortRange, Saved } from '../../bus.ts';
import type { Clock } from '../../clock.ts';
import { bytePorts } from '../byte-ports.ts';
import { COMMAND_IO, COMMAND_MASTER, type PciFunction, type PciFunctionSpec } from '../pci-function.ts';
import type { BlockBackend } from './block.ts';
import { IdeBusMaster } from './bus-master.ts';
import { IdeChannel } from './channel.ts';
import { Drive } from './drive.ts';
import { DESKSTAR_120GXP, type DiskTiming, PIIX3_DMA_RATE } from './timing.ts';

/** Command block, control port, name. */
const CHANNELS = [
  [0x1f0, 0x3f6, 'ide primary'],
  [0x170, 0x376, 'ide secondary'],
] as const;
const BLOCK_PORTS = 8;
const BUS_MASTER_PORTS = 16;
const PCI_COMMAND = 0x04;
/** High byte of the first channel's IDETIM; the second's is two on. Bit 7 is the decode bit. */
const IDETIM_HIGH = 0x41;
const DECODE = 0x80;

export interface IdeOptions {
  clock: Clock;
  dma: Dma;
  /** IRQ 14 and 15. */
  irqs: readonly [IrqLine, IrqLine];
  /** Primary 0 and 1, secondary 0 and 1; null where there is no drive. */
  disks?: readonly (BlockBackend | null)[];
  timing?: DiskTiming;
  /** Hears once a drive that its medium failed. */
  notice?: (text: string) => void;
}

export class Ide implements Saved {
  readonly channels: readonly IdeChannel[];
  private readonly busMasters: readonly IdeBusMaster[];
  private pci: PciFunction | undefined;

  /** Throws a RangeError for more than four disks, or one without sectors. */
  constructor(options: IdeOptions) {
    const { clock, dma, irqs, disks = [], timing = DESKSTAR_120GXP, notice = () => {} } = options;
    if (disks.length > 4) throw new RangeError(`${disks.length} disks: an IDE controller has four places`);
    this.busMasters = irqs.map(
      (_, n) =>
        new IdeBusMaster(
          dma,
          () => this.pci?.busMaster() ?? true,
          () => this.channels[n].changed(),
        ),
    );
    this.channels = irqs.map((irq, n) => new IdeChannel(irq, this.busMasters[n]));
    disks.forEach((backend, place) => {
      if (!backend) return;
      const unit = place & 1;
      const cable = this.channels[place >> 1];
      cable.drives[unit] = new Drive({
        ...{ clock, backend, unit, timing, cable, notice },
        name: `disk ${place}`,
        serial: `NOOKS86-${place}`,
        hostRate: PIIX3_DMA_RATE,
      });
    });
  }

  /** The AT's ports, which no BAR moves. */
  ports(): PortRange[] {
    return CHANNELS.flatMap(([first, control, name], n): PortRange[] => {
      const channel = this.channels[n];
      const decoded = () => this.decodes(n);
      const handler = channel.commandPorts(first, decoded);
      return [
        { first, count: BLOCK_PORTS, bus: 'pci', name, handler },
        {
          first: control,
          count: 1,
          bus: 'pci',
          name: `${name} control`,
          handler: channel.controlPort(decoded),
        },
      ];
    });
  }

  /** PCI function 1 of the chip at `device`, with its bus master at port `base`. */
  pciFunction(device: number, base: number): PciFunctionSpec {
    const bar = { kind: 'io' as const, base, size: BUS_MASTER_PORTS, handler: this.busMasterPorts() };
    return {
      ...{ name: '82371SB IDE', device, function: 1, vendorId: 0x8086, deviceId: 0x7010 },
      classCode: 0x010180,
      command: COMMAND_IO | COMMAND_MASTER,
      status: 0x0280,
      bars: [undefined, undefined, undefined, undefined, bar],
      // IDETIM of both channels: decoded, fastest PIO; SIDETIM.
      writable: [
        [0x40, 0xff, 0x07],
        [0x41, 0xf3, 0xa3],
        [0x42, 0xff, 0x07],
        [0x43, 0xf3, 0xa3],
        [0x44, 0xff, 0],
      ],
    };
  }

  /** The function that `pciFunction` became: its registers then rule decoding and bus mastering. */
  attach(pci: PciFunction): void {
    this.pci = pci;
  }

  /** PCI RST#. The PCI header is its owner's business. */
  reset(): void {
    for (const master of this.busMasters) master.reset();
    for (const channel of this.channels) channel.reset();
  }

  save(): unknown {
    return { channels: this.channels.map(c => c.save()), busMasters: this.busMasters.map(m => m.save()) };
  }

  load(state: unknown): void {
    const { channels, busMasters } = state as { channels: unknown[]; busMasters: unknown[] };
    channels.forEach((saved, n) => {
      this.channels[n].load(saved);
    });
    busMasters.forEach((saved, n) => {
      this.busMasters[n].load(saved);
    });
  }

  private decodes(channel: number): boolean {
    const { pci } = this;
    if (!pci) return true;
    return (pci.read(PCI_COMMAND) & COMMAND_IO) !== 0 && (pci.read(IDETIM_HIGH + 2 * channel) & DECODE) !== 0;
  }

  /** A drive that waits for a bus master which the PCI header had off goes on at the next access here. */
  private busMasterPorts(): PortHandler {
    const registers = bytePorts({
      readByte: port => this.busMasters[port >> 3].readByte(port & 7),
      writeByte: (port, value) => this.busMasters[port >> 3].writeByte(port & 7, value),
    });
    const goOn = (port: number) => this.channels[port >> 3].changed();
    return {
      readPort: (port: number, size: AccessSize) => {
        goOn(port);
        return registers.readPort(port, size);
      },
      writePort: (port: number, size: AccessSize, value: number) => {
        registers.writePort(port, size, value);
        goOn(port);
      },
    };
  }
}
