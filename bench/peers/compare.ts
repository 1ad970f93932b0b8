/**
 * Runs every guest on every emulator, round by round so that a busy host hits all of them alike, and keeps the times. A
 * peer that is not installed, fails or hangs is left out and said; a wrong checksum ends the comparison.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Profile } from '../../emu/profile/profile.ts';
import { BOOT_SECTOR, buildBenchGuests } from '../../guest/bench.ts';
import { artefact } from '../../guest/build.ts';
import { GuestError } from '../../guest/error.ts';
import { checksumOf, GUESTS } from '../speed/guests.ts';
import { bochs } from './bochs.ts';
import { bootFloppy } from './floppy.ts';
import { ours, v86 } from './in-node.ts';
import type { GuestFiles, Peer, Setting } from './peer.ts';
import { qemu, qemuCache } from './qemu.ts';
import { type ClockKind, endRuns, runTimed, type Timed } from './timed.ts';
import { cachegrind, native } from './valgrind.ts';

/** The profile with every model, and the one without a memory model: the two that the targets are about. */
export const FULL = 'p4-1700';
export const FLAT = 'flat';

/** Every emulator by its name. The first seven run unless others are asked for. */
export const PEERS: readonly Peer[] = [
  ours(FULL, 'compiled'),
  ours(FLAT, 'compiled'),
  v86('jit'),
  qemu,
  qemuCache,
  bochs,
  cachegrind,
  ours('p3-1000', 'compiled'),
  ours(FULL, 'interpreter'),
  ours(FLAT, 'interpreter'),
  v86('interpreter'),
  native,
];
export const DEFAULT_PEERS: readonly string[] = PEERS.slice(0, 7).map(peer => peer.name);
export const DEFAULT_GUESTS: readonly string[] = ['alu', 'mem', 'call', 'pgswitch', 'trap'];

/** What ends a comparison early, and the exit code's first part then, as shells have it. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const SIGNALLED = 128;

export interface CompareOptions {
  guests: readonly string[];
  /**
   * A directory of images made elsewhere, NAME.elf and perhaps NAME.linux, to be run instead of the project's own builds. A
   * guest that has no checksum in bench/speed/guests.ts need only give the same on all emulators.
   */
  images?: string;
  peers: readonly string[];
  /** Whose caches the peers that model caches are given. */
  profile: Profile;
  rounds: number;
  /** Iterations are divided by 2^shift. */
  shift: number;
  /** Seconds for one run. */
  limit: number;
  /** What the seconds are of; time on the wall when absent. */
  clock?: ClockKind;
  /** Runs done, and all of them. */
  onProgress?: (done: number, total: number) => void;
  /** The emulators to choose from; all when absent. */
  known?: readonly Peer[];
}

export interface PeerState {
  name: string;
  what: string;
  version?: string;
  /** Why it did not run. */
  missing?: string;
}

/** One guest on one emulator. */
export interface Cell {
  guest: string;
  peer: string;
  /** From BEGIN to RESULT, in the order of the rounds; empty if it never came to an end. */
  seconds: number[];
  /** Why it was given up. */
  failed?: string;
}

export interface Comparison {
  shift: number;
  rounds: number;
  profile: string;
  clock: ClockKind;
  compiler: string;
  peers: PeerState[];
  guests: readonly string[];
  /** Guest instructions from BEGIN to RESULT as our machine counts them (one for a whole REP); absent if none of ours ran. */
  instructions: Record<string, number>;
  cells: Cell[];
}

