/**
 * Does a planned trial's faults to a running guest. Faults in text and heap change guest memory at once; the others wait
 * for the driver (arm.ts). Hooks cost the guest nothing, and `dispose` takes all of them away; changed memory goes when
 * a snapshot is restored.
 *
 * A reload of the driver ends all of it. With deterministic persistence the faults are done again to the new image
 * before its init function runs, but for HEAP, since it has no heap yet; with transient ones they are gone.
 *
 * Its state belongs to the run: save() and load() let a debugger go back in a trial, with this very object.
 */
import type { Saved } from '../../emu/bus.ts';
import type { ElfFile } from '../../guest/elf.ts';
import type { LoadedModule, Session } from '../../guest/session.ts';
import type { Fault, TrialPlan } from '../model.ts';
import { ARMS, momentOf } from './arm.ts';
import { driverCode } from './code.ts';
import { FirstUse } from './first-use.ts';
import { GuestMemory } from './guest-memory.ts';
import { heapObjects } from './heap.ts';
import type { Cell, Place } from './moments.ts';
import { PANIC_BYTES } from './text-rules.ts';

/** Told when a fault first has an effect: its index in the plan, and the cycle. */
export type OnEffect = (index: number, at: number) => void;

const STRINGS = '.rodata.str1.1';
const TWO_32 = 2 ** 32;

/** The driver as it is loaded now. */
interface Image {
  module: LoadedModule;
  elf: ElfFile;
  /** Linear address of a section by name; undefined: not loaded. */
  section(name: string): number | undefined;
}

interface Hook {
  lin: number;
  fn: () => void;
  /** Undefined while it is not in force. */
  remove: (() => void) | undefined;
}

/** What was hooked in for one image of the driver. */
interface Armed {
  /** Base of the image; -1: none. */
  base: number;
  hooks: Hook[];
  cells: Cell<unknown>[];
}

interface InjectorState {
  armed: Armed;
  /** Which of its hooks are in force. */
  hooked: boolean[];
  cells: unknown[];
  executions: (number | null)[];
  firstUse: unknown;
}

export class Injector implements Saved {
  private readonly session: Session;
  private readonly plan: TrialPlan;
  private readonly onEffect: OnEffect;
  private readonly memory: GuestMemory;
  private readonly firstUse: FirstUse;
  private executions: (number | null)[];
  private readonly failed = new Set<number>();
  private armed: Armed = { base: -1, hooks: [], cells: [] };
  private stopListening: () => void = () => {};

  constructor(session: Session, plan: TrialPlan, onEffect: OnEffect = () => {}) {
    this.session = session;
    this.plan = plan;
    this.onEffect = onEffect;
    this.memory = new GuestMemory(session.machine);
    this.firstUse = new FirstUse(session.machine);
    this.executions = plan.faults.map(() => null);
  }

  /** Does the faults now. Those that cannot be done are in `notInjected`. Once. */
  inject(): void {
    const { engine } = this.session.machine;
    // The session's own hook comes before and has read the new list.
    this.stopListening = engine.addHook(this.session.address('module_event'), () => this.modulesChanged());
    const image = this.image();
    this.armed = { base: image?.module.base ?? -1, hooks: [], cells: [] };
    this.plan.faults.forEach((fault, n) => {
      if (!image || !this.apply(fault, n, image)) this.failed.add(n);
    });
  }

  /** A cycle a fault: when its instruction first ran, or its datum was first used; null: not yet. */
  executedAt(): (number | null)[] {
    return this.executions.slice();
  }

  /** Faults that could not be done at the injection, by index. */
  notInjected(): number[] {
    return [...this.failed].sort((a, b) => a - b);
  }

  /** Removes all hooks; memory stays as it is. */
  dispose(): void {
    this.removeHooks();
    this.stopListening();
    this.stopListening = () => {};
  }

  save(): unknown {
    const { armed, executions } = this;
    const cells = armed.cells.map(cell => cell.value);
    const state: InjectorState = {
      ...{ armed, cells, hooked: armed.hooks.map(h => h.remove !== undefined) },
      ...{ executions: executions.slice(), firstUse: this.firstUse.save() },
    };
    return state;
  }

  load(saved: unknown): void {
    const state = saved as InjectorState;
    if (state.armed !== this.armed) unhook(this.armed);
    this.armed = state.armed;
    this.armed.hooks.forEach((hook, n) => {
      if (!state.hooked[n]) drop(hook);
      else hook.remove ??= this.session.machine.engine.addHook(hook.lin, hook.fn);
    });
    state.armed.cells.forEach((cell, n) => {
      cell.value = state.cells[n];
    });
    this.executions = state.executions.slice();
    this.firstUse.load(state.firstUse);
  }

  private removeHooks(): void {
    unhook(this.armed);
    this.firstUse.stop();
  }

  private modulesChanged(): void {
    const image = this.image();
    if (image?.module.base === this.armed.base) return;
    this.removeHooks();
    this.armed = { base: image?.module.base ?? -1, hooks: [], cells: [] };
    if (!image || this.plan.persistence === 'transient') return;
    this.plan.faults.forEach((fault, n) => {
      if (fault.type !== 'HEAP') this.apply(fault, n, image);
    });
  }

