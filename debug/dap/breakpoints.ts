/**
 * Breakpoints as editors set them: whole lists, one for each file and kind, that replace the last; what did not change
 * keeps its point and its count. Each is a point of the core, with two things that only editors have: log points,
 * which say something and let the guest go on, and rules on the number of hits.
 */
import { BreakpointEvent, ModuleEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Debugger } from '../debugger.ts';
import { CommandError } from '../error.ts';
import type { Hit, Point, Stop } from '../model.ts';
import type { PointSpec } from '../points.ts';
import { hex8 } from '../text.ts';
import { hitRule } from './hits.ts';
import type { Debuggee } from './launch.ts';
import type { Adapter } from './session.ts';
import { type GivenSource, modulesOf } from './sources.ts';

const REASONS = {
  source: 'breakpoint',
  function: 'function breakpoint',
  instruction: 'instruction breakpoint',
  data: 'data breakpoint',
  exception: 'exception',
} as const;
type Kind = keyof typeof REASONS;

/** What editors may add to any breakpoint. */
export interface Conditions {
  condition?: string;
  hitCondition?: string;
  logMessage?: string;
}

/** One breakpoint of the editor. */
interface Entry {
  kind: Kind;
  /** Tells it from others of its list. */
  key: string;
  point: Point;
  /** The file that its line is in. */
  file?: string;
  line?: number;
  /** The program that its function is in. */
  program?: string;
  rule?: (hits: number) => boolean;
  log?: string;
  /** As the editor was told last. */
  told: boolean;
}

export class Breakpoints {
  private readonly adapter: Adapter;
  private readonly debugger: Debugger;
  /** The editor's lists, by file or kind. */
  private readonly lists = new Map<string, Entry[]>();
  private modules: DebugProtocol.Module[];
  private placed: unknown;

  constructor(adapter: Adapter, { debugger: d }: Debuggee) {
    this.adapter = adapter;
    this.debugger = d;
    this.modules = modulesOf(d.target);
    this.placed = d.target.session?.images();
    const { points } = d.control;
    const stop = points.onHit;
    points.onHit = (hit, when) => {
      if (!this.passes(hit)) stop(hit, when);
    };
  }

  // ---- what happens ------------------------------------------------------------------------------------------------------

  /** Does the guest go on past this hit? Says what a log point has to say. Called while the guest runs. */
  private passes(hit: Hit): boolean {
    const entry = this.entryOf(hit);
    if (!entry) return false;
    if (this.isElsewhere(entry)) return true;
    if (entry.rule && !entry.rule(hit.point.hits)) return true;
    if (entry.log === undefined) return false;
    this.adapter.output(`${this.interpolate(entry.log)}\n`);
    return true;
  }

  /** Programs share their addresses: this is another one. */
  private isElsewhere({ file, program }: Entry): boolean {
    const { target } = this.debugger;
    if (program !== undefined) return target.images.at(target.pc())?.name !== program;
    const at = file === undefined ? undefined : this.adapter.live.sources.lineAt(target.pc());
    return at !== undefined && at.file !== file;
  }

  private interpolate(message: string): string {
    const level = this.debugger.source;
    return message.replace(/\{([^{}]*)\}/g, (_, expression: string) => {
      try {
        return level.evaluate(expression, level.frames(1)[0]).value;
      } catch (error) {
        return `{${error instanceof Error ? error.message : error}}`;
      }
    });
  }

  private entryOf({ point }: Hit): Entry | undefined {
    for (const list of this.lists.values())
      for (const entry of list) if (entry.point.id === point.id) return entry;
    return undefined;
  }

  /** What `stopped` says of hits. */
  why(hits: readonly Hit[]): Partial<DebugProtocol.StoppedEvent['body']> {
    const entries = hits.map(hit => this.entryOf(hit));
    const first = hits[0];
    const kind =
      entries[0]?.kind ??
      ({ breakpoint: 'source', watchpoint: 'data', catchpoint: 'exception' } as const)[first.point.kind];
    const ids = entries.flatMap(entry => (entry ? [entry.point.id] : []));
    const text = hits.map(hit => describe(hit)).join('; ');
    return {
      reason: REASONS[kind],
      text,
      ...(kind === 'exception' && { description: `Paused on ${first.point.text}` }),
      ...(ids.length > 0 && { hitBreakpointIds: ids }),
    };
  }

  /** Tells the editor what has changed by itself: breakpoints that found their code or lost it, and modules. */
  refresh(): void {
    const placed = this.debugger.target.session?.images();
    if (placed !== this.placed) {
      this.placed = placed;
      this.tellModules();
    }
    for (const list of this.lists.values())
      for (const entry of list) {
        if (isPlaced(entry.point) === entry.told) continue;
        this.adapter.sendEvent(new BreakpointEvent('changed', this.show(entry)));
      }
  }

  private tellModules(): void {
    const now = modulesOf(this.debugger.target);
    const missing = (list: DebugProtocol.Module[], other: DebugProtocol.Module[]) =>
      list.filter(m => !other.some(o => o.id === m.id && o.addressRange === m.addressRange));
    for (const module of missing(this.modules, now))
      this.adapter.sendEvent(new ModuleEvent('removed', module));
    for (const module of missing(now, this.modules)) this.adapter.sendEvent(new ModuleEvent('new', module));
    this.modules = now;
  }

  // ---- lists ---------------------------------------------------------------------------------------------------------------

