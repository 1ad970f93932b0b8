/** `map`: an address space as runs of equal permission, and where two address spaces differ. */
import type { Target } from '../target.ts';
import { hex8, table } from '../text.ts';
import { type Place, placeOf, places } from './places.ts';
import type { Space } from './spaces.ts';
import {
  isLast,
  type Landing,
  land,
  largePages,
  memoryType,
  type Permission,
  permissions,
} from './translation.ts';

const PAGE = 0x1000;
const LARGE = 0x40_0000;
const END = 2 ** 32;
const ENTRIES = 1024;
/** Runs that are looked for: a guest may make its tables say something else of each page. */
const MOST = 1024;

/** What a page is, all but its frame. */
interface Page {
  size: number;
  supervisor: Permission;
  user: Permission;
  global: boolean;
  type: string;
  physical: number;
}

export interface Run extends Page {
  start: number;
  end: number;
  /** Frames follow one another from `physical` on. */
  contiguous: boolean;
  /** What lies there. */
  what: string;
}

/** The mapped runs of a space, by address; the first `most` of them. */
export function runs(target: Target, space: Space, most = MOST): Run[] {
  const list = places(target);
  const found: Run[] = [];
  for (const { lin, page } of pages(target, space.cr3)) {
    const last = found.at(-1);
    const end = lin + page.size;
    const what = whatIs(target, list, lin, page);
    if (last && last.end === lin && last.what === what && sameKind(last, page)) {
      last.contiguous &&= last.physical + (lin - last.start) === page.physical;
      last.end = end;
    } else if (found.length < most) found.push({ ...page, start: lin, end, contiguous: true, what });
    else break;
  }
  return found;
}

function sameKind(a: Page, b: Page): boolean {
  return (
    a.size === b.size &&
    a.supervisor === b.supervisor &&
    a.user === b.user &&
    a.global === b.global &&
    a.type === b.type
  );
}

function whatIs(target: Target, list: readonly Place[], lin: number, page: Page): string {
  const { name } = placeOf(list, lin);
  if (page.physical < target.machine.ramSize) return name;
  return [name, 'device'].filter(Boolean).join(': ');
}

function* pages(target: Target, cr3: number): Generator<{ lin: number; page: Page }> {
  const pse = largePages(target);
  const { mmu } = target.machine.cpu;
  const pageOf = pager(target);
  for (let lin = 0; lin < END; lin += LARGE) {
    const pde = mmu.peek32((cr3 & ~0xfff) + (lin >>> 20));
    const last = isLast(pde, pse);
    for (let n = 0; n < (last ? 1 : ENTRIES); n++) {
      const at = lin + n * PAGE;
      const page = pageOf(land(at, pde, last ? 0 : mmu.peek32((pde & ~0xfff) + 4 * n), pse));
      if (page) yield { lin: at, page };
    }
  }
}

/** Makes pages of landings; asks for each memory type once, where MTRRs do not tell addresses apart. */
function pager(target: Target): (t: Landing) => Page | undefined {
  const plain = target.machine.cpu.mmu.types.plain();
  const types: string[] = [];
  return t => {
    if (t.physical === undefined) return undefined;
    const isPlain = t.physical >= plain.from && t.physical < plain.to;
    const type = isPlain
      ? (types[t.attributes] ??= memoryType(target, t.physical, t.attributes))
      : memoryType(target, t.physical, t.attributes);
    const { supervisor, user } = permissions(target, t.rights);
    return { size: t.big ? LARGE : PAGE, supervisor, user, global: t.global, type, physical: t.physical };
  };
}

export function mapText(target: Target, space: Space): string {
  const list = runs(target, space);
  const rows = list
    .slice(0, MOST)
    .map(r => [
      `${hex8(r.start)}-${hex8(r.end - 1)}`,
      bytes(r.end - r.start),
      r.size === LARGE ? '4M' : '4K',
      `${r.supervisor}/${r.user}${r.global ? ' G' : ''}`,
      r.type,
      r.contiguous ? `${hex8(r.physical)}-${hex8(r.physical + (r.end - r.start) - 1)}` : 'scattered',
      r.what,
    ]);
  const head = `${space.name}, page directory at ${hex8(space.cr3)}: ${count(list.length)}\n`;
  const columns = ['linear', 'size', 'page', 'ring 0/3', 'type', 'physical', 'what'];
  return head + (rows.length ? table([columns, ...rows], [0, 2, 3, 4, 5, 6]) : '');
}

