/**
 * How the board wires an ISA interrupt line: to the 8259s and to the I/O APIC's pin of the same number, but IRQ 0 to pin
 * 2, since pin 0 has the 8259's INTR (MP specification, 1.4, figure 3-5; as in guest/mp-table.ts). A device gets one
 * line and knows neither.
 */
import type { IrqLine } from '../bus.ts';

/** A set of interrupt inputs by number. */
interface Inputs {
  line(n: number): IrqLine;
}

const TIMER_PIN = 2;

export class IrqRouter {
  private readonly pic: Inputs;
  private readonly ioApic: Inputs;

  constructor(pic: Inputs, ioApic: Inputs) {
    this.pic = pic;
    this.ioApic = ioApic;
  }

  /** A new input of IRQ `irq` (0..15, not 2); those of one IRQ are wired together. Devices keep no state here. */
  line(irq: number): IrqLine {
    const pic = this.pic.line(irq);
    const ioApic = this.ioApic.line(irq === 0 ? TIMER_PIN : irq);
    return {
      set: level => {
        pic.set(level);
        ioApic.set(level);
      },
    };
  }
}
