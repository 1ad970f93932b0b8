/**
 * The 16550A's modem lines: its outputs, set by MCR, its inputs, seen in MSR, and the loopback that ties one to the
 * other (PC16550D data sheet, MODEM control and status registers). Left out: outputs other than OUT2 reach nobody.
 */

/** MCR. */
const MCR_DTR = 1 << 0; // data terminal ready
const MCR_RTS = 1 << 1; // request to send
const MCR_OUT1 = 1 << 2;
const MCR_OUT2 = 1 << 3;
const MCR_LOOP = 1 << 4;
const MCR_KEPT = 0x1f;
/** MSR: levels in the high half, their changes in the low. */
const MSR_CTS = 1 << 4; // clear to send
const MSR_DSR = 1 << 5; // data set ready
const MSR_RI = 1 << 6; // ring indicator
const MSR_DCD = 1 << 7; // data carrier detect
const MSR_LEVELS = 0xf0;
const MSR_DELTAS = 0x0f;
const MSR_TERI = 1 << 2; // trailing edge of the ring indicator

/** In loopback, which output is which input. */
const LOOPS = [
  [MCR_DTR, MSR_DSR],
  [MCR_RTS, MSR_CTS],
  [MCR_OUT1, MSR_RI],
  [MCR_OUT2, MSR_DCD],
];

export interface ModemState {
  mcr: number;
  msr: number;
  /** The far end's lines, as MSR's high half. */
  far: number;
}

export class ModemLines {
  private s: ModemState;

  /** All inputs but RI are up. */
  constructor() {
    const far = MSR_CTS | MSR_DSR | MSR_DCD;
    this.s = { mcr: 0, msr: far, far };
  }

  get control(): number {
    return this.s.mcr;
  }

  set control(value: number) {
    this.s.mcr = value & MCR_KEPT;
    this.update();
  }

  /** The far end's lines, as MSR bits 7..4. */
  setFar(levels: number): void {
    this.s.far = levels & MSR_LEVELS;
    this.update();
  }

  /** Reads MSR, which forgets the changes. */
  readStatus(): number {
    const status = this.s.msr;
    this.s.msr &= MSR_LEVELS;
    return status;
  }

  /** Has an input changed since MSR was read? */
  get changed(): boolean {
    return (this.s.msr & MSR_DELTAS) !== 0;
  }

  get looped(): boolean {
    return (this.s.mcr & MCR_LOOP) !== 0;
  }

  /** OUT2 lets INTR through to the IRQ; its pin is inactive in loopback. */
  get gate(): boolean {
    return (this.s.mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
  }

  private inputs(): number {
    const { mcr, far } = this.s;
    if (!this.looped) return far;
    return LOOPS.reduce((levels, [output, input]) => levels | (mcr & output ? input : 0), 0);
  }

  private update(): void {
    const { s } = this;
    const levels = this.inputs();
    const changed = (levels ^ s.msr) & MSR_LEVELS;
    // RI is the one of which only the fall counts.
    const deltas = ((changed & ~MSR_RI) >> 4) | (changed & ~levels & MSR_RI ? MSR_TERI : 0);
    s.msr = levels | (s.msr & MSR_DELTAS) | deltas;
  }

  save(): ModemState {
    return { ...this.s };
  }

  load(state: ModemState): void {
    this.s = { ...state };
  }
}
