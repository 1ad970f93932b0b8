/** Random bytes over the structures that the views read: each says what it can, or why not, in a bounded time. */
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { domains } from '../../../debug/domains.ts';
import { spaces } from '../../../debug/views/spaces.ts';
import { Structs } from '../../../debug/views/structs.ts';
import { tasks } from '../../../debug/views/tasks.ts';
import { buildGuest } from '../../../guest/build.ts';
import { debugKernel } from '../kernel-rig.ts';

const VIEWS = [
  ...[
    'walk $esp',
    'walk 0xdeadbeef 1',
    'tlb',
    'cache',
    'cache $esp',
    'domains',
    'domains 1',
    'xpc',
    'xpc all',
  ],
  ...[
    'objects',
    'modules',
    'modules e1000',
    'ps',
    'irq',
    'devices',
    'cycles all',
    'events',
    'map',
    'map kernel 1',
  ],
];
const PAGE = 4096;
/** Milliseconds for all of them, on a busy host. */
const PATIENCE = 20_000;

let kernel: ReturnType<typeof debugKernel>;
/** Linear addresses where something is that views read. */
let places: number[];
/** Physical pages with tables. */
let tables: number[];

beforeAll(async () => {
  kernel = debugKernel(await buildGuest(), 'nooks');
  await kernel.run('until udp_sendmsg', 'until e1000_xmit_frame', 'until nooks_dispatch', 'stepi 30');
  const { target } = kernel;
  const structs = Structs.of(target);
  const [domain] = domains(target);
  const d = structs.at('struct nooks_domain', domain.address);
  const globals = [
    'nooks_domains',
    'module_list',
    'current_task',
    'all_tasks',
    'nooks_stats',
    'lines',
    'mem_map',
  ];
  places = [
    ...globals.map(name => structs.variable(name)!.address),
    ...['zone_size', 'zone_phys', 'kernel_pgd_phys', 'nooks_trigger_names'].map(
      name => structs.variable(name)!.address,
    ),
    ...['limits', 'by_driver', 'objects', 'stacks', 'name'].map(field => d.place(field)),
    ...['heap', 'policy', 'zone', 'free_stacks'].map(field => d.number(field)),
    domain.address,
    ...tasks(target).tasks.flatMap(t => [t.struct.address, t.struct.number('esp'), t.struct.number('nooks')]),
    structs.global('module_list')!.target!.address,
    structs.global('module_list')!.target!.number('section_addr'),
    structs.words(d.place('by_driver'), 1024).find(word => word > 0)!,
    target.esp(),
  ].filter(at => at > 0);
  tables = spaces(target).map(s => s.cr3);
});

/** What is written: any bytes, nothing, everything, or the address of one of the places. */
const content = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 64 }),
  fc.constantFrom(new Uint8Array(16), new Uint8Array(16).fill(0xff)),
  fc.nat().map(n => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, places[n % places.length], true);
    return bytes;
  }),
);
const damage = fc.array(fc.record({ where: fc.nat(), offset: fc.integer({ min: 0, max: 80 }), content }), {
  minLength: 1,
  maxLength: 8,
});

/** Does it, looks, and puts things right. */
async function looked(spoil: { pa: number; bytes: Uint8Array }[]): Promise<void> {
  const { machine } = kernel;
  const inside = spoil.filter(({ pa, bytes }) => pa >= 0 && pa + bytes.length <= machine.ramSize);
  const before = inside.map(({ pa, bytes }) => {
    const old = machine.readPhysical(pa, bytes.length);
    machine.writePhysical(pa, bytes);
    return old;
  });
  const began = performance.now();
  for (const view of VIEWS) expect(await kernel.run(view), view).not.toBe('');
  expect(performance.now() - began).toBeLessThan(PATIENCE);
  for (let n = inside.length - 1; n >= 0; n--) machine.writePhysical(inside[n].pa, before[n]);
}

it('bears spoilt records', async () => {
  const sound = await kernel.run(...VIEWS.filter(v => v !== 'cycles all'));
  expect(sound).not.toContain('error:');
  await fc.assert(
    fc.asyncProperty(damage, async list => {
      const { mmu } = kernel.machine.cpu;
      await looked(
        list.map(({ where, offset, content }) => ({
          pa: mmu.peekTranslate((places[where % places.length] + 4 * offset) | 0),
          bytes: content,
        })),
      );
    }),
    { numRuns: 100, seed: 86 },
  );
  expect(await kernel.run(...VIEWS.filter(v => v !== 'cycles all'))).toBe(sound);
}, 120_000);

it('bears spoilt page tables', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.integer({ min: 0, max: 1023 }),
      fc.uint8Array({ minLength: 4, maxLength: 256 }),
      (which, entry, bytes) =>
        looked([{ pa: tables[which % tables.length] + 4 * Math.min(entry, 1024 - 64), bytes }]),
    ),
    { numRuns: 15, seed: 86 },
  );
  // A directory all of whose entries lead to itself, or to a table that says something else of each page.
  const { machine } = kernel;
  const free = machine.ramSize - 2 * PAGE;
  const words = (word: (n: number) => number) =>
    new Uint8Array(Uint32Array.from({ length: 1024 }, (_, n) => word(n)).buffer);
  const loop = words(() => free | 0x67);
  const odd = words(n => (Math.imul(n, 0x9e3779b1) & 0x3fff000) | (n % 2 ? 0x07 : 0x1f));
  for (const table of [loop, odd]) {
    const began = performance.now();
    machine.writePhysical(free, table);
    machine.writePhysical(free + PAGE, loop);
    const cr3 = `0x${(free + PAGE).toString(16)}`;
    expect(await kernel.run(`map ${cr3}`)).toContain('runs\n');
    expect(await kernel.run(`map ${cr3} kernel`, `map ${cr3} ${cr3}`)).toContain('differ in 0 runs\n');
    expect(performance.now() - began).toBeLessThan(PATIENCE);
  }
}, 120_000);
