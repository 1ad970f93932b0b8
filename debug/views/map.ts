/** `map`: an address space as runs of equal permission, and where two address spaces differ. */
import type { Target } from '../target.ts';
import { hex8, table } from '../text.ts';
import { type Place, placeOf, places } from './places.ts';
import type { Space } from './spaces.ts';
import { memoryType, type Permission, permissions, type Translation, walk } from './translation.ts';

const PAGE = 0x1000;
const LARGE = 0x40_0000;
const END = 2 ** 32;
const PRESENT = 1;
const BIG = 0x80;
/** Rows that are shown. */
const MOST = 512;

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

/** The mapped runs of a space, by address. */
export function runs(target: Target, space: Space): Run[] {
  const list = places(target);
  const found: Run[] = [];
  for (const { lin, page } of pages(target, space.cr3)) {
    const last = found.at(-1);
    const end = lin + page.size;
    const what = whatIs(target, list, lin, page);
    if (last && last.end === lin && last.what === what && sameKind(last, page)) {
      last.contiguous &&= last.physical + (lin - last.start) === page.physical;
      last.end = end;
    } else found.push({ ...page, start: lin, end, contiguous: true, what });
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
  for (let lin = 0; lin < END; ) {
    const found = walk(target, lin, cr3);
    const large = found.entries.length === 1;
    const page = pageOf(target, found);
    if (page) yield { lin, page };
    lin += large ? LARGE : PAGE;
  }
}

function pageOf(target: Target, t: Translation): Page | undefined {
  if (t.physical === undefined) return undefined;
  return {
    size: t.big ? LARGE : PAGE,
    ...permissions(target, t.rights),
    global: t.global,
    type: memoryType(target, t.physical, t.attributes),
    physical: t.physical,
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
  const head = `${space.name}, page directory at ${hex8(space.cr3)}: ${list.length} runs\n`;
  const columns = ['linear', 'size', 'page', 'ring 0/3', 'type', 'physical', 'what'];
  return head + (rows.length ? table([columns, ...rows], [0, 2, 3, 4, 5, 6]) : '') + more(list.length);
}

/** Where two spaces differ, by runs of one difference. */
export interface Difference {
  start: number;
  end: number;
  a: Page | undefined;
  b: Page | undefined;
  what: string;
}

export function differences(target: Target, a: Space, b: Space): Difference[] {
  const list = places(target);
  const found: Difference[] = [];
  for (let lin = 0; lin < END; ) {
    const [from, to] = [a, b].map(s => walk(target, lin, s.cr3));
    const step = stepOf(from, to);
    const [pa, pb] = [pageOf(target, from), pageOf(target, to)];
    if (!equal(pa, pb)) {
      const what = placeOf(list, lin).name;
      const last = found.at(-1);
      if (last && last.end === lin && last.what === what && alike(last, pa, pb)) last.end = lin + step;
      else found.push({ start: lin, end: lin + step, a: pa, b: pb, what });
    }
    lin += step;
  }
  return found;
}

/** Both spaces are one thing for as long. Page tables that both share need no look. */
function stepOf(a: Translation, b: Translation): number {
  const [x, y] = [a.entries[0].value, b.entries[0].value];
  const shared = x === y && (x & PRESENT) !== 0 && !(x & BIG);
  return shared || (a.entries.length === 1 && b.entries.length === 1) ? LARGE : PAGE;
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
  const head = `${a.name} and ${b.name} differ in ${list.length} runs\n`;
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
  return head + table([columns, ...rows], [0, 2, 3, 4, 5]) + more(list.length);
}

function more(count: number): string {
  return count > MOST ? `and ${count - MOST} more\n` : '';
}

function bytes(n: number): string {
  return n % 2 ** 20 === 0 ? `${n / 2 ** 20} MiB` : `${Math.round(n / 1024)} KiB`;
}
