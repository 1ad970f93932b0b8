/**
 * Detection in the guest: exceptions and wild privileged operations of every kind, bad arguments at every wrapper,
 * limits, the watchdog with interrupts on and off, the heartbeat, triggers and their actions, and what an exception
 * does without isolation. (The exceptions that forbidden accesses raise are in nooks.test.ts.)
 */
import { describe, expect, it } from 'vitest';
import { parseIp } from '../../bench/farend/packets.ts';
import type { Session } from '../../guest/session.ts';
import { breakFunction, CODE, counters, GUEST_IP, netsend, type Run, runGuest, SLOW } from './nooks-guest.ts';

/** A trigger's line of /proc/nooks/triggers. */
function trigger(text: string, name: string): { action: string; count: number } {
  const [, action, count] = new RegExp(`^${name} (\\w+) (\\d+)$`, 'm').exec(text) ?? [];
  return { action, count: Number(count) };
}

const misbehave = (deed: string, options = '', after = `sleep 400; ${netsend(2)}`): Promise<Run> =>
  runGuest(
    `insmod e1000; insmod misbehave deed=${deed} after=3 until=10; ${after}; cat /proc/nooks; cat /proc/nooks/triggers`,
    { modules: ['misbehave.ko'], options: `isolation=nooks ${options}`, profile: SLOW },
  );

