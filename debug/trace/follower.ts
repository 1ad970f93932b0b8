/**
 * Follows a run by what the processor tells (emu/probe.ts): keeps the call stacks, tells recorders each turn, and hands
 * them every tick once: what went by between two turns was spent in the stack and region of the first. The one place
 * where regions change in between is IRET; there the accounting's matrix says how much was spent in which.
 */
import { MAX_REGIONS } from '../../emu/accounting.ts';
import type { EventKind, Probe, Straight } from '../../emu/probe.ts';
import { readMilestone } from '../../guest/milestones.ts';
import type { Target } from '../target.ts';
import { eventName } from './events.ts';
import type { Names } from './names.ts';
import type { Code, Delivery, Exit, Recorder } from './recorder.ts';
import { Stacks } from './stacks.ts';

const CS = 1;
const SS = 2;
const USER_RING = 3;

/** How a form that ends a block goes on; others fall through. */
const EXITS: readonly (readonly [RegExp, Exit])[] = [
  [/^CALL (rel|r\/m)/, 'call'],
  [/^RET\b/, 'ret'],
  [/^IRET/, 'iret'],
  [/^INT|^INTO/, 'int'],
  [/^JMP|^CALL|^RETF/, 'jump'],
  [/^J|^LOOP/, 'cond'],
];

export class Follower implements Probe {
  readonly names: Names;
  readonly stacks: Stacks;
  private readonly target: Target;
  private readonly recorders: readonly Recorder[];
  private readonly codes = new WeakMap<Straight, Code>();
  private readonly ends: (() => void)[] = [];
  /** What runs, and whether its last instruction is a branch that it may reach. */
  private running: Code | null = null;
  private count = 0;
  private retired = 0;
  private ring = 0;
  /** Of the running code, as recorders are told it; looked up when the ring or the directory has changed. */
  private mode = '';
  private directory = Number.NaN;
  /** Ticks that were handed out, and by region. */
  private last: number;
  private byRegion: number[];

  /** Follows from where the guest stands. */
  constructor(target: Target, recorders: readonly Recorder[], names: Names) {
    this.target = target;
    this.recorders = recorders;
    const { machine, session } = target;
    this.names = names;
    this.stacks = new Stacks(
      {
        pushed: (frame, below) => {
          for (const r of recorders) r.pushed?.(frame, below, this.mode);
        },
        popped: frame => {
          for (const r of recorders) r.popped?.(frame);
        },
        switched: (from, to) => {
          for (const r of recorders) r.switched?.(from, to);
        },
      },
      {
        peek32: lin => machine.peek32(lin),
        at: lin => names.at(lin),
        ebp: () => machine.cpu.r32[5],
      },
    );
    this.last = machine.clock.now();
    this.byRegion = regionSums(target);
    this.look();
    this.stacks.begin(this.next(), this.esp());
    this.ends.push(machine.cpu.probes.add(this));
    if (!session) return;
    const { engine } = machine;
    this.ends.push(engine.addHook(session.address('module_event'), () => this.forget()));
    this.ends.push(engine.addHook(session.address('nooks_event'), () => this.recovery()));
  }

  /** Hands out what is left; the guest stands. */
  stop(): void {
    this.spend();
    this.leave();
  }

  /** Follows no more, and hands out nothing: what the guest is now does not follow from what it was. */
  leave(): void {
    for (const end of this.ends.splice(0)) end();
  }

  begins(straight: Straight, count: number): void {
    const { cpu } = this.target.machine;
    const code = this.codeOf(straight);
    this.spend();
    this.look();
    this.settle(straight.lin >>> 0);
    this.stacks.reach(code.place);
    for (const r of this.recorders) r.begins?.(code, this.mode);
    this.running = code;
    this.count = count;
    this.retired = cpu.instructions;
  }

  delivered(vector: number, error: number, kind: EventKind, returnEip: number): void {
    const { machine } = this.target;
    const { cpu } = machine;
    this.spend();
    const fromUser = this.ring === USER_RING;
    const slot = (this.esp() + (error >= 0 ? 4 : 0)) >>> 0;
    // Behind EIP, CS and EFLAGS: ESP and SS if the ring changed. A task gate leaves no frame here.
    const framed = machine.peek32(slot | 0) === returnEip >>> 0;
    const esp = !framed
      ? -1
      : fromUser && cpu.cpl !== USER_RING
        ? machine.peek32((slot + 12) | 0)
        : slot + 12;
    const back = framed && !fromUser ? (returnEip + cpu.segmentBase(CS)) >>> 0 : returnEip >>> 0;
    this.settle(back, esp);
    const name = eventName(vector, kind, this.target);
    const delivery: Delivery = { vector, error, kind, name, back, fromUser };
    this.look();
    for (const r of this.recorders) r.delivered?.(delivery, this.next());
    this.stacks.deliver(delivery, slot, esp);
  }

