/**
 * What watches a trial from outside: the eye on the driver's writes while it runs, and a walk of the kernel's
 * structures at its end. Made anew for each trial, on a machine whose snapshot was just restored; survives reloads of
 * the driver. Nothing here costs the guest a cycle.
 */
import type { Session } from '../../guest/session.ts';
import type { Corruption, WildWrite } from '../model.ts';
import { Books } from './books.ts';
import { Eye } from './eye.ts';
import { type Baseline, baselineOf, checkInvariants } from './invariants.ts';
import { Ownership } from './ownership.ts';

export interface Findings {
  wildWrites: WildWrite[];
  wildWriteCount: number;
  corruptions: Corruption[];
  firstErrorAt: number | null;
  /** Writes with which the driver hurt only its own memory: freed or neighbouring objects, its text. */
  ownCorruptions: number;
}

/** Cycles in which a kernel that works comes back to a program or to idle, and those between two looks. */
const PATIENCE = 1_000_000;
const BETWEEN = 500;

export class Oracle {
  private readonly session: Session;
  private readonly eye: Eye;
  private readonly books: Books;
  private baseline: Baseline | null = null;
  private restore: (() => void)[] = [];

  /** `driver` is the module's name. The machine has booted. */
  constructor(session: Session, driver: string) {
    this.session = session;
    this.books = new Books(session);
    this.eye = new Eye(session, this.books, new Ownership(this.books), driver);
  }

  /** Begins to watch: before the fault is injected. */
  arm(): void {
    const { machine } = this.session;
    const { cpu, engine } = machine;
    this.baseline = baselineOf(this.books);
    const unhook = engine.addHook(this.session.address('module_event'), () => this.eye.refresh());
    const unprobe = cpu.probes.add({
      delivered: (_vector, _error, kind) => {
        if (kind !== 'external' && cpu.accounting.watched !== 0) this.eye.exception();
      },
    });
    cpu.mmu.onMaster = (pa, length, write) => this.eye.master(pa, length, write);
    this.restore = [
      unhook,
      unprobe,
      () => {
        cpu.mmu.onMaster = null;
        this.eye.dispose();
      },
    ];
    this.eye.refresh();
  }

  /**
   * What was seen, and what the kernel's structures look like. A machine that still runs is first run on to where
   * the kernel is at rest (a program or the idle task has the processor), a million cycles at most: in the middle
   * of an update its lists may be half changed. If it never rests, only what never changes is looked at.
   */
  finish(): Findings {
    const { eye } = this;
    const atRest = this.settle();
    const corruptions = this.baseline ? checkInvariants(this.books, this.baseline, atRest) : [];
    return {
      wildWrites: eye.wildWrites,
      wildWriteCount: eye.wildWriteCount,
      corruptions,
      firstErrorAt: eye.firstErrorAt,
      ownCorruptions: eye.ownCorruptions,
    };
  }

  /** Ends watching; the machine is as fast as before. */
  dispose(): void {
    for (const undo of this.restore) undo();
    this.restore = [];
  }

  private settle(): boolean {
    const { machine } = this.session;
    const { cpu } = machine;
    for (const end = machine.cycles() + PATIENCE; machine.cycles() < end; ) {
      if (cpu.shutdown) return false;
      if (cpu.halted && cpu.interruptsOn) return true;
      if (cpu.cpl === 3) return true;
      if (machine.run(machine.cycles() + BETWEEN).reason !== 'limit') return false;
    }
    return false;
  }
}
