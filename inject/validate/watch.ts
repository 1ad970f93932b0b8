/**
 * The host's eye on one access: RAM just before the instruction is compared with RAM just after it, or at the first
 * instruction of its handler. Watching costs the guest nothing.
 */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import type { Session } from '../../guest/session.ts';
import type { Case, Touch } from './cases.ts';
import { type Entry, entryOf, writtenByDelivery } from './delivery.ts';
import { changes, type TableKind, tablesOf, writablePages } from './memory.ts';
import { Pages } from './pages.ts';

/** What ended the instruction before it was carried out. */
export interface Stop {
  vector: number;
  name: string;
  /** -1: the vector has none. */
  errorCode: number;
  /** CR2 of a page fault, or of a double fault that a page fault led to. */
  address: number | null;
}

/** Memory that differs and is not the driver's. */
export interface Damage {
  physical: number;
  linear: number;
  bytes: number;
  what: string;
}

export interface Access {
  /** Of the instruction, linear. */
  eip: number;
  symbol: string;
  instruction: string;
  /** Linear address that it was to touch. */
  address: number;
  /** Null: it was carried out. */
  stop: Stop | null;
  damage: Damage[];
  /** Registers of another driver's device differ. */
  deviceChanged: boolean;
  /** A load gave what memory holds; null for stores. */
  valueRight: boolean | null;
  /** Linear addresses of pages that its domain may write though the kernel's books do not give them to it. */
  strayPages: number[];
}

/** The driver's file, without its ending. */
export const DRIVER = 'validate';

const LABELS: Record<Touch, string> = {
  store: 'touch_store',
  load: 'touch_load',
  push: 'touch_push',
  call: 'touch_call',
  ruined: 'touch_ruined',
};
const EAX = 0;
const WORD = 4;
const LONGEST_INSTRUCTION = 15;
const PF = 14;
const DF = 8;
const EXCEPTIONS = '#DE #DB NMI #BP #OF #BR #UD #NM #DF #09 #TS #NP #SS #GP #PF #15 #MF #AC #MC'.split(' ');
/** GDT and TSSs, beyond the limit of ring 0's data segments: writable everywhere (asm/memlayout.h). */
const TOP_PAGES = 0xffff_e000;
const KERNEL_BASE = 0xc000_0000;
/** Offset of cr3 in struct task_struct; entry.S has it too. */
const TASK_CR3 = 4;
/** The card that no stream runs over. */
const OTHER_CARD = 1;

/** What was just before the instruction. */
interface Before {
  ram: Uint8Array;
  pages: Pages;
  tables: ReadonlyMap<number, TableKind>;
  own: Uint8Array;
  card: string;
  entry: Entry;
  cr2: number;
  eip: number;
  address: number;
  instruction: string;
  symbol: string;
  strayPages: number[];
}

export class Watch {
  private readonly session: Session;
  private readonly which: Case;
  private unhook: (() => void)[] = [];
  private before: Before | null = null;
  private seen: Access | null = null;

  constructor(session: Session, which: Case) {
    this.session = session;
    this.which = which;
    const { engine, cpu } = session.machine;
    engine.addHook(session.address('module_event'), () => this.findInstruction());
    cpu.probes.add({
      delivered: (vector, error, kind) => {
        if (kind !== 'external') this.ended(this.stopOf(vector, error));
      },
    });
  }

  /** What happened; null when the driver did not come to its instruction. */
  access(): Access | null {
    return this.seen;
  }

  /** The machine stopped for good while the instruction ran. */
  machineStopped(): void {
    this.ended({
      vector: -1,
      name: 'triple fault',
      errorCode: -1,
      address: this.session.machine.cpu.cr2 >>> 0,
    });
  }

  /** The driver may have been loaded (again), wherever there was room. */
  private findInstruction(): void {
    for (const remove of this.unhook) remove();
    this.unhook = [];
    const { symbols, machine } = this.session;
    const label = LABELS[this.which.touch];
    const [start, end] = [label, `${label}_end`].map(name => symbols.address(`${DRIVER}:${name}`));
    if (start === undefined || end === undefined || this.seen) return;
    this.unhook = [
      machine.engine.addHook(start, () => this.begins(start)),
      machine.engine.addHook(end, () => this.ended(null)),
    ];
  }

