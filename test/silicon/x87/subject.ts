/** The emulated CPU as the subject of the x87 replay: CR0.NE set, an FPU state loaded first and read at the end. */
import type { Cpu } from '../../../emu/cpu/cpu.ts';
import { CR0_NE } from '../../../emu/cpu/registers.ts';
import type { Profile } from '../../../emu/profile/profile.ts';
import { CODE, FLAT_SEGMENTS } from '../format.ts';
import { VectorProcessor } from '../processor.ts';
import type { FpuState, Outcome, Vector } from './format.ts';

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
  return fpuSubjectOn(new VectorProcessor(profile, CR0_NE));
}

/** The same on a processor that has CR0.NE set. */
export function fpuSubjectOn(processor: VectorProcessor): (v: Vector) => Outcome {
  return v => {
    const start = { ...v, eip: CODE + v.codeOffset, segments: FLAT_SEGMENTS };
    const { segments: _, ...end } = processor.run(start, cpu => loadFpu(cpu, v.state));
    return { ...end, state: saveFpu(processor.cpu) };
  };
}
