/**
 * Runs every guest on every emulator, round by round so that a busy host hits all of them alike, and keeps the times. A
 * peer that is not installed, fails or hangs is left out and said; a wrong checksum ends the comparison.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { runTimed, type Timed } from './timed.ts';
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

export interface CompareOptions {
  guests: readonly string[];
  peers: readonly string[];
  /** Whose caches the peers that model caches are given. */
  profile: Profile;
  rounds: number;
  /** Iterations are divided by 2^shift. */
  shift: number;
  /** Seconds for one run. */
  limit: number;
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
  for (const name of guests) checksumOf(name, shift);
  const scratch = mkdtempSync(join(tmpdir(), 'nooks86-peers-'));
  try {
    const setting = { profile, scratch };
    const { files, compiler } = await prepare(guests, shift, scratch);
    const peers = (options.known ?? PEERS).filter(peer => options.peers.includes(peer.name));
    const states: PeerState[] = [];
    for (const peer of peers)
      states.push({ name: peer.name, what: peer.what, ...(await peer.find(setting)) });
    const there = peers.filter((_, n) => states[n].version !== undefined);
    const instructions: Record<string, number> = {};
    const cells = await runRounds({ options, files, peers: there, setting, instructions });
    const head = { shift, rounds, profile: profile.name, compiler };
    return { ...head, peers: states, guests, instructions, cells };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Builds the guests in all their forms. */
async function prepare(names: readonly string[], shift: number, scratch: string) {
  const build = await buildBenchGuests({ only: names, shift, hosted: true, bootSector: true });
  const sector = readFileSync(artefact(build, BOOT_SECTOR));
  const files = names.map((name): GuestFiles => {
    const elf = artefact(build, `${name}.elf`);
    const floppy = join(scratch, `${name}.img`);
    writeFileSync(floppy, bootFloppy(sector, readFileSync(elf), `${name}.elf`));
    return { name, elf, floppy, hosted: build.files.get(`${name}.linux`) };
  });
  return { files, compiler: build.compiler };
}

interface Rounds {
  options: CompareOptions;
  files: readonly GuestFiles[];
  peers: readonly Peer[];
  setting: Setting;
  instructions: Record<string, number>;
}

async function runRounds({ options, files, peers, setting, instructions }: Rounds): Promise<Cell[]> {
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
      if (command)
        note(cell, await runTimed(guest.name, command, options.limit), options.shift, instructions);
      options.onProgress?.(round * cells.length + n + 1, total);
    }
  }
  return cells.map(({ cell }) => cell);
}

/** Keeps a run's time. Throws a GuestError if its result is wrong. */
function note(cell: Cell, run: Timed, shift: number, instructions: Record<string, number>): void {
  if (!run.ok) {
    cell.failed = run.why;
    return;
  }
  const guest = GUESTS.find(g => g.name === cell.guest);
  const right = [checksumOf(cell.guest, shift)];
  if (cell.peer.startsWith('qemu') && guest?.readsFirst) right.push(guest.readsFirst[shift]);
  if (!right.includes(run.checksum))
    throw new GuestError(`${cell.guest} gives ${run.checksum} instead of ${right[0]} on ${cell.peer}`);
  cell.seconds.push(run.seconds);
  if (run.instructions !== undefined) instructions[cell.guest] = run.instructions;
}
