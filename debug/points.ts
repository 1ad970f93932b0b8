/**
 * What stops the guest: breakpoints, watchpoints, catchpoints. A breakpoint is a hook before an instruction, a
 * watchpoint a mark on pages (emu/mmu/watches.ts), a catchpoint a hook or a probe (catch.ts). All are the host's, so
 * the guest runs as it would without them, to the tick; one that is not enabled is not there at all.
 *
 * Points do not stop the engine: they say what was met, while the guest runs. Conditions are worked out right there: for
 * what is met in the middle of an instruction (a store, a TLB miss), with the registers that the instruction has not
 * yet written.
 */
import { placeCatch, readFilter } from './catch.ts';
import { domains } from './domains.ts';
import { CommandError } from './error.ts';
import { isFixed, locations } from './locations.ts';
import type { Breakpoint, CatchEvent, Catchpoint, Hit, Point, WatchAccess, Watchpoint } from './model.ts';
import type { Target } from './target.ts';
import { hex8 } from './text.ts';
import { placeWatch } from './watch.ts';

/** Where the guest would stand if it were stopped at once: before the instruction at hand, or behind it. */
export type When = 'before' | 'after';

/** What is known of a meeting beyond its point; worked out only if it counts. */
export type Facts = () => Omit<Hit, 'point' | 'error'>;

/** What a placed point is given. */
export interface Place {
  readonly target: Target;
  /** It was met. True if it counted. */
  met(when: When, facts?: Facts): boolean;
  /** Meets the point before each execution of the instruction at `address` where `when` holds; returns what ends it. */
  hook(address: number, facts?: Facts, when?: () => boolean): () => void;
}

interface Options {
  temporary?: boolean;
  condition?: string;
  ignore?: number;
  domain?: number;
  enabled?: boolean;
}

/** What the user asks for. */
export type PointSpec = Options &
  (
    | {
        kind: 'breakpoint';
        /** A location (locations.ts); where `addresses` are given, only a text. */
        text: string;
        addresses?: number[];
      }
    | {
        kind: 'watchpoint';
        text: string;
        address: number;
        length: number;
        physical?: boolean;
        access?: WatchAccess;
      }
    | { kind: 'catchpoint'; event: CatchEvent; filter?: string; text?: string }
  );

interface Held {
  point: Point;
  /** Its addresses are looked up again when modules come and go. */
  floating: boolean;
  remove: (() => void) | undefined;
}

/** A point's hook at one address. */
interface Hook {
  meet(): void;
}

const MAX_WATCHED = 65536;

export class Points {
  /** Nothing is met. */
  quiet = false;
  /** What is met is told of, but neither counted nor let pass: the guest does again what it did. */
  replaying = false;
  /** The instruction at this address is left: its hooks have spoken. */
  leaving: number | undefined;
  onHit: (hit: Hit, when: When) => void = () => {};
  private readonly target: Target;
  private readonly held = new Map<number, Held>();
  private readonly hooks = new Map<number, Set<Hook>>();
  private nextId = 1;

  constructor(target: Target) {
    this.target = target;
    target.session?.onModules(() => this.resolve());
  }

  /** By number. */
  all(): Point[] {
    return [...this.held.values()].map(h => h.point);
  }

  get(id: number): Point | undefined {
    return this.held.get(id)?.point;
  }

  /** Throws a CommandError for what cannot be. */
  add(spec: PointSpec): Point {
    const { temporary = false, ignore = 0, enabled = true, condition, domain } = spec;
    const base = { id: this.nextId, enabled, temporary, condition, ignore, domain, hits: 0 };
    const point = this.build(spec, base);
    const floating = spec.kind === 'breakpoint' && spec.addresses === undefined && !isFixed(spec.text);
    this.nextId++;
    const held: Held = { point, floating, remove: undefined };
    this.held.set(point.id, held);
    this.place(held);
    return point;
  }

