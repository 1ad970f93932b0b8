/** Backwards in an editor: steps undone, the last hit before, the beginning; and forwards again the same way. */
import { describe, expect, it } from 'vitest';
import { lineOf, session } from './rig.ts';

const TX = 'drivers/e1000/tx.c';

const both = session();

const threadId = 1;
const cycle = async () => Number((await both.editor.cycle()).replaceAll(',', ''));
const eip = async () => (await both.editor.frames())[0].instructionPointerReference;

describe('in order', () => {
  it('a step back undoes a step, by line and by instruction', async () => {
    const stop = await both.editor.launch({ isolation: 'nooks', stopAt: 'e1000_xmit_frame' });
    expect(stop.reason).toBe('entry');
    const places = [[await both.editor.where(), await cycle()]];
    for (let n = 0; n < 3; n++) {
      await both.editor.stops(() => both.editor.dc.nextRequest({ threadId }));
      places.push([await both.editor.where(), await cycle()]);
    }
    for (let n = 2; n > 0; n--) {
      const back = await both.editor.stops(() => both.editor.dc.stepBackRequest({ threadId }));
      expect(back.reason).toBe('step');
      expect([await both.editor.where(), await cycle()]).toEqual(places[n]);
    }
    const [at, when] = [await eip(), await cycle()];
    const granularity = 'instruction';
    for (let n = 0; n < 3; n++)
      await both.editor.stops(() => both.editor.dc.stepInRequest({ threadId, granularity }));
    expect(await eip()).not.toBe(at);
    for (let n = 0; n < 3; n++)
      await both.editor.stops(() => both.editor.dc.send('stepBack', { threadId, granularity }));
    expect([await eip(), await cycle()]).toEqual([at, when]);
  });

  it('reverse goes to the last hit before, past log points', async () => {
    const here = await cycle();
    await both.editor.break(TX, { at: /if \(!room\(ring\)\) \{/, logMessage: 'not here' });
    const [set] = (
      await both.editor.dc.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'udp_sendmsg' }] })
    ).body.breakpoints;
    const stop = await both.editor.stops(() => both.editor.dc.reverseContinueRequest({ threadId }));
    expect(stop).toMatchObject({ reason: 'function breakpoint', hitBreakpointIds: [set.id] });
    expect((await both.editor.frames())[0].name).toMatch(/^udp_sendmsg/);
    expect(await cycle()).toBeLessThan(here);
    await both.editor.dc.setFunctionBreakpointsRequest({ breakpoints: [] });
    await both.editor.break(TX);
  });

  it('forwards it goes as it went', async () => {
    await both.editor.break(TX, /buffer->skb = skb;/);
    await both.editor.continue();
    const first = [await both.editor.where(), await cycle()];
    expect(first[0]).toBe(`${TX}:${lineOf(TX, /buffer->skb = skb;/)}`);
    await both.editor.continue();
    const second = await cycle();
    expect((await both.editor.stops(() => both.editor.dc.reverseContinueRequest({ threadId }))).reason).toBe(
      'breakpoint',
    );
    expect(await both.editor.where()).toBe(first[0]);
    // To the instruction; within one, the clock depends on how it was reached.
    expect(Math.abs((await cycle()) - Number(first[1]))).toBeLessThan(1);
    await both.editor.continue();
    expect(await cycle()).toBe(second);
    await both.editor.break(TX);
  });

  it('data tells who wrote it last', async () => {
    const pointer = (await both.editor.evaluate('&jiffies')).result;
    const dataId = `${/0x[\da-f]{8}/.exec(pointer)![0]}:4`;
    await both.editor.dc.setDataBreakpointsRequest({ breakpoints: [{ dataId, accessType: 'write' }] });
    const stop = await both.editor.stops(() => both.editor.dc.reverseContinueRequest({ threadId }));
    expect(stop.reason).toBe('data breakpoint');
    expect(
      (await both.editor.frames())
        .slice(0, 3)
        .map(f => f.name)
        .join(),
    ).toMatch(/timer|tick|time/);
    await both.editor.dc.setDataBreakpointsRequest({ breakpoints: [] });
  });

  it('a command goes anywhere, and the beginning is the end of it', async () => {
    const when = await cycle();
    await both.editor.stops(() => both.editor.evaluate(`>goto ${Math.floor(when) - 100_000}`, 'repl'));
    expect(await cycle()).toBeLessThan(when);
    const stop = await both.editor.stops(() => both.editor.dc.reverseContinueRequest({ threadId }));
    expect(stop).toMatchObject({ reason: 'pause', description: 'The beginning of what is recorded' });
    expect(await cycle()).toBeLessThan(1_000_000);
    await both.editor.break(TX, /buffer->skb = skb;/);
    expect((await both.editor.continue()).reason).toBe('breakpoint');
  });
});
