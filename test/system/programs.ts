/**
 * The system programs: builds the C of guest/ into Multiboot images and runs them on our machine.
 * What a program writes to port 0xE9 is its log: one line a case, the whole state that an event left.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Machine } from '../../emu/machine.ts';
import { flat } from '../../emu/profile/flat.ts';
import { buildTargets } from '../../guest/build.ts';
import { loadMultiboot } from '../../guest/multiboot.ts';

const DIRECTORY = 'test/system/guest';
const COMMON = ['head.S', 'real.S', 'world.c', 'log.c', 'cases.c'];
const MEMORY = 16 << 20;
const MAX_CYCLES = 2e9;

/** Every program by name. */
export const PROGRAMS: readonly string[] = readdirSync(join(import.meta.dirname, 'guest'))
  .filter(name => name.endsWith('.c') && !COMMON.includes(name))
  .map(name => name.replace(/\.c$/, ''));

/** Builds programs; their files by name. */
export async function buildPrograms(names: readonly string[] = PROGRAMS): Promise<Map<string, string>> {
  const build = await buildTargets(
    names.map(name => ({
      name: `${name}.elf`,
      kind: 'kernel' as const,
      sources: [...COMMON, `${name}.c`].map(file => `${DIRECTORY}/${file}`),
      library: [],
      flags: ['-Wno-missing-field-initializers'],
      script: `${DIRECTORY}/link.ld`,
    })),
    [DIRECTORY],
  );
  return new Map(names.map(name => [name, build.files.get(`${name}.elf`)!]));
}

/** The log of a program on our machine. */
export function runOnOurs(path: string): string[] {
  let log = '';
  const machine = new Machine({
    profile: flat,
    memoryBytes: MEMORY,
    cards: 0,
    onE9: byte => {
      log += String.fromCharCode(byte);
    },
  });
  const bytes = readFileSync(path);
  machine.setEntry(loadMultiboot(machine, { name: path, bytes, commandLine: '', modules: [] }));
  const end = machine.run(MAX_CYCLES);
  const lines = log.split('\n');
  if (end.reason !== 'exit') lines.push(`the run ended by ${end.reason} at ${machine.cpu.eip.toString(16)}`);
  return lines;
}
