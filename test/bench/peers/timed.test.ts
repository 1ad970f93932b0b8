/** The clock of the comparison: what it hears of a guest, and what ends a run that goes wrong. */
import { describe, expect, it } from 'vitest';
import { GuestOutput, hasProcessorTime, runTimed } from '../../../bench/peers/timed.ts';

/** A process that runs JavaScript. */
const node = (code: string) => ({ file: process.execPath, args: ['-e', code] });

describe('GuestOutput', () => {
  it('takes the time between the lines, however they arrive', () => {
    const output = new GuestOutput('alu');
    expect(output.feed('SeaBIOS\r\nBEGIN a', 5)).toBeUndefined();
    expect(output.feed('lu\r\nRESULT al', 100)).toBeUndefined();
    expect(output.feed('u 5f191d88\r\nTSC 00', 1600)).toBeUndefined();
    expect(output.feed('12\n', 9000)).toEqual({ ok: true, seconds: 1.5, checksum: '5f191d88' });
  });

  it('hears a guest behind what a terminal or an emulator puts in front', () => {
    const output = new GuestOutput('mem');
    output.feed('\x1b[24;1HBEGIN mem\nDONE mem\n', 1);
    output.feed('<bochs:1> RESULT mem 1\n', 9);
    expect(output.feed('INSTRUCTIONS 123\nTSC 1\n', 12)).toEqual({
      ok: true,
      seconds: 0,
      checksum: '1',
      instructions: 123,
    });
  });

  it.each([
    ['another guest’s lines', 'BEGIN mem\nRESULT mem 1\nTSC 1\n'],
    ['a result without a beginning', 'RESULT alu 1\nTSC 1\n'],
    ['an end without a result', 'BEGIN alu\nTSC 1\n'],
  ])('does not take %s for a result', (_what, text) => {
    expect(new GuestOutput('alu').feed(text, 0)).toEqual({ ok: false, why: 'ended without a result' });
  });

  it('keeps no endless line', () => {
    const output = new GuestOutput('alu');
    for (let n = 0; n < 1000; n++) output.feed('x'.repeat(10_000), n);
    expect(JSON.stringify(output).length).toBeLessThan(10_000);
  });
});

describe('runTimed', () => {
  it('times a process and ends it when the guest is done', async () => {
    const guest = `console.log('BEGIN alu');
      setTimeout(() => console.log('RESULT alu 12\\nTSC 1'), 300);
      setInterval(() => {}, 1000);`;
    const run = await runTimed('alu', node(guest), 60);
    expect(run).toMatchObject({ ok: true, checksum: '12' });
    expect(run.ok && run.seconds).toBeGreaterThan(0.2);
  });

  it.runIf(hasProcessorTime())('measures what the process had of a processor, if asked', async () => {
    const guest = `console.log('BEGIN alu');
      const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
      const spin = until => { while (used() < until); };
      setTimeout(() => { spin(used() + 300); console.log('RESULT alu 12\\nTSC 1'); }, 1500);
      setInterval(() => {}, 1000);`;
    const run = await runTimed('alu', node(guest), 60, 'processor');
    expect(run.ok && run.seconds).toBeGreaterThan(0.25);
    expect(run.ok && run.seconds).toBeLessThan(1.2);
  });

  it('gives up a process that hangs', async () => {
    const run = await runTimed('alu', node('console.log("BEGIN alu"); setInterval(() => {}, 1000)'), 1);
    expect(run).toEqual({ ok: false, why: 'not done in 1 s' });
  });

  it('says what a process died of', async () => {
    const run = await runTimed('alu', node('console.error("a\\nno such ROM"); process.exit(3)'), 60);
    expect(run).toEqual({ ok: false, why: 'ended early (3): no such ROM' });
    const killed = await runTimed('alu', node('process.kill(process.pid, "SIGTERM")'), 60);
    expect(killed).toEqual({ ok: false, why: 'ended early (SIGTERM)' });
  });

  it('says that there is no such program', async () => {
    const run = await runTimed('alu', { file: '/no/such/program', args: [] }, 60);
    expect(run).toEqual({ ok: false, why: 'cannot run /no/such/program (ENOENT)' });
  });
});