  returned(): void {
    this.spendExactly();
    const code = this.running;
    this.running = null;
    const target = this.next();
    if (code) for (const r of this.recorders) r.branched?.(code, target, this.mode);
    this.look();
    this.stacks.returned(target, this.esp(), this.ring === USER_RING);
  }

  /** Domains differ from here on. */
  directoryLoaded(): void {
    this.spend();
  }

  private look(): void {
    const { cpl, cr3 } = this.target.machine.cpu;
    if (cpl === this.ring && cr3 === this.directory) return;
    this.ring = cpl;
    this.directory = cr3;
    this.mode = cpl === USER_RING ? 'user' : this.names.owner();
  }

  private forget(): void {
    this.names.forget();
    this.directory = Number.NaN;
  }

  private recovery(): void {
    const { session } = this.target;
    if (!session) return;
    this.forget();
    const { event, extension, detail } = readMilestone(session);
    for (const r of this.recorders) r.recovery?.(event, extension, detail);
  }

  /** The last block's last instruction led to `target`, if it was reached. */
  private settle(target: number, esp = this.esp()): void {
    const code = this.running;
    this.running = null;
    if (!code || this.count < code.straight.insns.length) return;
    if (this.target.machine.cpu.instructions - this.retired < this.count) return;
    if (code.exit === 'none') return;
    for (const r of this.recorders) r.branched?.(code, target, this.mode);
    if (code.exit === 'call') this.stacks.call(this.names.at(target), esp, code.behind);
    else if (code.exit === 'ret') this.stacks.ret(target, (esp - 4 - code.popped) >>> 0);
  }

  private spend(): void {
    const now = this.target.machine.clock.now();
    const ticks = now - this.last;
    if (ticks === 0) return;
    this.last = now;
    const { region } = this.target.machine.accounting;
    this.byRegion[region] += ticks;
    for (const r of this.recorders) r.spent?.(ticks, region, this.mode, this.stacks.current);
  }

  private spendExactly(): void {
    const sums = regionSums(this.target);
    const before = this.byRegion;
    this.last = this.target.machine.clock.now();
    this.byRegion = sums;
    for (let region = 0; region < MAX_REGIONS; region++) {
      const ticks = sums[region] - before[region];
      if (ticks !== 0)
        for (const r of this.recorders) r.spent?.(ticks, region, this.mode, this.stacks.current);
    }
  }

  private codeOf(straight: Straight): Code {
    let code = this.codes.get(straight);
    if (!code) {
      const { insns, lin, eip } = straight;
      const last = insns[insns.length - 1];
      const exit = EXITS.find(([form]) => form.test(last.row.form))?.[1] ?? 'none';
      const linear = (at: number) => (lin + ((at - eip) | 0)) >>> 0;
      code = {
        straight,
        exit,
        place: this.names.at(lin),
        last: linear(last.eip),
        behind: linear(last.next),
        popped: exit === 'ret' ? last.imm & 0xffff : 0,
      };
      this.codes.set(straight, code);
    }
    return code;
  }

  /** Where the processor goes on: also within IRET, which Target.pc still calls the running instruction. */
  private next(): number {
    const { cpu } = this.target.machine;
    return (cpu.eip + cpu.segmentBase(CS)) >>> 0;
  }

  private esp(): number {
    const { cpu } = this.target.machine;
    return (cpu.esp + cpu.segmentBase(SS)) >>> 0;
  }
}

function regionSums({ machine }: Target): number[] {
  const { matrix } = machine.accounting;
  const columns = matrix.length / MAX_REGIONS;
  const sums: number[] = [];
  for (let region = 0; region < MAX_REGIONS; region++) {
    let sum = 0;
    for (let n = region * columns; n < (region + 1) * columns; n++) sum += matrix[n];
    sums.push(sum);
  }
  return sums;
}
