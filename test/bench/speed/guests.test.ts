/** The speed benchmarks give their checksums whatever runs them: each profile, each engine, the host's own processor. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { runGuest } from '../../../bench/speed/guest-run.ts';
import { checksumOf, GUESTS } from '../../../bench/speed/guests.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { buildBenchGuests } from '../../../guest/bench.ts';
import { artefact, type GuestBuild } from '../../../guest/build.ts';

/** As short as each can be and still do all its kinds of work. */
const SHIFTS: Record<string, number> = {
  alu: 9,
  mem: 5,
  memrep: 5,
  call: 8,
  pgswitch: 10,
  pgswitch4: 10,
  trap: 10,
  fault: 10,
};
const builds = new Map<string, GuestBuild>();

beforeAll(async () => {
  for (const { name } of GUESTS)
    builds.set(name, await buildBenchGuests({ only: [name], shift: SHIFTS[name], hosted: true }));
});

const image = (name: string) => readFileSync(artefact(builds.get(name)!, `${name}.elf`));

describe.each(Object.keys(profiles))('%s', profile => {
  it.each(GUESTS.map(g => g.name))('runs %s to its checksum on both engines', name => {
    const interpreted = runGuest(name, image(name), profiles[profile], 'interpreter');
    const compiled = runGuest(name, image(name), profiles[profile], 'compiled');
    const right = checksumOf(name, SHIFTS[name]);
    expect([interpreted.checksum, compiled.checksum]).toEqual([right, right]);
    expect(compiled.instructions).toBe(interpreted.instructions);
  });
});

/** What a Linux program prints, or undefined where the host runs no 32-bit programs. */
function runHosted(file: string): string | undefined {
  try {
    return execFileSync(file, { encoding: 'latin1', timeout: 60_000 });
  } catch (error) {
    if (['ENOEXEC', 'EACCES', 'UNKNOWN'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}

describe('the hosted build', () => {
  it.for(['alu', 'mem', 'memrep', 'call'])('of %s prints the same', (name, { skip }) => {
    const text = runHosted(artefact(builds.get(name)!, `${name}.linux`));
    if (text === undefined) return skip();
    expect(text).toMatch(
      new RegExp(`^BEGIN ${name}\\nRESULT ${name} ${checksumOf(name, SHIFTS[name])}\\nTSC `),
    );
  });

  it('is made of those that need no privileges', () => {
    const hosted = GUESTS.filter(g => builds.get(g.name)?.files.has(`${g.name}.linux`)).map(g => g.name);
    expect(hosted).toEqual(['alu', 'mem', 'memrep', 'call']);
  });
});

describe('checksumOf', () => {
  it('knows each guest by shift', () => {
    expect(checksumOf('alu', 0)).toBe('5f191d88');
    expect(() => checksumOf('mem', 6)).toThrow('mem has nothing to do at a shift of 6: 0 to 5');
    expect(() => checksumOf('nothing', 0)).toThrow('no benchmark nothing: alu, mem');
  });
});
