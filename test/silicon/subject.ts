/** The emulated CPU as a subject of the replay: no devices, paging on, CPL 3, every exception ends in a HLT. */
import { Accounting } from '../../emu/accounting.ts';
import { Clock, NEVER } from '../../emu/clock.ts';
import { Cpu } from '../../emu/cpu/cpu.ts';
import { Engine } from '../../emu/cpu/engine.ts';
import { CR0_AM, CR0_PE, CR0_PG, CR0_WP } from '../../emu/cpu/registers.ts';
import { CS_, LDTR_, TR_ } from '../../emu/cpu/segments.ts';
import type { Profile } from '../../emu/profile/profile.ts';
import { State } from '../../emu/state.ts';
import { DATA_SIZE, type Outcome, type Vector } from './format.ts';
import { LDT_LIMIT, segmentOf } from './ldt.ts';
import type { Subject } from './replay.ts';
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

/** A processor of `profile` in the vectors' world. Each call of the subject starts from the world as it was built. */
export function machineSubject(profile: Profile): Subject {
  const state = new State(RAM_SIZE);
  const accounting = new Accounting(state.float64('accounting', 256), state.float64('time', 1));
  const clock = new Clock(profile.clockHz.value, accounting.time);
  const cpu = new Cpu(profile, state, accounting, clock, {
    findMmio: () => null,
    onUnmapped: () => {},
    fetchByte: () => 0xff,
  });
  const engine = new Engine(cpu);
  const ram = state.ramView();
  const bytes = state.ram8();
  buildWorld(ram);
  const data = bytes.subarray(DATA_FRAME, DATA_FRAME + DATA_SIZE);
  const pristine = Uint8Array.from(data);
  const initial = Uint8Array.from(data);
  const dataWords = new Int32Array(data.buffer, data.byteOffset, DATA_SIZE / 4);
  const initialWords = new Int32Array(initial.buffer);

  cpu.setGdt(GDT, GDT_LIMIT);
  cpu.setIdt(IDT, IDT_LIMIT);
  cpu.setSegment(TR_, TSS_SELECTOR, TSS, TSS_LIMIT, BUSY_TSS);
  cpu.setSegment(LDTR_, LDT_SELECTOR, LDT, LDT_LIMIT, LDT_ATTRIBUTES);
  cpu.setCr3(DIRECTORY);
  cpu.setCr0(CR0_PE | CR0_WP | CR0_AM | CR0_PG);

  function begin(v: Vector): void {
    bytes.set(v.code, CODE_FRAME + v.codeOffset);
    engine.ramChanged(CODE_FRAME, 0x2000);
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

  function changes(): number[] {
    const list: number[] = [];
    const words = dataWords.length;
    for (let w = 0; w < words; w++) {
      if (dataWords[w] === initialWords[w]) continue;
      for (let o = w * 4; o < w * 4 + 4; o++) if (data[o] !== initial[o]) list.push((o << 8) | data[o]);
    }
    return list;
  }

  return v => {
    begin(v);
    const reason = engine.run(NEVER);
    const trap = vectorOfHandler(cpu.eip);
    if (reason !== 'halted' || trap < 0)
      throw new Error(`the vector ended with ${reason} at ${cpu.eip >>> 0}`);
    const fields = WITH_ERROR.has(trap) ? 6 : 5;
    const frame = Array.from({ length: fields }, (_, i) =>
      ram.getInt32(STACK_TOP_FRAME - (fields - i) * 4, true),
    );
    const error = fields === 6 ? frame.shift()! : 0;
    const [eip, cs, eflags, esp, ss] = frame;
    const outcome: Outcome = {
      regs: Array.from({ length: 8 }, (_, i) => (i === 4 ? esp : cpu.getReg(i, 4))),
      eip,
      eflags,
      trap,
      error,
      cr2: trap === PAGE_FAULT ? cpu.cr2 : 0,
      segments: Array.from({ length: 6 }, (_, s) => (s === CS_ ? cs : s === 2 ? ss : cpu.selector(s))).map(
        s => s & 0xffff,
      ),
      changes: changes(),
      stuck: false,
    };
    bytes.fill(INT3, CODE_FRAME + v.codeOffset, CODE_FRAME + v.codeOffset + v.code.length);
    return outcome;
  };
}
