/** A campaign's name for its guest: what its trials load decides it, and nothing else. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { artefact, buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { buildIdentity } from '../../../inject/campaign/identity.ts';

const SETTINGS = {
  configurations: [
    { isolation: 'none', policy: 'restart' },
    { isolation: 'nooks', policy: 'restart' },
  ],
  driver: 'e1000',
} as unknown as Parameters<typeof buildIdentity>[1];

const dir = mkdtempSync(join(tmpdir(), 'nooks86-identity-'));
afterAll(() => rmSync(dir, { recursive: true }));

let build: GuestBuild;
beforeAll(async () => {
  build = await buildGuest();
}, 300_000);

/** The build with one byte more at the end of a file. */
function with_(name: string): GuestBuild {
  const path = join(dir, name.replaceAll('/', '-'));
  writeFileSync(path, Buffer.concat([readFileSync(artefact(build, name)), Buffer.alloc(1)]));
  return { ...build, files: new Map(build.files).set(name, path) };
}

it('changes with the kernel, the driver and what the trials run, and with no other program', () => {
  const name = buildIdentity(build, SETTINGS);
  expect(name).toMatch(/^[\da-f]{64}$/);
  for (const loaded of ['kernel.elf', 'e1000.ko', 'init'])
    expect(buildIdentity(with_(loaded), SETTINGS), loaded).not.toBe(name);
  for (const other of ['usertests', 'kerneltest.ko', 'hello'])
    expect(buildIdentity(with_(other), SETTINGS), other).toBe(name);
});
