/** Source files are read below their root, and nowhere else. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sourceReader } from '../../cli/read-source.ts';

const directory = mkdtempSync(join(tmpdir(), 'nooks86-source-'));
const root = join(directory, 'root');
const read = sourceReader(root);

beforeAll(() => {
  mkdirSync(join(root, 'a'), { recursive: true });
  writeFileSync(join(root, 'a/x.c'), 'int a;\r\nint b;\n');
  writeFileSync(join(root, 'a/x.bin'), 'a\0b');
  writeFileSync(join(directory, 'secret.c'), 'no\n');
  mkdirSync(join(directory, 'root2'));
  writeFileSync(join(directory, 'root2/y.c'), 'no\n');
  symlinkSync(join(directory, 'secret.c'), join(root, 'a/link.c'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('reads what is there', () => {
  expect(read('a/x.c')).toEqual(['int a;', 'int b;']);
  expect(read('./a/x.c')).toEqual(['int a;', 'int b;']);
  expect(read(join(root, 'a/x.c'))).toEqual(['int a;', 'int b;']);
});

it.each([
  '../secret.c',
  'a/../../secret.c',
  'a/link.c',
  join(directory, 'secret.c'),
  '../root2/y.c',
  'a',
  'a/x.bin',
  'none.c',
  '',
  'a\0b',
])('reads no %j', file => {
  expect(read(file)).toBeUndefined();
});