/** What misbehave does, how it is reported, and which trigger counts it. */
const DEEDS: Record<string, [report: RegExp, trigger: string]> = {
  single_step: [/debug exception \(vector 1/, 'exception'],
  nested_task: [/invalid TSS \(vector 10/, 'exception'],
  watchpoint: [/debug exception \(vector 1/, 'exception'],
  overflow: [/overflow \(vector 4/, 'exception'],
  bounds: [/bound range exceeded \(vector 5/, 'exception'],
  software_pf: [/page fault \(vector 14/, 'exception'],
  software_irq: [/invalid opcode \(vector 6/, 'exception'],
  unknown_vector: [/general protection \(vector 13, error code 0x4ca/, 'exception'],
  far_jump: [/general protection \(vector 13, error code 0x18/, 'exception'],
  bad_task: [/general protection \(vector 13, error code 0x28/, 'exception'],
  bad_stack_segment: [/general protection \(vector 13, error code 0x20/, 'exception'],
  lift_protection: [/CR0.WP is clear/, 'exception'],
  software_df: [/double fault/, 'stack'],
  to_user: [/double fault .* at 08048000/, 'stack'],
  to_v86: [/double fault .* at 00000100/, 'stack'],
  leave_bh_off: [/returned with soft interrupts disabled/, 'context'],
  leave_asleep: [/set_current_state: in an interrupt/, 'context'],
  hoard_packets: [/limit: packets 2049 of 2048/, 'queue'],
  loop: [/a call runs for 2\d{4} us, at f\w+ \(misbehave/, 'time'],
  delay: [/a call runs for 2\d{4} us/, 'time'],
  call_without_end: [/a call runs for \d+ us/, 'time'],
  print_without_end: [/a call runs for \d+ us/, 'time'],
  software_nmi: [/a call runs for \d+ us/, 'time'],
  loop_off: [/interrupts off for 1\d{4} us/, 'irq-off'],
  halt_off: [/interrupts off for 1\d{4} us/, 'irq-off'],
  deadlock: [/interrupts off for 1\d{4} us/, 'irq-off'],
};

describe('an extension that', () => {
  for (const [deed, [report, counted]] of Object.entries(DEEDS))
    it(`does ${deed} is stopped, and the kernel and the other driver go on`, async () => {
      const { text, exit, sink } = await misbehave(deed);
      expect(/nooks: misbehave failed: (.*)/.exec(text)?.[1]).toMatch(report);
      expect(exit).toBe(0);
      expect(sink).toMatchObject({ messages: 2, lost: 0, damaged: 0 });
      const { failures, recoveries } = counters(text, 'misbehave');
      expect(failures).toBeGreaterThan(0);
      expect(recoveries).toBe(failures);
      expect(trigger(text, counted).count).toBe(failures);
      expect(counters(text, 'e1000').failures).toBe(0);
    });

  for (const deed of ['leave_flags', 'leave_irqs_off'])
    it(`does ${deed} finds it undone at the crossing`, async () => {
      const { text, exit, sink } = await misbehave(deed);
      expect(text).toMatch(/nothing stopped it/);
      expect(text).not.toMatch(/failed:/);
      expect(exit).toBe(0);
      expect(sink).toMatchObject({ messages: 2, lost: 0, damaged: 0 });
    });
});

describe('the watchdog', () => {
  it('without NMIs still ends loops with interrupts on', async () => {
    const { text, exit } = await misbehave('loop', 'watchdog=off');
    expect(text).toMatch(/misbehave failed: a call runs for \d+ us/);
    expect(exit).toBe(0);
  });

  for (const ms of [1, 4, 10])
    it(`works with watchdog=${ms}`, async () => {
      const { text, exit } = await misbehave('loop_off', `watchdog=${ms}`);
      const us = Number(/interrupts off for (\d+) us/.exec(text)?.[1]);
      expect(us).toBeGreaterThan(10_000);
      expect(us).toBeLessThan(10_000 + 2 * ms * 1000 + 100);
      expect(exit).toBe(0);
    });

  it('refuses a period that is none', async () => {
    const { text, exit } = await runGuest('cat /proc/nooks', { options: 'isolation=nooks watchdog=0' });
    expect(text).toMatch(/kernel option watchdog=0/);
    expect(exit).toBe(99);
  });

  it('leaves a driver that sleeps long alone, and one that waits for 15 ms', async () => {
    const { text, exit } = await runGuest('insmod xpctest; rmmod xpctest', { modules: ['xpctest.ko'] });
    expect(text).not.toMatch(/failed/);
    expect(exit).toBe(0);
  });
});

describe('wrappers', () => {
  it('refuse bad arguments of every class, and the extension goes on if it is to', async () => {
    const { text, exit, session } = await runGuest(
      [
        'echo argument error > /proc/nooks/triggers; echo context error > /proc/nooks/triggers',
        'insmod badargs; rmmod badargs; cat /proc/nooks/triggers',
      ].join('; '),
      { modules: ['badargs.ko'] },
    );
    expect(exit).toBe(0);
    const lines = text.split('\n');
    const cases = lines.flatMap((line, i) => {
      const name = /^badargs: ((\w+): .*)$/.exec(line);
      return name && !/ quiet$/.test(line) ? [{ name: name[1], wrapper: name[2], answer: lines[i + 1] }] : [];
    });
    expect(cases.length).toBeGreaterThan(120);
    for (const { name, answer } of cases) expect(answer, name).toMatch(/^nooks: badargs refused: /);
    expect(text.match(/^badargs: .* quiet$/gm)?.length).toBe(9);
    expect(text).toMatch(new RegExp(`badargs: ${cases.length} cases done`));
    expect(trigger(text, 'argument').count + trigger(text, 'context').count).toBe(cases.length);
    expect(session.read('skb_count')).toBe(0);
  });

  it('stop it at the first one otherwise', async () => {
    const { text, exit } = await runGuest('insmod badargs', { modules: ['badargs.ko'] });
    expect(text).toMatch(/badargs failed: kfree: c0100000 is no live object/);
    expect(text).toMatch(/init function returned -5/);
    expect(exit).toBe(1);
  });
});

describe('limits', () => {
  for (const [deed, report, counted] of [
    ['hoard_memory', /refused after 6\d blocks/, 'memory'],
    ['hoard_pages', /refused after 20\d\d pages/, 'memory'],
    ['hoard_timers', /misbehave: 6[34] timers/, 'timers'],
  ] as const)
    it(`refuse what ${deed} asks for beyond them`, async () => {
      const { text, exit } = await misbehave(deed, '', 'sleep 200');
      expect(text).toMatch(report);
      expect(trigger(text, counted).count).toBeGreaterThan(0);
      expect(exit).toBe(0);
    });

  it('and triggers are changed at run time', async () => {
    const { text, exit } = await misbehave(
      'hoard_pages',
      '',
      'echo misbehave memory 409600 > /proc/nooks/limits; echo memory recover > /proc/nooks/triggers; sleep 200; cat /proc/nooks/limits',
    );
    expect(text).toMatch(/misbehave failed: limit: memory \d+ of 409600/);
    expect(text).toMatch(/^misbehave 409600 4096/m);
    expect(trigger(text, 'memory').action).toBe('recover');
    expect(exit).toBe(0);
  });

  for (const words of ['memory', 'misbehave nonsense 1', 'misbehave memory x', 'misbehave memory'])
    it(`are not changed by "${words}"`, async () => {
      const { text } = await runGuest(`echo ${words} > /proc/nooks/limits`);
      expect(text).toMatch(/init: \/proc\/nooks\/limits: /);
    });
});

describe('a trigger', () => {
  it('is a user’s word in /proc/nooks/NAME', async () => {
    const { text, exit, sink } = await runGuest(
      `insmod e1000; sleep 50; echo restart > /proc/nooks/e1000; sleep 100; ${netsend(3)}; echo agent > /proc/nooks/e1000; sleep 100; cat /proc/nooks/e1000; cat /proc/nooks/triggers; cat /proc/nooks`,
    );
    expect(exit).toBe(0);
    expect(counters(text, 'e1000')).toMatchObject({ failures: 2, recoveries: 2 });
    expect(trigger(text, 'user').count).toBe(1);
    expect(trigger(text, 'agent').count).toBe(1);
    expect(text).toMatch(/^state running$/m);
    expect(sink).toMatchObject({ messages: 3, lost: 0 });
  });

  it('gives the user an error if that is its action', async () => {
    const { text } = await runGuest(
      'insmod e1000; sleep 50; echo user error > /proc/nooks/triggers; echo restart > /proc/nooks/e1000; cat /proc/nooks',
    );
    expect(text).toMatch(/init: \/proc\/nooks\/e1000: not permitted/);
    expect(counters(text, 'e1000').failures).toBe(0);
  });

  it('that ends a call cannot be an error', async () => {
    const { text } = await runGuest(
      'echo exception error > /proc/nooks/triggers; echo user what > /proc/nooks/triggers',
    );
    expect(text.match(/init: \/proc\/nooks\/triggers/g)?.length).toBe(2);
  });
});

const [ITR, ICS, IMC, RCTL] = [0xc4, 0xc8, 0xd8, 0x100];
/** A bit of ICS: a packet is sent. */
const TXDW = 1;
const register = (session: Session, offset: number, value: number) =>
  session.machine.cards[0].device.memory.writeMmio(offset, 4, value);

describe('an interrupt storm', () => {
  let interrupts = 0;
  const storm = (options: string, commands: string) => {
    interrupts = 0;
    return runGuest(
      `insmod e1000; sleep 50; ${commands}; echo now; sleep 300; ${netsend(3)}; cat /proc/nooks; cat /proc/nooks/triggers`,
      {
        options,
        onLine: (line, session) => {
          if (line !== 'now') return;
          // The device asks again as soon as the driver has read why it asked.
          register(session, ITR, 0);
          session.machine.engine.addHook(session.address('e1000_clean_tx'), () => {
            if (interrupts++ < 2000) register(session, ICS, TXDW);
          });
          register(session, ICS, TXDW);
        },
      },
    );
  };

  it('is found, the device is silenced, and the driver comes back', async () => {
    const { text, exit, sink } = await storm('isolation=nooks', 'cat /proc/nooks/limits');
    expect(text).toMatch(/e1000 failed: limit: storm 401 of 400/);
    expect(trigger(text, 'storm').count).toBe(1);
    expect(counters(text, 'e1000')).toMatchObject({ failures: 1, recoveries: 1 });
    expect(exit).toBe(0);
    expect(sink).toMatchObject({ messages: 3, damaged: 0 });
  });

  it('is none below the limit', async () => {
    const { text, exit } = await storm('isolation=nooks', 'echo e1000 storm 4000 > /proc/nooks/limits');
    expect(interrupts).toBeGreaterThan(2000);
    expect(trigger(text, 'storm').count).toBe(0);
    expect(counters(text, 'e1000').failures).toBe(0);
    expect(exit).toBe(0);
  });
});

describe('the heartbeat', () => {
  /** Does `what` when netsend's first stream is done. */
  const disturb = (commands: string, what: (session: Session) => void) => {
    let done = false;
    return runGuest(`insmod e1000; sleep 50; ${netsend(2)}; echo now; ${commands}; cat /proc/nooks`, {
      onLine: (line, session) => {
        if (line !== 'now' || done) return;
        done = true;
        what(session);
      },
    });
  };

  it('finds a driver whose packets are never completed', async () => {
    const { text, exit } = await disturb(`${netsend(3)}; sleep 300`, session =>
      register(session, IMC, 0xffffffff),
    );
    expect(text).toMatch(/e1000 failed: eth0 sends nothing/);
    expect(text).toMatch(/e1000 restarted/);
    expect(counters(text, 'e1000')).toMatchObject({ failures: 1, recoveries: 1 });
    expect(exit).toBe(0);
  });

  it('finds a driver that is deaf, once its neighbour has answered before', async () => {
    let answered = false;
    const deaf = await runGuest(
      'insmod e1000; sleep 50; sleep 1500; echo again; sleep 3000; cat /proc/nooks',
      {
        onLine: (line, session) => {
          if (line !== 'again' || answered) return;
          answered = true;
          register(session, RCTL, 0);
        },
      },
    );
    expect(deaf.text).toMatch(/e1000 failed: eth0 is deaf/);
    expect(counters(deaf.text, 'e1000')).toMatchObject({ failures: 1, recoveries: 1 });
  });

  it('finds a driver that says it has no link, and receives', async () => {
    const { text, exit, sink } = await runGuest(
      `insmod e1000; sleep 50; ifconfig eth0 down; echo now; sleep 20; ifconfig eth0 up; sleep 300; ${netsend(3)}; cat /proc/nooks; cat /proc/nooks/triggers`,
      {
        modules: ['ifconfig'],
        onLine: (line, session, _sink, station) => {
          if (line !== 'now') return;
          breakFunction(session, 'e1000_check_link', CODE.returnZero);
          const { clock } = session.machine;
          const asking = clock.register('ARP requests', at => {
            station.resolve(parseIp(GUEST_IP));
            clock.schedule(asking, at + clock.ticksOf(0.004));
          });
          clock.schedule(asking, clock.now());
        },
      },
    );
    expect(text).toMatch(/e1000 failed: eth0 has no link, and receives/);
    expect(trigger(text, 'heartbeat').count).toBe(1);
    expect(counters(text, 'e1000')).toMatchObject({ failures: 1, recoveries: 1 });
    expect(exit).toBe(0);
    expect(sink).toMatchObject({ messages: 3, damaged: 0 });
  });

  it('raises no alarm where nobody answers, or without a link', async () => {
    const nobody = { deliver() {} };
    const alone = await runGuest('insmod e1000; sleep 3000; cat /proc/nooks', {
      onLine: (line, session) => {
        if (line.startsWith('ip: eth0 is')) session.machine.cards[0].wire.connect(1, nobody);
      },
    });
    expect(counters(alone.text, 'e1000').failures).toBe(0);
    const unplugged = await disturb('sleep 2000', session => session.machine.cards[0].wire.setUp(false));
    expect(unplugged.text).toMatch(/link down/);
    expect(counters(unplugged.text, 'e1000').failures).toBe(0);
  });
});

describe('without isolation', () => {
  const native = (commands: string, options = '') =>
    runGuest(commands, {
      options: `isolation=none ${options}`,
      modules: ['xpctest.ko', 'xpcuser', 'misbehave.ko'],
    });

  it('a process that faults in a driver dies, and the kernel goes on', async () => {
    const { text, exit } = await native('insmod xpctest; xpcuser fault; echo on we go');
    expect(text).toMatch(/Oops 1: xpcuser\[\d+\] is killed/);
    expect(text).toMatch(/xpcuser was killed by signal 11/);
    expect(text).toMatch(/^on we go$/m);
    expect(exit).toBe(139);
  });

  it('with oops=panic the kernel ends', async () => {
    const { text, exit } = await native('insmod xpctest; xpcuser fault', 'oops=panic');
    expect(text).toMatch(/Kernel panic: page fault in ring 0/);
    expect(exit).toBe(99);
  });

  it('a fault in an interrupt ends the kernel', async () => {
    const { text, exit } = await native('insmod misbehave deed=null after=2; sleep 100');
    expect(text).toMatch(/Kernel panic: page fault in ring 0/);
    expect(exit).toBe(99);
  });

  for (const deed of ['single_step', 'watchpoint'])
    it(`${deed} is switched off`, async () => {
      const { text, exit } = await native(`insmod misbehave deed=${deed} after=2; sleep 100; echo on we go`);
      expect(text).toMatch(/^on we go$/m);
      expect(exit).toBe(0);
    });
});
