/** Looking never moves the clock: a session full of looks ends at the cycle of a run that nobody watched. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bootDebuggee } from '../../../cli/commands/debug.ts';
import { cyclesOf } from '../../../debug/text.ts';
import { Editor, type Server, startServer } from './rig.ts';

let server: Server;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

/** Asks for all that an editor asks for at a stop, and more. */
async function look(editor: Editor): Promise<void> {
  const { threads } = (await editor.dc.threadsRequest()).body;
  for (const { id } of threads) await editor.dc.stackTraceRequest({ threadId: id });
  const frames = await editor.frames();
  for (const { id } of frames.slice(0, 3))
    for (const scope of (await editor.dc.scopesRequest({ frameId: id })).body.scopes)
      for (const { variablesReference } of (await editor.children(scope.variablesReference)).values())
        if (variablesReference > 0) await editor.children(variablesReference);
  const memoryReference = frames[0].instructionPointerReference;
  await editor.dc.send('disassemble', { memoryReference, instructionOffset: -20, instructionCount: 50 });
  await editor.dc.send('readMemory', { memoryReference: '0xc0000000', count: 8192 });
  for (const expression of ['current_task->comm', 'jiffies', 'no_such_thing', '*current_task'])
    await editor.dc.send('evaluate', { expression, context: 'hover', frameId: frames[0].id }).catch(() => {});
  for (const command of ['bt', 'tlb', 'cache', 'walk $esp', 'domain', 'stats', 'x/8i $eip'])
    await editor.evaluate(`>${command}`, 'repl');
  await editor.dc.modulesRequest({});
}

it('ends at the same cycle, having said the same', async () => {
  let serial = '';
  const plain = await bootDebuggee(
    undefined,
    { isolation: 'nooks', profile: 'p4-1700', engine: 'interpreter', memory: 64 },
    byte => {
      serial += String.fromCharCode(byte);
    },
  );
  expect(plain.machine.run(Number.POSITIVE_INFINITY).reason).toBe('exit');

  const editor = await Editor.connect(server);
  await editor.launch({ isolation: 'nooks', stopAt: 'udp_sendmsg' }, async () => {
    await editor.break('drivers/e1000/tx.c', { at: /buffer->length = /, logMessage: '{$esp} {*skb}' });
  });
  await editor.dc.setFunctionBreakpointsRequest({
    breakpoints: [{ name: 'e1000_intr' }, { name: 'nooks_dispatch' }],
  });
  let stops = 0;
  for (; stops < 40; stops++) {
    await look(editor);
    const threadId = 1;
    if (stops % 4 === 0) await editor.stops(() => editor.dc.nextRequest({ threadId }));
    else if (stops % 4 === 1)
      await editor.stops(() => editor.dc.stepInRequest({ threadId, granularity: 'instruction' }));
    else if (stops % 4 === 2) await editor.stops(() => editor.dc.stepInRequest({ threadId }));
    else await editor.continue();
  }
  await editor.dc.setFunctionBreakpointsRequest({ breakpoints: [] });
  expect(await editor.continue()).toMatchObject({ description: 'The guest has ended' });
  expect(await editor.cycle()).toBe(cyclesOf(plain.machine.clock.now()));
  const instructions = (await editor.scope('Machine')).get('instructions')!.value.replaceAll(',', '');
  expect(Number(instructions)).toBe(plain.machine.cpu.instructions);
  expect(editor.output('stdout')).toBe(serial);
  expect(editor.output('console')).toMatch(/^\S+.* \{/m);
  await editor.quit();
});
