/** Recovery policies on the emulated PC: each of them, who chooses, and what a thousand recoveries leave behind. */
import { describe, expect, it } from 'vitest';
import type { Injector } from '../../inject/faults/inject.ts';
import { breakFunction, CODE, counters, netsend, runGuest, SLOW } from './nooks-guest.ts';

const nooks = (more: string) => `isolation=nooks ${more}`;
/** A driver that fails each time it is called. */
const FAULTY = 'misbehave deed=null after=1';

describe('policies', () => {
  it('panic: the kernel goes down with the driver', async () => {
    const { text, exit } = await runGuest('insmod e1000; nooksctl fail e1000; sleep 100', {
      options: nooks('recovery=panic'),
    });
    expect(text).toMatch(/panic.*e1000 failed, and its recovery policy is panic/);
    expect(exit).not.toBe(0);
  });

  it('unload: it is gone, and can be loaded by hand', async () => {
    const { text, exit, sink } = await runGuest(
      `insmod e1000; nooksctl fail e1000; sleep 100; cat /proc/modules; echo -; insmod e1000; sleep 50; ${netsend(2)}`,
      { options: nooks('recovery=unload') },
    );
    expect(text).toMatch(/nooks: e1000 stays unloaded\n-\n/);
    expect(exit).toBe(0);
    expect(sink).toMatchObject({ messages: 2, damaged: 0 });
  });

  it('alternate: another driver serves the same interface', async () => {
    const { text, exit, sink } = await runGuest(
      `insmod e1000; sleep 50; ${netsend(3)}; nooksctl fail e1000; sleep 100; cat /proc/modules; ${netsend(30)}; sleep 10`,
      { options: nooks('policy=e1000:alternate alternate=e1000:e1000_simple'), modules: ['e1000_simple.ko'] },
    );
    expect(text).toMatch(/e1000_simple: eth0/);
    expect(text).toMatch(/restarted after \d+ kilocycles \(alternate\)/);
    expect(text).toMatch(/^e1000_simple \d+/m);
    expect(text).not.toMatch(/^e1000 \d+/m);
    expect(exit).toBe(0);
    expect(sink).toMatchObject({ messages: 30, duplicated: 3, lost: 0, damaged: 0 });
  });

  it('alternate without another driver restarts the same', async () => {
    const { text, exit } = await runGuest('insmod e1000; nooksctl fail e1000; sleep 100', {
      options: nooks('policy=e1000:alternate alternate=e1000:nonesuch'),
    });
    expect(text).toMatch(/e1000: alternate does not work/);
    expect(text).toMatch(/e1000 restarted after .*\(restart\)/);
    expect(exit).toBe(0);
  });
});

describe('checkpoint', () => {
  const options = nooks('policy=e1000:checkpoint,misbehave:checkpoint');

  it('puts a driver back under a stream, without unloading it or closing its interface', async () => {
    let calls = 0;
    const { text, exit, sink } = await runGuest(
      `insmod e1000; sleep 300; ${netsend(60, 200)}; ifconfig eth0; cat /proc/modules`,
      {
        options,
        modules: ['ifconfig'],
        onLine: (line, session) => {
          if (!line.startsWith('ip: eth0 is') || calls) return;
          calls = 1;
          session.machine.engine.addHook(session.address('e1000_xmit_frame'), () => {
            if (calls++ === 200) session.machine.cpu.esp = 0x12345678;
          });
        },
      },
    );
    expect(text).toMatch(/e1000 failed: double fault/);
    expect(text).toMatch(/e1000 restarted after \d+ kilocycles \(checkpoint\)/);
    expect(text.match(/82540EM at/g)?.length).toBe(1);
    expect(text.match(/ip: eth0 is/g)?.length).toBe(1);
    expect(text.match(/link up/g)?.length).toBe(2);
    expect(exit).toBe(0);
    expect(sink.damaged).toBe(0);
    expect(sink.messages).toBeGreaterThan(50);
  });

  it('gives way to restart when the driver fails again soon', async () => {
    const { text, exit } = await runGuest('insmod misbehave deed=null after=30; sleep 1200', {
      options,
      modules: ['misbehave.ko'],
    });
    expect(text).toMatch(/\(checkpoint\)[\s\S]*checkpoint does not work: -11[\s\S]*\(restart\)/);
    expect(exit).toBe(0);
  });
});

