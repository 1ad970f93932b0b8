/**
 * One case on a fresh machine. The e1000 driver carries streams during and after the access, which the driver
 * `validate` (drivers/validate/) makes when a program sets its interface's MTU.
 */
import { readFileSync } from 'node:fs';
import { MESSAGE_BYTES } from '../../bench/farend/message.ts';
import { parseIp } from '../../bench/farend/packets.ts';
import { Sink } from '../../bench/farend/sink.ts';
import { Source } from '../../bench/farend/source.ts';
import { Station } from '../../bench/farend/station.ts';
import type { EngineKind } from '../../emu/board.ts';
import type { RunResult } from '../../emu/machine.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { artefact, type GuestBuild } from '../../guest/build.ts';
import { readElf } from '../../guest/elf.ts';
import { GuestError } from '../../guest/error.ts';
import { Session } from '../../guest/session.ts';
import { SymbolTable } from '../../guest/symbols.ts';
import type { Case } from './cases.ts';
import { type Access, DRIVER, Watch } from './watch.ts';

export type Isolation = 'none' | 'nooks';

export interface TrialOptions {
  build: GuestBuild;
  profile: Profile;
  isolation: Isolation;
  engine?: EngineKind;
}

/** Did the kernel go on working, and did the driver come back? */
export interface Aftermath {
  /** How the run ended. */
  end: string;
  /** Streams over the e1000: each whole and right? */
  streams: { during: boolean; sent: boolean; received: boolean };
  /** How often the driver's init function said that it ran. */
  inits: number;
  /** Its interface was up at the end. */
  interfaceUp: boolean;
  /** The guest's last words. */
  lastLine: string;
}

export interface Trial {
  access: Access | null;
  aftermath: Aftermath;
}

/** What the guest needs. */
export const ARTEFACTS = ['kernel.elf', 'init', 'e1000.ko', `${DRIVER}.ko`, 'netsend', 'netrecv', 'ifconfig'];

const MEMORY = 32 << 20;
const FAR_IP = '10.0.0.2';
const GUEST_IP = '10.0.0.1';
const PORTS = { during: 5001, sent: 5002, received: 5003 };
const MESSAGES = { during: 10, sent: 3, received: 3 };
const DURING_RATE = 100; // messages a second
const RECEIVE_BITS = 200e6; // a second
const SEED = 7;
/** After the e1000's two. */
const INTERFACE = 'eth2';
const OTHER_MTU = 1000;
/** Guest seconds after which a run is given up; a healthy one takes well below one. */
const PATIENCE = 3;
/** What the kernel writes to the exit port when it panics (kernel/core/printk.c). */
const PANIC_CODE = 99;
const END_MARK = 'validate: end';

export function runTrial(which: Case, options: TrialOptions): Trial {
  const { build, profile, engine, isolation } = options;
  const console = new Console();
  const session = new Session({
    build,
    profile,
    engine,
    memoryBytes: MEMORY,
    cards: 2,
    commandLine: `isolation=${isolation} ip=${GUEST_IP}/24`,
    modules: modulesFor(which, build),
    onSerial: byte => console.put(byte),
  });
  const watch = new Watch(session, which);
  const streams = attachFarEnd(session, console);
  const end = session.machine.run(PATIENCE * profile.clockHz.value);
  if (end.reason === 'triple-fault') watch.machineStopped();
  const { lines } = console;
  const inits = lines.filter(line => line === `${DRIVER}: ${INTERFACE}`).length;
  const marked = lines.lastIndexOf(END_MARK);
  return {
    access: watch.access(),
    aftermath: {
      end: describeEnd(end, marked >= 0),
      streams: streams(),
      inits,
      interfaceUp: marked >= 0 && lines.slice(marked).some(line => line.startsWith(`${INTERFACE}: up`)),
      lastLine: lines.at(-1) ?? '',
    },
  };
}

/** The access comes in the middle of the first stream. */
function modulesFor(which: Case, build: GuestBuild): string[] {
  const target = which.target ? ` target=${kernelAddress(build, which.target)}` : '';
  const commands = [
    'insmod e1000',
    `insmod ${DRIVER} case=${which.name}${target}`,
    `ifconfig ${INTERFACE} up`,
    'sleep 20',
    `start netsend ${FAR_IP} ${PORTS.during} ${MESSAGES.during} ${DURING_RATE} ${SEED}`,
    'sleep 40',
    `ifconfig ${INTERFACE} mtu ${OTHER_MTU}`,
    'sleep 40',
    'wait',
    `netsend ${FAR_IP} ${PORTS.sent} ${MESSAGES.sent} 0 ${SEED}`,
    `netrecv ${PORTS.received} ${MESSAGES.received} 1 ${SEED}`,
    `echo ${END_MARK}`,
    `ifconfig ${INTERFACE}`,
  ];
  const [, ...others] = ARTEFACTS;
  return others.map(name => (name === 'init' ? `init ${commands.join('; ')}` : name));
}

function kernelAddress(build: GuestBuild, name: string): string {
  const symbols = new SymbolTable();
  const [kernel] = ARTEFACTS;
  symbols.add(kernel, readElf(new Uint8Array(readFileSync(artefact(build, kernel))), kernel));
  const address = symbols.address(name);
  if (address === undefined) throw new GuestError(`the kernel has no symbol ${name}`);
  // The parameter is a signed int.
  return String(address | 0);
}

/** Returns what asks, at the end, which streams were whole and right. */
function attachFarEnd({ machine }: Session, console: Console): () => Aftermath['streams'] {
  const station = new Station(machine.clock, machine.cards[0].wire, 1, { ip: FAR_IP });
  const during = new Sink(station, PORTS.during);
  const sent = new Sink(station, PORTS.sent);
  const source = new Source(station, {
    to: GUEST_IP,
    port: PORTS.received,
    seed: SEED,
    count: MESSAGES.received,
    pace: { bitsPerSecond: RECEIVE_BITS },
    spacing: 'even',
  });
  let received = '';
  console.listen(line => {
    if (line.startsWith('ip: eth0 is')) station.resolve(parseIp(GUEST_IP));
    if (line.startsWith('netrecv: ready')) source.start();
    else if (line.startsWith('netrecv:')) received = line;
  });
  const whole = (sink: Sink, messages: number) => {
    const r = sink.report();
    return r.messages === messages && r.bytes === messages * MESSAGE_BYTES && !r.damaged;
  };
  const wanted = `netrecv: ${MESSAGES.received} messages, ${MESSAGES.received * MESSAGE_BYTES} bytes, bad 0, lost 0`;
  return () => ({
    during: whole(during, MESSAGES.during),
    sent: whole(sent, MESSAGES.sent),
    received: received === wanted,
  });
}

function describeEnd(end: RunResult, marked: boolean): string {
  switch (end.reason) {
    case 'exit':
      if (marked) return 'exit';
      return end.code === PANIC_CODE ? 'panic' : `early exit with code ${end.code}`;
    case 'limit':
      return 'hangs';
    case 'stopped':
      return 'reset';
    default:
      return end.reason;
  }
}

/** The guest's console by lines. */
class Console {
  readonly lines: string[] = [];
  private line = '';
  private readonly listeners: ((line: string) => void)[] = [];

  listen(listener: (line: string) => void): void {
    this.listeners.push(listener);
  }

  put(byte: number): void {
    if (byte !== 0x0a) {
      this.line += String.fromCharCode(byte);
      return;
    }
    const line = this.line.replace(/\r$/, '');
    this.line = '';
    this.lines.push(line);
    for (const listener of this.listeners) listener(line);
  }
}
