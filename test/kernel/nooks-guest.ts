/** Boots the guest on the emulated PC for tests of the Nooks layer, and tells what it printed. */

import { parseIp } from '../../bench/farend/packets.ts';
import { Sink } from '../../bench/farend/sink.ts';
import { Station } from '../../bench/farend/station.ts';
import { findProfile } from '../../emu/profile/index.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { buildGuest, type GuestBuild } from '../../guest/build.ts';
import { Session } from '../../guest/session.ts';
import { Injector } from '../../inject/faults/inject.ts';
import type { Persistence } from '../../inject/model.ts';

const PROFILE = findProfile('p4-1700');
/** For guests that loop until a time has passed: a second has fewer instructions. */
export const SLOW: Profile = { ...PROFILE, clockHz: { ...PROFILE.clockHz, value: 500_000_000 } };
const MEMORY = 64 << 20;
const PATIENCE_SECONDS = 30;
const PORT = 5001;
export const GUEST_IP = '10.0.0.1';
export const FAR_IP = '10.0.0.2';

let built: Promise<GuestBuild> | undefined;
const build = () => {
  built ??= buildGuest();
  return built;
};

export interface Run {
  text: string;
  /** What the guest wrote to the exit port, or why there was none. */
  exit: number | string;
  /** The messages that arrived at the far end's port. */
  sink: ReturnType<Sink['report']>;
  session: Session;
}

export interface RunOptions {
  options?: string;
  /** Further boot modules, by name. */
  modules?: string[];
  /** Seconds of guest time, default 30. */
  patience?: number;
  /** Instead of p4-1700. */
  profile?: Profile;
  /** Called for each whole line of the console, before the guest goes on. */
  onLine?: (line: string, session: Session, sink: Sink, station: Station) => void;
}

/** Boots with init's `commands`; the far end answers ARP and counts netsend's messages. */
export async function runGuest(
  commands: string,
  {
    options = 'isolation=nooks',
    modules = [],
    onLine,
    profile = PROFILE,
    patience = PATIENCE_SECONDS,
  }: RunOptions = {},
): Promise<Run> {
  let text = '';
  let line = '';
  let greet = () => {};
  const session: Session = new Session({
    build: await build(),
    profile,
    memoryBytes: MEMORY,
    commandLine: `ip=${GUEST_IP}/24 ${options}`,
    modules: [`init ${commands}`, 'e1000.ko', 'netsend', 'nooksctl', ...modules],
    onSerial: byte => {
      if (byte !== 0x0a) {
        line += String.fromCharCode(byte);
        return;
      }
      text += `${line}\n`;
      const whole = line;
      line = '';
      if (whole.startsWith('ip: eth0 is')) greet();
      onLine?.(whole, session, sink, station);
    },
  });
  const { machine } = session;
  const station: Station = new Station(machine.clock, machine.cards[0].wire, 1, { ip: FAR_IP });
  const sink = new Sink(station, PORT);
  machine.cards[0].wire.connect(1, station);
  greet = () => station.resolve(parseIp(GUEST_IP));
  const end = machine.run(patience * profile.clockHz.value);
  return { text, exit: end.reason === 'exit' ? end.code : end.reason, sink: sink.report(), session };
}

/** netsend's arguments. */
export const netsend = (count: number, rate = 0) => `netsend ${FAR_IP} ${PORT} ${count} ${rate}`;

export interface Counters {
  toKernel: number;
  toDriver: number;
  deferred: number;
  copied: number;
  failures: number;
  recoveries: number;
}

/** A domain's line of /proc/nooks. */
export function counters(text: string, extension: string): Counters {
  const line = text.split('\n').findLast(each => new RegExp(`^\\d+ ${extension} `).test(each));
  if (!line) throw new Error(`/proc/nooks has no ${extension}:\n${text}`);
  const [toKernel, toDriver, deferred, copied, failures, recoveries] = line.split(' ').slice(3).map(Number);
  return { toKernel, toDriver, deferred, copied, failures, recoveries };
}

/** UD2; JMP to itself; XOR EAX, EAX and RET. */
export const CODE = { crash: [0x0f, 0x0b], loop: [0xeb, 0xfe], returnZero: [0x31, 0xc0, 0xc3] };

/**
 * Writes machine code over the beginning of a function of e1000's; a deterministic fault is there again after each
 * load, until the injector is disposed of.
 */
export function breakFunction(
  session: Session,
  name: string,
  code: readonly number[],
  persistence: Persistence = 'transient',
): Injector {
  const { elf } = session.images().find(image => image.name === 'e1000.ko')!;
  const symbol = elf.symbols.find(s => s.name === name)!;
  const patch = code.map((value, n) => ({ offset: symbol.value + n, mask: 0xff, value }));
  const section = elf.sections[symbol.section].name;
  const injector = new Injector(session, {
    ...{ driver: 'e1000', trial: 0, seed: 1, persistence, delay: 0 },
    faults: [{ type: 'TEXT', section, offset: symbol.value, patch }],
  });
  injector.inject();
  return injector;
}
