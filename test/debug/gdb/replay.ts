/** Running backwards in the plainest way there is, by replaying from the first moment: what a session may rely on. */
import type { Debugger } from '../../../debug/debugger.ts';
import type { Backwards } from '../../../debug/gdb/stub.ts';
import type { Hit, Stop } from '../../../debug/model.ts';
import type { Snapshot } from '../../../emu/machine.ts';

/** Cycles before the moment in question from which on it is stepped. */
const NEAR = 50_000;

interface Met {
  step: number;
  cycles: number;
  hit: Hit;
}

export class Replay implements Backwards {
  private readonly debug: Debugger;
  private readonly start: Snapshot;

  constructor(debug: Debugger) {
    this.debug = debug;
    this.start = debug.target.machine.snapshot();
  }

  async continue(): Promise<Stop> {
    const { machine } = this.debug.target;
    const end = this.step();
    const met: Met[] = [];
    this.replay(end, machine.cycles(), hit => {
      met.push({ step: this.step(), cycles: machine.cycles(), hit });
    });
    const last = met.at(-1);
    this.replay(last?.step ?? 0, last?.cycles ?? 0, () => {});
    if (!last) return { kind: 'beginning' };
    return { kind: 'points', hits: met.filter(m => m.step === last.step).map(m => m.hit) };
  }

  async stepi(): Promise<Stop> {
    const end = this.step();
    if (end === 0) return { kind: 'beginning' };
    this.replay(end - 1, this.debug.target.machine.cycles(), () => {});
    return { kind: 'done' };
  }

  /** Instructions and deliveries since reset. */
  private step(): number {
    const { cpu } = this.debug.target.machine;
    return cpu.instructions + cpu.retiredInBlock() + cpu.deliveries;
  }

  /** From the first moment to `step`, which lies at or shortly before `cycles`. */
  private replay(step: number, cycles: number, onHit: (hit: Hit) => void): void {
    const { machine, session } = this.debug.target;
    const { points } = this.debug.control;
    machine.restore(this.start);
    session?.refreshModules();
    const usual = points.onHit;
    points.onHit = onHit;
    try {
      if (cycles > NEAR) machine.run(cycles - NEAR);
      while (this.step() < step) machine.step();
    } finally {
      points.onHit = usual;
    }
    if (this.step() !== step) throw new Error('the replay does not come back');
  }
}
