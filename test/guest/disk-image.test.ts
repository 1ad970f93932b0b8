import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MediumError } from '../../emu/devices/ide/block.ts';
import { openDiskImage } from '../../guest/disk-image.ts';
import { GuestError } from '../../guest/error.ts';

const directory = mkdtempSync(join(tmpdir(), 'nooks86-disk-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let count = 0;
function file(bytes: number): string {
  const path = join(directory, `${count++}.img`);
  writeFileSync(
    path,
    Uint8Array.from({ length: bytes }, (_, i) => i >> 9),
  );
  return path;
}

function first(disk: ReturnType<typeof openDiskImage>, lba: number): number {
  const bytes = new Uint8Array(512);
  disk.read(lba, bytes);
  return bytes[0];
}

describe('an image file', () => {
  it('is read, and what is written stays beside it', () => {
    const path = file(10 * 512);
    const disk = openDiskImage(path);
    disk.write(3, new Uint8Array(512).fill(77));
    disk.flush();
    expect([disk.sectors, first(disk, 3), first(disk, 4), readFileSync(path)[3 * 512]]).toEqual([
      10, 77, 4, 3,
    ]);
    disk.close();
  });

  it('is written when asked', () => {
    const path = file(10 * 512);
    const disk = openDiskImage(path, { write: true });
    disk.write(3, new Uint8Array(1024).fill(77));
    disk.flush();
    expect([first(disk, 4), readFileSync(path)[4 * 512], readFileSync(path).length]).toEqual([77, 77, 5120]);
    disk.close();
  });

  it('ends in a sector filled up with zeros', () => {
    const disk = openDiskImage(file(9 * 512 + 100));
    const bytes = new Uint8Array(1024).fill(255);
    disk.read(8, bytes);
    expect([disk.sectors, bytes[511], bytes[512], bytes[611], bytes[612], bytes[1023]]).toEqual([
      10, 8, 9, 9, 0, 0,
    ]);
    disk.close();
  });

  it('that shrinks, or is closed, fails as a medium does', () => {
    const path = file(10 * 512);
    const disk = openDiskImage(path);
    truncateSync(path, 5 * 512);
    expect(first(disk, 4)).toBe(4);
    expect(() => first(disk, 5)).toThrow(MediumError);
    expect(() => first(disk, 5)).toThrow(`cannot read sector 5 of ${path}: the file has become shorter`);
    disk.close();
    disk.close();
    expect(() => first(disk, 0)).toThrow(MediumError);
    const written = openDiskImage(file(512), { write: true });
    written.close();
    expect(() => written.write(0, new Uint8Array(512))).toThrow(MediumError);
    expect(() => written.flush()).toThrow(MediumError);
  });
});

describe('what is no disk is refused in one line', () => {
  const refused = (path: string, write = false): string => {
    try {
      openDiskImage(path, { write }).close();
    } catch (error) {
      expect(error).toBeInstanceOf(GuestError);
      return (error as Error).message;
    }
    return 'opened';
  };

  it('a file that is not there, a directory, nothing, a pipe', () => {
    expect(refused(join(directory, 'none'))).toMatch(
      /^cannot open disk image .*none: ENOENT: no such file or directory$/,
    );
    expect(refused(directory)).toBe(`disk image ${directory} is not a file`);
    const empty = file(0);
    expect(refused(empty)).toBe(`disk image ${empty} is empty`);
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(refused(pipe)).toBe(`disk image ${pipe} is not a file`);
  });

  it('more than 2 TiB, and a broken last sector that would be written', () => {
    const huge = file(1);
    truncateSync(huge, 2 ** 41 + 1);
    expect(refused(huge)).toBe(`disk image ${huge} is larger than 2 TiB`);
    truncateSync(huge, 2 ** 41);
    expect(refused(huge)).toBe('opened');
    const odd = file(700);
    expect(refused(odd, true)).toMatch(/700 bytes are no whole number of sectors, so it cannot be written$/);
  });
});