describe('who chooses', () => {
  it('a program, at run time; a wrong word is an error', async () => {
    const { text, exit } = await runGuest(
      'insmod e1000; nooksctl policy e1000 unload; nooksctl policy e1000 nonesuch; nooksctl fail e1000; sleep 50; cat /proc/modules',
    );
    expect(text).toMatch(/nooksctl: policy e1000 nonesuch: invalid argument/);
    expect(text).toMatch(/e1000 stays unloaded/);
    expect(exit).toBe(1);
  });

  it('the agent, from its file, which it reads again when it has changed', async () => {
    const { text, exit } = await runGuest(
      'echo * unload > /etc/nooks.conf; echo e1000 restart,alternate e1000_simple >> /etc/nooks.conf; serve nooksagent; ' +
        'insmod e1000; sleep 20; nooksctl fail e1000; sleep 100; nooksctl fail e1000; sleep 100; ' +
        'echo e1000_simple unload > /etc/nooks.conf; sleep 1000; nooksctl fail e1000_simple; sleep 50; cat /proc/modules',
      { modules: ['e1000_simple.ko', 'nooksagent'] },
    );
    expect(text).toMatch(/nooksagent: 2 rules/);
    expect(text).toMatch(/kilocycles \(restart\)[\s\S]*kilocycles \(alternate\)[\s\S]*nooksagent: 1 rules/);
    expect(text).toMatch(/e1000_simple stays unloaded/);
    expect(text).not.toMatch(/silent/);
    expect(exit).toBe(0);
  });

  it('the kernel, when the agent is silent', async () => {
    const { text, exit } = await runGuest(
      'echo misbehave restart > /etc/nooks.conf; serve nooksagent; insmod e1000; sleep 20; nooksctl fail e1000; sleep 100',
      { modules: ['nooksagent'] },
    );
    expect(text).toMatch(/the recovery agent is silent/);
    expect(text).toMatch(/e1000 restarted/);
    expect(exit).toBe(0);
  });
});

describe('storms', () => {
  it('back off, each pause twice the last, and end unloaded', async () => {
    const { text, exit } = await runGuest(
      `nooksctl figure * pause 20; nooksctl figure * immediate 2; nooksctl figure * limit 6; insmod ${FAULTY}; sleep 2000`,
      { modules: ['misbehave.ko'] },
    );
    const kilocycles = [...text.matchAll(/restarted after (\d+) kilocycles/g)].map(m => Number(m[1]));
    expect(kilocycles.length).toBe(6);
    const pauses = kilocycles.slice(2).map(k => (k * 1024) / 1.7e9);
    expect(pauses.map(p => Math.round(p * 50))).toEqual([1, 2, 4, 8]);
    expect(text).toMatch(/misbehave failed 6 times, it stays unloaded/);
    expect(exit).toBe(0);
  });

  it('of two drivers at once are served both', async () => {
    const { text, exit, sink } = await runGuest(
      `insmod e1000; insmod ${FAULTY}; sleep 60; nooksctl fail e1000; sleep 200; ${netsend(2)}; sleep 2500`,
      { modules: ['misbehave.ko'] },
    );
    expect(text).toMatch(/nooks: e1000 restarted/);
    expect(text).toMatch(/misbehave failed 10 times/);
    expect(exit).toBe(0);
    expect(sink).toMatchObject({ messages: 2, damaged: 0 });
  });
});

/** Loops take long to emulate: the watchdog's limit for them is lower than by default. */
const HASTE = 'echo e1000 time 30000 > /proc/nooks/limits';