  private build(spec: PointSpec, base: Omit<Breakpoint, 'kind' | 'addresses' | 'text'>): Point {
    switch (spec.kind) {
      case 'breakpoint': {
        const addresses = spec.addresses?.map(a => a >>> 0) ?? locations(this.target, spec.text);
        return { ...base, kind: 'breakpoint', text: spec.text, addresses };
      }
      case 'watchpoint': {
        const { text, length, physical = false, access = 'write' } = spec;
        const address = spec.address >>> 0;
        if (!(length >= 1 && length <= MAX_WATCHED))
          throw new CommandError(`length ${length}: 1 to ${MAX_WATCHED}`);
        if (address + length > (physical ? this.target.machine.ramSize : 2 ** 32))
          throw new CommandError(`${physical ? 'physical ' : ''}0x${hex8(address)} is not RAM`);
        const bytes = this.target.bytes(address, length, physical);
        return { ...base, kind: 'watchpoint', text, address, length, physical, access, bytes };
      }
      case 'catchpoint': {
        const { event } = spec;
        const filter = spec.filter?.trim() || undefined;
        readFilter(this.target, event, filter);
        const text = spec.text ?? (filter === undefined ? event : `${event} ${filter}`);
        return { ...base, kind: 'catchpoint', text, event, filter };
      }
    }
  }

  /** False if there is none of that number. */
  remove(id: number): boolean {
    this.held.get(id)?.remove?.();
    return this.held.delete(id);
  }

  removeAll(): void {
    for (const id of [...this.held.keys()]) this.remove(id);
  }

  /** False if there is none of that number. */
  enable(id: number, on: boolean): boolean {
    const held = this.held.get(id);
    if (!held) return false;
    held.point.enabled = on;
    this.place(held);
    return true;
  }

  /** Looks the places of breakpoints up again: modules have come or gone. */
  resolve(): void {
    for (const held of this.held.values()) {
      const { point } = held;
      if (!held.floating || point.kind !== 'breakpoint') continue;
      const addresses = locations(this.target, point.text, true);
      if (addresses.join() === point.addresses.join()) continue;
      point.addresses = addresses;
      this.place(held);
    }
  }

  /** Does a point stand before the instruction at `address`? */
  at(address: number): boolean {
    return this.hooks.has(address >>> 0);
  }

  /** The guest has come to `address` by a step: meets what stands there. */
  arrive(address: number): void {
    for (const hook of this.hooks.get(address >>> 0) ?? []) hook.meet();
  }

  private place(held: Held): void {
    held.remove?.();
    held.remove = undefined;
    const { point } = held;
    if (!point.enabled) return;
    const place: Place = {
      target: this.target,
      met: (when, facts) => this.met(point, when, facts),
      hook: (address, facts, when = () => true) =>
        this.hook(address, { meet: () => void (when() && this.met(point, 'before', facts)) }),
    };
    held.remove =
      point.kind === 'breakpoint'
        ? joined(point.addresses.map(address => place.hook(address)))
        : point.kind === 'watchpoint'
          ? placeWatch(point as Watchpoint, place)
          : placeCatch(point as Catchpoint, place);
  }

  private hook(address: number, hook: Hook): () => void {
    address >>>= 0;
    const list = this.hooks.get(address) ?? new Set();
    this.hooks.set(address, list.add(hook));
    const remove = this.target.machine.engine.addHook(address, () => {
      if (this.leaving !== address) hook.meet();
    });
    return () => {
      remove();
      list.delete(hook);
      if (list.size === 0) this.hooks.delete(address);
    };
  }

  private holds(condition: string): boolean {
    if (!this.target.expressions) throw new CommandError('conditions need the source level');
    return this.target.expressions.condition(condition);
  }

  private met(point: Point, when: When, facts?: Facts): boolean {
    if (this.quiet || !point.enabled) return false;
    if (point.domain !== undefined && point.domain !== currentDomain(this.target)) return false;
    let error: string | undefined;
    if (point.condition !== undefined) {
      try {
        if (!this.holds(point.condition)) return false;
      } catch (thrown) {
        if (!(thrown instanceof CommandError)) throw thrown;
        error = thrown.message;
      }
    }
    if (!this.replaying) {
      point.hits++;
      if (point.ignore > 0) {
        point.ignore--;
        return true;
      }
    }
    this.onHit({ point, ...facts?.(), ...(error === undefined ? {} : { error }) }, when);
    return true;
  }
}

/** Number of the domain whose page directory is loaded; 0 for the kernel's. */
export function currentDomain(target: Target): number {
  return domainOf(target, target.machine.cpu.cr3);
}

/** Number of the domain whose page directory is at physical `cr3`; 0 for the kernel's and processes' own. */
export function domainOf(target: Target, cr3: number): number {
  return domains(target).find(d => (d.cr3 & ~0xfff) === (cr3 & ~0xfff))?.id ?? 0;
}

export function joined(ends: readonly (() => void)[]): () => void {
  return () => {
    for (const end of ends) end();
  };
}
