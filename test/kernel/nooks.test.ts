/**
 * The Nooks layer on the emulated PC: what binds to what, crossings nested and deferred, the lifetimes of tracked
 * objects, every kind of failure that must be stopped, and recovery of a driver in mid-stream.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { artefact, buildGuest } from '../../guest/build.ts';
import { readElf, undefinedSymbols } from '../../guest/elf.ts';
import { counters, netsend, runGuest } from './nooks-guest.ts';

/** The imports of e1000.ko that stay direct: all only read, or work on the extension's own memory. */
const DIRECT = [
  'eth_type_trans',
  'jiffies',
  'mdelay',
  'memcpy',
  'memset',
  'pci_map_single',
  'pci_unmap_single',
  'spin_lock',
  'spin_unlock',
  'strcpy',
  'strncpy',
  'udelay',
];

describe('binding', () => {
  it('gives each import of e1000 a wrapper, but for the printed list', async () => {
    const file = artefact(await buildGuest(), 'e1000.ko');
    // The module's own record is bound by the loader and is no import.
    const undefinedNames = undefinedSymbols(readElf(readFileSync(file), 'e1000.ko'));
    const imports = undefinedNames.filter(name => name !== '__this_module');
    const { text } = await runGuest('insmod e1000', { options: 'isolation=nooks loglevel=7' });
    const bound = new Map(
      [...text.matchAll(/nooks: e1000: (\w+): (wrapper|direct)/g)].map(m => [m[1], m[2]]),
    );
    expect([...bound.keys()].sort()).toEqual(imports);
    const direct = imports.filter(name => bound.get(name) === 'direct');
    console.log(`direct imports of e1000.ko: ${direct.join(', ')}`);
    expect(direct).toEqual(DIRECT);
  });

  it('makes no domain without isolation', async () => {
    const { text } = await runGuest('insmod e1000; cat /proc/nooks', {
      options: 'isolation=none loglevel=7',
    });
    expect(text).not.toMatch(/nooks: /);
    expect(text).not.toMatch(/^1 e1000/m);
  });
});

describe('extension procedure calls', () => {
  for (const isolation of ['none', 'nooks'])
    it(`nest, and objects live as long as they should, with isolation ${isolation}`, async () => {
      const { text, exit } = await runGuest('insmod xpctest; rmmod xpctest', {
        options: `isolation=${isolation}`,
        modules: ['xpctest.ko'],
      });
      expect(exit).toBe(0);
      expect(text.match(/^xpctest: .* ok$/gm)?.length).toBe(12);
      expect(text).not.toMatch(/wrong/);
      expect(text).toMatch(/xpctest: bye/);
    });

  for (const isolation of ['none', 'nooks'])
    it(`serve files, waiters and semaphores, with isolation ${isolation}`, async () => {
      const { text, exit } = await runGuest('insmod xpctest; xpcuser; rmmod xpctest', {
        options: `isolation=${isolation}`,
        modules: ['xpctest.ko', 'xpcuser'],
      });
      expect(exit).toBe(0);
      expect(text.match(/^xpcuser: .* ok$/gm)?.length).toBe(8);
      expect(text).toMatch(/parent gives it back\nxpcuser: child has the semaphore/);
    });

  it('carry a stream, a packet costing one call each way', async () => {
    const { text, exit, sink } = await runGuest(
      `insmod e1000; sleep 50; ${netsend(40)}; sleep 20; cat /proc/nooks`,
    );
    expect(exit).toBe(0);
    expect(sink).toMatchObject({ messages: 40, lost: 0, damaged: 0 });
    const { toKernel, toDriver, copied } = counters(text, 'e1000');
    const packets = 40 * 23;
    expect(toDriver).toBeGreaterThan(packets);
    expect(toDriver).toBeLessThan(packets * 1.3);
    expect(toKernel - 300).toBeGreaterThan(packets * 0.7);
    expect(copied).toBeGreaterThan(packets * 52);
  });

  it('are fewer when deferred', async () => {
    const load = 'insmod e1000; sleep 50; cat /proc/nooks';
    const on = counters((await runGuest(load)).text, 'e1000');
    const off = counters((await runGuest(load, { options: 'isolation=nooks deferred=off' })).text, 'e1000');
    expect(on.deferred).toBeGreaterThan(0);
    expect(off.deferred).toBe(0);
    expect(off.toKernel).toBeGreaterThan(on.toKernel);
  });
});