describe('a reload', () => {
  it('that hangs in the init function is ended by the watchdog, and tried again', async () => {
    let fault: Injector | undefined;
    let failures = 0;
    const { text, exit, sink } = await runGuest(
      `${HASTE}; insmod e1000; sleep 50; echo go; sleep 20; nooksctl fail e1000; sleep 1000; ${netsend(3)}; cat /proc/nooks`,
      {
        profile: SLOW,
        onLine: (line, session) => {
          if (line === 'go') fault = breakFunction(session, 'e1000_probe', CODE.loop, 'deterministic');
          // The user's word, and two reloads; the third finds the driver in good health.
          else if (line.startsWith('nooks: e1000 failed') && ++failures === 3) fault?.dispose();
        },
      },
    );
    const reports = [...text.matchAll(/nooks: e1000 failed: (.*)/g)].map(m => m[1]);
    expect(reports.length).toBe(3);
    for (const report of reports.slice(1))
      expect(report).toMatch(/^a call runs for 3\d{4} us, at \w+ \(e1000\+0x/);
    expect(text).toMatch(/e1000: restart does not work: -5[\s\S]*e1000 restarted after \d+ kilocycles/);
    expect(exit).toBe(0);
    expect(sink).toMatchObject({ messages: 3, damaged: 0 });
  });

  it('that always hangs there ends unloaded, and the kernel goes on', async () => {
    const { text, exit } = await runGuest(
      `${HASTE}; nooksctl figure * limit 3; nooksctl figure * pause 20; insmod e1000; sleep 50; echo go; sleep 20; nooksctl fail e1000; sleep 500; cat /proc/modules; echo on we go`,
      {
        profile: SLOW,
        onLine: (line, session) => {
          if (line === 'go') breakFunction(session, 'e1000_probe', CODE.loop, 'deterministic');
        },
      },
    );
    expect(text).toMatch(/e1000 failed \d+ times, it stays unloaded/);
    expect(text).not.toMatch(/^e1000 \d+/m);
    expect(text).toMatch(/^on we go$/m);
    expect(exit).toBe(0);
  });
});

/** By function: what a program does that calls it with the lock of the network's configuration (rtnl) held. */
const LOCKED: Record<string, { commands: string; told: RegExp; code: number }> = {
  e1000_open: {
    commands: 'ifconfig eth0 down; echo go; sleep 20; ifconfig eth0 up',
    told: /^ifconfig: eth0: .*: I\/O error$/m,
    code: 1,
  },
  // What it says is of no interest to a kernel that takes an interface down.
  e1000_close: { commands: 'echo go; sleep 20; ifconfig eth0 down', told: /^/, code: 0 },
  e1000_ioctl: {
    commands: 'echo go; sleep 20; ifconfig eth0 mii 1',
    told: /^ifconfig: eth0: .*: I\/O error$/m,
    code: 1,
  },
};

describe('a driver that fails while its caller holds rtnl', () => {
  for (const [fn, { commands, told, code }] of Object.entries(LOCKED))
    for (const deed of ['crash', 'loop'] as const)
      it(`comes back, and the lock is free: ${deed} in ${fn}`, async () => {
        const { text, exit, sink } = await runGuest(
          `${HASTE}; insmod e1000; sleep 50; ${commands}; sleep 300; ifconfig eth0 down; ifconfig eth0 up; sleep 50; ${netsend(3)}; cat /proc/nooks; echo on we go`,
          {
            modules: ['ifconfig'],
            profile: SLOW,
            onLine: (line, session) => {
              if (line === 'go') breakFunction(session, fn, CODE[deed]);
            },
          },
        );
        expect(text).toMatch(
          deed === 'crash' ? /e1000 failed: invalid opcode/ : /e1000 failed: a call runs for 3\d{4} us/,
        );
        expect(text).toMatch(told);
        expect(counters(text, 'e1000')).toMatchObject({ failures: 1, recoveries: 1 });
        expect(text).toMatch(/^on we go$/m);
        expect(exit).toBe(code);
        expect(sink).toMatchObject({ messages: 3, damaged: 0 });
      });
});

/** The kinds of nooks_event, in the order of nooks/event.h. */
const EVENTS = 'FAILED BEGIN UNWOUND RELEASED UNLOADED LOADED RESTORED RECOVERED GAVE_UP'.split(' ');

describe('recovery time', () => {
  for (const policy of ['restart', 'checkpoint', 'alternate'])
    it(`of e1000 by ${policy}, in cycles a phase`, async () => {
      const phases: [string, number][] = [];
      let last = 0;
      await runGuest('echo go; insmod e1000; sleep 300; nooksctl fail e1000; sleep 200', {
        options: nooks(`loglevel=1 recovery=${policy} alternate=e1000:e1000_simple`),
        modules: ['e1000_simple.ko'],
        onLine: (line, session) => {
          const { machine } = session;
          if (line !== 'go') return;
          machine.engine.addHook(session.address('nooks_event'), () => {
            const now = machine.cycles();
            phases.push([EVENTS[machine.peek32(machine.cpu.esp + 4)], now - last]);
            last = now;
          });
        },
      });
      console.log(
        `${policy}: ${phases
          .slice(1)
          .map(([name, cycles]) => `${name} ${Math.round(cycles)}`)
          .join(', ')}`,
      );
      const names = phases.map(([name]) => name);
      expect(names).toEqual(
        policy === 'checkpoint'
          ? ['FAILED', 'BEGIN', 'UNWOUND', 'RESTORED', 'RECOVERED']
          : EVENTS.slice(0, EVENTS.indexOf('RECOVERED') + 1),
      );
      expect(phases.slice(1).reduce((sum, [, cycles]) => sum + cycles, 0)).toBeLessThan(60e6);
    });
});
