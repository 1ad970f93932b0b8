/** The ISA devices on the whole machine: a guest's own instructions reach them, and the host sees what they did. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Machine, type MachineOptions } from '../../emu/machine.ts';
import { flat } from '../../emu/profile/flat.ts';

const CODE = 0x1_0000;
const IDT = 0x2000;
const GDT = 0x1000;
const HANDLER = 0x2_0000;
const KEYBOARD_VECTOR = 0x21;

let log: string[];
let machine: Machine;

beforeEach(() => {
  log = [];
  build();
});

/** A machine in flat protected mode at CODE, whose vector 0x21 leads to HANDLER. */
function build(options: Partial<MachineOptions> = {}): void {
  machine = new Machine({
    profile: flat,
    memoryBytes: 1 << 20,
    cards: 0,
    onE9: byte => log.push(`e9 ${byte.toString(16)}`),
    onPost: byte => log.push(`post ${byte.toString(16)}`),
    onPrint: byte => log.push(`print ${byte.toString(16)}`),
    onReset: kind => log.push(`reset ${kind}`),
    onNotice: text => log.push(text),
    ...options,
  });
  const view = machine.state.ramView();
  view.setUint32(GDT + 8, 0x0000_ffff, true);
  view.setUint32(GDT + 12, 0x00cf_9a00, true);
  view.setUint32(IDT + 8 * KEYBOARD_VECTOR, (8 << 16) | (HANDLER & 0xffff), true);
  view.setUint32(IDT + 8 * KEYBOARD_VECTOR + 4, (HANDLER & 0xffff_0000) | 0x8e00, true);
  machine.cpu.setGdt(GDT, 0xf);
  machine.cpu.setIdt(IDT, 0x7ff);
}

const little = (v: number, bytes: number) =>
  Array.from({ length: bytes }, (_, n) => ((v >>> (8 * n)) & 0xff).toString(16).padStart(2, '0')).join('');
const out = (port: number, value: number) => `66ba${little(port, 2)}b0${little(value, 1)}ee`;
const input = (port: number) => `66ba${little(port, 2)}ec`;
const out32 = (port: number, value: number) => `66ba${little(port, 2)}b8${little(value, 4)}ef`;
const store = (at: number, value: number) => `c705${little(at, 4)}${little(value, 4)}`;

function load(at: number, hex: string): void {
  machine.writePhysical(at, Buffer.from(hex, 'hex'));
}

/** Runs code to its HLT, or the end that it makes. */
function run(hex: string, cycles = 1e6) {
  load(CODE, `${hex}f4`);
  machine.setEntry({ eip: CODE, eax: 0, ebx: 0 });
  machine.cpu.esp = 0x3_0000;
  return machine.run(machine.cycles() + cycles);
}

describe('text memory', () => {
  it('shows what instructions store, and gives it back', () => {
    run(`${store(0xb_8000, 0x1f69_1f48)}a1${little(0xb_8001, 4)}`);
    expect(machine.screen.screen()[0].trimEnd()).toBe('Hi');
    expect(machine.cpu.r32[0] >>> 0).toBe(0x201f_691f);
    expect(machine.readPhysical(0xb_8000, 4)).toEqual(new Uint8Array(4));
  });

  it('runs code', () => {
    // B8000: inc eax; ret.
    run(`${store(0xb_8000, 0xc3_40)}e8${little(0xb_8000 - CODE - 15, 4)}`);
    expect(machine.cpu.r32[0]).toBe(1);
  });

  it('is all that mode 3 has in the 128 KiB', () => {
    run(`${store(0xa_0000, 0x1234)}a1${little(0xa_0000, 4)}`);
    expect(machine.cpu.r32[0]).toBe(-1);
  });
});

describe('small outputs', () => {
  it('reach the host, once each', () => {
    run(out(0xe9, 0x41) + out(0x80, 0x12) + out(0x378, 0x42) + out(0x37a, 0x0d) + out(0x37a, 0x0c));
    expect(log).toEqual(['e9 41', 'post 12', 'print 42']);
    expect(machine.space.readPort(0x80, 1)).toBe(0x12);
  });

  it('take any port for POST codes, which then is not missing', () => {
    build({ postPort: 0x190 });
    run(out(0x190, 0x33) + out(0x80, 0x44) + out32(0x18f, 0x0000_5511));
    const missing = (port: string) => `no port ${port} (write) at eip 0x10017`;
    expect(log).toEqual(['post 33', missing('0x018f'), 'post 55', missing('0x0191'), missing('0x0192')]);
  });
});

