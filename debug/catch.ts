/**
 * Catchpoints: each event is a row that says what its filter may be and how it is noticed. Deliveries, changes of the
 * directory and what TLBs do come from probes (emu/probe.ts): the guest then stands behind it. Crossings, modules and
 * recovery are places in our kernel: the guest stands before the instruction there.
 *
 * Left out: the way back from a system call, and crossings that a trap makes (catch exception has those).
 */
import type { EventKind } from '../emu/probe.ts';
import { MILESTONES, readMilestone } from '../guest/milestones.ts';
import { owner } from './domains.ts';
import { CommandError } from './error.ts';
import type { CatchEvent, Catchpoint } from './model.ts';
import { domainOf, joined, type Place } from './points.ts';
import type { Target } from './target.ts';
import { hex8 } from './text.ts';
import { xpcPlaces } from './xpc-places.ts';

interface Row {
  /** As help shows it. */
  filter: string;
  /** Throws a CommandError for a filter that can never hold. */
  check?(filter: string, target: Target): void;
  /** Catches as long as the function that it returns is not called. */
  place(point: Catchpoint, place: Place): () => void;
}

const SYSTEM_CALL = 0x80;
const FIRST_IRQ = 0x20;
const IRQS = 16;
const PAGE_FAULT = 14;
const EAX = 0;
/** By vector (SDM vol. 3, table 6-1). */
export const EXCEPTIONS = 'DE DB NMI BP OF BR UD NM DF vector-9 TS NP SS GP PF vector-15 MF AC MC XM'.split(
  ' ',
);

export const CATCHES: Readonly<Record<CatchEvent, Row>> = {
  exception: {
    filter: 'VECTOR | PF',
    check: vector,
    place: (point, place) =>
      deliveries(point, place, (v, kind) =>
        kind === 'external' || v >= FIRST_IRQ ? undefined : () => `#${EXCEPTIONS[v] ?? v}`,
      ),
  },
  interrupt: {
    filter: 'VECTOR | irqN',
    check: vector,
    place: (point, place) =>
      deliveries(point, place, (v, kind) =>
        kind === 'external' || (kind === 'software' && v >= FIRST_IRQ && v !== SYSTEM_CALL)
          ? () =>
              `interrupt 0x${v.toString(16)}${v >= FIRST_IRQ && v < FIRST_IRQ + IRQS ? ` (irq ${v - FIRST_IRQ})` : ''}`
          : undefined,
      ),
  },
  syscall: { filter: 'NUMBER | NAME', place: placeSyscall },
  xpc: {
    filter: 'in | out',
    check: oneOf('in', 'out'),
    place: (point, place) =>
      joined(
        ourKernels(xpcPlaces(place.target))
          .filter(p => point.filter === undefined || p.direction === point.filter)
          .map(p => place.hook(p.address, () => ({ detail: `${p.direction}: ${p.detail()}` }))),
      ),
  },
  domain: { filter: 'DOMAIN', check: number, place: placeDomain },
  'tlb-miss': {
    filter: '[itlb | dtlb] [switch]',
    check: words('itlb', 'dtlb', 'dtlb4m', 'switch'),
    place: placeMiss,
  },
  'tlb-flush': { filter: 'all | page', check: oneOf('all', 'page'), place: placeFlush },
  load: { filter: 'MODULE', place: (point, place) => placeModules(point, place, true) },
  unload: { filter: 'MODULE', place: (point, place) => placeModules(point, place, false) },
  recovery: {
    filter: 'MILESTONE | MODULE',
    place: placeRecovery,
  },
};

/** Throws a CommandError for an event without places here, or a filter that can never hold. */
export function readFilter(target: Target, event: CatchEvent, filter: string | undefined): void {
  const row: Row | undefined = CATCHES[event];
  if (!row) throw new CommandError(`no event ${event}: ${Object.keys(CATCHES).join(', ')}`);
  if (filter !== undefined) row.check?.(filter, target);
  if (!target.session && ['xpc', 'domain', 'load', 'unload', 'recovery'].includes(event))
    throw new CommandError(`catch ${event} needs our kernel`);
}

export function placeCatch(point: Catchpoint, place: Place): () => void {
  return CATCHES[point.event].place(point, place);
}

function ourKernels<T>(places: T[]): T[] {
  if (places.length === 0) throw new CommandError('this kernel has no such place');
  return places;
}

// ---- deliveries ------------------------------------------------------------------------------------------------------

/** `what` says in words what a delivery is, or undefined: not of this kind. */
function deliveries(
  point: Catchpoint,
  { target, met }: Place,
  what: (v: number, kind: EventKind) => (() => string) | undefined,
): () => void {
  const wanted = point.filter === undefined ? undefined : vector(point.filter);
  return target.machine.cpu.probes.add({
    delivered: (v, error, kind, returnEip) => {
      if (wanted !== undefined && v !== wanted) return;
      const text = what(v, kind);
      if (!text) return;
      met('after', () => {
        const code = error < 0 ? '' : ` (0x${error.toString(16)})`;
        const address = v === PAGE_FAULT ? `, address ${hex8(target.machine.cpu.cr2)}` : '';
        return { by: returnEip >>> 0, detail: `${text()}${code} at ${target.describe(returnEip)}${address}` };
      });
    },
  });
}