  /** Makes a list what the editor wants it to be; gives what it is told of each. */
  replace<T>(name: string, wanted: readonly T[], make: (item: T) => Wanted): DebugProtocol.Breakpoint[] {
    const old = this.lists.get(name) ?? [];
    const list: Entry[] = [];
    const shown = wanted.map(item => {
      try {
        const spec = make(item);
        const key = JSON.stringify([spec.point, spec.conditions]);
        const at = old.findIndex(entry => entry.key === key);
        const entry = at >= 0 ? old.splice(at, 1)[0] : this.add(key, spec);
        list.push(entry);
        return this.show(entry);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        return { verified: false, message: error.message, reason: 'failed' as const };
      }
    });
    for (const entry of old) this.debugger.control.points.remove(entry.point.id);
    this.lists.set(name, list);
    return shown;
  }

  private add(key: string, { kind, point: spec, conditions, file, line, program }: Wanted): Entry {
    const rule = conditions.hitCondition?.trim() ? hitRule(conditions.hitCondition) : undefined;
    const condition = conditions.condition?.trim() || undefined;
    const point = this.debugger.control.points.add({
      ...spec,
      ...(condition !== undefined && { condition }),
    });
    return {
      kind,
      key,
      point,
      file,
      line,
      program,
      rule,
      log: conditions.logMessage || undefined,
      told: false,
    };
  }

  private show(entry: Entry): DebugProtocol.Breakpoint {
    const { point, file, line } = entry;
    entry.told = isPlaced(point);
    const address = point.kind === 'breakpoint' ? point.addresses[0] : undefined;
    const place = address === undefined ? undefined : this.adapter.live.sources.placeOf(address);
    const known =
      file !== undefined && line !== undefined
        ? { source: this.adapter.live.sources.source(file), line: line - this.adapter.client.lineOffset }
        : place;
    return {
      id: point.id,
      verified: entry.told,
      ...(!entry.told && { message: `${point.text} is not loaded yet`, reason: 'pending' as const }),
      ...known,
      ...(address !== undefined && { instructionReference: `0x${hex8(address)}` }),
    };
  }

  removeAll(): void {
    for (const name of this.lists.keys()) this.replace(name, [], unreachable);
  }

  // ---- runs ----------------------------------------------------------------------------------------------------------------

  /** Runs on to a place, which may be in a module that is yet to be loaded. */
  async runTo(text: string): Promise<Stop> {
    const { control } = this.debugger;
    const point = control.points.add({ kind: 'breakpoint', text, temporary: true });
    if (!isPlaced(point)) this.adapter.output(`nothing that is loaded is called ${text} yet\n`);
    const stop = await control.continue();
    if (stop.kind !== 'points' || !stop.hits.some(hit => hit.point.id === point.id)) return stop;
    return stop.hits.length === 1 ? { kind: 'done' } : stop;
  }

  /** Backwards to the last hit that is no log point. */
  async reverseContinue(): Promise<Stop> {
    for (;;) {
      const stop = await this.debugger.reverse.continue();
      if (stop.kind !== 'points' || stop.hits.some(hit => this.entryOf(hit)?.log === undefined)) return stop;
    }
  }

  // ---- what editors ask for ------------------------------------------------------------------------------------------------

  /** A line of a file, or of a listing. Throws a CommandError. */
  inSource(source: GivenSource, given: number, conditions: Conditions): Wanted {
    const { sources } = this.adapter.live;
    if (source.sourceReference) {
      const { address } = sources.instructions(source.sourceReference)[given - 1] ?? {};
      if (address === undefined) throw new CommandError(`no instruction in line ${given}`);
      return { kind: 'source', point: at(`*0x${hex8(address)}`), conditions };
    }
    const file = sources.fileOf(source);
    if (file === undefined) throw new CommandError('no code of the guest comes from this file');
    const line = sources.linesWithCode(file).find(l => l >= given);
    if (line === undefined) throw new CommandError(`no code in line ${given} or behind it`);
    return { kind: 'source', point: at(`${file}:${line}`), conditions, file, line };
  }

  /** A function of kernel or modules, or else of a program; `netsend:main` says which. */
  ofFunction(text: string): Pick<Wanted, 'point' | 'program' | 'file' | 'line'> {
    const { symbols, images } = this.debugger.target;
    const [, program, name] = /^(?:([\w.-]+):)?([a-z_]\w*)$/i.exec(text) ?? [];
    if (name === undefined || symbols.address(text) !== undefined) return { point: at(text) };
    for (const image of images.programs()) {
      const found = image.symbols().find(name)[0];
      if (!found?.code || (program !== undefined && program !== image.name)) continue;
      const address = image.lines().bodyOf(found.start, found.end);
      return {
        point: { kind: 'breakpoint', text, addresses: [address] },
        program: image.name,
        ...image.lines().lookup(address),
      };
    }
    return { point: at(text) };
  }
}

/** A breakpoint that an editor wants. */
export interface Wanted {
  kind: Kind;
  point: PointSpec;
  conditions: Conditions;
  file?: string;
  line?: number;
  program?: string;
}

/** A breakpoint at a location. */
export function at(text: string): PointSpec {
  return { kind: 'breakpoint', text };
}

function isPlaced(point: Point): boolean {
  return point.kind !== 'breakpoint' || point.addresses.length > 0;
}

function unreachable(): never {
  throw new CommandError('nothing');
}

/** A hit in one line. */
function describe({ point, detail, error, before }: Hit): string {
  if (error !== undefined) return `${point.text}: the condition cannot be evaluated: ${error}`;
  if (detail !== undefined) return detail;
  if (point.kind !== 'watchpoint') return point.text;
  const bytes = (b: Uint8Array | undefined) => Buffer.from(b?.subarray(0, 16) ?? []).toString('hex');
  return `${point.text}: ${bytes(before)} -> ${bytes(point.bytes)}`;
}
