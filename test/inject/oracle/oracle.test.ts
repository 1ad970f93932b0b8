/**
 * The oracle on a booted kernel: a healthy driver's whole life gives no finding and costs no cycle, each wild write of a
 * driver that makes one is seen with its target, and each invariant's row fires when the host breaks its structure.
 */
import { describe, expect, it } from 'vitest';
import { Books, KERNEL_BASE, PAGE } from '../../../inject/oracle/books.ts';
import { baselineOf, checkInvariants, INVARIANTS } from '../../../inject/oracle/invariants.ts';
import { Oracle } from '../../../inject/oracle/oracle.ts';
import { netsend, type Rig, rig } from './rig.ts';

const NOTHING = { wildWrites: [], wildWriteCount: 0, corruptions: [], firstErrorAt: null, ownCorruptions: 0 };

const LIFE = `insmod e1000; sleep 20; ${netsend(12)}; ifconfig eth0 down; ifconfig eth0 up; rmmod e1000; insmod e1000`;

function figures({ session, sink }: Rig) {
  const { cpu, accounting } = session.machine;
  return {
    cycles: session.machine.cycles(),
    matrix: [...accounting.matrix],
    instructions: cpu.instructions,
    data: [cpu.mmu.loads, cpu.mmu.stores],
    tlbs: cpu.mmu.tlbs().map(t => [t.misses, t.switchMisses, t.globalHits, ...t.key]),
    messages: sink.report().messages,
  };
}

describe.each(['none', 'nooks'] as const)('a healthy driver with isolation=%s', isolation => {
  it('gives no finding, and costs the guest nothing', async () => {
    const plain = await rig(LIFE, isolation);
    expect(plain.run()).toBe(0);

    const watched = await rig(LIFE, isolation);
    const oracle = new Oracle(watched.session, 'e1000');
    oracle.arm();
    expect(watched.run()).toBe(0);
    expect(figures(watched)).toEqual(figures(plain));
    expect(oracle.finish()).toEqual(NOTHING);
    oracle.dispose();
  }, 120_000);
});

async function misbehave(deed: string, isolation: 'none' | 'nooks') {
  const r = await rig(
    `insmod misbehave deed=${deed} after=2 until=40; sleep 60`,
    isolation,
    ['misbehave.ko'],
    'flat-100',
  );
  const oracle = new Oracle(r.session, 'misbehave');
  oracle.arm();
  r.run();
  const found = oracle.finish();
  oracle.dispose();
  return found;
}

describe('a driver that writes wildly', () => {
  it.each([
    ['kernel_text', /^kernel text$/],
    ['kernel_data', /^kernel data jiffies/],
    ['page_directory', /page|kernel data/],
    ['idt', /^kernel data idt/],
    ['freed_page', /^free page of the zone$/],
    ['freed_packet', /^data of a freed packet$/],
  ])(
    '%s is seen without isolation',
    async (deed, target) => {
      const found = await misbehave(deed, 'none');
      expect(found.wildWriteCount).toBeGreaterThan(0);
      expect(found.wildWrites[0]).toMatchObject({ by: 'driver code', preventable: true, bytes: 4 });
      expect(found.wildWrites[0].target).toMatch(target);
      expect(found.wildWrites[0].where).toContain('[misbehave.ko]');
      expect(found.firstErrorAt).toBe(found.wildWrites[0].at);
    },
    60_000,
  );

  it.each(['kernel_text', 'kernel_data', 'kernel_stack', 'freed_page', 'esp_kernel'])(
    '%s does not get through with isolation, and its exception is the first error',
    async deed => {
      const found = await misbehave(deed, 'nooks');
      expect(found).toMatchObject({ wildWriteCount: 0, corruptions: [] });
      expect(found.firstErrorAt).not.toBeNull();
    },
    60_000,
  );

  it('hurts itself alone when it writes its own text', async () => {
    const found = await misbehave('own_text', 'none');
    expect(found).toMatchObject({ wildWriteCount: 0 });
    expect(found.ownCorruptions).toBeGreaterThan(0);
  }, 60_000);
});

/** How the host breaks a structure, by the row that must see it: writes a dword and says where. */
type Break = (b: Books, put: (lin: number, value: number) => void) => void;

const first = (b: Books, list: string) => b.u32(b.symbol(list));
const pgd = (b: Books) => b.u32(b.symbol('kernel_pgd'));
const cacheOf = (b: Books, heap: string) => b.u32(b.symbol(heap)) + 36;

