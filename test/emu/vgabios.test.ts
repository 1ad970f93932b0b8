/**
 * A video BIOS that we did not write, SeaVGABIOS, sets the VGA up from power-on and prints through INT 10h. Skipped when
 * it is not installed (Debian's seabios).
 */
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Machine } from '../../emu/machine.ts';
import { flat } from '../../emu/profile/flat.ts';

const ROM = '/usr/share/seabios/vgabios-isavga.bin';
const PROGRAM = 0x7c00;
const TEXT = 'Hello from INT 10h';

const hex = (byte: number) => byte.toString(16).padStart(2, '0');

/** Initializes the ROM, sets mode 3, prints, moves the cursor, and runs `rest`. */
function program(rest: string): string {
  const start = 'fa 31c0 8ed0 bc0070'; // cli; xor ax, ax; mov ss, ax; mov sp, 0x7000
  const init = '9a030000c0 b80300 cd10'; // call 0xc000:3; mov ax, 3; int 0x10
  const print = Array.from(TEXT, c => `b8${hex(c.charCodeAt(0))}0e bb0700 cd10`).join('');
  const cursor = 'b402 b700 ba0502 cd10'; // row 2, column 5
  return `${start}${init}${print}${cursor}${rest}f4`.replaceAll(' ', '');
}

describe.skipIf(!existsSync(ROM))('SeaVGABIOS (skipped when not installed)', () => {
  let machine: Machine;
  let notices: string[];

  const run = (rest: string) => {
    machine.writePhysical(PROGRAM, Buffer.from(program(rest), 'hex'));
    machine.cpu.reset();
    machine.cpu.setSegment(1, 0, 0, 0xffff, 0x9300);
    machine.cpu.eip = PROGRAM;
    return machine.run(1e8).reason;
  };

  beforeAll(() => {
    notices = [];
    machine = new Machine({
      profile: flat,
      memoryBytes: 2 << 20,
      cards: 0,
      onNotice: text => notices.push(text),
    });
    machine.writePhysical(0xc_0000, readFileSync(ROM));
    machine.powerOnIsa();
  });

  it('prints in 25 lines', () => {
    expect(machine.screen.rows()).toBeLessThan(25);
    expect(run('')).toBe('halted');
    expect(machine.screen.screen().map(line => line.trimEnd())).toEqual([TEXT, ...Array(24).fill('')]);
    expect(machine.screen.cursor()).toEqual({ row: 2, column: 5, visible: true });
    expect(machine.screen.attributeAt(0, 0)).toBe(7);
    // Its font is in plane 2: the letter A of 16 lines, and no text was lost to it.
    expect(machine.vga.memory.peek(2, 0x41 * 32 + 2)).toBe(0x10);
  });

  it('prints in 50 lines with its small font', () => {
    expect(run('b81211 b300 cd10')).toBe('halted'); // mov ax, 0x1112; mov bl, 0; int 0x10
    expect([machine.screen.rows(), machine.screen.screen()[0].trimEnd()]).toEqual([50, TEXT]);
  });

  it('misses only ports that a VGA has not: those of Bochs and its own log', () => {
    const missing = notices.map(text => text.replace(/ at eip.*/, ''));
    expect(missing).toEqual(['0402', '01ce', '01cf', '01d0'].map(port => `no port 0x${port} (write)`));
  });
});