  private image(): Image | null {
    const module = this.session.modules().find(m => m.name === this.plan.driver);
    const placed = this.session.images().find(i => i.name === `${this.plan.driver}.ko`);
    if (!module || !placed) return null;
    const section = (name: string) => {
      const found = placed.elf.sections.find(s => s.name === name);
      return found && placed.place(found);
    };
    return { module, elf: placed.elf, section };
  }

  /** False if it cannot be done. */
  private apply(fault: Fault, n: number, image: Image): boolean {
    if (fault.type === 'HEAP') return this.flipHeap(fault, n, image);
    const base = image.section(fault.section ?? '');
    if (base === undefined || fault.offset === undefined) return false;
    const start = base;
    const place: Place = {
      session: this.session,
      memory: this.memory,
      linear: offset => start + offset,
      hook: (offset, fn) => void this.hook(start + offset, fn),
      cell: first => this.cell(first),
      executed: () => this.executed(n),
    };
    if (!fault.patch) return this.arm(fault, n, image, place);
    if (!this.patch(fault, image, place)) return false;
    this.whenExecuted(place, fault.offset);
    return true;
  }

  private hook(lin: number, fn: () => void): Hook {
    const hook: Hook = { lin, fn, remove: this.session.machine.engine.addHook(lin, fn) };
    this.armed.hooks.push(hook);
    return hook;
  }

  private cell<T>(first: T): Cell<T> {
    const cell = { value: first };
    this.armed.cells.push(cell);
    return cell;
  }

  private arm(fault: Fault, n: number, image: Image, place: Place): boolean {
    const { module, elf } = image;
    const text = { start: module.textStart, end: module.textEnd };
    const used = (lin: number) => this.firstUse.watch(lin, () => this.executed(n));
    const moment = momentOf(driverCode({ driver: module.name, elf }), fault, text, used);
    const arm = ARMS[fault.type];
    if (!moment || !arm) return false;
    arm(place, moment);
    return true;
  }

  private patch(fault: Fault, image: Image, place: Place): boolean {
    if (fault.type === 'PANIC') return this.patchPanic(fault, image, place);
    const list = fault.patch ?? [];
    const old = list.map(p => this.memory.byte(place.linear(p.offset)));
    if (old.some(b => b < 0)) return false;
    list.forEach((p, n) => {
      const value = p.flip ? old[n] ^ p.mask : (old[n] & ~p.mask) | (p.value & p.mask);
      this.memory.write(place.linear(p.offset), [value]);
    });
    return true;
  }

  /** push imm32 with a string of the driver's; call rel32 to what the loader binds an import of panic to. */
  private patchPanic({ offset = 0 }: Fault, { module, elf, section }: Image, place: Place): boolean {
    const target = this.session.symbols.address(module.domain === 0 ? 'panic' : 'nooks_stub_panic');
    const strings = section(STRINGS);
    const data = elf.sections.find(s => s.name === STRINGS)?.data;
    const at = data ? plainString(data) : -1;
    if (target === undefined || strings === undefined || at < 0) return false;
    const relative = target - (place.linear(offset) + PANIC_BYTES);
    return (
      this.memory.write(place.linear(offset), [0x68]) &&
      this.memory.writeWord(place.linear(offset + 1), strings + at) &&
      this.memory.write(place.linear(offset + 5), [0xe8]) &&
      this.memory.writeWord(place.linear(offset + 6), relative)
    );
  }

  private whenExecuted(place: Place, offset: number): void {
    const hook = this.hook(place.linear(offset), () => {
      place.executed();
      drop(hook);
    });
  }

  private flipHeap(fault: Fault, n: number, { module }: Image): boolean {
    const objects = heapObjects(this.session, this.memory, module.domain);
    const { object = 0, where = 0, bit = 0 } = fault.parameters ?? {};
    // Each byte of the heap is as likely as another.
    let left = Math.floor((object / TWO_32) * objects.reduce((sum, o) => sum + o.size, 0));
    const found = objects.find(o => (left -= o.size) < 0);
    if (!found) return false;
    const at = found.start + Math.floor((where / TWO_32) * found.size);
    const old = this.memory.byte(at);
    if (old < 0 || !this.memory.write(at, [old ^ (1 << (bit & 7))])) return false;
    this.firstUse.watch(at, () => this.executed(n));
    return true;
  }

  private executed(n: number): void {
    if (this.executions[n] !== null) return;
    const at = this.session.machine.cycles();
    this.executions[n] = at;
    this.onEffect(n, at);
  }
}

function drop(hook: Hook): void {
  hook.remove?.();
  hook.remove = undefined;
}

function unhook({ hooks }: Armed): void {
  for (const hook of hooks) drop(hook);
}

/** Offset of a string that printf would print as it is; -1 if there is none. */
function plainString(data: Uint8Array): number {
  for (let start = 0; start < data.length; ) {
    const end = data.indexOf(0, start);
    if (end < 0) return -1;
    if (end > start && !data.subarray(start, end).includes(0x25)) return start;
    start = end + 1;
  }
  return -1;
}
