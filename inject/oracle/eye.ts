/**
 * The eye on writes: tells the engine which code is the driver's, and judges each of its stores that is not known to be
 * right beforehand, and all that bus masters do. Costs the guest nothing; the host pays a call for each of the driver's
 * stores to heap, rings and packets, and nothing for its data and stack.
 *
 * The driver's code is its text, all that runs under its domain's page directory, string functions and locks that it
 * calls, and code that is nobody's (a wild jump). What delivery of an interrupt pushes on a ruined stack is not seen.
 */
import type { Watcher } from '../../emu/cpu/engine.ts';
import type { Session } from '../../guest/session.ts';
import { MODULE, NOOKS_DOMAIN } from '../layouts.ts';
import type { WildWrite } from '../model.ts';
import { type Books, PAGE, ZONE_BASE } from './books.ts';
import type { Ownership, Target } from './ownership.ts';

/** Of lib/string.c and lib/spinlock.c: they write what they are told to, for whoever calls. */
const LENT_FUNCTIONS = [
  ...[
    'memcpy',
    'memmove',
    'memset',
    'strcpy',
    'strncpy',
    'strlcpy',
    'strcat',
    'sprintf',
    'snprintf',
    'vsnprintf',
  ],
  ...['spin_lock', 'spin_unlock', 'spin_trylock', 'eth_type_trans', 'tasklet_init', 'ether_setup'],
];

const KSTACK_SIZE = 8192;
const TASK_KSTACK = 48;
/** Words of arguments that belong to the callee, and bytes behind a pointer to the caller's stack (struct ifreq). */
const ARGUMENTS = 6;
const HANDED_BYTES = 32;
/** Wild writes that are kept; the rest are counted. */
export const MAX_KEPT = 64;
const ESP = 4;

export class Eye implements Watcher {
  readonly directories = new Set<number>();
  readonly wildWrites: WildWrite[] = [];
  wildWriteCount = 0;
  /** Writes with which the driver hurt only itself. */
  ownCorruptions = 0;
  firstErrorAt: number | null = null;
  private readonly session: Session;
  private readonly books: Books;
  private readonly ownership: Ownership;
  private readonly name: string;
  private text: [number, number][] = [];
  /** Text of the other modules. */
  private others: [number, number][] = [];
  private lent: [number, number][] = [];
  private kernelText: [number, number] = [0, 0];
  /** Where driver code was entered, by kernel stack: stack pointers, outermost first. */
  private entries = new Map<number, number[]>();
  private lastWild: WildWrite | null = null;
  private readonly currentTask: number;

  constructor(session: Session, books: Books, ownership: Ownership, name: string) {
    this.session = session;
    this.books = books;
    this.ownership = ownership;
    this.name = name;
    this.currentTask = books.symbol('current_task');
  }

  /** The driver was loaded, unloaded, or the machine is another: looks at everything anew. */
  refresh(): void {
    const { session, ownership, books } = this;
    const { machine, symbols } = session;
    ownership.find(this.name);
    const modules = session.modules();
    const module = modules.find(m => m.name === this.name);
    this.text = module ? [[module.textStart, module.textEnd]] : [];
    this.others = modules.filter(m => m !== module).map(m => [m.textStart, m.textEnd]);
    this.kernelText = [books.symbol('_kernel_start'), books.symbol('_etext')];
    this.lent = LENT_FUNCTIONS.flatMap(name => {
      const found = symbols
        .find(name)
        .find(s => s.code && s.start >= this.kernelText[0] && s.end <= this.kernelText[1]);
      return found ? [[found.start, found.end] as [number, number]] : [];
    });
    this.findDirectory();
    machine.cpu.mmu.watchStores((lin, pa, size) => this.store(lin, pa, size), this.plainPages());
    machine.engine.watch(this);
  }

  dispose(): void {
    const { engine, cpu } = this.session.machine;
    engine.watch(null);
    cpu.mmu.watchStores(null);
  }

  get says(): string {
    return JSON.stringify([this.text, this.lent, this.kernelText, this.others]);
  }

  watches(lin: number): boolean | null {
    const at = lin >>> 0;
    if (within(this.text, at)) return true;
    if (within(this.lent, at)) return null;
    if (at >= this.kernelText[0] && at < this.kernelText[1]) return false;
    if (at >= ZONE_BASE && within(this.others, at)) return false;
    // User code, or a wild jump to where no code is: whoever came here.
    return null;
  }

  entered(lin: number): void {
    const { cpu, engine } = this.session.machine;
    const { driver } = this.ownership;
    this.ownership.newMoment();
    if (driver && driver.domain === 0 && this.books.u32(driver.record + MODULE.domainId) !== 0) {
      // The domain was made after the module was listed.
      this.ownership.find(this.name);
      this.findDirectory();
      engine.watchedDirectoriesChanged();
      cpu.mmu.watchStores((l, pa, size) => this.store(l, pa, size), this.plainPages());
    }
    const esp = cpu.r32[ESP] >>> 0;
    if (this.ownership.driver?.domain) {
      const stack = (esp & -PAGE) >>> 0;
      const own = this.books.page(this.books.physical(esp)).owner === this.ownership.driver.domain;
      cpu.mmu.setSpare(stack, own ? PAGE : 0);
    } else this.enteredNatively(lin, esp);
  }

