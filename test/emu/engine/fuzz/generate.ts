/**
 * Guests from seeds. A guest is a loop over snippets of a few of the features (features/*.ts), some of them in functions
 * on other pages; handlers that go on behind the snippet that faulted, or mend the page and try again; and acts of the
 * host. Whatever a guest does is right as long as both engines do the same.
 */
import { CODE, HANDLERS, STACK, USER_STACK } from '../../cpu/rig.ts';
import type { Act } from '../lockstep.ts';
import { random } from '../world.ts';
import { features } from './features/all.ts';
import type { Feature } from './features/feature.ts';
import { handlers } from './handlers.ts';
import { type Case, COPIES, type World } from './world.ts';

/** What a feature's snippets are made with. */
export class Draft {
  readonly world: World;
  /** Functions and copies, behind the main loop. */
  readonly elsewhere: string[] = [];
  private readonly source: () => number;
  private labels = 0;
  private functionsAt = CODE + 0x3000;
  private copiesAt = COPIES;

  constructor(world: World, source: () => number) {
    this.world = world;
    this.source = source;
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return this.source() % n;
  }
  int32(): number {
    return this.source() | 0;
  }
  chance(of: number): boolean {
    return this.below(of) === 0;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  /** A new label. */
  label(): string {
    return `l${this.labels++}`;
  }
  byte(v = this.source()): string {
    return (v & 0xff).toString(16).padStart(2, '0');
  }
  dword(v = this.source()): string {
    return [0, 8, 16, 24].map(s => this.byte(v >>> s)).join('');
  }
  /** Random hex digits for each `?`. */
  fill(form: string): string {
    return form.replaceAll('?', () => (this.source() & 15).toString(16));
  }

  /** A function somewhere behind the main code, at a page border now and then; its label. */
  fn(body: string[], end = 'c3'): string {
    const name = this.label();
    const near = this.chance(3);
    // Bytes left in the page: what the body spans lies on both sides.
    const at = near ? (this.functionsAt | 0xfff) - this.below(40) : this.functionsAt + this.below(48);
    this.elsewhere.push(`@${at.toString(16)}`, `${name}:`, ...body, end);
    this.functionsAt = at + 48 + body.length * 12;
    return name;
  }

  /** Bytes that are never run where they lie; their label. */
  copy(body: string[]): string {
    const name = this.label();
    this.elsewhere.push(`@${this.copiesAt.toString(16)}`, `${name}:`, ...body);
    this.copiesAt += 0x100;
    return name;
  }
}

/** Where faults go on from: behind `body`. */
export function resumes(d: Draft, body: string[]): string[] {
  const behind = d.label();
  return [`36c70500f00400{abs ${behind}}`, ...body, `${behind}:`];
}

/** The guest and acts of `seed`, with `only` this feature where it is named. Throws an Error for an unknown one. */
export function generate(profile: string, seed: number, only?: string): Case {
  const source = random(Math.imul(seed, 0x9e37_79b1) ^ profile.length);
  const chance = (of: number) => source() % of === 0;
  const world: World = {
    ...{ profile, seed, paging: !chance(5), cr0: 0, cr4: 0, user: chance(4), eflags: 2 },
    ...{
      tables: [],
      period: 0,
      hot: 1 + (chance(3) ? source() % 6 : 0),
      debug: null,
      regions: chance(2) ? 0 : source() | 0xf00,
    },
  };
  if (!chance(3)) world.cr4 = 0x90;
  else world.cr4 = source() & 0x90;
  if (!chance(4)) world.cr0 |= 0x1_0000;
  if (chance(3)) world.eflags |= 0x3000;
  if (chance(2)) {
    world.eflags |= 0x200;
    world.period = 3 + (source() % (chance(2) ? 40 : 400));
  }
  const d = new Draft(world, source);
  const chosen = choose(d, only);
  for (const f of chosen) f.world?.(d);
  const lines = program(d, chosen);
  return { world, lines, acts: actsOf(d, chosen) };
}

function choose(d: Draft, only?: string): Feature[] {
  const plain = features.find(f => f.name === 'plain')!;
  if (only !== undefined) {
    const wanted = features.find(f => f.name === only);
    if (!wanted) throw new Error(`no feature ${only}: ${features.map(f => f.name).join(', ')}`);
    return [plain, wanted];
  }
  const chosen = new Set<Feature>([plain]);
  for (let n = 1 + d.below(4); n > 0; n--) chosen.add(d.pick(features));
  return [...chosen];
}

function program(d: Draft, chosen: Feature[]): string[] {
  const snippet = () => {
    const f = d.pick(chosen);
    return d.pick(f.snippets)(d);
  };
  const body: string[] = [];
  for (let n = 3 + d.below(d.chance(4) ? 40 : 14); n > 0; n--) {
    const s = snippet();
    if (d.chance(6)) {
      const name = d.fn(s);
      body.push(`e8{rel ${name}}`);
    } else body.push(...s);
  }
  const esp = d.world.user ? USER_STACK : STACK;
  return [
    `@${(CODE + (d.chance(3) ? 0xfc0 + d.below(64) : d.below(16))).toString(16)}`,
    'start:',
    `bc${d.dword(esp)}`,
    `bd${d.dword(5 + d.below(60))}`,
    'again:',
    `be${d.dword(0x4_0000 + d.below(0xd000))}`,
    `bf${d.dword(0x4_0000 + d.below(0xd000))}`,
    ...body,
    '4d',
    '0f85{rel again}',
    'e9{rel start}',
    ...d.elsewhere,
    ...handlers(d, HANDLERS),
  ];
}

function actsOf(d: Draft, chosen: Feature[]): Act[] {
  const acts: Act[] = [];
  const total = d.world.profile === 'flat' ? 30_000 : chosen.some(f => f.dear) ? 1_200_000 : 300_000;
  for (let left = total; left > 0; ) {
    const ticks = 1 + d.below(d.chance(3) ? 60 : d.chance(2) ? 2000 : total >> 3);
    acts.push({ act: 'run', ticks });
    left -= ticks + 400;
    const side = d.pick(['one', 'two'] as const);
    if (d.chance(4)) acts.push({ act: 'step', side, steps: 1 + d.below(90) });
    if (d.chance(8)) acts.push({ act: 'restore', side });
    if (d.chance(8)) acts.push({ act: 'detour', side, ticks: 1 + d.below(20_000) });
    if (d.chance(20)) acts.push({ act: 'stamps', side });
    for (const f of chosen) if (f.acts && d.chance(2)) acts.push(...f.acts(d));
  }
  return acts;
}
