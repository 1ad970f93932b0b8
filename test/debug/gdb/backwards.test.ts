/** bs and bc: where the guest stands then, and what gdb is told. */
import { beforeEach, expect, it } from 'vitest';
import type { Served } from '../../../debug/gdb/stub.ts';
import type { Target } from '../../../debug/target.ts';
import { benchTarget, Client, kernelTarget, serving } from './client.ts';

let served: Served;
let target: Target;
let client: Client;

function serve(what: Target): void {
  target = what;
  served = serving(target);
  client = new Client(served);
}

const steps = () => target.machine.cpu.instructions + target.machine.cpu.deliveries;
const hex = (name: string) => (target.symbols.address(name) as number).toString(16);

beforeEach(async () => serve(await benchTarget()));

it('undoes steps, and tells where the known past begins', async () => {
  const registers = await client.ask('g');
  for (let n = 0; n < 3; n++) await client.ask('vCont;s:1');
  const later = await client.ask('g');
  await client.ask('vCont;s:1');
  expect(await client.ask('bs')).toMatch(/^T05thread:1;08:/);
  expect(await client.ask('g')).toBe(later);
  expect(await client.ask('bc')).toMatch(/^T05thread:1;replaylog:begin;/);
  expect(await client.ask('g')).toBe(registers);
  expect(await client.ask('bs')).toMatch(/replaylog:begin;/);
});

it('stops at a breakpoint where it stands forwards, and at a write before it', async () => {
  await client.ask('qSupported:swbreak+');
  await client.ask(`Z0,${hex('bench_run')},1`);
  await client.ask('vCont;c');
  const at = steps();
  await client.ask(`z0,${hex('bench_run')},1`);
  // The call that led here has pushed its return address.
  const slot = target.esp();
  const pushed = target.value(slot, 4);
  await client.ask(`Z2,${slot.toString(16)},4`);
  expect(await client.ask('bc')).toContain(`watch:${slot.toString(16)};`);
  expect(steps()).toBe(at - 1);
  expect(target.value(slot, 4)).not.toBe(pushed);
  expect(await client.ask('vCont;s:1')).toContain('watch:');
  expect(target.value(slot, 4)).toBe(pushed);
  // The same once more: the history's replay has met it, too.
  expect(await client.ask('bs')).toMatch(/^T05/);
  expect(await client.ask('bs')).toMatch(/^T05/);
  expect(await client.ask('vCont;c')).toContain('watch:');
  expect(steps()).toBe(at);
  await client.ask(`Z0,${hex('bench_run')},1`);
  await client.ask('vCont;s:1');
  expect(await client.ask('bc')).toContain('swbreak:;');
  expect(steps()).toBe(at);
});

it('goes back from the guest’s end, for the client that comes then', async () => {
  expect(await client.ask('vCont;c')).toBe('W00');
  await client.session.close();
  client = new Client(served);
  expect(await client.ask('?')).toMatch(/^T05/);
  const end = steps();
  expect(await client.ask('bs')).toMatch(/^T05/);
  expect(steps()).toBe(end - 1);
  await client.ask(`Z0,${hex('bench_run')},1`);
  await client.ask('bc');
  expect(target.pc().toString(16)).toBe(hex('bench_run'));
});

it('does not step back into the handler of an interrupt', async () => {
  serve(await kernelTarget());
  /** Where interrupts from outside came: before each, and the address that it goes back to. */
  const deliveries: [step: number, back: number][] = [];
  const remove = target.machine.cpu.probes.add({
    delivered(_vector, _error, kind, back) {
      if (kind === 'external') deliveries.push([steps() - 1, back >>> 0]);
    },
  });
  await client.ask(`Z0,${hex('do_timer')},1`);
  await client.ask('vCont;c');
  remove();
  await client.ask(`z0,${hex('do_timer')},1`);
  const inHandler = steps();
  // do_timer(regs): where the clock interrupted.
  const regs = target.value(target.esp() + 4, 4);
  const back = target.value(regs + 44, 4);
  await client.ask(`Z0,${back.toString(16)},1`);
  await client.ask('vCont;c');
  expect(target.pc()).toBe(back);
  expect(steps()).toBeGreaterThan(inHandler);
  await client.ask(`z0,${back.toString(16)},1`);
  await client.ask('bs');
  expect(steps()).toBeLessThan(inHandler);
  // The watchdog's NMI and the clock's interrupt may come one after the other.
  expect(deliveries.slice(-2)).toContainEqual([steps() + 1, back]);
  const before = steps();
  // The same road forwards: one instruction, to where the clock will interrupt.
  await client.ask('vCont;s:1');
  expect([target.pc(), steps()]).toEqual([back, before + 1]);
});