/** What misbehave does, and how the failure is reported. */
const DEEDS: Record<string, RegExp> = {
  kernel_text: /page fault .*error code 0x3/,
  kernel_data: /page fault .*error code 0x3/,
  kernel_stack: /page fault .*error code 0x3/,
  page_directory: /page fault .*error code 0x3/,
  page_table: /page fault .*error code 0x3/,
  idt: /page fault .*error code 0x3/,
  gdt: /general protection/,
  tss: /general protection/,
  zone: /page fault .*error code 0x3/,
  null: /page fault .*error code 0x2.* address 00000000/,
  user: /page fault .*error code 0x2/,
  own_text: /page fault .*error code 0x3/,
  rodata: /page fault .*error code 0x3/,
  freed_page: /page fault .*error code 0x3/,
  freed_packet: /page fault .*error code 0x3/,
  stack_overflow: /double fault/,
  past_stack: /page fault .*error code 0x2/,
  esp_wild: /double fault .*address 12345674/,
  esp_kernel: /double fault/,
  esp_heap: /double fault/,
  esp_top: /double fault/,
  esp_interrupted: /double fault/,
  divide: /divide error/,
  undefined: /invalid opcode/,
  system_call: /vector 128/,
  breakpoint: /vector 3/,
  wild_call: /page fault .* at deadbeef/,
  bad_segment: /general protection|page fault/,
  free_twice: /kfree: .* is no live object/,
  free_wild: /kfree: .* is no live object/,
  free_others: /kfree_skb: .* is not a live packet/,
  say_panic: /panic: the driver says so/,
  say_bug: /BUG at drivers\/test\/misbehave.c/,
  sleep_in_interrupt: /schedule_timeout: may sleep/,
  wild_format: /page fault .*address 00000010/,
};

describe('detection', () => {
  for (const [deed, report] of Object.entries(DEEDS))
    it(`stops ${deed}, and the kernel and the other driver go on`, async () => {
      const { text, exit, sink } = await runGuest(
        `insmod e1000; insmod misbehave deed=${deed} after=3 until=20; sleep 400; ${netsend(2)}; cat /proc/nooks`,
        { modules: ['misbehave.ko'] },
      );
      expect(text).toMatch(/nooks: misbehave failed/);
      expect(/nooks: misbehave failed: (.*)/.exec(text)?.[1]).toMatch(report);
      expect(text).not.toMatch(/nothing stopped it|unreachable/);
      expect(exit).toBe(0);
      expect(sink).toMatchObject({ messages: 2, lost: 0, damaged: 0 });
      const { failures, recoveries } = counters(text, 'misbehave');
      expect(failures).toBeGreaterThan(0);
      expect(recoveries).toBe(failures);
    });

  for (const deed of ['ruin_flags', 'ruin_segments'])
    it(`undoes ${deed} at the next crossing`, async () => {
      const { text, exit } = await runGuest(`insmod misbehave deed=${deed} after=2; sleep 100`, {
        modules: ['misbehave.ko'],
      });
      expect(text).toMatch(/nothing stopped it/);
      expect(text).not.toMatch(/failed/);
      expect(exit).toBe(0);
    });

  it('refuses a driver that fails while it is loaded, and nothing of it stays', async () => {
    const { text, exit } = await runGuest('insmod misbehave deed=null early=1; cat /proc/nooks', {
      modules: ['misbehave.ko'],
    });
    expect(text).toMatch(/misbehave failed: page fault/);
    expect(text).toMatch(/init function returned -5/);
    expect(text).not.toMatch(/restarted/);
    expect(exit).toBe(1);
  });

  for (const mode of ['on', 'off'])
    it(`runs with globalpages=${mode}`, async () => {
      const { exit, sink } = await runGuest(`insmod e1000; sleep 50; ${netsend(4)}`, {
        options: `isolation=nooks globalpages=${mode}`,
      });
      expect(exit).toBe(0);
      expect(sink).toMatchObject({ messages: 4, lost: 0, damaged: 0 });
    });

  it('without isolation stops nothing', async () => {
    const { text } = await runGuest('insmod misbehave deed=zone after=2; sleep 100', {
      options: 'isolation=none',
      modules: ['misbehave.ko'],
    });
    expect(text).toMatch(/zone: nothing stopped it/);
  });
});

