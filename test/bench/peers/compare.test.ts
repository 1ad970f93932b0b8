/** The comparison: with emulators made up for the purpose, and once with all that are installed here. */

import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CompareOptions,
  compare,
  DEFAULT_PEERS,
  guestsIn,
  PEERS,
} from '../../../bench/peers/compare.ts';
import type { Peer } from '../../../bench/peers/peer.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { buildBenchGuests } from '../../../guest/bench.ts';
import { artefact } from '../../../guest/build.ts';
import { nooks86 } from '../../cli/command.ts';

const SHIFT = 8;
const RIGHT = { alu: 'b2f604e3', call: 'f8e32527' };

let scratch: string;
let log: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'nooks86-compare-'));
  log = join(scratch, 'log');
  appendFileSync(log, '');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** A peer that writes in the log which guest it ran, and prints `lines` (of a guest). */
function fake(name: string, lines: (guest: string) => string, more: Partial<Peer> = {}): Peer {
  const code = (guest: string) =>
    `require('fs').appendFileSync(${JSON.stringify(log)}, '${name}:${guest} ');
     console.log(${JSON.stringify(lines(guest))}); setInterval(() => {}, 1000)`;
  return {
    name,
    what: `made up ${name}`,
    find: async () => ({ version: '1' }),
    command: guest => ({ file: process.execPath, args: ['-e', code(guest.name)] }),
    ...more,
  };
}
/** The same, but it can run nothing else than `name`. */
function only(name: string, peer: Peer): Peer {
  return {
    ...peer,
    command: (guest, setting) => (guest.name === name ? peer.command(guest, setting) : undefined),
  };
}
const good = (guest: string) =>
  `BEGIN ${guest}\nRESULT ${guest} ${RIGHT[guest as keyof typeof RIGHT]}\nINSTRUCTIONS 1000\nTSC 1`;

function run(known: Peer[], more: Partial<CompareOptions> = {}) {
  return compare({
    guests: ['alu', 'call'],
    peers: known.map(p => p.name),
    profile: profiles['p4-1700'],
    rounds: 2,
    shift: SHIFT,
    limit: 60,
    known,
    ...more,
  });
}

describe('compare', () => {
  it('goes through all peers before it comes to one again', async () => {
    const progress: number[][] = [];
    const c = await run([fake('a', good), fake('b', good)], {
      onProgress: (done, total) => progress.push([done, total]),
    });
    expect(readFileSync(log, 'utf8').trim().split(' ')).toEqual(
      ['a:alu', 'b:alu', 'a:call', 'b:call'].flatMap((_, n, all) => (n === 0 ? [...all, ...all] : [])),
    );
    expect(c.cells.map(x => [x.guest, x.peer, x.seconds.length])).toEqual([
      ['alu', 'a', 2],
      ['alu', 'b', 2],
      ['call', 'a', 2],
      ['call', 'b', 2],
    ]);
    expect(c.instructions).toEqual({ alu: 1000, call: 1000 });
    expect(progress.at(-1)).toEqual([8, 8]);
  });

  it('says what is missing, what hangs and what cannot run a guest, and goes on', async () => {
    const missing = fake('gone', good, { find: async () => ({ missing: 'not here' }) });
    const hangs = only(
      'alu',
      fake('hangs', guest => `BEGIN ${guest}`),
    );
    const some = only('call', fake('some', good));
    const c = await run([missing, hangs, some], { limit: 3 });
    expect(c.peers[0]).toEqual({ name: 'gone', what: 'made up gone', missing: 'not here' });
    expect(c.cells.map(x => [x.guest, x.peer, x.seconds.length, x.failed])).toEqual([
      ['alu', 'hangs', 0, 'not done in 3 s'],
      ['call', 'some', 2, undefined],
    ]);
    // What hung once is not tried again.
    expect(readFileSync(log, 'utf8').match(/hangs:alu/g)).toHaveLength(1);
  });

  it('takes a wrong checksum for an error', async () => {
    const wrong = fake('wrong', guest => `BEGIN ${guest}\nRESULT ${guest} 12345678\nTSC 1`);
    await expect(run([wrong])).rejects.toThrow('alu gives 12345678 instead of b2f604e3 on wrong');
  });

  it('forgives QEMU, and nobody else, that a read-modify-write faults as a read', async () => {
    const reads = () => 'BEGIN fault\nRESULT fault d3684da1\nTSC 1';
    const c = await run([fake('qemu', reads)], { guests: ['fault'] });
    expect(c.cells[0].seconds).toHaveLength(2);
    await expect(run([fake('other', reads)], { guests: ['fault'] })).rejects.toThrow('instead of 592ac9f6');
  });

  it('takes images made elsewhere, and holds those that it does not know to each other', async () => {
    const build = await buildBenchGuests({ only: ['call'], shift: SHIFT });
    copyFileSync(artefact(build, 'call.elf'), join(scratch, 'mine.elf'));
    expect(guestsIn(scratch)).toEqual(['mine']);
    const says = (name: string, sum: string) => fake(name, () => `BEGIN mine\nRESULT mine ${sum}\nTSC 1`);
    const images = { guests: ['mine'], images: scratch, rounds: 1 };
    const c = await run([says('a', '1'), says('b', '1')], images);
    expect(c.cells.map(x => x.seconds.length)).toEqual([1, 1]);
    await expect(run([says('a', '1'), says('b', '2')], images)).rejects.toThrow(
      'mine gives 2 instead of 1 on b',
    );
    await expect(run([], { ...images, guests: ['alu'] })).rejects.toThrow('no alu.elf in ');
    expect(() => guestsIn('/no/such/directory')).toThrow('no NAME.elf in /no/such/directory');
  });

  it('leaves nothing behind', async () => {
    const ours = () => readdirSync(tmpdir()).filter(name => name.startsWith('nooks86-peers-'));
    const before = ours();
    await run([fake('a', good)], { rounds: 1 });
    await run([fake('a', () => 'BEGIN alu\nRESULT alu 1\nTSC 1')]).catch(() => {});
    expect(ours().filter(name => !before.includes(name))).toEqual([]);
  });
});

