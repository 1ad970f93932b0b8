/** The emulators that live in Node: ours by profile and engine, and v86. Each run is a process of bench/peers/child.ts. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineKind } from '../../emu/board.ts';
import { projectRoot } from '../../guest/project.ts';
import type { Peer } from './peer.ts';
import type { PeerCommand } from './timed.ts';

/** What scripts/build.mjs makes of child.ts. */
const CHILD = 'peer-child.js';

/** One of our machines; it counts the guest's instructions. */
export function ours(profile: string, engine: EngineKind): Peer {
  return {
    name: engine === 'compiled' ? profile : `${profile}-interpreter`,
    what: `nooks86, profile ${profile}, ${engine}`,
    find: async () => ({ version: packageVersion(join(projectRoot(), 'package.json')) }),
    command: ({ name, elf }) => child('nooks86', profile, engine, name, elf),
  };
}

/** v86 with its compiler or without. */
export function v86(mode: 'jit' | 'interpreter'): Peer {
  return {
    name: mode === 'jit' ? 'v86' : 'v86-interpreter',
    what: mode === 'jit' ? 'v86, compiled: no caches, no time' : 'v86, interpreter',
    async find() {
      try {
        const main = createRequire(join(projectRoot(), 'package.json')).resolve('v86');
        return { version: packageVersion(join(dirname(main), '../package.json')) };
      } catch {
        return { missing: 'the npm package v86 is not installed' };
      }
    },
    command: ({ name, elf }) => child('v86', mode, name, elf),
  };
}

function child(...args: string[]): PeerCommand {
  const beside = join(dirname(fileURLToPath(import.meta.url)), CHILD);
  const script = existsSync(beside) ? beside : join(projectRoot(), 'dist', CHILD);
  return { file: process.execPath, args: [script, ...args] };
}

const packageVersion = (file: string): string => JSON.parse(readFileSync(file, 'utf8')).version;
