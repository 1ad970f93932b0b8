/** Everything that stops the guest for an editor, and what does not: events, conditions, counts, log points, pauses. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { describe, expect, it } from 'vitest';
import { session } from './rig.ts';

const TX = 'drivers/e1000/tx.c';

const both = session();

const exceptions = async (...filterOptions: DebugProtocol.ExceptionFilterOptions[]) =>
  (await both.editor.dc.setExceptionBreakpointsRequest({ filters: [], filterOptions })).body?.breakpoints;
const functions = async (...breakpoints: DebugProtocol.FunctionBreakpoint[]) =>
  (await both.editor.dc.setFunctionBreakpointsRequest({ breakpoints })).body.breakpoints;
const data = async (...breakpoints: DebugProtocol.DataBreakpoint[]) =>
  (await both.editor.dc.setDataBreakpointsRequest({ breakpoints })).body.breakpoints;

describe('in order', () => {
  it('events stop the guest, narrowed by their conditions', async () => {
    const stop = await both.editor.launch({ isolation: 'nooks' }, async () => {
      const set = await exceptions(
        { filterId: 'load', condition: 'e1000' },
        { filterId: 'nonsense' },
        { filterId: 'exception', condition: 'many' },
      );
      expect(set).toMatchObject([{ verified: true }, { verified: false }, { verified: false }]);
      expect(set![1].message).toBe('no filter nonsense');
      expect(set![2].message).toMatch(/many/);
    });
    expect(stop).toMatchObject({ reason: 'exception', description: 'Paused on load e1000' });
    expect(stop.text).toMatch(/e1000/);
    const info = await both.editor.dc.exceptionInfoRequest({ threadId: stop.threadId! });
    expect(info.body).toMatchObject({
      exceptionId: 'load e1000',
      description: stop.text,
      breakMode: 'always',
    });

    await exceptions({ filterId: 'xpc', condition: 'in' });
    expect(await both.editor.continue()).toMatchObject({
      reason: 'exception',
      text: expect.stringMatching(/./),
    });
    await exceptions({ filterId: 'domain' });
    const before = (await both.editor.scope('Machine')).get('address space')!.value;
    expect((await both.editor.continue()).reason).toBe('exception');
    expect((await both.editor.scope('Machine')).get('address space')!.value).not.toBe(before);
    await exceptions();
  });

  it('functions stop where their bodies begin, from a given hit on', async () => {
    const [set, unknown, bad] = await functions(
      { name: 'e1000_xmit_frame', hitCondition: '3' },
      { name: 'no_such_function' },
      { name: 'e1000_xmit_frame', hitCondition: 'often' },
    );
    expect(set).toMatchObject({ verified: true, source: { name: 'tx.c' } });
    expect(unknown).toMatchObject({ verified: false, reason: 'pending' });
    expect(bad).toMatchObject({
      verified: false,
      reason: 'failed',
      message: expect.stringMatching(/^hit count often/),
    });
    const stop = await both.editor.continue();
    expect(stop).toMatchObject({ reason: 'function breakpoint', hitBreakpointIds: [set.id] });
    expect((await both.editor.evaluate('>info breakpoints', 'repl')).result).toMatch(
      /e1000_xmit_frame.*3 times/,
    );
    const [main] = await functions({ name: 'netsend:main' });
    expect(main).toMatchObject({ verified: true });
    await functions();
  });

  it('log points speak, and the guest goes on', async () => {
    const at = /buffer->length = /;
    const line = /the descriptor before/;
    await both.editor.break(TX, { at, logMessage: 'esp {$esp}, {nothing}' }, line);
    expect((await both.editor.continue()).reason).toBe('breakpoint');
    expect(both.editor.output('console')).toMatch(/^esp \(?.*0?x?[\da-f]+.*, \{.*nothing.*\}$/m);
    await both.editor.break(TX, { at, logMessage: 'frame' }, { at: line, hitCondition: '% 5' });
    expect((await both.editor.continue()).reason).toBe('breakpoint');
    expect(both.editor.output('console').match(/^frame$/gm)).toHaveLength(5);
    // A step is not disturbed by one.
    await both.editor.break(TX, { at, logMessage: 'frame' });
    await both.editor.stops(() => both.editor.dc.stepOutRequest({ threadId: 1 }));
    expect((await both.editor.frames())[0].name).not.toMatch(/xmit_frame/);
    await both.editor.break(TX);
  });

  it('conditions decide; one that cannot be worked out stops, and says so', async () => {
    const at = /buffer->length = /;
    const [never] = await both.editor.break(TX, { at, condition: '$esp == 0' }, /the descriptor before/);
    const stop = await both.editor.continue();
    expect(stop.hitBreakpointIds).not.toContain(never.id);
    await both.editor.break(TX, { at, condition: 'no_such_thing == 1' });
    expect((await both.editor.continue()).text).toMatch(/no_such_thing/);
    await both.editor.break(TX);
  });

  it('log points and conditions are C', async () => {
    const at = /buffer->length = /;
    await both.editor.break(TX, { at, condition: 'skb->len < 1000 && ring->next_to_use >= 0' });
    await both.editor.continue();
    expect(Number((await both.editor.evaluate('skb->len')).result)).toBeLessThan(1000);
    const logMessage = 'frame of {skb->len} bytes';
    await both.editor.break(
      TX,
      { at, logMessage, condition: 'skb->len > 1000' },
      { at: /the descriptor before/, hitCondition: '% 5' },
    );
    await both.editor.continue();
    const said = [...both.editor.output('console').matchAll(/frame of (\d+) bytes/g)];
    expect(said.length).toBeGreaterThan(0);
    for (const [, length] of said) expect(Number(length)).toBeGreaterThan(1000);
    await both.editor.break(TX, { at, condition: 'skb->no_such_member' });
    expect((await both.editor.continue()).text).toMatch(/no_such_member/);
    await both.editor.break(TX);
  });

  it('data stops who touches it', async () => {
    const pointer = (await both.editor.evaluate('&jiffies')).result;
    const name = /0x[\da-f]{8}/.exec(pointer)![0];
    const info = (await both.editor.dc.send('dataBreakpointInfo', { name, asAddress: true })).body;
    expect(info).toMatchObject({ dataId: `${name}:4`, accessTypes: ['read', 'write', 'readWrite'] });
    const jiffies = async () => {
      const { data } = (await both.editor.dc.send('readMemory', { memoryReference: name, count: 4 })).body;
      return Buffer.from(data, 'base64').readUInt32LE();
    };
    const before = await jiffies();
    const [set, bad] = await data({ dataId: info.dataId!, accessType: 'write' }, { dataId: '0x10:99999' });
    expect(set.verified).toBe(true);
    expect(bad.verified).toBe(false);
    const stop = await both.editor.continue();
    expect(stop).toMatchObject({ reason: 'data breakpoint', hitBreakpointIds: [set.id] });
    expect(await jiffies()).toBe(before + 1);
    await data();
    const physical = await both.editor.dc.send('dataBreakpointInfo', {
      name: 'phys:0x1000',
      asAddress: true,
      bytes: 8,
    });
    expect(physical.body.dataId).toBe('phys:0x00001000:8');
    const nothing = await both.editor.dc.dataBreakpointInfoRequest({ name: '1+1' });
    expect(nothing.body.dataId).toBeNull();
  });

  it('data is found by its name in C', async () => {
    const { dataId } = (await both.editor.dc.dataBreakpointInfoRequest({ name: 'jiffies' })).body;
    expect(dataId).toMatch(/^0xc[\da-f]{7}:4$/);
  });

  it('instructions stop, at an offset', async () => {
    const [{ instructionPointerReference }] = await both.editor.frames();
    const rows = await both.editor.dc.send('disassemble', {
      memoryReference: instructionPointerReference,
      instructionCount: 4,
    });
    const address = Number(rows.body.instructions[2].address);
    const set = await both.editor.dc.send('setInstructionBreakpoints', {
      breakpoints: [
        {
          instructionReference: instructionPointerReference,
          offset: address - Number(instructionPointerReference),
        },
      ],
    });
    expect(set.body.breakpoints).toMatchObject([{ verified: true }]);
    const stop = await both.editor.continue();
    expect(stop.reason).toBe('instruction breakpoint');
    expect(Number((await both.editor.frames())[0].instructionPointerReference)).toBe(address);
    await both.editor.dc.send('setInstructionBreakpoints', { breakpoints: [] });
  });

  it('a pause comes through while the guest runs, and requests are refused that need it to stand', async () => {
    const stopped = both.editor.dc.waitForEvent('stopped');
    await both.editor.dc.continueRequest({ threadId: 1 });
    expect(await both.editor.fails('scopes', { frameId: 1000 })).toMatch(/running: pause it/);
    expect(await both.editor.fails('continue', { threadId: 1 })).toMatch(/running: pause it/);
    const placed = await functions({ name: 'no_such_function' });
    expect(placed).toHaveLength(1);
    await both.editor.dc.pauseRequest({ threadId: 1 });
    expect((await stopped).body.reason).toBe('pause');
  });

  it('a command that runs the guest tells the editor where it stands', async () => {
    const stopped = both.editor.dc.waitForEvent('stopped');
    await both.editor.evaluate('>continue 5000000', 'repl');
    await stopped;
    expect(both.editor.events.some(event => event.event === 'continued')).toBe(true);
    expect(await both.editor.fails('evaluate', { expression: '>frob', context: 'repl' })).toMatch(
      /no command frob/,
    );
    expect(await both.editor.fails('evaluate', { expression: 'frob', context: 'repl' })).toMatch(/frob/);
    expect(await both.editor.fails('evaluate', { expression: 'bt', context: 'watch' })).toMatch(/bt/);
    expect((await both.editor.evaluate('bt', 'repl')).result).toMatch(/^#0/);
    const { targets } = (await both.editor.dc.completionsRequest({ text: '>dis', column: 5 })).body;
    expect(targets).toContainEqual({ label: 'disas', text: 'disas', start: 2, length: 3 });
  });

  it('the end is a place to look from; behind it the session is over', async () => {
    const stop = await both.editor.continue();
    expect(stop).toMatchObject({
      reason: 'pause',
      description: 'The guest has ended',
      text: 'the guest exits with code 0',
    });
    expect((await both.editor.frames()).length).toBeGreaterThan(0);
    const over = Promise.all([
      both.editor.dc.waitForEvent('exited'),
      both.editor.dc.waitForEvent('terminated'),
    ]);
    await both.editor.dc.continueRequest({ threadId: 1 });
    expect((await over)[0].body.exitCode).toBe(0);
  });
});
