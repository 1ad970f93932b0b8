/**
 * The emulated CPU in the vectors' world: no devices, paging on, CPL 3, every exception ends in a HLT. What the subjects
 * of both replays (subject.ts, x87/subject.ts) share: how a vector is put in, run, and what it left.
 */
import { Accounting } from '../../emu/accounting.ts';
import { Clock, NEVER } from '../../emu/clock.ts';
import { Cpu } from '../../emu/cpu/cpu.ts';
import { Engine } from '../../emu/cpu/engine.ts';
import { CR0_AM, CR0_PE, CR0_PG, CR0_WP } from '../../emu/cpu/registers.ts';
import { CS_, LDTR_, SS_, TR_ } from '../../emu/cpu/segments.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { State } from '../../emu/state.ts';
import { DATA_SIZE } from './format.ts';
import { LDT_LIMIT, segmentOf } from './ldt.ts';
import {
  buildWorld,
  CODE_FRAME,
  DATA_FRAME,
  DIRECTORY,
  GDT,
  GDT_LIMIT,
  IDT,
  IDT_LIMIT,
  INT3,
  LDT,
  RAM_SIZE,
  STACK_TOP_FRAME,
  TSS,
  TSS_LIMIT,
  vectorOfHandler,
} from './world.ts';

const TSS_SELECTOR = 0x40;
const BUSY_TSS = 0x8b00;
const LDT_SELECTOR = 0x50;
const LDT_ATTRIBUTES = 0x8200;
const PAGE_FAULT = 14;
/** Exceptions whose frame has an error code: DF TS NP SS GP PF AC. */
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

/** What every vector starts from. */
export interface Start {
  code: readonly number[];
  codeOffset: number;
  memory: readonly number[];
  memoryOffset: number;
  regs: readonly number[];
  eflags: number;
  eip: number;
  /** ES CS SS DS FS GS. */
  segments: readonly number[];
}

/** What every vector ends with. `segments` in the same order. */
export interface End {
  regs: number[];
  eip: number;
  eflags: number;
  trap: number;
  error: number;
  cr2: number;
  segments: number[];
  changes: number[];
}

export class VectorProcessor {
  readonly cpu: Cpu;
  readonly engine: Engine;
  readonly state: State;
  readonly clock: Clock;
  private readonly accounting: Accounting;
  private readonly ram: DataView;
  private readonly bytes: Uint8Array;
  private readonly data: Uint8Array;
  private readonly pristine: Uint8Array;
  private readonly initial: Uint8Array;
  private readonly dataWords: Int32Array;
  private readonly initialWords: Int32Array;

  /** `cr0`: bits that are set besides PE, WP, AM and PG. `compiled`: each vector is compiled before it runs. */
  constructor(profile: Profile, cr0 = 0, compiled = false) {
    const state = new State(RAM_SIZE);
    const accounting = new Accounting(state.float64('accounting', 256), state.float64('time', 1));
    const clock = new Clock(profile.clockHz.value, accounting.time);
    const cpu = new Cpu(profile, state, accounting, clock, {
      findMmio: () => null,
      onUnmapped: () => {},
      fetchByte: () => 0xff,
    });
    this.cpu = cpu;
    this.engine = new Engine(cpu, compiled ? state : null);
    if (this.engine.jit) this.engine.jit.hot = 0;
    this.state = state;
    this.clock = clock;
    this.accounting = accounting;
    this.ram = state.ramView();
    this.bytes = state.ram8();
    buildWorld(this.ram);
    this.data = this.bytes.subarray(DATA_FRAME, DATA_FRAME + DATA_SIZE);
    this.pristine = Uint8Array.from(this.data);
    this.initial = Uint8Array.from(this.data);
    this.dataWords = new Int32Array(this.data.buffer, this.data.byteOffset, DATA_SIZE / 4);
    this.initialWords = new Int32Array(this.initial.buffer);
    cpu.setGdt(GDT, GDT_LIMIT);
    cpu.setIdt(IDT, IDT_LIMIT);
    cpu.setSegment(TR_, TSS_SELECTOR, TSS, TSS_LIMIT, BUSY_TSS);
    cpu.setSegment(LDTR_, LDT_SELECTOR, LDT, LDT_LIMIT, LDT_ATTRIBUTES);
    cpu.setCr3(DIRECTORY);
    cpu.setCr0(CR0_PE | CR0_WP | CR0_AM | CR0_PG | cr0);
  }

  /** What is not in the state's memory, as Machine.saveParts. */
  saveParts(): { engine: unknown; accounting: number[] } {
    return { engine: this.engine.save(), accounting: this.accounting.save() };
  }

  /** Runs a vector from the world as it was built. `prepare` may set what else the processor starts with. */
  run(v: Start, prepare: (cpu: Cpu) => void = () => {}): End {
    this.begin(v);
    prepare(this.cpu);
    const end = this.finish();
    this.bytes.fill(INT3, CODE_FRAME + v.codeOffset, CODE_FRAME + v.codeOffset + v.code.length);
    return end;
  }

  private begin(v: Start): void {
    const { cpu, data, initial, pristine } = this;
    this.bytes.set(v.code, CODE_FRAME + v.codeOffset);
    this.engine.ramChanged(CODE_FRAME, 0x2000);
    data.set(pristine);
    data.set(v.memory, v.memoryOffset);
    initial.set(pristine);
    initial.set(v.memory, v.memoryOffset);
    v.segments.forEach((selector, s) => {
      const { base, limit, attributes } = segmentOf(selector);
      cpu.setSegment(s, selector, base, limit, attributes);
    });
    cpu.setPrivilege(3);
    for (let i = 0; i < 8; i++) cpu.setReg(i, 4, v.regs[i]);
    cpu.eflags = v.eflags;
    cpu.eip = v.eip;
    cpu.halted = false;
    cpu.shadow = false;
  }

  /** To the HLT of an exception's handler, whose frame holds the rest. */
  private finish(): End {
    const { cpu } = this;
    const reason = this.engine.run(NEVER);
    const trap = vectorOfHandler(cpu.eip);
    if (reason !== 'halted' || trap < 0)
      throw new Error(`the vector ended with ${reason} at ${cpu.eip >>> 0}`);
    const fields = WITH_ERROR.has(trap) ? 6 : 5;
    const frame = Array.from({ length: fields }, (_, i) =>
      this.ram.getInt32(STACK_TOP_FRAME - (fields - i) * 4, true),
    );
    const error = fields === 6 ? frame.shift()! : 0;
    const [eip, cs, eflags, esp, ss] = frame;
    return {
      regs: Array.from({ length: 8 }, (_, i) => (i === 4 ? esp : cpu.getReg(i, 4))),
      eip,
      eflags,
      trap,
      error,
      cr2: trap === PAGE_FAULT ? cpu.cr2 : 0,
      segments: Array.from({ length: 6 }, (_, s) => (s === CS_ ? cs : s === SS_ ? ss : cpu.selector(s))).map(
        s => s & 0xffff,
      ),
      changes: this.changes(),
    };
  }

  /** Bytes of DATA that changed: offset << 8 | new value, ascending. */
  private changes(): number[] {
    const { data, dataWords, initial, initialWords } = this;
    const list: number[] = [];
    for (let w = 0; w < dataWords.length; w++) {
      if (dataWords[w] === initialWords[w]) continue;
      for (let o = w * 4; o < w * 4 + 4; o++) if (data[o] !== initial[o]) list.push((o << 8) | data[o]);
    }
    return list;
  }
}