describe('nooks86 peers', () => {
  it.runIf(spawnSync('pgrep', ['-V']).status === 0)(
    'takes its emulators with it when it is ended',
    async () => {
      const args = ['dist/nooks86.js', 'peers', '--guests', 'call', '--peers', 'p4-1700-interpreter'];
      const child = spawn(process.execPath, args, {
        stdio: 'ignore',
        env: { ...process.env, TMPDIR: scratch },
      });
      const made = () => readdirSync(scratch).filter(name => name.startsWith('nooks86-peers-'));
      const children = () =>
        spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).stdout.trim();
      await expect.poll(() => [made().length, children() !== ''], { timeout: 60_000 }).toEqual([1, true]);
      const [emulator] = children().split('\n');
      const ended = new Promise(resolve => child.on('close', resolve));
      child.kill('SIGTERM');
      expect(await ended).toBe(143);
      expect(made()).toEqual([]);
      await expect.poll(() => existsSync(`/proc/${emulator}`), { timeout: 10_000 }).toBe(false);
    },
  );

  it('runs every emulator that is here', async () => {
    expect(existsSync('dist/peer-child.js'), 'npm run build').toBe(true);
    const args = ['peers', '--guests', 'alu,trap', '--shift', '8', '--rounds', '1', '--peers', 'all'];
    const ran = await nooks86([...args, '--json']);
    expect([ran.err, ran.code]).toEqual(['', 0]);
    const c = JSON.parse(ran.out);
    expect(c.peers.map((p: { name: string }) => p.name)).toEqual(PEERS.map(p => p.name));
    const done = (peer: string) =>
      c.cells.filter((x: { peer: string; seconds: number[] }) => x.peer === peer && x.seconds[0] > 0).length;
    for (const peer of [
      'p4-1700',
      'flat',
      'p3-1000',
      'p4-1700-interpreter',
      'flat-interpreter',
      'v86',
      'v86-interpreter',
    ])
      expect([peer, done(peer)]).toEqual([peer, 2]);
    expect(c.instructions.alu).toBeGreaterThan(4_000_000);
    expect(c.targets).toHaveLength(5);
    expect(DEFAULT_PEERS).toContain('cachegrind');
  });

  it.each([
    [['--guests', 'nothing'], '--guests must be a list of alu, mem'],
    [['--peers', 'gem5'], '--peers must be a list of p4-1700, flat, v86'],
    [['--guests', 'mem', '--shift', '6'], 'mem has nothing to do at a shift of 6: 0 to 5'],
    [['--rounds', '0'], '--rounds must be a whole number from 1 to 100'],
    [['--profile', 'p5'], 'p5'],
    [['--json', '--markdown'], '--json or --markdown, not both'],
  ])('answers %j in one line', async (args, line) => {
    const ran = await nooks86(['peers', ...args]);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toMatch(/^nooks86: [^\n]+\n$/);
    expect(ran.err).toContain(line);
  });
});
