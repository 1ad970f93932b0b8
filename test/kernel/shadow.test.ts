/**
 * Shadow drivers: programs do not notice that the network driver fails and is restarted. Failures come at many moments, in
 * every kind of context; the same under `restart` is noticed, so these tests can fail. What is left behind: leaks.test.ts.
 */
import { describe, expect, it } from 'vitest';
import type { Session } from '../../guest/session.ts';
import { counters, FAR_IP, netsend, runGuest } from './nooks-guest.ts';

const options = (policy: string) => `isolation=nooks recovery=${policy}`;
const UNTIL_READY = 'insmod e1000; sleep 50';
/** Does not return, but to a stack that is none. */
const WILD_STACK = 0x12345678;

/** Ruins the driver's stack at the given calls (1 = the first since the interface has its address) of a function of it. */
function ruin(name: string, calls: (call: number) => boolean) {
  let count = -1;
  let hooked = 0;
  return (line: string, session: Session) => {
    if (line.startsWith('ip: eth0 is')) count = 0;
    if (count < 0) return;
    const at = session.symbols.address(name);
    if (at === undefined || at === hooked) return;
    hooked = at;
    session.machine.engine.addHook(at, () => {
      if (calls(++count)) session.machine.cpu.esp = WILD_STACK;
    });
  };
}

const fails = (times: number, pause: number) =>
  Array.from({ length: times }, () => `sleep ${pause}; nooksctl fail e1000`).join('; ');

describe('under the policy shadow', () => {
  it('a stream arrives whole, whenever its driver fails', async () => {
    const commands = `${UNTIL_READY}; start ${netsend(400, 1000)}; ${fails(6, 70)}; wait; sleep 400; cat /proc/nooks`;
    const { text, exit, sink, session } = await runGuest(commands, { options: options('shadow') });
    expect(exit).toBe(0);
    expect(counters(text, 'e1000')).toMatchObject({ failures: 6, recoveries: 6 });
    expect(sink).toMatchObject({ messages: 400, lost: 0, damaged: 0 });
    expect(session.read('skb_count')).toBeLessThan(300);
  });

  it('a program that configures notices nothing', async () => {
    const commands = `${UNTIL_READY}; start netconf eth0 ${FAR_IP} 40; start ${netsend(100, 300)}; ${fails(8, 40)}; wait; sleep 900; cat /proc/nooks`;
    const { text, exit } = await runGuest(commands, { options: options('shadow'), modules: ['netconf'] });
    expect(text).toMatch(/netconf: 40 rounds, 0 errors, 0 wrong, 0 backwards/);
    const { failures, recoveries } = counters(text, 'e1000');
    expect(recoveries).toBe(failures);
    expect(recoveries).toBeGreaterThan(5);
    expect(exit).toBe(0);
  });

  for (const [name, calls] of [
    ['e1000_xmit_frame', [200, 900]],
    ['e1000_clean_tx', [20, 60]],
    ['e1000_intr', [5, 25]],
    ['e1000_open', [1, 3]],
    ['e1000_close', [1]],
    ['e1000_ioctl', [3, 20]],
    ['e1000_get_stats', [4]],
    ['e1000_set_multi', [5]],
    ['e1000_change_mtu', [2]],
    ['e1000_set_mac', [3]],
  ] as [string, number[]][])
    it(`a program notices no failure in ${name}`, async () => {
      const commands = `${UNTIL_READY}; start netconf eth0 ${FAR_IP} 24; ${netsend(60, 300)}; wait; cat /proc/nooks`;
      const { text, exit } = await runGuest(commands, {
        options: options('shadow'),
        modules: ['netconf'],
        onLine: ruin(name, call => calls.includes(call)),
      });
      expect(text).toMatch(/nooks: e1000 failed: double fault/);
      expect(text).toMatch(/netconf: 24 rounds, 0 errors, 0 wrong, 0 backwards/);
      expect(exit).toBe(0);
    });

  it('the interface goes when its driver does not come back', async () => {
    const { text } = await runGuest(
      `${UNTIL_READY}; start netconf eth0 ${FAR_IP} 20; ${fails(1, 60)}; wait; sleep 100; ifconfig eth0`,
      {
        options: options('shadow'),
        modules: ['netconf', 'ifconfig'],
        onLine: ruin('e1000_reset_hw', () => true),
      },
    );
    expect(text).toMatch(/failed 10 times, it stays unloaded/);
    expect(text).toMatch(/ifconfig: eth0: flags: no such device/);
    expect(text).toMatch(/netconf: 20 rounds/);
  });
});

it('under the policy restart the program does notice', async () => {
  const commands = `${UNTIL_READY}; start netconf eth0 ${FAR_IP} 40; ${fails(8, 40)}; wait`;
  const { text, exit } = await runGuest(commands, { options: options('restart'), modules: ['netconf'] });
  expect(text).not.toMatch(/40 rounds, 0 errors, 0 wrong, 0 backwards/);
  expect(exit).toBe(1);
});
