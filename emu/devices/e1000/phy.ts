/**
 * The integrated PHY (Marvell 88E1011 core, manual chapter 11.2 and 13.4.8): 32 registers of 16 bits behind MDIC, and
 * the link as the MAC sees it.
 *
 * Always 1000BASE-T full duplex once auto-negotiation is complete: the only link partner is our wire. Negotiation
 * takes `autonegotiationSeconds`; the default of 1 ms is far below the seconds of real copper, so that a boot does
 * not wait for it. At power-on the link has been negotiated already. A MAC reset leaves the PHY alone.
 *
 * Left out: speeds below 1000 (software that forces one is heard, the link stays), cable diagnostics, page registers,
 * PHY interrupts other than through MDIC and link change.
 */

import type { Clock } from '../../clock.ts';
import { CAUSE, REG, type RegisterFile, type RegisterRow } from './registers.ts';

const PHY_ADDRESS = 1;

const MDIC_WRITE = 1;
const MDIC_READ = 2;
const MDIC_READY = 1 << 28;
const MDIC_INTERRUPT = 1 << 29;
const MDIC_ERROR = 1 << 30;

/** A management frame: 32 bits of preamble and 32 of frame at 2.5 MHz (IEEE 802.3 clause 22). */
const MDIO_SECONDS = 64 / 2.5e6;

/** PHY register numbers that do something here. */
const PCTRL = 0;
const PSTATUS = 1;
const LPA = 5;
const ANE = 6;
const GSTATUS = 10;
const PSSTAT = 17;
const PISR = 19;

const PCTRL_RESET = 0x8000;
const PCTRL_LOOPBACK = 0x4000;
const PCTRL_AUTONEG = 0x1000;
const PCTRL_POWER_DOWN = 0x0800;
const PCTRL_ISOLATE = 0x0400;
const PCTRL_RESTART = 0x0200;
const PCTRL_SELF_CLEARING = PCTRL_RESET | PCTRL_RESTART;

const PSTATUS_FIXED = 0x7949;
const PSTATUS_NEGOTIATED = 0x0020;
const PSTATUS_LINK = 0x0004;

const PISR_LINK_CHANGED = 0x0400;
const PISR_NEGOTIATED = 0x0800;

/** Values after a reset of the PHY, by register number; registers not listed are 0. */
const RESET: Record<number, number> = {
  0: 0x1140, // auto-negotiation, full duplex, 1000
  2: 0x0141, // OUI of Marvell
  3: 0x0c20, // 88E1011, revision 0
  4: 0x0de1, // we advertise 10, 100, both pause kinds
  7: 0x2001, // next page
  9: 0x0e00, // we advertise 1000, full and half duplex
  15: 0x3000, // 1000BASE-T full and half duplex
  16: 0x0068, // automatic crossover
  20: 0x0ce4, // extended PHY specific control
};

/** Registers that software can write. Others ignore it. */
const WRITABLE = new Set([0, 4, 7, 9, 16, 18, 20, 22, 24, 29, 30, 31]);

export interface PhyHooks {
  /** The MAC's view of the link may have changed. */
  linkChanged(at: number): void;
  raise(causes: number): void;
}

export class Phy {
  private readonly clock: Clock;
  private readonly registers: RegisterFile;
  private readonly hooks: PhyHooks;
  private readonly autonegotiationTicks: number;
  private readonly negotiation: number;
  private readonly management: number;
  private readonly values = new Uint16Array(32);
  private cable: boolean;
  private negotiated: boolean;
  /** PSTATUS.2 is latched low until read. */
  private linkLatch: boolean;

  constructor(
    clock: Clock,
    name: string,
    registers: RegisterFile,
    hooks: PhyHooks,
    cable: boolean,
    autonegotiationSeconds: number,
  ) {
    this.clock = clock;
    this.registers = registers;
    this.hooks = hooks;
    this.autonegotiationTicks = clock.ticksOf(autonegotiationSeconds);
    this.negotiation = clock.register(`${name} auto-negotiation`, now => this.negotiationDone(now));
    this.management = clock.register(`${name} MDIO`, () => this.managementDone());
    this.cable = cable;
    this.negotiated = cable;
    this.linkLatch = cable;
    this.defaults();
  }

  rows(): RegisterRow[] {
    return [{ at: REG.MDIC, name: 'MDIC', reset: MDIC_READY, put: value => this.access(value) }];
  }

  /** Is the link there, as far as the PHY is concerned? */
  link(): boolean {
    return this.cable && this.negotiated && !(this.values[PCTRL] & (PCTRL_POWER_DOWN | PCTRL_ISOLATE));
  }

