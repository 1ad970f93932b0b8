/** The emulated CPU as the subject of the x87 replay: CPL 3, CR0.NE set, every exception ends in a HLT. */
import { Accounting } from '../../../emu/accounting.ts';
import { Clock, NEVER } from '../../../emu/clock.ts';
import { Cpu } from '../../../emu/cpu/cpu.ts';
import { Engine } from '../../../emu/cpu/engine.ts';
import { CR0_AM, CR0_NE, CR0_PE, CR0_PG, CR0_WP } from '../../../emu/cpu/registers.ts';
import { TR_ } from '../../../emu/cpu/segments.ts';
import type { Profile } from '../../../emu/profile/profile.ts';
import { State } from '../../../emu/state.ts';
import { CODE, DATA_SIZE, USER_CS, USER_DS } from '../format.ts';
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
  RAM_SIZE,
  STACK_TOP_FRAME,
  TSS,
  TSS_LIMIT,
  vectorOfHandler,
} from '../world.ts';
import type { FpuState, Outcome, Vector } from './format.ts';

const PAGE_FAULT = 14;
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);
const BUSY_TSS = 0x8b00;
/** ES CS SS DS FS GS as Linux starts a process with them. */
const SELECTORS = [USER_DS, USER_CS, USER_DS, USER_DS, 0, 0];
const CODE_ATTRIBUTES = 0x00cffb00;
const DATA_ATTRIBUTES = 0x00cff300;

function loadFpu(cpu: Cpu, s: FpuState): void {
  const f = cpu.fpu;
  f.control = s.control;
  f.status = s.status;
  f.tags = s.tags;
  f.setInstruction(s.fcs, s.fip, s.fop);
  f.setData(s.fds, s.fdp);
  s.st.forEach((hex, n) => {
    const [se, hi, lo] = [hex.slice(0, 4), hex.slice(4, 12), hex.slice(12)].map(h => Number.parseInt(h, 16));
    f.setImage(n, se, hi | 0, lo | 0);
  });
}

function saveFpu(cpu: Cpu): FpuState {
  const f = cpu.fpu;
  const hex = (v: number, digits: number) => (v >>> 0).toString(16).padStart(digits, '0');
  return {
    control: f.control,
    status: f.status,
    tags: f.tags,
    fip: f.fip,
    fcs: f.fcs,
    fop: f.fop,
    fdp: f.fdp,
    fds: f.fds,
    st: Array.from({ length: 8 }, (_, n) => hex(f.se(n), 4) + hex(f.hi(n), 8) + hex(f.lo(n), 8)),
  };
}

/** Runs a vector from a fresh state. */
export function fpuSubject(profile: Profile): (v: Vector) => Outcome {
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
  cpu.setGdt(GDT, GDT_LIMIT);
  cpu.setIdt(IDT, IDT_LIMIT);
  cpu.setSegment(TR_, 0x40, TSS, TSS_LIMIT, BUSY_TSS);
  cpu.setCr3(DIRECTORY);
  cpu.setCr0(CR0_PE | CR0_AM | CR0_NE | CR0_WP | CR0_PG);
  const dataWords = new Int32Array(data.buffer, data.byteOffset, DATA_SIZE / 4);
  const initialWords = new Int32Array(initial.buffer);

  function changes(): number[] {
    const list: number[] = [];
    for (let w = 0; w < dataWords.length; w++) {
      if (dataWords[w] === initialWords[w]) continue;
      for (let o = w * 4; o < w * 4 + 4; o++) if (data[o] !== initial[o]) list.push((o << 8) | data[o]);
    }
    return list;
  }

  return v => {
    bytes.set(v.code, CODE_FRAME + v.codeOffset);
    engine.ramChanged(CODE_FRAME, 0x2000);
    data.set(pristine);
    data.set(v.memory, v.memoryOffset);
    initial.set(pristine);
    initial.set(v.memory, v.memoryOffset);
    SELECTORS.forEach((selector, s) => {
      const attributes = selector === USER_CS ? CODE_ATTRIBUTES : selector === USER_DS ? DATA_ATTRIBUTES : 0;
      cpu.setSegment(s, selector, 0, selector === 0 ? 0 : 0xffffffff, attributes);
    });
    cpu.setPrivilege(3);
    for (let i = 0; i < 8; i++) cpu.setReg(i, 4, v.regs[i]);
    cpu.eflags = v.eflags;
    cpu.eip = CODE + v.codeOffset;
    cpu.halted = false;
    cpu.shadow = false;
    loadFpu(cpu, v.state);
    const reason = engine.run(NEVER);
    const trap = vectorOfHandler(cpu.eip);
    if (reason !== 'halted' || trap < 0)
      throw new Error(`the vector ended with ${reason} at ${cpu.eip >>> 0}`);
    const fields = WITH_ERROR.has(trap) ? 6 : 5;
    const frame = Array.from({ length: fields }, (_, i) =>
      ram.getInt32(STACK_TOP_FRAME - (fields - i) * 4, true),
    );
    const error = fields === 6 ? frame.shift()! : 0;
    const [eip, , eflags, esp] = frame;
    const outcome: Outcome = {
      regs: Array.from({ length: 8 }, (_, i) => (i === 4 ? esp : cpu.getReg(i, 4))),
      eip,
      eflags,
      trap,
      error,
      cr2: trap === PAGE_FAULT ? cpu.cr2 : 0,
      state: saveFpu(cpu),
      changes: changes(),
    };
    bytes.fill(INT3, CODE_FRAME + v.codeOffset, CODE_FRAME + v.codeOffset + v.code.length);
    return outcome;
  };
}
