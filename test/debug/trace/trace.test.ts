/** A trace must not be seen by the guest, and its weights must be the clock's. */
import { describe, expect, it } from 'vitest';
import { FORMATS, type Format, Tracer } from '../../../debug/trace/tracer.ts';
import { MAX_REGIONS } from '../../../emu/accounting.ts';
import { debugBench, outcome } from '../rig.ts';

const LIMIT = 40_000_000;

class Text {
  text = '';
  write(text: string): void {
    this.text += text;
  }
}

function trace(
  target: Awaited<ReturnType<typeof debugBench>>['target'],
  formats: readonly Format[],
  events = 1e6,
) {
  const outputs = formats.map(format => ({ format, sink: new Text() }));
  const tracer = new Tracer(target, outputs, { events, interval: 10_000 });
  const text = (format: Format) => outputs.find(o => o.format === format)!.sink.text;
  return { tracer, text };
}

const CASES = [
  ['call', 'p4-1700'],
  ['pgswitch', 'p4-1700'],
  ['trap', 'p4-1700'],
  ['fault', 'p3-1000'],
] as const;

describe.each(CASES)('%s on %s', (name, profile) => {
  it('ends the same with a trace by blocks and by instructions', async () => {
    const plain = await debugBench(name, profile);
    expect(plain.machine.run(LIMIT)).toEqual({ reason: 'exit', code: 0 });
    const wanted = outcome(plain.machine);
    const blocks = Object.keys(FORMATS).filter(f => f !== 'instructions') as Format[];
    for (const formats of [blocks, ['instructions', 'folded'] as Format[]]) {
      const { target, machine } = await debugBench(name, profile);
      const { tracer } = trace(target, formats);
      expect(machine.run(LIMIT)).toEqual({ reason: 'exit', code: 0 });
      tracer.stop();
      expect(outcome(machine)).toEqual(wanted);
      expect(machine.cpu.probes.begins).toEqual([]);
      expect(machine.cpu.probes.singly).toBe(0);
    }
  });

  it('gives each cycle of the window to one stack, in folded and speedscope', async () => {
    const { target, machine } = await debugBench(name, profile);
    machine.run(200_000);
    const begin = machine.cycles();
    const { tracer, text } = trace(target, ['folded', 'speedscope']);
    machine.run(begin + 300_000.25);
    tracer.stop();
    const lines = text('folded').trimEnd().split('\n');
    let sum = 0;
    for (const line of lines) {
      expect(line).toMatch(/^[^;]+(;[^;]+)* \d+(\.\d+)?$/);
      sum += Number(line.slice(line.lastIndexOf(' ')));
    }
    expect(sum).toBe(machine.cycles() - begin);
    expect(lines.some(line => line.split(';').length > 2)).toBe(true);
    const scope = JSON.parse(text('speedscope'));
    expect(scope.profiles[0].endValue).toBe(sum);
    expect(scope.profiles[0].weights.reduce((a: number, b: number) => a + b, 0)).toBe(sum);
  });
});

describe('call', () => {
  it('tells instructions one by one, as many as were retired, with the clock before each', async () => {
    const { target, machine } = await debugBench('call');
    machine.run(100_000);
    const { instructions } = machine.cpu;
    const { tracer, text } = trace(target, ['instructions']);
    machine.run(machine.cycles() + 2000);
    tracer.stop();
    const lines = text('instructions').trimEnd().split('\n');
    expect(lines.length).toBe(machine.cpu.instructions - instructions);
    for (const line of lines)
      expect(line).toMatch(/^\d+\.\d\d {2}guest {2}[0-9a-f]{8} <[^>]+> {2}[0-9a-f]+ {2,}\w/);
    const cycles = lines.map(line => Number.parseFloat(line));
    expect(cycles).toEqual([...cycles].sort((a, b) => a - b));
  });

  it('tells of each misprediction once', async () => {
    const { target, machine } = await debugBench('call');
    const { tracer, text } = trace(target, ['branches']);
    machine.run(400_000);
    tracer.stop();
    const marked = text('branches').match(/ mispredicted$/gm)?.length ?? 0;
    expect(marked).toBeGreaterThan(0);
    expect(machine.cpu.predictor.misses - marked).toBeLessThanOrEqual(1);
  });

  it('cuts at the bound and says where; goes no further when the guest goes back', async () => {
    const { target, machine } = await debugBench('call');
    const cut = trace(target, ['branches', 'chrome'], 10);
    machine.run(100_000);
    cut.tracer.stop();
    expect(cut.text('branches').trimEnd().split('\n').length).toBe(10);
    expect(cut.tracer.cuts().map(c => c.format)).toContain('branches');

    const snapshot = machine.snapshot();
    machine.run(150_000);
    const back = trace(target, ['folded', 'chrome']);
    machine.run(160_000);
    machine.restore(snapshot);
    machine.run(120_000);
    back.tracer.stop();
    expect(back.tracer.wentBack).toBeGreaterThan(150_000);
    expect(() => JSON.parse(back.text('chrome'))).not.toThrow();
  });

  it('drops a file that cannot be written, and the guest runs on', async () => {
    const { target, machine } = await debugBench('call');
    const sink = {
      write() {
        throw new Error('no space');
      },
    };
    const tracer = new Tracer(target, [{ format: 'branches', sink }]);
    machine.run(100_000);
    tracer.stop();
    expect((tracer.error as Error).message).toBe('no space');
    expect(tracer.done).toBe(true);
  });
});

it('knows as many regions as the accounting', () => {
  expect(MAX_REGIONS).toBe(16);
});
