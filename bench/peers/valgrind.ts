/**
 * Valgrind's cachegrind with the profile's caches: I1, D1 and a last level, by the program's addresses; no MMU, no time.
 * It runs Linux programs, so it gets the hosted build of those guests that have one.
 */
import type { Profile } from '../../emu/profile/profile.ts';
import type { GuestFiles, Peer } from './peer.ts';
import { askVersion } from './version.ts';

const VALGRIND = 'valgrind';

export const cachegrind: Peer = {
  name: 'cachegrind',
  what: 'valgrind cachegrind: L1 and last level, no MMU, no time',
  find: () => askVersion(VALGRIND, ['--version'], /valgrind-(\S+)/),
  command: ({ hosted }, { profile }) =>
    hosted === undefined ? undefined : { file: VALGRIND, args: [...geometry(profile), hosted] },
};

function geometry({ l1i, l1d, l2 }: Profile): string[] {
  const cache = (c: Profile['l1i']) => [c.size, c.ways, c.line].map(f => f.value).join(',');
  return [
    '-q',
    '--tool=cachegrind',
    '--cache-sim=yes',
    '--cachegrind-out-file=/dev/null',
    `--I1=${cache(l1i)}`,
    `--D1=${cache(l1d)}`,
    `--LL=${cache(l2)}`,
  ];
}

/** The hosted build on the host's own processor: the limit. */
export const native: Peer = {
  name: 'native',
  what: 'the host’s processor, as a 32-bit Linux program',
  find: async () =>
    process.platform === 'linux' && process.arch === 'x64'
      ? { version: 'this processor' }
      : { missing: 'not Linux on x86-64' },
  command: ({ hosted }: GuestFiles) => (hosted === undefined ? undefined : { file: hosted, args: [] }),
};