/** Where two spaces differ, by runs of one difference. */
export interface Difference {
  start: number;
  end: number;
  a: Page | undefined;
  b: Page | undefined;
  what: string;
}

/** The first `most` of them. */
export function differences(target: Target, a: Space, b: Space, most = MOST): Difference[] {
  const list = places(target);
  const found: Difference[] = [];
  for (const { lin, step, of } of pairs(target, a.cr3, b.cr3)) {
    const [pa, pb] = of;
    if (equal(pa, pb)) continue;
    const what = placeOf(list, lin).name;
    const last = found.at(-1);
    if (last && last.end === lin && last.what === what && alike(last, pa, pb)) last.end = lin + step;
    else if (found.length < most) found.push({ start: lin, end: lin + step, a: pa, b: pb, what });
    else break;
  }
  return found;
}

type Pair = [Page | undefined, Page | undefined];

/** Both sides, page by page, but where they share a table or neither has one. */
function* pairs(target: Target, a: number, b: number): Generator<{ lin: number; step: number; of: Pair }> {
  const pse = largePages(target);
  const { mmu } = target.machine.cpu;
  const pageOf = pager(target);
  for (let lin = 0; lin < END; lin += LARGE) {
    const pdes = [a, b].map(cr3 => mmu.peek32((cr3 & ~0xfff) + (lin >>> 20)));
    if (pdes[0] === pdes[1]) continue;
    const single = pdes.every(pde => isLast(pde, pse));
    for (let n = 0; n < (single ? 1 : ENTRIES); n++) {
      const at = lin + n * PAGE;
      const side = (pde: number) =>
        pageOf(land(at, pde, isLast(pde, pse) ? 0 : mmu.peek32((pde & ~0xfff) + 4 * n), pse));
      yield { lin: at, step: single ? LARGE : PAGE, of: [side(pdes[0]), side(pdes[1])] };
    }
  }
}

function equal(a: Page | undefined, b: Page | undefined): boolean {
  if (!a || !b) return a === b;
  return a.supervisor === b.supervisor && a.user === b.user && a.type === b.type && a.physical === b.physical;
}

/** The same difference goes on: the same on each side, and frames equal or not as before. */
function alike(last: Difference, a: Page | undefined, b: Page | undefined): boolean {
  const same = (p?: Page, q?: Page) => (p && q ? sameKind(p, q) : p === q);
  const frames = (p?: Page, q?: Page) => p !== undefined && q !== undefined && p.physical === q.physical;
  return same(last.a, a) && same(last.b, b) && frames(last.a, last.b) === frames(a, b);
}

export function differenceText(target: Target, a: Space, b: Space): string {
  const list = differences(target, a, b);
  const head = `${a.name} and ${b.name} differ in ${count(list.length)}\n`;
  const side = (p: Page | undefined) => (p ? `${p.supervisor}/${p.user} ${p.type}` : 'not mapped');
  const rows = list
    .slice(0, MOST)
    .map(d => [
      `${hex8(d.start)}-${hex8(d.end - 1)}`,
      bytes(d.end - d.start),
      side(d.a),
      side(d.b),
      d.a && d.b && d.a.physical !== d.b.physical ? 'other frames' : '',
      d.what,
    ]);
  if (rows.length === 0) return head;
  const columns = ['linear', 'size', a.name, b.name, '', 'what'];
  return head + table([columns, ...rows], [0, 2, 3, 4, 5]);
}

function count(n: number): string {
  return n < MOST ? `${n} run${n === 1 ? '' : 's'}` : `more than ${n - 1} runs`;
}

function bytes(n: number): string {
  return n % 2 ** 20 === 0 ? `${n / 2 ** 20} MiB` : `${Math.round(n / 1024)} KiB`;
}
