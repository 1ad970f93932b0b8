/**
 * Runs a system program on Bochs, without its BIOS: a ROM of our own goes straight to protected mode and to the program,
 * which lies in RAM already. Display is a VNC server that nobody calls; sound cards are off, for they want a host's.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readElf } from '../../guest/elf.ts';

const TIME_LIMIT = 200_000;
const ROM_SIZE = 0x1_0000;
const LOAD_AT = 0x10_0000;

/** The configuration, but for the paths. The model's features are as near to ours as Bochs' models come. */
const CONFIGURATION = `
display_library: rfb, options="timeout=0"
romimage: file=rom.bin, address=0xffff0000, options=none
optramimage1: file=ram.bin, address=0x${LOAD_AT.toString(16)}
megs: 16
cpu: model=p2_klamath, count=1, ips=50000000, reset_on_triple_fault=0
clock: sync=none, time0=local
port_e9_hack: enabled=1
plugin_ctrl: speaker=0, sb16=0, es1370=0, e1000=0, ne2k=0
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: log.txt
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
`;

/** 16-bit code at F000:0000: A20 on, GDT, protected mode; then 32-bit code at F0080 that jumps to `entry`. */
function rom(entry: number): Uint8Array {
  const bytes = Buffer.alloc(ROM_SIZE);
  const dword = (v: number) => Buffer.from(Uint32Array.of(v).buffer).toString('hex');
  bytes.write('ea000000f0', 0xfff0, 'hex'); // jmp f000:0000
  bytes.write(
    'fa31c08ed8' + // cli; xor ax,ax; mov ds,ax
      'e4920c02e692' + // port 92: A20
      '2e660f01160001' + // lgdt cs:[100]
      '0f20c06625ffffff9f0c010f22c0' + // cr0: CD and NW off, PE on
      `66ea${dword(0xf0080)}0800`, // jmp 8:f0080
    0,
    'hex',
  );
  bytes.write(`66b810008ed88ec08ed08ee08ee8bc${dword(0x90000)}ea${dword(entry)}0800`, 0x80, 'hex');
  bytes.write(`1700${dword(0xf0110)}`, 0x100, 'hex');
  bytes.write('0000000000000000ffff0000009bcf00ffff00000093cf00', 0x110, 'hex'); // null, code, data
  return bytes;
}

/** What the program occupies from LOAD_AT, as one piece. */
function flatten(path: string): { image: Uint8Array; entry: number } {
  const elf = readElf(readFileSync(path), path);
  const loaded = elf.segments.filter(s => s.type === 1 && s.memorySize > 0);
  const end = Math.max(...loaded.map(s => s.physicalAddress + s.memorySize));
  const image = new Uint8Array(end - LOAD_AT);
  for (const s of loaded) image.set(s.data, s.physicalAddress - LOAD_AT);
  return { image, entry: elf.entry };
}

export function bochsVersion(): string | null {
  const ran = spawnSync('bochs', ['--help'], { encoding: 'latin1' });
  return /Bochs x86 Emulator [\d.]+/.exec(`${ran.stdout}${ran.stderr}`)?.[0] ?? null;
}

/** The lines that the program wrote to port 0xE9. */
export function runOnBochs(path: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'nooks86-bochs-'));
  try {
    const { image, entry } = flatten(path);
    writeFileSync(join(directory, 'rom.bin'), rom(entry));
    writeFileSync(join(directory, 'ram.bin'), image);
    writeFileSync(join(directory, 'configuration'), CONFIGURATION);
    writeFileSync(join(directory, 'commands'), 'c\n');
    const ran = spawnSync('bochs', ['-q', '-f', 'configuration', '-rc', 'commands'], {
      cwd: directory,
      encoding: 'latin1',
      timeout: TIME_LIMIT,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines = ran.stdout.split('\n');
    const from = lines.indexOf('begin');
    const to = lines.lastIndexOf('end');
    return [...lines.slice(Math.max(0, from), to < 0 ? lines.length : to + 1), ''];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