const BREAKS: Record<string, Break> = {
  'kernel text and read-only data': (b, put) => put(b.symbol('schedule'), 0),
  IDT: (b, put) => put(b.symbol('idt') + 14 * 8, 0),
  GDT: (b, put) => put(b.symbol('gdt_page') + 8, 0),
  'kernel page directory': (b, put) => put(pgd(b) + 4 * 770, 0),
  'zone page tables': (b, put) => {
    const table = KERNEL_BASE + (b.u32(pgd(b) + 4 * 0x3c0) & -PAGE);
    put(table + 4 * 5, 0);
  },
  'directories of processes': (b, put) => put(b.u32(first(b, 'all_mms') - 24) + 4 * 800, 0x1083),
  'domains’ page tables': (b, put) => {
    const domain = b.u32(b.symbol('nooks_domains'));
    put(b.u32(domain + 12) + 4 * 768, 0x83);
  },
  'module list': (b, put) => put(first(b, 'module_list'), 0xdead_0000),
  tasks: (b, put) => put(first(b, 'all_tasks') - 60 + 8, 77),
  'run queue': (b, put) => put(b.symbol('run_queue'), 0xc000_0010),
  'kernel stacks': (b, put) => put(b.u32(first(b, 'all_tasks') - 60 + 48), 0),
  timers: (b, put) => put(b.symbol('timers') + 4, b.symbol('timers') + 8),
  'address spaces': (b, put) => put(first(b, 'all_mms') + 4, 0),
  'PCI devices': (b, put) => put(first(b, 'pci_devices'), first(b, 'pci_devices')),
  'network devices': (b, put) => put(first(b, 'dev_base') + 124, first(b, 'dev_base')),
  'slabs of the kernel': (b, put) => put(cacheOf(b, 'kernel_heap') + 76, 1),
  'slabs of drivers': (b, put) => put(cacheOf(b, 'driver_heap') + 52, 3),
  'packet count': (b, put) => put(b.symbol('skb_count'), 99_999),
  'free pages': (b, put) => put(b.symbol('normal_pool') + 8, 1),
  'free pages of the zone': (b, put) => put(b.symbol('zone_pool') + 8, 1),
  'page records': (b, put) => put(b.memMap + 20 * 16 + 12, 0x0077_0001),
};

describe('invariants', () => {
  let ready: Promise<Rig> | undefined;
  const machine = () => {
    ready ??= rig('insmod e1000; sleep 40', 'nooks').then(r => {
      const { machine: m, options } = r.session;
      m.run(m.cycles() + 0.03 * options.profile.clockHz.value);
      for (let n = 0; n < 300_000 && !(m.cpu.halted && m.cpu.interruptsOn); n++) m.step(m.cycles() + 64);
      return r;
    });
    return ready;
  };

  it('hold in a healthy kernel at rest', async () => {
    const b = new Books((await machine()).session);
    expect(checkInvariants(b, baselineOf(b), true)).toEqual([]);
  }, 60_000);

  it.each(INVARIANTS.map(row => row.structure))(
    'see a broken one: %s',
    async structure => {
      const b = new Books((await machine()).session);
      const baseline = baselineOf(b);
      const undo: [number, number][] = [];
      const write = (pa: number, value: number) => b.view.setUint32(pa, value, true);
      BREAKS[structure](b, (lin, value) => {
        const pa = b.physical(lin);
        undo.push([pa, b.view.getUint32(pa, true)]);
        write(pa, value >>> 0);
      });
      const found = checkInvariants(b, baseline, true);
      for (const [pa, value] of undo) write(pa, value);
      expect(found.map(f => f.structure)).toContain(structure);
      expect(checkInvariants(b, baseline, true)).toEqual([]);
    },
    60_000,
  );

  it('end whatever memory holds', async () => {
    const b = new Books((await machine()).session);
    const baseline = baselineOf(b);
    const saved = b.ram.slice();
    const from = b.physical(b.symbol('_erodata'));
    let x = 1;
    for (let at = from; at < b.ram.length; at += 4) {
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
      if ((x >>> 24) % 16 === 0) b.view.setUint32(at, (x & 0x01ff_fffc) + KERNEL_BASE, true);
    }
    expect(checkInvariants(b, baseline, true).length).toBeGreaterThan(5);
    b.ram.set(saved);
  }, 60_000);
});
