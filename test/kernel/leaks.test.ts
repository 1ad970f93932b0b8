/**
 * What many recoveries in a row leave behind: nothing. Memory, heap objects, interrupt handlers, mappings, timers,
 * and domains are, with the driver unloaded, after them what they were after the first ten. Runs on the flat profile; freed memory is
 * not poisoned, which would take a third of the time.
 */
import { expect, it } from 'vitest';
import { findProfile } from '../../emu/profile/index.ts';
import type { Session } from '../../guest/session.ts';
import { runGuest } from './nooks-guest.ts';

const flat = findProfile('flat');
/** A clock slow enough that the driver's waits for its device are few instructions. */
const profile = { ...flat, clockHz: { ...flat.clockHz, value: 10_000_000 } };
const SECONDS = 4000;
/** Of the host: 1,000 take half a minute on an idle machine. */
const PATIENCE_MS = 480_000;
const DOMAINS = 16;
const LIMIT = 1000;

/** Elements of a circular list with its head at a symbol, or of a chain that begins there. */
function elements(session: Session, symbol: string): number {
  const head = session.address(symbol);
  let n = 0;
  for (let at = session.read(symbol); at !== 0 && at >>> 0 !== head >>> 0 && n < LIMIT; n++)
    at = session.machine.peek32(at);
  return n;
}

/** Of struct pool (kernel/mm/page_alloc.c). */
const FREE = 8;

/** What only the host sees. */
function inside(session: Session): Record<string, number> {
  const domains = Array.from({ length: DOMAINS }, (_, n) => session.read('nooks_domains', 4 * n));
  return {
    timers: elements(session, 'timers'),
    mappings: elements(session, 'areas'),
    domains: domains.filter(Boolean).length,
    number: domains.findIndex(Boolean) + 1,
    packets: session.read('skb_count'),
    tasks: session.read('task_count'),
    // With the pages that the packets' pool keeps for the next ones (kernel/net/skbuff.c).
    zone: 4 * (session.read('zone_pool', FREE) + session.read('page_pool_count')),
  };
}

const FIGURES = { limit: 0, immediate: 1_000_000, checkpoint: 10, soon: 0 };
const figures = Object.entries(FIGURES).map(([name, value]) => `nooksctl figure * ${name} ${value}`);
/** A cache keeps one empty slab, or has one half full, as it happens: pages of the kernel, in KiB. */
const SPARE_SLABS = 16;

const freeKib = (look: string) => Number(/MemFree: (\d+)/.exec(look)?.[1]);
const without = (look: string) => look.replaceAll(/(Mem|Zone)Free: \d+/g, '').replaceAll(/ 0x\w+ /g, ' ');

/**
 * NOOKS86_LONG=1: 1,000 of each policy, which takes minutes. Fewer show the same: all that is compared is exact but for free
 * pages, where each recovery that lost one would show. An even number for alternate.
 */
const LONG = process.env.NOOKS86_LONG !== undefined;
const MANY = LONG ? 495 : 95;
const FEW = LONG ? 495 : 25;

for (const { policy, half, names } of [
  { policy: 'restart', half: MANY, names: 'e1000' },
  { policy: 'shadow', half: FEW, names: 'e1000' },
  { policy: 'checkpoint', half: FEW, names: 'e1000' },
  { policy: 'alternate', half: FEW + 1, names: 'e1000 e1000_simple' },
])
  it(
    `${2 * half + 10} recoveries by ${policy} leave nothing behind`,
    async () => {
      const seen: Record<string, number>[] = [];
      const look = 'rmmod e1000; sleep 100; cat /proc/meminfo; cat /proc/modules; echo look';
      const repeat = (n: number) => `nooksctl repeat ${n} fail ${names}`;
      const commands = [
        ...figures,
        'insmod e1000',
        repeat(10),
        look,
        'insmod e1000',
        repeat(half),
        look,
        'insmod e1000',
      ].join('; ');
      const { text, exit } = await runGuest(
        `${commands}; ${repeat(half)}; ${look}; cat /proc/nooks_recovery; cat /proc/interrupts`,
        {
          options: `isolation=nooks loglevel=1 poison=off recovery=${policy} alternate=e1000:e1000_simple,e1000_simple:e1000`,
          modules: ['e1000_simple.ko'],
          profile,
          patience: SECONDS,
          onLine: (line, session) => {
            if (line === 'look') seen.push(inside(session));
          },
        },
      );
      expect([exit, text]).toEqual([0, text]);
      expect(text).toMatch(/given_up 0\npending 0\n/);
      expect(Number(/recoveries (\d+)\ngiven_up/.exec(text)?.[1])).toBeGreaterThanOrEqual(2 * half + 10);
      expect(text).not.toMatch(/XT-PIC {2}eth0$/m);
      const looks = [...text.matchAll(/MemTotal[\s\S]*?look/g)].map(m => m[0]);
      expect(looks.length).toBe(3);
      expect(freeKib(looks[2])).toBeGreaterThanOrEqual(freeKib(looks[1]) - SPARE_SLABS);
      expect(freeKib(looks[2])).toBeGreaterThanOrEqual(freeKib(looks[0]) - SPARE_SLABS);
      expect(without(looks[2])).toEqual(without(looks[0]));
      const [{ zone, ...first }, , { zone: left, ...last }] = seen;
      expect(left).toBeGreaterThanOrEqual(zone - SPARE_SLABS);
      expect(last).toEqual(first);
      expect(seen[2].domains).toBe(0);
    },
    PATIENCE_MS,
  );