  private begins(eip: number): void {
    if (this.before || this.seen) return;
    const { machine, symbols } = this.session;
    const { cpu } = machine;
    const ram = machine.readPhysical(0, machine.ramSize);
    const pages = new Pages(this.session, ram);
    const domain = this.session.modules().find(m => m.name === DRIVER)?.domain ?? 0;
    const own = domain ? pages.ownedBy(domain) : pages.dataOf(DRIVER);
    this.before = {
      ram,
      pages,
      tables: tablesOf(ram, this.directories()),
      own,
      card: JSON.stringify(machine.cards[OTHER_CARD].device.save()),
      entry: entryOf(cpu),
      cr2: cpu.cr2,
      eip,
      address: (this.usesStack() ? cpu.esp - WORD : cpu.r32[EAX]) >>> 0,
      instruction: this.disassemble(eip),
      symbol: symbols.describe(eip),
      strayPages: domain ? strayPages(ram, own, cpu.cr3) : [],
    };
  }

  private ended(stop: Stop | null): void {
    const b = this.before;
    if (!b) return;
    this.before = null;
    const { machine } = this.session;
    const after = machine.readPhysical(0, machine.ramSize);
    const exceptions = stop ? writtenByDelivery(machine.cpu, b.entry) : [];
    if (this.which.expect === 'allowed' && !stop) exceptions.push(...this.target(b));
    const damage = changes(b.ram, after, { skipped: b.own, tables: b.tables, exceptions });
    this.seen = {
      eip: b.eip,
      symbol: b.symbol,
      instruction: b.instruction,
      address: b.address,
      stop,
      damage: damage.map(({ pa, length }) => ({
        physical: pa,
        linear: b.pages.linear(pa),
        bytes: length,
        what: b.pages.describe(pa, b.tables),
      })),
      deviceChanged: JSON.stringify(machine.cards[OTHER_CARD].device.save()) !== b.card,
      valueRight: this.which.touch === 'load' && !stop ? this.loadedRight(b) : null,
      strayPages: b.strayPages,
    };
  }

  private usesStack(): boolean {
    return this.which.touch !== 'store' && this.which.touch !== 'load';
  }

  private stopOf(vector: number, errorCode: number): Stop {
    const { cpu } = this.session.machine;
    const address = vector === PF || (vector === DF && cpu.cr2 !== this.before?.cr2) ? cpu.cr2 >>> 0 : null;
    return { vector, name: EXCEPTIONS[vector] ?? `interrupt ${vector}`, errorCode, address };
  }

  /** The bytes that an allowed store was to write. */
  private target(b: Before) {
    const pa = this.session.machine.cpu.mmu.peekTranslate(b.address | 0, b.entry.cr3);
    return pa < 0 ? [] : [{ pa, length: WORD, mask: 0xff }];
  }

  private loadedRight(b: Before): boolean {
    const { cpu } = this.session.machine;
    return cpu.r32[EAX] >>> 0 === this.session.machine.peek32(b.address | 0);
  }

  /** Those that the CPU may walk now: the loaded one, the current task's, the kernel's. */
  private directories(): number[] {
    const { session } = this;
    const task = session.read('current_task');
    const taskCr3 = session.machine.peek32(task + TASK_CR3);
    const all = [session.machine.cpu.cr3 >>> 0, taskCr3, session.read('kernel_pgd') - KERNEL_BASE];
    return all.filter(directory => directory >= 0);
  }

  private disassemble(eip: number): string {
    const bytes = Array.from(
      { length: LONGEST_INSTRUCTION },
      (_, n) => this.session.machine.peek8(eip + n) & 0xff,
    );
    const decoder = new Decoder(32, Uint8Array.from(bytes), DecoderOptions.None);
    decoder.ip = BigInt(eip >>> 0);
    const formatter = new Formatter(FormatterSyntax.Intel);
    const instruction = decoder.decode();
    try {
      return formatter.format(instruction);
    } finally {
      instruction.free();
      formatter.free();
      decoder.free();
    }
  }
}

/** By the page tables of the domain's directory at `cr3`, against the books. */
function strayPages(ram: Uint8Array, own: Uint8Array, cr3: number): number[] {
  const stray: number[] = [];
  for (const { lin, pa } of writablePages(ram, cr3))
    if (lin < TOP_PAGES && !own[Math.floor(pa / 4096)]) stray.push(lin);
  return stray;
}
