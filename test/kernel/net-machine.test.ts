/**
 * The network layer and the e1000 driver on our own machine, at the speed of a gigabit wire: full rings, lost and damaged
 * frames, a link that goes away, and a card that stops sending.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Damager, Dropper, insert } from '../../bench/farend/faults.ts';
import { Sink } from '../../bench/farend/sink.ts';
import { type Pace, Source } from '../../bench/farend/source.ts';
import { Station } from '../../bench/farend/station.ts';
import { Machine } from '../../emu/machine.ts';
import { profiles } from '../../emu/profile/index.ts';
import { buildGuest } from '../../guest/build.ts';
import { loadMultiboot } from '../../guest/multiboot.ts';

const PROGRAMS = ['netsend', 'netrecv', 'ifconfig', 'nettests', 'nooksctl'];
const PORT = 5001;
const SEED = 3;
const SLICE = 5_000_000;
const LIMIT = 60e9;
const MEMORY = 64 << 20;
const FAR_END = 1;
const GUEST_END = 0;

let files: Map<string, string>;

beforeAll(async () => {
  files = (await buildGuest({ only: ['kernel.elf', 'e1000.ko', 'init', ...PROGRAMS] })).files;
}, 300_000);

/** A machine with a station at the far end of its wire, booted but not yet run. */
class Bench {
  console = '';
  readonly machine: Machine;
  readonly station: Station;
  readonly sink: Sink;
  private code: number | undefined;

  constructor(commands: string, options = 'ip=10.0.0.1/24', cards = 1) {
    const onSerial = (byte: number) => {
      this.console += String.fromCharCode(byte);
    };
    this.machine = new Machine({ profile: profiles['p4-1700'], memoryBytes: MEMORY, cards, onSerial });
    this.station = new Station(this.machine.clock, this.machine.cards[0].wire, FAR_END);
    this.sink = new Sink(this.station, PORT);
    const module = (name: string, args = '') => ({ commandLine: `${name} ${args}`, bytes: bytesOf(name) });
    const modules = [module('init', commands), ...['e1000.ko', ...PROGRAMS].map(name => module(name))];
    const commandLine = `kernel.elf ${options}`;
    const image = { name: 'kernel.elf', bytes: bytesOf('kernel.elf'), commandLine, modules };
    this.machine.setEntry(loadMultiboot(this.machine, image));
  }

  /** Runs until the condition holds, looked at every few milliseconds of guest time. */
  until(condition: () => boolean): void {
    while (!condition()) {
      if (this.code !== undefined) throw new Error(`ended with ${this.code} too early:\n${this.console}`);
      this.slice();
    }
  }

  prints(text: string): void {
    this.until(() => this.console.includes(text));
  }

  /** Runs to the end and returns init's exit code. */
  finish(): number {
    while (this.code === undefined) this.slice();
    return this.code;
  }

  /** Starts a stream to netrecv, to its end. */
  stream(pace: Pace, count: number): string {
    const source = new Source(this.station, { to: '10.0.0.1', port: PORT, pace, seed: SEED, count });
    this.prints('netrecv: ready');
    source.start();
    this.finish();
    return /netrecv: \d+ messages.*/.exec(this.console)?.[0].trim() ?? this.console;
  }

  private slice(): void {
    if (this.machine.cycles() > LIMIT) throw new Error(`no end in sight:\n${this.console}`);
    const result = this.machine.run(this.machine.cycles() + SLICE);
    if (result.reason === 'exit') this.code = result.code;
    else if (result.reason !== 'limit') throw new Error(`${result.reason}:\n${this.console}`);
  }
}

function bytesOf(name: string): Uint8Array {
  return new Uint8Array(readFileSync(files.get(name) as string));
}

const netrecv = (count: number) => `insmod e1000; netrecv ${PORT} ${count} 4 ${SEED}`;
const netsend = (count: number, rate = 0) => `netsend 10.0.0.2 ${PORT} ${count} ${rate} ${SEED}`;
const verdict = (count: number, lost = 0) =>
  `netrecv: ${count} messages, ${count * 32_768} bytes, bad 0, lost ${lost}`;
/** Where IP says that a frame is a fragment behind the first. */
const laterFragment = (frame: Uint8Array) => ((frame[20] << 8) | frame[21]) % 0x2000 > 0;