/** A vector as a number, `PF` or `irq11`. */
function vector(filter: string): number {
  const irq = /^irq\s*(\d+)$/i.exec(filter);
  const name = EXCEPTIONS.indexOf(filter.replace(/^#/, '').toUpperCase());
  const v = irq ? FIRST_IRQ + Number(irq[1]) : name >= 0 ? name : number(filter);
  if (v > 0xff) throw new CommandError(`no vector ${filter}`);
  return v;
}

function placeSyscall(point: Catchpoint, { target, met }: Place): () => void {
  const table = target.symbols.address('syscall_table') ?? target.symbols.address('sys_call_table');
  const nameOf = (n: number) => {
    const entry = table === undefined ? -1 : target.value((table + 4 * n) >>> 0, 4);
    return entry < 0 ? undefined : target.symbols.lookup(entry)?.symbol.name;
  };
  const { filter } = point;
  const wants = (n: number) => {
    if (filter === undefined) return true;
    if (/^\d/.test(filter)) return n === Number(filter);
    const name = nameOf(n);
    return name === filter || name === `sys_${filter}`;
  };
  return target.machine.cpu.probes.add({
    delivered: (v, _, kind, returnEip) => {
      const n = target.machine.cpu.r32[EAX] >>> 0;
      if (v !== SYSTEM_CALL || kind !== 'software' || !wants(n)) return;
      met('after', () => {
        const name = nameOf(n);
        const text = `system call ${n}${name ? ` (${name})` : ''}, back to ${target.describe(returnEip)}`;
        return { by: returnEip >>> 0, detail: text };
      });
    },
  });
}

// ---- address spaces --------------------------------------------------------------------------------------------------

function placeDomain(point: Catchpoint, { target, met }: Place): () => void {
  const wanted = point.filter === undefined ? undefined : number(point.filter);
  return target.machine.cpu.probes.add({
    directoryLoaded: (from, to) => {
      if ((from & ~0xfff) === (to & ~0xfff)) return;
      const [a, b] = [domainOf(target, from), domainOf(target, to)];
      if (a === b || (wanted !== undefined && a !== wanted && b !== wanted)) return;
      met('after', () => ({ ...by(target), detail: `${owner(target, from)} -> ${owner(target, to)}` }));
    },
  });
}

function placeMiss(point: Catchpoint, { target, met }: Place): () => void {
  const wanted = point.filter?.split(/[\s,]+/) ?? [];
  const tlbs = wanted.filter(w => w !== 'switch');
  const switchOnly = wanted.includes('switch');
  return target.machine.cpu.probes.add({
    tlbMissed: (tlb, lin, write, bySwitch) => {
      if ((switchOnly && !bySwitch) || (tlbs.length > 0 && !tlbs.includes(tlb))) return;
      met('after', () => {
        const access = tlb.startsWith('itlb') ? 'a fetch' : write ? 'a store' : 'a load';
        const why = bySwitch ? ', lost by a switch' : '';
        return { ...by(target), detail: `${tlb} misses ${hex8(lin)} for ${access}${why}` };
      });
    },
  });
}

function placeFlush(point: Catchpoint, { target, met }: Place): () => void {
  const { filter } = point;
  return target.machine.cpu.probes.add({
    tlbFlushed: lin => {
      if (filter !== undefined && (filter === 'all') !== (lin === -1)) return;
      met('after', () => ({
        ...by(target),
        detail: lin === -1 ? 'the TLBs are flushed' : `the TLBs drop ${hex8(lin)}`,
      }));
    },
  });
}

function by(target: Target): { by: number } {
  return { by: target.machine.engine.currentLin() >>> 0 };
}

// ---- places in our kernel --------------------------------------------------------------------------------------------

function placeModules(point: Catchpoint, { target, met }: Place, wantLoaded: boolean): () => void {
  const wanted = point.filter?.replace(/\.ko$/, '');
  return target.session!.onModules((loaded, gone, live) => {
    const found = (wantLoaded ? loaded : gone).filter(m => wanted === undefined || m.name === wanted);
    if (!live || found.length === 0) return;
    const where = (m: (typeof found)[number]) =>
      `${m.name} at ${hex8(m.base)}${m.domain ? `, domain ${m.domain}` : ''}`;
    const what = wantLoaded ? 'is loaded' : 'is unloaded';
    met('before', () => ({ detail: found.map(m => `${where(m)}, ${what}`).join('; ') }));
  });
}

function placeRecovery(point: Catchpoint, place: Place): () => void {
  const session = place.target.session!;
  const address = session.symbols.address('nooks_event');
  const milestone = MILESTONES.find(m => m === point.filter?.toUpperCase().replace('-', '_'));
  const holds = () => {
    if (point.filter === undefined) return true;
    const { event, extension } = readMilestone(session);
    return milestone === undefined ? extension === point.filter : event === milestone;
  };
  return joined(
    ourKernels(address === undefined ? [] : [address]).map(at =>
      place.hook(
        at,
        () => {
          const { event, extension, detail } = readMilestone(session);
          return { detail: `${extension}: ${event} (${detail})` };
        },
        holds,
      ),
    ),
  );
}

// ---- filters ---------------------------------------------------------------------------------------------------------

function number(filter: string): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(filter) ? Number(filter) : Number.NaN;
  if (!(value <= 0xffff_ffff)) throw new CommandError(`not a number: ${filter}`);
  return value;
}

function oneOf(...names: string[]): Row['check'] {
  return filter => {
    if (!names.includes(filter)) throw new CommandError(`not ${names.join(' or ')}: ${filter}`);
  };
}

function words(...names: string[]): Row['check'] {
  return filter => {
    for (const word of filter.split(/[\s,]+/))
      if (!names.includes(word)) throw new CommandError(`not ${names.join(', ')}: ${word}`);
  };
}
