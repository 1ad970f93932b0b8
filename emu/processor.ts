/**
 * The processor and its RAM, and how an access leaves them for the bus: ports, memory-mapped ranges, fetches from ROM
 * or video memory. What is on the bus is the board's (board.ts).
 */
import { Accounting, INTERRUPTED } from './accounting.ts';
import type { MmioRange } from './bus.ts';
import { Clock } from './clock.ts';
import { Cpu } from './cpu/cpu.ts';
import { Engine } from './cpu/engine.ts';
import type { PortSpace } from './devices/port-space.ts';
import type { Profile } from './profile/profile.ts';
import { State } from './state.ts';

export interface Processor {
  readonly profile: Profile;
  readonly state: State;
  readonly accounting: Accounting;
  readonly clock: Clock;
  readonly cpu: Cpu;
  readonly engine: Engine;
}

/** The bus as the processor meets it. */
export interface Bus {
  space: PortSpace;
  /** Registers on the processor's die that cover physical address `pa`; they come before the bus's ranges. */
  onDie(pa: number): MmioRange | null;
  /** The running instruction asked for `what`, which is not there. */
  missing(what: string): void;
}

/** A processor after power-up with `memoryBytes` of RAM, whose hot code is `compiled` or not. Areas of the state are handed out in this order. */
export function buildProcessor(
  profile: Profile,
  memoryBytes: number,
  compiled: boolean,
  bus: Bus,
): Processor {
  const { space } = bus;
  const state = new State(memoryBytes);
  const accounting = new Accounting(
    state.float64('matrix', 256),
    state.float64('time', 1),
    state.int32('interrupted regions', INTERRUPTED.length),
  );
  const clock = new Clock(profile.clockHz.value, accounting.time);
  // `leave`: the access may bring an event or an interrupt, so the engine looks for them before its next block.
  const cpu: Cpu = new Cpu(profile, state, accounting, clock, {
    findMmio: pa => {
      cpu.leave = true;
      return bus.onDie(pa) ?? space.findMmio(pa) ?? null;
    },
    onUnmapped: (kind, pa) => (kind === 'read' ? void space.readMmio(pa, 1) : space.writeMmio(pa, 1, 0)),
    fetchByte: pa => {
      const range = space.findMmio(pa);
      return range?.handler.fetchMmio?.(pa - range.base) ?? 0xff;
    },
  });
  cpu.ports = {
    readPort: (port, size) => {
      cpu.leave = true;
      return space.readPort(port, size);
    },
    writePort: (port, size, value) => {
      cpu.leave = true;
      space.writePort(port, size, value);
    },
    busOf: port => space.findPort(port)?.bus ?? 'isa',
  };
  cpu.onUnknown = (kind, number) => bus.missing(`${kind} 0x${number.toString(16)}`);
  return { profile, state, accounting, clock, cpu, engine: new Engine(cpu, compiled ? state : null) };
}