describe('network on our machine', () => {
  it('sends at line rate without losing a frame', () => {
    const bench = new Bench(`insmod e1000; ${netsend(150)}; ifconfig eth0`);
    expect(bench.finish()).toBe(0);
    const report = bench.sink.report();
    expect(report).toMatchObject({ messages: 150, lost: 0, damaged: 0, reordered: 0, duplicated: 0 });
    const seconds = ((report.lastAt ?? 0) - (report.firstAt ?? 0)) / bench.machine.clock.ticksPerSecond;
    expect((149 * 32_768 * 8) / seconds / 1e6).toBeGreaterThan(940);
    expect(bench.console).toContain('0 errors 0 dropped');
  });

  it('paces what it sends', () => {
    const bench = new Bench(`insmod e1000; ${netsend(100, 1000)}`);
    expect(bench.finish()).toBe(0);
    const report = bench.sink.report();
    expect(report).toMatchObject({ messages: 100, lost: 0, damaged: 0 });
    const seconds = ((report.lastAt ?? 0) - (report.firstAt ?? 0)) / bench.machine.clock.ticksPerSecond;
    expect(seconds).toBeGreaterThan(0.08);
    expect(seconds).toBeLessThan(0.13);
  });

  it('receives at line rate', () => {
    expect(new Bench(netrecv(150)).stream('wire', 150)).toBe(verdict(150));
  });

  it('loses exactly the messages that lost a fragment', () => {
    const bench = new Bench(netrecv(100));
    const dropper = insert(
      bench.machine.cards[0].wire,
      GUEST_END,
      end => new Dropper(end, { everyNth: 230, only: laterFragment }),
    );
    const line = bench.stream({ bitsPerSecond: 4e8 }, 100);
    const lost = dropper.counts().hit;
    expect(lost).toBeGreaterThan(5);
    expect(line).toBe(verdict(100 - lost, lost));
  });

  it('drops what the wire damages behind a right FCS, by the UDP checksum', () => {
    const bench = new Bench(netrecv(100));
    const damager = insert(
      bench.machine.cards[0].wire,
      GUEST_END,
      end => new Damager(end, { everyNth: 230, only: laterFragment }, 'good'),
    );
    const line = bench.stream({ bitsPerSecond: 4e8 }, 100);
    const lost = damager.counts().hit;
    expect(lost).toBeGreaterThan(5);
    expect(line).toBe(verdict(100 - lost, lost));
  });

  it('goes on after the link was away', () => {
    const bench = new Bench(`insmod e1000; ${netsend(200, 500)}; ifconfig eth0`);
    bench.until(() => bench.sink.report().messages > 50);
    bench.machine.cards[0].wire.setUp(false);
    bench.prints('link down');
    bench.machine.cards[0].wire.setUp(true);
    expect(bench.finish()).toBe(0);
    expect(bench.console.match(/link up, 1000 Mb\/s, full duplex/g)?.length).toBe(2);
    const report = bench.sink.report();
    expect(report.damaged).toBe(0);
    expect(report.messages).toBeGreaterThan(190);
  });

  it('starts a card again that has stopped sending', () => {
    const bench = new Bench(`insmod e1000; ${netsend(200, 500)}`);
    bench.until(() => bench.sink.report().messages > 50);
    setBusMaster(bench.machine, false);
    bench.prints('NETDEV WATCHDOG: eth0: transmit timed out');
    setBusMaster(bench.machine, true);
    expect(bench.finish()).toBe(0);
    expect(bench.sink.report().messages).toBeGreaterThan(180);
  });

  it('sends on after its driver was restarted in a new domain', () => {
    const commands = `insmod e1000; start ${netsend(200, 1000)}; sleep 50; nooksctl fail e1000; wait; ifconfig eth0`;
    const bench = new Bench(commands, 'ip=10.0.0.1/24 isolation=nooks');
    expect(bench.finish()).toBe(0);
    expect(bench.console).toContain('nooks: e1000 restarted');
    const report = bench.sink.report();
    expect(report).toMatchObject({ damaged: 0, reordered: 0, duplicated: 0 });
    expect(report.messages).toBeGreaterThan(180);
  });

  it('uses two cards', () => {
    const commands = `insmod e1000; ${netsend(10)}; netsend 10.0.1.2 ${PORT} 20; ifconfig eth1`;
    const bench = new Bench(commands, 'ip=10.0.0.1/24,10.0.1.1/24', 2);
    const { machine } = bench;
    const other = { ip: '10.0.1.2', name: 'other far end' };
    const sink = new Sink(new Station(machine.clock, machine.cards[1].wire, FAR_END, other), PORT);
    expect(bench.finish()).toBe(0);
    expect([bench.sink.report().messages, sink.report().messages]).toEqual([10, 20]);
    expect(bench.console).toContain('address 10.0.1.1 mask 255.255.255.0');
  });

  it('passes its own tests', () => {
    const bench = new Bench('nettests; nettests');
    expect(bench.finish()).toBe(0);
    expect(bench.console.match(/nettests: all 14 passed/g)?.length).toBe(2);
  });
});

/** The card's PCI command register, as its configuration space shows it (device 3). */
function setBusMaster(machine: Machine, on: boolean): void {
  machine.space.writePort(0xcf8, 4, 0x8000_1804);
  machine.space.writePort(0xcfc, 2, on ? 7 : 3);
}
