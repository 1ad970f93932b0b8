/** A debugger on our kernel, with the e1000 driver and a station at the far end of its wire. */
import { createHash } from 'node:crypto';
import { Sink } from '../../bench/farend/sink.ts';
import { Station } from '../../bench/farend/station.ts';
import { bootKernel, FAR_IP, PORT } from '../../debug/boot.ts';
import { Control } from '../../debug/control.ts';
import { Interpreter } from '../../debug/interpreter.ts';
import { Source } from '../../debug/source/source.ts';
import type { Machine } from '../../emu/machine.ts';
import { profiles } from '../../emu/profile/index.ts';
import type { GuestBuild } from '../../guest/build.ts';

export const KERNEL_MEMORY = 64 << 20;

/** At its entry. */
export function kernelTarget(build: GuestBuild, isolation: 'none' | 'nooks') {
  let serial = '';
  const target = bootKernel(build, isolation, {
    profile: profiles['p4-1700'],
    memoryBytes: KERNEL_MEMORY,
    onSerial: (byte: number) => {
      serial += String.fromCharCode(byte);
    },
  });
  const { machine } = target;
  const station = new Station(machine.clock, machine.cards[0].wire, 1, { ip: FAR_IP });
  machine.cards[0].wire.connect(1, station);
  const sink = new Sink(station, PORT);
  target.hostStates.push(station, sink);
  return { target, machine, sink, serial: () => serial };
}

/** The same with commands. */
export function debugKernel(build: GuestBuild, isolation: 'none' | 'nooks') {
  const kernel = kernelTarget(build, isolation);
  let text = '';
  const interpreter = new Interpreter({
    target: kernel.target,
    write: t => {
      text += t;
    },
    pause: async () => false,
    limit: 2e9,
  });
  /** Runs lines; the text of all of them. */
  const run = async (...lines: string[]) => {
    text = '';
    for (const line of lines) await interpreter.execute(line);
    return text;
  };
  return { ...kernel, run };
}

/** The same with the parts below the commands. */
export function controlKernel(build: GuestBuild, isolation: 'none' | 'nooks' = 'nooks') {
  const kernel = kernelTarget(build, isolation);
  const control = new Control(kernel.target, async () => false);
  new Source(kernel.target);
  const { symbols } = kernel.target;
  return {
    ...kernel,
    control,
    points: control.points,
    /** The function that runs. */
    here: () => symbols.lookup(kernel.target.pc())?.symbol.name,
  };
}

/** What a run leaves behind. */
export function outcome(machine: Machine) {
  const { cpu, accounting } = machine;
  const { mmu } = cpu;
  const { hierarchy } = mmu;
  return {
    cycles: machine.cycles(),
    matrix: [...accounting.matrix],
    instructions: cpu.instructions,
    deliveries: cpu.deliveries,
    data: [mmu.loads, mmu.stores],
    registers: [...cpu.r32],
    tlbs: mmu
      .tlbs()
      .map(t => [t.name, t.misses, t.switchMisses, t.globalHits, ...t.key, ...t.frame, ...t.flags]),
    caches: [hierarchy.l1i, hierarchy.l1d, hierarchy.l2].map(c => [
      c.misses,
      createHash('sha256').update(c.tags).digest('hex'),
    ]),
    ram: createHash('sha256').update(machine.readPhysical(0, machine.ramSize)).digest('hex'),
  };
}
