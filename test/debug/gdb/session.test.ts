/** The protocol without gdb: what gdb would ask, what it never would, and what no client should send. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { frame, PACKET_SIZE } from '../../../debug/gdb/framing.ts';
import { actions } from '../../../debug/gdb/packets.ts';
import { REGISTERS } from '../../../debug/gdb/registers.ts';
import type { Served } from '../../../debug/gdb/stub.ts';
import type { Target } from '../../../debug/target.ts';
import { benchTarget, Client, kernelTarget, serving } from './client.ts';

let served: Served;
let client: Client;
const machine = () => served.debugger.target.machine;
const hex32 = (v: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(v >>> 0);
  return bytes.toString('hex');
};
const number = (name: string) => REGISTERS.findIndex(row => row.name === name).toString(16);
const symbol = (name: string) => served.debugger.target.symbols.address(name) as number;

beforeEach(async () => {
  served = serving(await benchTarget());
  client = new Client(served);
});

describe('the connection', () => {
  it('says what it can do, and takes packets of the size that it names', async () => {
    const features = (await client.ask('qSupported:multiprocess+;swbreak+;xmlRegisters=i386'))?.split(';');
    expect(features).toContain(`PacketSize=${PACKET_SIZE.toString(16)}`);
    expect(features).toContain('qXfer:features:read+');
    expect(await client.ask(`X0,0:${'a'.repeat(PACKET_SIZE - 5)}`)).toMatch(/^E/);
    expect(await client.ask('a'.repeat(PACKET_SIZE + 1))).toBe('E.packet too long');
  });

  it('acknowledges until it is told not to, and repeats what did not arrive', async () => {
    await client.ask('qAttached');
    expect(client.sent).toBe('+$1#31');
    client.raw('-');
    expect(client.sent).toBe('+$1#31$1#31');
    client.raw('$qAttached#00');
    expect(client.sent).toBe('+$1#31$1#31-');
    await client.next();
    expect(await client.ask('QStartNoAckMode')).toBe('OK');
    const before = client.sent.length;
    await client.ask('qAttached');
    expect(client.sent.slice(before)).toBe('$1#31');
  });

  it.each(['vMustReplyEmpty', 'qTStatus', 'QNonStop:1', '!', 'vRun;2f', 'x', 'qXfer:auxv:read::0,1000', ''])(
    'knows nothing of %j and says so',
    async packet => {
      expect(await client.ask(packet)).toBe('');
    },
  );

  it('ends by D and by k, each in its way', async () => {
    expect(await client.ask('D')).toBe('OK');
    expect(await client.next()).toBeUndefined();
    expect(client.ended).toBe('detached');
    const second = new Client(served);
    expect(await second.ask('k')).toBeUndefined();
    expect(second.ended).toBe('killed');
  });
});

describe('registers', () => {
  it('are as many digits as target.xml says', async () => {
    const xml = await client.ask('qXfer:features:read:target.xml:0,3ff0');
    const sizes = [...(xml ?? '').matchAll(/bitsize="(\d+)"/g)].map(([, bits]) => Number(bits));
    expect(sizes).toHaveLength(REGISTERS.length);
    const all = await client.ask('g');
    expect(all).toHaveLength(sizes.reduce((sum, bits) => sum + bits / 4, 0));
    expect(all?.slice(0, 8)).toBe(hex32(machine().cpu.r32[0]));
    expect(await client.ask(`p${number('cr0')}`)).toBe(hex32(0x11));
  });

  it('come in pieces as gdb asks for them', async () => {
    const whole = (await client.ask('qXfer:features:read:target.xml:0,3ff0'))?.slice(1) ?? '';
    let text = '';
    for (let end = false; !end; ) {
      const piece = await client.ask(`qXfer:features:read:target.xml:${text.length.toString(16)},100`);
      end = piece?.[0] === 'l';
      text += piece?.slice(1);
    }
    expect(text).toBe(whole);
    expect(await client.ask('qXfer:features:read:other.xml:0,100')).toMatch(/^E/);
    expect(await client.ask('qXfer:features:read:target.xml:ffffffff,100')).toBe('l');
  });

  it('are written one by one and all at once, if they can be', async () => {
    expect(await client.ask(`P${number('ebx')}=78563412`)).toBe('OK');
    expect(machine().cpu.r32[3]).toBe(0x12345678);
    const all = (await client.ask('g')) ?? '';
    expect(await client.ask(`G${'00000080'}${all.slice(8)}`)).toBe('OK');
    expect(machine().cpu.r32[0]).toBe(0x80000000 | 0);
    expect(machine().cpu.r32[3]).toBe(0x12345678);
    for (const bad of [`P${number('ebx')}=7856`, 'P0', 'Pfff=00000000', 'pfff', 'p-1', 'pzz'])
      expect(await client.ask(bad), bad).toMatch(/^E/);
  });

  it('hold the FPU’s stack in 80 bits', async () => {
    machine().cpu.fpu.init();
    machine().cpu.fpu.push(0x3fff, 0xc0000000 | 0, 0);
    expect(await client.ask(`p${number('st0')}`)).toBe('00000000000000c0ff3f');
    expect(await client.ask(`p${number('ftag')}`)).toBe(hex32(0x3fff));
  });
});

describe('memory', () => {
  it('is read and written, and where there is none that is said', async () => {
    expect(await client.ask('M200000,4:01020304')).toBe('OK');
    expect(await client.ask('X200004,2:\x05}\x03')).toBe('OK');
    expect(await client.ask('m200000,6')).toBe('010203040523');
    expect(await client.ask('m7ffffe,8')).toHaveLength(4);
    expect(await client.ask('m7fffffffe,8')).toMatch(/^E/);
    expect(await client.ask('mf0000000,4')).toMatch(/^E/);
    expect(await client.ask('Mf0000000,1:00')).toMatch(/^E/);
    expect(await client.ask('M200000,4:0102')).toMatch(/^E/);
    expect(await client.ask('X200000,0:')).toBe('OK');
    expect((await client.ask('m100000,ffffffff'))?.length).toBeLessThanOrEqual(PACKET_SIZE);
  });
});

describe('running', () => {
  it('stops at breakpoints, steps, and tells the end', async () => {
    await client.ask('qSupported:swbreak+;hwbreak+');
    const run = symbol('bench_run').toString(16);
    expect(await client.ask(`Z0,${run},1`)).toBe('OK');
    expect(await client.ask(`Z0,${run},1`)).toBe('OK');
    expect(await client.ask('vCont;c')).toMatch(
      new RegExp(`^T05thread:1;swbreak:;08:${hex32(symbol('bench_run'))};`),
    );
    expect(await client.ask('?')).toContain('swbreak');
    const { instructions } = machine().cpu;
    expect(await client.ask('vCont;s:1;c')).toMatch(/^T05thread:1;08:/);
    expect(machine().cpu.instructions).toBe(instructions + 1);
    expect(await client.ask(`z0,${run},1`)).toBe('OK');
    expect(await client.ask(`Z1,${run},1`)).toBe('OK');
    expect(await client.ask('c')).toBe('W00');
    expect(await client.ask('?')).toBe('W00');
  });

  it('steps on within a range', async () => {
    const run = symbol('bench_run').toString(16);
    await client.ask(`Z0,${run},1`);
    await client.ask('vCont;c:-1');
    const { instructions } = machine().cpu;
    const to = symbol('bench_run') + 3;
    await client.ask(`vCont;r${run},${to.toString(16)}:1;c`);
    expect(machine().cpu.instructions - instructions).toBe(2);
    expect(served.debugger.target.pc()).toBe(to);
  });

  it('hears Ctrl-C while the guest runs, and not else', async () => {
    client.raw('\x03');
    expect(await client.ask('vCont;s:1')).toMatch(/^T05/);
    // An endless loop: JMP $.
    const pc = served.debugger.target.pc().toString(16);
    await client.ask(`M${pc},2:ebfe`);
    client.raw(`${frame('vCont;c')}`);
    client.raw('\x03');
    expect(await client.next()).toMatch(/^T02thread:1;/);
    client.raw(frame('vCont;c'));
    await new Promise(resolve => setTimeout(resolve, 20));
    const { length } = client.sent;
    client.raw('\x03');
    expect(await client.next()).toMatch(/^T02/);
    expect(client.sent.slice(length)).toMatch(/^\$T02/);
  });

  it('reads actions as the manual writes them', () => {
    expect(actions(';s:1;c')).toEqual([{ kind: 'step', thread: 1 }, { kind: 'continue' }]);
    expect(actions(';C05:-1')).toEqual([{ kind: 'continue' }]);
    expect(actions(';t:a;S0b')).toEqual([{ kind: 'stop', thread: 10 }, { kind: 'step' }]);
    expect(actions(';r100,10f:2')).toEqual([{ kind: 'step', thread: 2, range: { from: 0x100, to: 0x10f } }]);
    for (const bad of [';x', ';r1', ';s:zz', ';C', ';c:p1.1']) expect(() => actions(bad), bad).toThrow();
  });
});

describe('threads', () => {
  let kernel: Client;
  let target: Target;

  beforeEach(async () => {
    target = await kernelTarget();
    kernel = new Client(serving(target));
  });

  it('are one before the kernel has tasks, then the kernel’s', async () => {
    expect(await kernel.ask('qfThreadInfo')).toBe('m10000');
    expect(await kernel.ask('qsThreadInfo')).toBe('l');
    const open = (target.symbols.address('udp_sendmsg') as number).toString(16);
    await kernel.ask(`Z0,${open},1`);
    expect(await kernel.ask('vCont;c')).toMatch(/^T05thread:5;/);
    expect(await kernel.ask('qfThreadInfo')).toBe('m10000,1,3,4,5');
    const text = Buffer.from((await kernel.ask('qThreadExtraInfo,5')) ?? '', 'hex').toString();
    expect(text).toBe('netsend: running, process');
    expect(await kernel.ask('T3')).toBe('OK');
    expect(await kernel.ask('T77')).toMatch(/^E/);
    // Of a thread that does not run: what the switch saved, and no other.
    expect(await kernel.ask('Hg3')).toBe('OK');
    expect(await kernel.ask(`p${number('eax')}`)).toBe('xxxxxxxx');
    expect(await kernel.ask(`p${number('eip')}`)).toMatch(/^[0-9a-f]{6}c0$/);
    expect(await kernel.ask(`P${number('ebx')}=00000000`)).toMatch(/^E/);
    expect(await kernel.ask('Hg77')).toMatch(/^E/);
    // A step of a sleeping thread waits until the kernel runs it.
    const saved = (await kernel.ask('Hg3')) === 'OK' && (await kernel.ask('g'));
    await kernel.ask(`z0,${open},1`);
    expect(await kernel.ask('vCont;s:1;c')).toMatch(/^T05thread:1;/);
    expect(saved).toContain('x');
    expect(await kernel.ask('vCont;s:77;c')).toMatch(/^E/);
  });

  it('are believed to be a list, whatever the guest made of it', async () => {
    const open = (target.symbols.address('udp_sendmsg') as number).toString(16);
    await kernel.ask(`Z0,${open},1`);
    await kernel.ask('vCont;c');
    const list = (target.symbols.address('all_tasks') as number).toString(16);
    for (const junk of ['00000000', 'ffffffff', '000000c0', list]) {
      await kernel.ask(`M${list},4:${junk}`);
      expect(await kernel.ask('qfThreadInfo'), junk).toMatch(/^m10000/);
      expect(await kernel.ask('qXfer:threads:read::0,1000'), junk).toMatch(/^l/);
      expect(await kernel.ask('g'), junk).not.toMatch(/^E/);
    }
  });
});

describe('monitor', () => {
  it('does our commands', async () => {
    const [text, end] = await client.monitor('print 7');
    expect([text, end]).toEqual(['$1 = 7\n', 'OK']);
    expect((await client.monitor('frob'))[0]).toContain('error: no command frob');
    expect((await client.monitor('help'))[0].length).toBeGreaterThan(1000);
  });

  it('sets points that stop gdb, too, and says which it was', async () => {
    await client.ask('qSupported:swbreak+');
    const [text] = await client.monitor(`break *0x${symbol('bench_run').toString(16)}`);
    expect(text).toMatch(/^breakpoint 1 at /);
    client.raw(frame('vCont;c'));
    const shown = Buffer.from((await client.next())?.slice(1) ?? '', 'hex').toString();
    expect(shown).toMatch(/^breakpoint 1 \(/);
    // Not as one of gdb's: it would look for it and find none.
    expect(await client.next()).toMatch(/^T05thread:1;08:/);
    expect(served.debugger.target.pc()).toBe(symbol('bench_run'));
  });

  it('is ended by Ctrl-C', async () => {
    const pc = served.debugger.target.pc().toString(16);
    await client.ask(`M${pc},2:ebfe`);
    const shown = client.monitor('continue');
    client.raw('\x03');
    expect((await shown)[0]).toMatch(/^interrupted\n/);
    expect(await client.ask('D')).toBe('OK');
    // Nothing is done for a client that has left.
    client.raw(frame(`M${pc},1:00`));
    await client.session.close();
    expect(machine().peek8(Number.parseInt(pc, 16))).toBe(0xeb);
  });

  it('says when the guest has moved behind gdb’s back', async () => {
    expect((await client.monitor('step'))[0]).toContain('flush register-cache');
    expect(await client.monitor('quit')).toEqual(['', 'OK']);
    expect(await client.next()).toBeUndefined();
    expect(client.ended).toBe('killed');
  });
});

describe('whatever a client sends', () => {
  const word = fc.oneof(
    fc.constantFrom(
      ...[
        'qSupported',
        'qXfer:',
        'features:read:',
        'vCont',
        ';s',
        ';c',
        ':1',
        'Hg',
        'm',
        'M',
        'X',
        'Z',
        'z',
        'P',
      ],
      ...['0', '1', ',', ':', ';', '=', 'ffffffff', '-1', 'qThreadExtraInfo,', 'T', 'G', 'qRcmd,', 'bs', 'p'],
    ),
    fc.string({ maxLength: 6 }),
  );
  const packet = fc.array(word, { maxLength: 8 }).map(words => words.join('').replace(/[#$}*]/g, ''));
  // Nothing that runs to the guest's end for each example.
  const harmless = packet.filter(text => !/^(c|C|vCont|qRcmd|k|D|vKill|bc)/.test(text));

  it('has an answer, and the guest does not move by asking', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(harmless, { maxLength: 10 }), async packets => {
        const client = new Client(served);
        for (const text of packets)
          expect(await client.ask(text), text).toMatch(/^(?!.*(not a function|undefined|Cannot|Invalid))/);
        await client.session.close();
      }),
      { numRuns: 300 },
    );
    expect(await client.ask('qC')).toBe('QC1');
  });

  it('may run the guest, to its end and beyond', async () => {
    const any = packet.filter(text => !/^(k|D|vKill)/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 10 }), async packets => {
        const client = new Client(served);
        for (const text of ['vCont;s:1', ...packets, 'c']) {
          const answer = await client.ask(text);
          expect(answer, text).not.toMatch(/not a function|undefined|Cannot|Invalid/);
        }
        await client.session.close();
      }),
      { numRuns: 100 },
    );
    expect(await client.ask('?')).toMatch(/^[TWX]/);
  });

  it('is survived as bytes, however cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 }), async pieces => {
        const client = new Client(served);
        for (const piece of pieces) client.session.receive(piece);
        await client.session.close();
      }),
      { numRuns: 300 },
    );
    expect(await client.ask('qC')).toBe('QC1');
  });

  it('is not kept without end', async () => {
    client.raw(frame('?').repeat(1000));
    expect(client.ended).toBe('flooded');
  });
});

it('leaves nothing behind when the client goes while the guest runs', async () => {
  const pc = served.debugger.target.pc();
  await client.ask(`M${pc.toString(16)},2:ebfe`);
  await client.ask(`Z0,${symbol('bench_run').toString(16)},1`);
  client.raw(frame('vCont;c'));
  await new Promise(resolve => setTimeout(resolve, 10));
  await client.session.close();
  const at = machine().cycles();
  await new Promise(resolve => setTimeout(resolve, 10));
  expect(machine().cycles()).toBe(at);
  const second = new Client(served);
  expect(await second.ask('?')).toMatch(/^T0/);
  expect((await second.monitor('info breakpoints'))[0]).toContain('no breakpoints');
});