describe('recovery', () => {
  it('restarts a driver on a program’s word, and its interface has its address again', async () => {
    const { text, exit, sink } = await runGuest(
      `insmod e1000; sleep 50; ${netsend(3)}; nooksctl fail e1000; sleep 100; ${netsend(3)}; cat /proc/nooks`,
    );
    expect(exit).toBe(0);
    expect(text).toMatch(/nooks: e1000 restarted/);
    expect(sink.damaged).toBe(0);
    expect(counters(text, 'e1000')).toMatchObject({ failures: 1, recoveries: 1 });
    expect(text.match(/netsend: 3 messages/g)?.length).toBe(2);
  });

  it('restarts a driver whose stack is ruined in hard_start_xmit, under a stream', async () => {
    let calls = 0;
    const { text, exit, sink } = await runGuest(
      `insmod e1000; sleep 50; ${netsend(60, 200)}; cat /proc/nooks`,
      {
        onLine: (line, session) => {
          if (!line.startsWith('ip: eth0 is') || calls) return;
          calls = 1;
          session.machine.engine.addHook(session.address('e1000_xmit_frame'), () => {
            if (calls++ === 200) session.machine.cpu.esp = 0x12345678;
          });
        },
      },
    );
    expect(text).toMatch(/nooks: e1000 failed: double fault/);
    expect(text).toMatch(/nooks: e1000 restarted/);
    expect(exit).toBe(0);
    expect(sink.damaged).toBe(0);
    expect(sink.messages).toBeGreaterThan(40);
    expect(counters(text, 'e1000')).toMatchObject({ failures: 1, recoveries: 1 });
  });

  for (const [how, after] of [
    ['fault', 'sleep 1'],
    ['hang', 'nooksctl fail xpctest'],
  ])
    it(`gives a program in a driver that fails by ${how} an error, and its old file none but errors`, async () => {
      const { text, exit } = await runGuest(
        `insmod xpctest; start xpcuser ${how}; sleep 50; ${after}; wait; cat /proc/nooks; rmmod xpctest`,
        { modules: ['xpctest.ko', 'xpcuser'] },
      );
      expect(exit).toBe(0);
      expect(text.match(/^xpcuser: .* ok$/gm)?.length).toBe(3);
      const { failures, recoveries } = counters(text, 'xpctest');
      expect(failures).toBeGreaterThan(0);
      expect(recoveries).toBe(failures);
    });

  it('gives up an extension that fails too often', async () => {
    const { text, exit } = await runGuest('insmod misbehave deed=null after=1; sleep 3000; cat /proc/nooks', {
      modules: ['misbehave.ko'],
    });
    expect(text).toMatch(/misbehave failed 10 times, it stays unloaded/);
    expect(exit).toBe(0);
  });

  it('leaves no domain behind', async () => {
    const { text, session } = await runGuest(
      'insmod misbehave deed=null after=1; sleep 3000; insmod e1000; sleep 50; rmmod e1000; cat /proc/nooks',
      { modules: ['misbehave.ko'] },
    );
    expect(text).not.toMatch(/^\d+ \w+ (running|failed)/m);
    expect(session.read('skb_count')).toBe(0);
  });
});
