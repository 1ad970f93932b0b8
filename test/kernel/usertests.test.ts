/** The kernel's own tests, from ring 3 (user/usertests.c) from a module (drivers/test/kerneltest.c), and by typing. */
import { describe, expect, it } from 'vitest';
import { type Boot, bootHere, bootQemu, hasQemu, machines } from './boot.ts';

const GARBAGE = { line: 'garbage', bytes: Uint8Array.from({ length: 5000 }, (_, i) => (i * 151) ^ (i >> 3)) };

/** poison=off: filling freed memory is tested by the module, and takes most of the time of the rest. */
const USERTESTS: Boot = {
  options: 'loglevel=5 poison=off',
  modules: [
    'init insmod kerneltest words=given ; usertests ; rmmod kerneltest',
    'kerneltest.ko',
    'usertests',
    GARBAGE,
  ],
};

/**
 * Questions about time, which QEMU may get wrong on a busy host, since its clock is the host's: shares of it, and loops
 * that were counted out when the host was slower.
 */
const TIMED = ['FAIL do_two_spinners_share_the_processor', 'FAIL does_udelay_last_long_enough'];
const QEMU_TRIES = 3;

const failures = (console: string) =>
  console.split('\n').flatMap(line => (line.startsWith('FAIL') ? [line.trim()] : []));

for (const { name, boot, skip } of machines) {
  describe.skipIf(skip)(`the kernel on ${name}`, () => {
    it('answers every question of usertests and kerneltest with yes', async () => {
      let { console, end } = await boot(USERTESTS);
      for (let tries = 1; name === 'QEMU' && tries < QEMU_TRIES; tries++) {
        const failed = failures(console);
        if (failed.length === 0 || failed.some(line => !TIMED.includes(line))) break;
        ({ console, end } = await boot(USERTESTS));
      }
      expect(failures(console)).toEqual([]);
      expect(console).toMatch(/kerneltest: (\d+) of \1 passed; numbers 1 2 3, words given/);
      expect(console).toMatch(/usertests: (\d\d) of \1 passed/);
      expect(console).not.toContain('without kerneltest.ko');
      expect(end).toBe(0);
    }, 300_000);
  });
}

describe('typing', () => {
  it('is echoed, corrected by backspace and read by the line', async () => {
    const typed = ['hello\r', 'wrong\b\b\b\b\b\bright\n', `${'x'.repeat(400)}\r`, '\r'];
    const { console, end } = await bootHere({ modules: ['init usertests --console', 'usertests'], typed });
    const lines = console.split('\n').slice(1);
    expect(lines[0]).toBe('? hello');
    expect(lines[1]).toBe('6: hello');
    expect(lines[2]).toBe(`? wrong${'\b \b'.repeat(5)}right`);
    expect(lines[3]).toBe('6: right');
    expect(console).toContain(`256: ${'x'.repeat(255)}\n`);
    expect(end).toBe(0);
  });
});

describe.skipIf(!hasQemu)('the console', () => {
  it('shows the same on both machines', async () => {
    const boot = {
      options: 'loglevel=7',
      modules: ['init hello ; hello a "b c" ; echo done ; cat /proc/version ; nosuch', 'hello'],
    };
    const withoutPci = (text: string) => text.replaceAll(/^pci .*\n/gm, '').replaceAll('\r', '');
    const [here, there] = [await bootHere(boot), await bootQemu(boot)];
    expect(here.end).toBe(1);
    expect(there.end).toBe(1);
    expect(here.console).toContain('hello from ring 3');
    expect(withoutPci(here.console)).toBe(withoutPci(there.console));
  });
});
