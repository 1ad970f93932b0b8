/** A guest in mid-stream with e1000 loaded, booted once and put back to that moment for each use. */
import { readFileSync } from 'node:fs';
import { parseIp } from '../../../bench/farend/packets.ts';
import { Sink } from '../../../bench/farend/sink.ts';
import { Station } from '../../../bench/farend/station.ts';
import { findProfile } from '../../../emu/profile/index.ts';
import { artefact, buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { readElf } from '../../../guest/elf.ts';
import { Session } from '../../../guest/session.ts';
import type { FaultTarget } from '../../../inject/faults/code.ts';
import type { CampaignSettings, Fault, Persistence, TrialPlan } from '../../../inject/model.ts';

const CYCLES_MS = 1_700_000;
const FAR_IP = '10.0.0.2';
const PORT = 5001;

export const SETTINGS: CampaignSettings = {
  driver: 'e1000',
  trials: 100,
  faultsPerTrial: 5,
  configurations: [],
  persistence: 'transient',
  distribution: 'uniform',
  types: [],
  seed: 1,
  profile: 'p4-1700',
  minimumPackets: 100,
  minimumCycles: 1e6,
  build: 'test',
};

export function planOf(faults: Fault[], persistence: Persistence = 'transient'): TrialPlan {
  return { driver: 'e1000', trial: 0, seed: 1, persistence, delay: 0, faults };
}

let built: Promise<GuestBuild> | undefined;
export const build = (): Promise<GuestBuild> => (built ??= buildGuest());

export async function e1000(): Promise<FaultTarget> {
  const bytes = new Uint8Array(readFileSync(artefact(await build(), 'e1000.ko')));
  return { driver: 'e1000', elf: readElf(bytes, 'e1000.ko') };
}

export interface Rig {
  session: Session;
  /** Console so far, since the last `warm`. */
  text: () => string;
  messages: () => number;
  /** To the moment in mid-stream. */
  warm(): void;
  /** A frame arrives at the guest. */
  ask(): void;
  /** Guest milliseconds more; why it ended. */
  run(ms: number): string;
}

/** `after`: init's commands while netsend runs; the guest is put back to just before them. */
export async function boot(isolation: 'none' | 'nooks', after = 'sleep 100000'): Promise<Rig> {
  let text = '';
  let greeted = false;
  const profile = findProfile('p4-1700');
  const session: Session = new Session({
    build: await build(),
    profile,
    memoryBytes: 64 << 20,
    commandLine: `ip=10.0.0.1/24 isolation=${isolation}`,
    modules: [
      `init insmod e1000; start netsend ${FAR_IP} ${PORT} 1000000 500; sleep 40; echo warm; ${after}`,
      'e1000.ko',
      'netsend',
      'nooksctl',
      'ifconfig',
    ],
    onSerial: byte => {
      text += String.fromCharCode(byte);
    },
  });
  const { machine } = session;
  const station = new Station(machine.clock, machine.cards[0].wire, 1, { ip: FAR_IP });
  const sink = new Sink(station, PORT);
  machine.cards[0].wire.connect(1, station);
  while (!text.includes('warm\n')) {
    if (!greeted && text.includes('ip: eth0 is')) {
      greeted = true;
      station.resolve(parseIp('10.0.0.1'));
    }
    const end = machine.run(machine.cycles() + CYCLES_MS / 10);
    if (end.reason !== 'limit') throw new Error(`boot ended with ${end.reason}:\n${text}`);
  }
  const warm = machine.checkpoint();
  const far = station.save();
  return {
    session,
    text: () => text,
    messages: () => sink.report().messages,
    warm() {
      machine.revert(warm);
      station.load(far);
      session.refreshModules();
      text = '';
    },
    ask: () => station.resolve(parseIp('10.0.0.1')),
    run(ms) {
      const end = machine.run(machine.cycles() + ms * CYCLES_MS);
      return end.reason === 'exit' ? `exit ${end.code}` : end.reason;
    },
  };
}