/** Throws a GuestError for a guest, shift or checksum that is wrong, or if the guests cannot be built. */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const { guests, shift, rounds, profile } = options;
  const right = new Map<string, string>();
  for (const name of guests)
    if (!options.images || GUESTS.some(g => g.name === name)) right.set(name, checksumOf(name, shift));
  const scratch = mkdtempSync(join(tmpdir(), 'nooks86-peers-'));
  const tidy = () => rmSync(scratch, { recursive: true, force: true });
  const stopped = (_signal: string, number: number) => {
    endRuns();
    tidy();
    process.exit(SIGNALLED + number);
  };
  for (const signal of SIGNALS) process.once(signal, stopped);
  try {
    const setting = { profile, scratch };
    const { files, compiler } = await prepare(options, scratch);
    const peers = (options.known ?? PEERS).filter(peer => options.peers.includes(peer.name));
    const states: PeerState[] = [];
    for (const peer of peers)
      states.push({ name: peer.name, what: peer.what, ...(await peer.find(setting)) });
    const there = peers.filter((_, n) => states[n].version !== undefined);
    const instructions: Record<string, number> = {};
    const cells = await runRounds({ options, files, peers: there, setting, right, instructions });
    const head = { shift, rounds, profile: profile.name, clock: options.clock ?? 'wall', compiler };
    return { ...head, peers: states, guests, instructions, cells };
  } finally {
    for (const signal of SIGNALS) process.off(signal, stopped);
    tidy();
  }
}

/** The names of the guests in a directory of images, sorted. Throws a GuestError if there are none. */
export function guestsIn(directory: string): string[] {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const found = names.filter(name => name.endsWith('.elf')).map(name => name.slice(0, -'.elf'.length));
  if (found.length === 0) throw new GuestError(`no NAME.elf in ${directory}`);
  return found.sort();
}

/** Builds the guests in all their forms, or takes them where they are. */
async function prepare({ guests, shift, images }: CompareOptions, scratch: string) {
  const only = images === undefined ? guests : [];
  const build = await buildBenchGuests({ only, shift, hosted: true, bootSector: true });
  const sector = readFileSync(artefact(build, BOOT_SECTOR));
  const made = (file: string) => {
    const path = images === undefined ? build.files.get(file) : join(resolve(images), file);
    return path !== undefined && existsSync(path) ? path : undefined;
  };
  const files = guests.map((name): GuestFiles => {
    const elf = made(`${name}.elf`);
    if (elf === undefined) throw new GuestError(`no ${name}.elf in ${images}`);
    const floppy = join(scratch, `${name}.img`);
    const disk = bootFloppy(sector, readFileSync(elf), `${name}.elf`);
    if (disk) writeFileSync(floppy, disk);
    return { name, elf, hosted: made(`${name}.linux`), ...(disk ? { floppy } : {}) };
  });
  return { files, compiler: images === undefined ? build.compiler : `whoever made ${images}` };
}

interface Rounds {
  options: CompareOptions;
  files: readonly GuestFiles[];
  peers: readonly Peer[];
  setting: Setting;
  /** Right checksums by guest; of one that has none yet, that of its first run. */
  right: Map<string, string>;
  instructions: Record<string, number>;
}

async function runRounds(rounds: Rounds): Promise<Cell[]> {
  const { options, files, peers, setting } = rounds;
  const cells = files.flatMap(guest =>
    peers
      .filter(peer => peer.command(guest, setting) !== undefined)
      .map(peer => ({ peer, guest, cell: { guest: guest.name, peer: peer.name, seconds: [] } as Cell })),
  );
  const total = cells.length * options.rounds;
  options.onProgress?.(0, total);
  for (let round = 0; round < options.rounds; round++) {
    for (const [n, { peer, guest, cell }] of cells.entries()) {
      const command = cell.failed === undefined ? peer.command(guest, setting) : undefined;
      if (command) note(cell, await runTimed(guest.name, command, options.limit, options.clock), rounds);
      options.onProgress?.(round * cells.length + n + 1, total);
    }
  }
  return cells.map(({ cell }) => cell);
}

/** Keeps a run's time. Throws a GuestError if its result is wrong. */
function note(cell: Cell, run: Timed, { options, right, instructions }: Rounds): void {
  if (!run.ok) {
    cell.failed = run.why;
    return;
  }
  const wanted = right.get(cell.guest) ?? run.checksum;
  right.set(cell.guest, wanted);
  const forgiven = GUESTS.find(g => g.name === cell.guest)?.readsFirst?.[options.shift];
  if (run.checksum !== wanted && !(cell.peer.startsWith('qemu') && run.checksum === forgiven))
    throw new GuestError(`${cell.guest} gives ${run.checksum} instead of ${wanted} on ${cell.peer}`);
  cell.seconds.push(run.seconds);
  if (run.instructions !== undefined) instructions[cell.guest] = run.instructions;
}