describe('what is not there', () => {
  it('is said once, with the place of the instruction', () => {
    run(input(0x1234) + input(0x1234) + out(0x3f5, 0));
    expect(log).toEqual(['no port 0x1234 (read) at eip 0x10004', 'no port 0x03f5 (write) at eip 0x10010']);
    expect(machine.cpu.r32[0] & 0xff).toBe(0);
  });

  it('may be memory', () => {
    run(`a1${little(0xf000_0000, 4)}${store(0xe000_0000, 1)}`);
    expect(log).toEqual([
      'no memory 0xf0000000 (read) at eip 0x10000',
      'no memory 0xe0000000 (write) at eip 0x10005',
    ]);
  });

  it('may be an MSR', () => {
    run(`b9${little(0x1234_5678, 4)}0f32`);
    expect(log).toEqual(['no msr 0x12345678 at eip 0x10005']);
  });

  it('may be a register of a PCI function that is there', () => {
    const select = (register: number) => out32(0xcf8, 0x8000_0000 | register);
    run(select(0) + input(0xcfc) + select(0x59) + input(0xcfd) + select(0x80) + input(0xcfd) + out(0xcfc, 1));
    expect(log).toEqual([
      expect.stringMatching(/^no register 0x80 \(read\) in PCI 440FX at eip 0x1/),
      expect.stringMatching(/^no register 0x80 \(write\) in PCI 440FX at eip 0x1/),
    ]);
  });

  it('may be a command of the keyboard controller', () => {
    run(`${out(0x64, 0xac)}${'90'.repeat(20)}`, 1e6);
    machine.run(machine.cycles() + 1e6);
    expect(log.length).toBe(0); // halted before the controller looked
    build();
    run(`${out(0x64, 0xac)}${out(0x64, 0xae)}`);
    expect(log).toEqual([expect.stringMatching(/^no keyboard controller command 0xac at eip 0x1/)]);
  });

  it('is not said without end', () => {
    for (let port = 0x4000; port < 0x5000; port++) machine.space.readPort(port, 1);
    expect(log.length).toBe(501);
    expect(log.at(-1)).toContain('no more than 500');
  });
});

describe('resets and A20', () => {
  it.each([
    ['keyboard', out(0x64, 0xfe)],
    ['port-92', out(0x92, 0x03)],
    ['soft', out(0xcf9, 0x04)],
    ['hard', out(0xcf9, 0x02) + out(0xcf9, 0x06)],
  ])('come as %s', (kind, code) => {
    const end = run(`${code}40`);
    expect(log).toEqual([`reset ${kind}`]);
    expect(end.reason).not.toBe('halted');
  });

  it('A20 is on as long as either of its sources says so', () => {
    const seen: boolean[] = [];
    const steps = [out(0x92, 0), out(0x64, 0xdd), out(0x92, 2), out(0x92, 0), out(0x64, 0xdf)];
    for (let n = 0; n <= steps.length; n++) {
      build();
      run(`${steps.slice(0, n).join('')}${store(0x10_4000, 0x77)}`);
      seen.push(machine.readPhysical(0x4000, 1)[0] === 0);
    }
    expect(seen).toEqual([true, true, false, true, false, true]);
  });
});

describe('the keyboard', () => {
  it('interrupts the processor, which reads the key', () => {
    machine.space.writePort(0x20, 1, 0x11);
    for (const icw of [0x20, 4, 1, 0xfd]) machine.space.writePort(0x21, 1, icw);
    load(HANDLER, `e460f4`); // in al, 0x60; hlt
    machine.keyboardController.keyboard.pressKeys(['x']);
    run('fb', 1e7);
    expect([machine.cpu.r32[0] & 0xff, machine.cpu.eip]).toEqual([0x2d, HANDLER + 3]);
  });
});

describe('a snapshot', () => {
  it('goes on as the original does', () => {
    const keys = () => {
      const seen: string[] = [];
      for (let n = 0; n < 400; n++) {
        machine.run(machine.cycles() + 1e5);
        if (machine.space.readPort(0x64, 1) & 1)
          seen.push(`${machine.cycles()} ${machine.space.readPort(0x60, 1)}`);
      }
      return seen;
    };
    load(CODE, 'ebfe'); // a loop to itself
    machine.setEntry({ eip: CODE, eax: 0, ebx: 0 });
    machine.space.writeMmio(0xb_8000, 2, 0x0741);
    machine.keyboardController.keyboard.typeText('Ab\n');
    machine.run(3e6);
    const saved = structuredClone(machine.snapshot());
    const rest = keys();
    expect(rest.length).toBeGreaterThan(4);
    build();
    machine.restore(saved);
    expect(machine.screen.screen()[0][0]).toBe('A');
    expect(keys()).toEqual(rest);
  });
});
