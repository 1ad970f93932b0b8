/**
 * QEMU's TCG, and TCG with its cache plugin (contrib/plugins/cache.c), which models L1 and L2 by physical address and no
 * time. Debian packages no plugins; `NOOKS86_QEMU_CACHE` names one that was built.
 */
import { existsSync } from 'node:fs';
import type { Profile } from '../../emu/profile/profile.ts';
import type { Peer } from './peer.ts';
import { askVersion } from './version.ts';

const QEMU = 'qemu-system-i386';
const MACHINE = [
  '-m',
  '64',
  '-accel',
  'tcg',
  '-display',
  'none',
  '-monitor',
  'none',
  '-nodefaults',
  '-no-reboot',
];
const CONSOLE = ['-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];
/** Where an installed QEMU, or one built by hand, may have put it. */
const PLACES = [
  '/usr/lib/qemu',
  '/usr/lib/x86_64-linux-gnu/qemu',
  '/usr/local/lib/qemu',
  '/usr/libexec/qemu',
];
const PLUGIN = 'libcache.so';

const version = () => askVersion(QEMU, ['--version'], /emulator version (\S+)/);

export const qemu: Peer = {
  name: 'qemu',
  what: 'QEMU TCG: no caches, no time',
  find: version,
  command: ({ elf }) => ({ file: QEMU, args: [...MACHINE, ...CONSOLE, '-kernel', elf] }),
};

export const qemuCache: Peer = {
  name: 'qemu-cache',
  what: 'QEMU TCG with its cache plugin: L1 and L2, no time',
  async find() {
    const plugin = findPlugin();
    return plugin ? version() : { missing: `no ${PLUGIN}: NOOKS86_QEMU_CACHE names one` };
  },
  command: ({ elf }, { profile }) => ({
    file: QEMU,
    args: [...MACHINE, ...CONSOLE, '-plugin', [findPlugin(), ...geometry(profile)].join(','), '-kernel', elf],
  }),
};

function findPlugin(): string | undefined {
  const places = PLACES.flatMap(place => [`${place}/plugins/${PLUGIN}`, `${place}/${PLUGIN}`]);
  return [process.env.NOOKS86_QEMU_CACHE ?? '', ...places].find(path => path !== '' && existsSync(path));
}

function geometry({ l1i, l1d, l2 }: Profile): string[] {
  const cache = (c: Profile['l1i'], prefix: string) => [
    `${prefix}cachesize=${c.size.value}`,
    `${prefix}assoc=${c.ways.value}`,
    `${prefix}blksize=${c.line.value}`,
  ];
  return [...cache(l1i, 'i'), ...cache(l1d, 'd'), 'l2=on', ...cache(l2, 'l2')];
}