  loopback(): boolean {
    return (this.values[PCTRL] & PCTRL_LOOPBACK) !== 0;
  }

  /** The cable was plugged or unplugged. */
  cableChanged(up: boolean, at: number): void {
    this.cable = up;
    if (up) this.negotiate(at);
    else this.dropLink(at);
  }

  /** Hardware or software reset of the PHY: defaults, and negotiation from the start. */
  reset(at: number): void {
    this.defaults();
    this.negotiate(at);
  }

  /** A MAC reset ends a management access. */
  resetManagement(): void {
    this.clock.cancel(this.management);
  }

  save(): unknown {
    const { cable, negotiated, linkLatch } = this;
    return { values: [...this.values], cable, negotiated, linkLatch };
  }

  load(state: unknown): void {
    const saved = state as { values: number[]; cable: boolean; negotiated: boolean; linkLatch: boolean };
    this.values.set(saved.values);
    this.cable = saved.cable;
    this.negotiated = saved.negotiated;
    this.linkLatch = saved.linkLatch;
  }

  private defaults(): void {
    this.values.fill(0);
    for (const [register, value] of Object.entries(RESET)) this.values[Number(register)] = value;
  }

  private negotiate(at: number): void {
    this.dropLink(at);
    if (!this.cable || this.values[PCTRL] & PCTRL_POWER_DOWN) return;
    this.clock.schedule(this.negotiation, at + this.autonegotiationTicks);
  }

  private negotiationDone(now: number): void {
    this.negotiated = true;
    this.values[PISR] |= PISR_NEGOTIATED | PISR_LINK_CHANGED;
    this.hooks.linkChanged(now);
  }

  private dropLink(at: number): void {
    this.clock.cancel(this.negotiation);
    this.linkLatch = false;
    if (this.negotiated) this.values[PISR] |= PISR_LINK_CHANGED;
    this.negotiated = false;
    this.hooks.linkChanged(at);
  }

  private access(value: number): void {
    const operation = (value >>> 26) & 3;
    this.registers.set(REG.MDIC, value & ~(MDIC_READY | MDIC_ERROR));
    if (operation === MDIC_READ || operation === MDIC_WRITE)
      this.clock.schedule(this.management, this.clock.now() + this.clock.ticksOf(MDIO_SECONDS));
  }

  private managementDone(): void {
    let value = this.registers.get(REG.MDIC);
    const register = (value >>> 16) & 31;
    const here = ((value >>> 21) & 31) === PHY_ADDRESS;
    if (((value >>> 26) & 3) === MDIC_WRITE) {
      if (here) this.put(register, value & 0xffff);
    } else value = (value & 0xffff0000) | (here ? this.take(register) : 0xffff);
    this.registers.set(REG.MDIC, value | MDIC_READY | (here ? 0 : MDIC_ERROR));
    if (value & MDIC_INTERRUPT) this.hooks.raise(CAUSE.MDAC);
  }

  /** Reads a register, with the side effects of reading. */
  private take(register: number): number {
    const up = this.link();
    if (register === PSTATUS) {
      const link = up && this.linkLatch;
      this.linkLatch = up;
      return PSTATUS_FIXED | (this.negotiated ? PSTATUS_NEGOTIATED : 0) | (link ? PSTATUS_LINK : 0);
    }
    if (register === LPA) return this.negotiated ? 0xcde1 : 0;
    if (register === ANE) return this.negotiated ? 0x000f : 0x0004;
    if (register === GSTATUS) return this.negotiated ? 0x3c00 : 0;
    if (register === PSSTAT) return up ? 0xbc0c : 0x8000;
    const value = this.values[register];
    if (register === PISR) this.values[PISR] = 0;
    return value;
  }

  private put(register: number, value: number): void {
    if (!WRITABLE.has(register)) return;
    if (register !== PCTRL) {
      this.values[register] = value;
      return;
    }
    const now = this.clock.now();
    if (value & PCTRL_RESET) {
      this.reset(now);
      return;
    }
    const woke = this.values[PCTRL] & ~value & PCTRL_POWER_DOWN;
    this.values[PCTRL] = value & ~PCTRL_SELF_CLEARING;
    if (value & PCTRL_POWER_DOWN) this.dropLink(now);
    else if (woke || (value & PCTRL_RESTART && value & PCTRL_AUTONEG)) this.negotiate(now);
    else this.hooks.linkChanged(now);
  }
}
