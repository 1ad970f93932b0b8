/** A session on our kernel with a domain: breakpoints in kernel, driver and program; variables, memory, code. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { describe, expect, it } from 'vitest';
import { lineOf, pathOf, session } from './rig.ts';

const TX = 'drivers/e1000/tx.c';
const SEND = 'user/netsend.c';
const MODULE = 'kernel/core/module.c';

const both = session();

describe('in order', () => {
  it('breakpoints in a driver that is not loaded wait for it', async () => {
    const stop = await both.editor.launch({ isolation: 'nooks' }, async () => {
      const [inKernel, behind] = await both.editor.break(
        MODULE,
        /int err = nooks_call_init/,
        /^static int run_init/,
      );
      expect(inKernel).toMatchObject({ verified: true, line: lineOf(MODULE, /int err = nooks_call_init/) });
      expect(behind.verified).toBe(true);
      const [inDriver, empty, last] = await both.editor.break(
        TX,
        /if \(!room\(ring\)\) \{/,
        /the descriptor before/,
        /^#include/,
      );
      expect(inDriver).toMatchObject({ verified: false, reason: 'pending' });
      // A barrier has no code of its own; the next line has.
      expect(empty.line).toBeGreaterThan(0);
      expect(last.line).toBeGreaterThan(lineOf(TX, /^#include/));
      await both.editor.break(TX, /if \(!room\(ring\)\) \{/);
      const [inProgram] = await both.editor.break(SEND, /while \(send\(s, m/);
      expect(inProgram).toMatchObject({ verified: true, line: lineOf(SEND, /while \(send\(s, m/) });
    });
    expect(stop.reason).toBe('breakpoint');
    expect(await both.editor.where()).toMatch(new RegExp(`^${MODULE}:`));
    expect(both.editor.output('stdout')).toContain('nooks86 kernel');
    const [module] = await both.editor.break(MODULE);
    expect(module).toBeUndefined();
  });

  it('a program’s breakpoint stops in that program', async () => {
    const stop = await both.editor.continue();
    expect(stop.reason).toBe('breakpoint');
    expect(stop.hitBreakpointIds).toHaveLength(1);
    expect(await both.editor.where()).toBe(`${SEND}:${lineOf(SEND, /while \(send\(s, m/)}`);
    const args = await both.editor.scope('Arguments');
    expect(args.get('m')).toMatchObject({ type: expect.stringMatching(/struct message \*/) });
    expect((await both.editor.scope('Machine')).get('ring')?.value).toBe('3');
  });

  it('the driver’s was placed when it was loaded', async () => {
    const changed = both.editor.events.filter(
      (event): event is DebugProtocol.BreakpointEvent => event.event === 'breakpoint',
    );
    expect(changed.at(-1)?.body).toMatchObject({ reason: 'changed', breakpoint: { verified: true } });
    const modules = both.editor.events.filter(event => event.event === 'module');
    expect(modules.at(-1)?.body).toMatchObject({
      reason: 'new',
      module: { name: 'e1000.ko', version: 'domain 1' },
    });
    await both.editor.break(SEND);
    expect((await both.editor.continue()).reason).toBe('breakpoint');
    expect(await both.editor.where()).toBe(`${TX}:${lineOf(TX, /if \(!room\(ring\)\) \{/)}`);
  });

  it('the stack leads to the program that sends', async () => {
    const frames = await both.editor.frames();
    const names = frames.map(frame => frame.name);
    expect(names.join('\n')).toMatch(/^e1000_xmit_frame[\s\S]*udp_sendmsg[\s\S]*system_call/);
    expect(frames[0]).toMatchObject({
      source: { path: pathOf(TX), name: 'tx.c' },
      instructionPointerReference: expect.stringMatching(/^0xf0/),
    });
    const page = await both.editor.dc.stackTraceRequest({ threadId: stopThread(), startFrame: 1, levels: 2 });
    expect(page.body.totalFrames).toBe(frames.length);
    expect(page.body.stackFrames.map(f => f.name)).toEqual(names.slice(1, 3));
  });

  it('threads are the guest’s tasks; those that wait have stacks, too', async () => {
    const { threads } = (await both.editor.dc.threadsRequest()).body;
    expect(threads.find(t => t.id === stopThread())?.name).toMatch(/netsend/);
    const other = threads.find(t => t.id !== stopThread() && /init/.test(t.name))!;
    const frames = await both.editor.frames(other.id);
    expect(frames.map(f => f.name).join()).toMatch(/schedule/);
    const { scopes } = (await both.editor.dc.scopesRequest({ frameId: frames[1].id })).body;
    expect(scopes.map(s => s.name)).toContain('Registers');
  });

  it('variables have types, values and members', async () => {
    const args = await both.editor.scope('Arguments');
    expect([...args.keys()]).toEqual(['skb', 'netdev']);
    const skb = args.get('skb')!;
    expect(skb.type).toMatch(/^struct sk_buff ?\*$/);
    expect(skb.variablesReference).toBeGreaterThan(0);
    const members = await both.editor.children(skb.variablesReference);
    const inside = members.has('len')
      ? members
      : await both.editor.children([...members.values()][0].variablesReference);
    const length = Number((await both.editor.evaluate('skb->len')).result);
    expect(inside.get('len')!.value).toBe(String(length));
    expect(length).toBeGreaterThan(14);
    const expression = inside.get('len')!.evaluateName!;
    expect((await both.editor.evaluate(expression)).result).toBe(String(length));
    expect(Number(skb.memoryReference)).toBeGreaterThan(0xc000_0000);
    const locals = await both.editor.scope('Locals');
    expect(locals.get('ring')!.type).toMatch(/struct e1000_ring/);
    expect(await both.editor.fails('variables', { variablesReference: 999_999 })).toMatch(/no variables/);
  });

  it('arrays come in pages', async () => {
    const array = await both.editor.evaluate('current_task->files');
    expect(array.indexedVariables).toBe(32);
    const page = await both.editor.dc.variablesRequest({
      variablesReference: array.variablesReference,
      filter: 'indexed',
      start: 30,
      count: 2,
    });
    expect(page.body.variables.map(v => v.name)).toEqual(['[30]', '[31]']);
    const comm = await both.editor.evaluate('current_task->comm');
    expect(comm.result).toContain('netsend');
  });

  it('registers are those of the processor', async () => {
    const registers = await both.editor.scope('Registers');
    expect(registers.get('eip')!.value).toMatch(/e1000_xmit_frame/);
    expect(registers.get('cr3')!.value).toMatch(/^0x[\da-f]{8}$/);
    const text = (await both.editor.evaluate('>info registers', 'repl')).result;
    expect(text).toContain(registers.get('ebx')!.value.slice(2));
    expect((await both.editor.scope('Machine')).get('address space')!.value).toBe('domain 1 (e1000)');
  });

  it('code is disassembled, forwards and backwards', async () => {
    const [{ instructionPointerReference: memoryReference }] = await both.editor.frames();
    const rows = async (instructionOffset: number, instructionCount: number) =>
      (await both.editor.dc.send('disassemble', { memoryReference, instructionOffset, instructionCount }))
        .body.instructions as DebugProtocol.DisassembledInstruction[];
    const forward = await rows(0, 10);
    expect(forward).toHaveLength(10);
    expect(Number(forward[0].address)).toBe(Number(memoryReference));
    expect(forward[0]).toMatchObject({
      symbol: expect.stringMatching(/^e1000_xmit_frame/),
      line: expect.any(Number),
    });
    const around = await rows(-5, 10);
    expect(around).toHaveLength(10);
    expect(around.slice(5).map(r => r.address)).toEqual(forward.slice(0, 5).map(r => r.address));
    for (const [n, row] of around.slice(0, -1).entries())
      expect(Number(row.address) + row.instructionBytes!.split(' ').length).toBe(
        Number(around[n + 1].address),
      );
    // What VS Code asks for: far over the function's beginning.
    const far = await rows(-200, 400);
    expect(far).toHaveLength(400);
    expect(far[200].address).toBe(forward[0].address);
    for (const [n, row] of far.slice(0, -1).entries())
      expect(Number(row.address)).toBeLessThan(Number(far[n + 1].address));
    // What the prompt says of the same place.
    const said = (await both.editor.evaluate('>x/3i $eip', 'repl')).result.split('\n');
    for (const [n, line] of said.entries()) expect(line).toContain(forward[n].instruction.split('  ')[0]);
    const nowhere = (
      await both.editor.dc.send('disassemble', { memoryReference: '0x10', instructionCount: 3 })
    ).body;
    expect(nowhere.instructions).toHaveLength(3);
    expect(nowhere.instructions[0].presentationHint).toBe('invalid');
  });

  it('memory is read', async () => {
    const esp = (await both.editor.scope('Registers')).get('esp')!.value;
    const { data, address } = (await both.editor.dc.send('readMemory', { memoryReference: esp, count: 16 }))
      .body;
    expect(Number(address)).toBe(Number(esp));
    const bytes = [...Buffer.from(data, 'base64')].map(b => b.toString(16).padStart(2, '0'));
    expect(bytes).toHaveLength(16);
    const said = (await both.editor.evaluate('>x/16xb $esp', 'repl')).result;
    expect(said.match(/(?<=0x|\s)[\da-f]{2}(?=\s|$)/g)).toEqual(bytes);
    const hole = (await both.editor.dc.send('readMemory', { memoryReference: '0x10', count: 8 })).body;
    expect(hole).toMatchObject({ data: '', unreadableBytes: 8 });
    expect(await both.editor.fails('readMemory', { memoryReference: 'here', count: 4 })).toBe(
      'not an address: here',
    );
    expect(await both.editor.fails('readMemory', { memoryReference: '0', count: 2 ** 31 })).toMatch(
      /bad arguments: count/,
    );
    const data4 = Buffer.from([1, 2, 3, 4]).toString('base64');
    expect(await both.editor.fails('writeMemory', { memoryReference: '0x10', data: data4 })).toMatch(
      /only 0 of 4 bytes/,
    );
    expect(await both.editor.fails('writeMemory', { memoryReference: esp, data: '!' })).toMatch(
      /bad arguments: data/,
    );
  });

  it('memory and registers are written', async () => {
    const esp = Number((await both.editor.scope('Registers')).get('esp')!.value);
    const memoryReference = `0x${(esp - 256).toString(16)}`;
    const read = async () =>
      (await both.editor.dc.send('readMemory', { memoryReference, count: 4 })).body.data;
    const before = await read();
    const data = Buffer.from([1, 2, 3, 4]).toString('base64');
    expect((await both.editor.dc.send('writeMemory', { memoryReference, data })).body.bytesWritten).toBe(4);
    expect(await read()).toBe(data);
    await both.editor.dc.send('writeMemory', { memoryReference, data: before });
    const frameId = (await both.editor.frames())[0].id;
    const { scopes } = (await both.editor.dc.scopesRequest({ frameId })).body;
    const variablesReference = scopes.find(s => s.name === 'Registers')!.variablesReference;
    const old = (await both.editor.scope('Registers')).get('edx')!.value;
    const set = (name: string, value: string) => ({ variablesReference, name, value });
    const { body } = await both.editor.dc.setVariableRequest(set('edx', '0x1234'));
    expect(body.value).toBe('0x00001234');
    await both.editor.dc.setVariableRequest(set('edx', old));
    expect((await both.editor.scope('Registers')).get('edx')!.value).toBe(old);
    expect(await both.editor.fails('setVariable', set('cr3', '0'))).toMatch(/cannot be written/);
    expect(await both.editor.fails('setVariable', set('edx', 'no_such'))).toMatch(/no_such/);
    expect(await both.editor.fails('setVariable', set('exx', '0'))).toBe('no variable exx');
  });

  it('variables are written', async () => {
    const frameId = (await both.editor.frames())[0].id;
    const length = (await both.editor.evaluate('skb->len')).result;
    const written = await both.editor.dc.send('setExpression', {
      expression: 'skb->len',
      value: '7',
      frameId,
    });
    expect(written.body.value).toBe('7');
    expect((await both.editor.evaluate('skb->len')).result).toBe('7');
    await both.editor.dc.send('setExpression', { expression: 'skb->len', value: length, frameId });
  });

  it('stepping goes by line, over and into and out', async () => {
    const before = await both.editor.where();
    const stop = await both.editor.stops(() => both.editor.dc.nextRequest({ threadId: stopThread() }));
    expect(stop.reason).toBe('step');
    // Which line it is, the compiler's order of code decides.
    expect(await both.editor.where()).toMatch(new RegExp(`^${TX}:`));
    expect(await both.editor.where()).not.toBe(before);
    expect((await both.editor.frames())[0].name).toMatch(/^e1000_xmit_frame/);
    await both.editor.stops(() => both.editor.dc.stepOutRequest({ threadId: stopThread() }));
    expect(await both.editor.where()).not.toMatch(new RegExp(TX));
    const [{ instructionPointerReference: from }] = await both.editor.frames();
    await both.editor.stops(() =>
      both.editor.dc.stepInRequest({ threadId: stopThread(), granularity: 'instruction' }),
    );
    const [{ instructionPointerReference: to }] = await both.editor.frames();
    expect(to).not.toBe(from);
  });

  it('a border that a call crossed is a label', async () => {
    await both.editor.break(TX);
    await both.editor.dc.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'nooks_dispatch' }] });
    await both.editor.continue();
    const frames = await both.editor.frames();
    const at = frames.findIndex(frame => frame.presentationHint === 'label');
    expect(frames[at].name).toMatch(/domain/);
    expect(frames[0].name).toMatch(/^nooks_dispatch/);
    expect(frames[at + 1].source?.path).toMatch(/drivers\/e1000/);
    expect((await both.editor.dc.scopesRequest({ frameId: frames[at].id })).body.scopes).toEqual([]);
  });
});

function stopThread(): number {
  const stops = both.editor.events.filter(event => event.event === 'stopped');
  return (stops.at(-1) as DebugProtocol.StoppedEvent).body.threadId!;
}