  /** Below the frame in which the driver was entered, the kernel's stack is the driver's. */
  private enteredNatively(lin: number, esp: number): void {
    const { books } = this;
    const stack = this.currentStack();
    const entries = this.entries.get(stack) ?? [];
    while (entries.length > 0 && entries[entries.length - 1] < esp) entries.pop();
    // Behind a RET the word below is where it went; behind an IRET the third one.
    const returned = books.u32(esp - 4) === lin >>> 0 || books.u32(esp - 12) === lin >>> 0;
    if (!returned || entries.length === 0) entries.push(esp);
    if (this.entries.size > 4096) this.entries.clear();
    this.entries.set(stack, entries);
    const top = entries[entries.length - 1];
    // On another stack than the task's own, nothing is known to be the driver's.
    const inside = top > stack && top <= stack + KSTACK_SIZE;
    this.session.machine.cpu.mmu.setSpare(stack, inside ? top - stack : 0);
  }

  /** The lowest address of the current task's kernel stack. */
  private currentStack(): number {
    return this.books.u32(this.books.u32(this.currentTask) + TASK_KSTACK);
  }

  /** An exception in the driver's code. */
  exception(): void {
    this.firstErrorAt ??= this.session.machine.cycles();
  }

  /** A bus master is about to read or write. */
  master(pa: number, length: number, write: boolean): void {
    const end = Math.min(pa + length, this.session.machine.ramSize);
    this.ownership.newMoment();
    for (let at = pa; at < end; at = at - (at % PAGE) + PAGE) {
      const target = this.ownership.ofMemory(at);
      if (target.verdict === 'own' && write) this.own();
      if (target.verdict !== 'wild') continue;
      const bytes = Math.min(end, at - (at % PAGE) + PAGE) - at;
      this.wild({
        target,
        linear: this.books.linear(at),
        physical: at,
        bytes,
        dma: write ? 'write' : 'read',
      });
    }
  }

  private store(lin: number, pa: number, size: number): void {
    const { machine } = this.session;
    const ram = pa + size <= machine.ramSize && machine.cpu.mmu.isRam(pa);
    const target = ram ? this.worst(pa, size) : this.ownership.ofDevice(pa);
    if (target.verdict === 'right') return;
    if (ram && this.isHanded(lin >>> 0)) return;
    if (target.verdict === 'own') this.own();
    else this.wild({ target, linear: lin >>> 0, physical: pa, bytes: size, dma: null });
  }

  private worst(pa: number, size: number): Target {
    const first = this.ownership.ofMemory(pa);
    return first.verdict === 'right' && size > 1 ? this.ownership.ofMemory(pa + size - 1) : first;
  }

  /** Natively: the arguments on the caller's frame, and what they point to on its stack. */
  private isHanded(lin: number): boolean {
    const stack = this.currentStack();
    if (lin < stack || lin >= stack + KSTACK_SIZE || this.ownership.driver?.domain) return false;
    const entry = this.entries.get(stack)?.at(-1);
    if (entry === undefined || lin < entry + 4) return false;
    if (lin < entry + 4 + 4 * ARGUMENTS) return true;
    for (let n = 1; n <= ARGUMENTS; n++) {
      const pointer = this.books.u32(entry + 4 * n);
      if (pointer > entry && lin >= pointer && lin < pointer + HANDED_BYTES) return true;
    }
    return false;
  }

  private own(): void {
    this.ownCorruptions++;
    this.firstErrorAt ??= this.session.machine.cycles();
  }

  private wild(w: {
    target: Target;
    linear: number;
    physical: number;
    bytes: number;
    dma: 'read' | 'write' | null;
  }): void {
    const { machine, symbols } = this.session;
    const at = machine.cycles();
    const eip = w.dma ? -1 : machine.engine.currentLin() >>> 0;
    this.firstErrorAt ??= at;
    const last = this.lastWild;
    if (last && !w.dma && last.eip === eip && last.at === at && last.linear + last.bytes === w.linear) {
      last.bytes += w.bytes;
      return;
    }
    if (w.dma !== 'read') this.wildWriteCount++;
    const inDomain = this.directories.has((machine.cpu.cr3 & -PAGE) >>> 0);
    const write: WildWrite = {
      at,
      eip,
      where: w.dma ? 'device' : symbols.describe(eip),
      linear: w.linear,
      physical: w.physical,
      bytes: w.bytes,
      target: w.target.what,
      by: w.dma ? 'dma' : inDomain ? 'domain' : 'driver code',
      preventable: w.dma === null,
    };
    if (w.dma === 'read') write.read = true;
    this.lastWild = write;
    // Half of the room is for what page protection could have stopped, so that no flood of DMA hides it.
    if (this.wildWrites.length < (write.preventable ? MAX_KEPT : MAX_KEPT / 2)) this.wildWrites.push(write);
  }

  private findDirectory(): void {
    this.directories.clear();
    const domain = this.ownership.driver?.domain ?? 0;
    const table = this.books.symbol('nooks_domains');
    if (domain === 0 || domain > 64 || table === 0) return;
    const record = this.books.u32(table + 4 * (domain - 1));
    if (this.books.u16(record + NOOKS_DOMAIN.id) === domain)
      this.directories.add(this.books.u32(record + NOOKS_DOMAIN.cr3));
  }

  /** The module's data: all of those pages are the driver's as long as it is loaded. */
  private plainPages(): Uint8Array {
    const plain = new Uint8Array(Math.ceil(this.session.machine.ramSize / PAGE));
    const { driver } = this.ownership;
    if (!driver || driver.end - driver.base > 1 << 24) return plain;
    for (let lin = driver.readOnlyEnd; lin < driver.end; lin += PAGE) {
      const pa = this.books.physical(lin);
      if (pa < 0) continue;
      if (driver.domain === 0 || this.books.page(pa).owner === driver.domain) plain[pa / PAGE] = 1;
    }
    return plain;
  }
}

function within(ranges: readonly [number, number][], at: number): boolean {
  for (const [start, end] of ranges) if (at >= start && at < end) return true;
  return false;
}
