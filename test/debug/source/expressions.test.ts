/** The language of expressions: what it means, what it refuses, and that no text of any kind does harm. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CommandError } from '../../../debug/error.ts';
import { Source } from '../../../debug/source/source.ts';
import { buildBenchGuests } from '../../../guest/bench.ts';
import { artefact, buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { readElf } from '../../../guest/elf.ts';
import { debugKernel, outcome } from '../kernel-rig.ts';
import { debugBench, debugImage } from '../rig.ts';

let build: GuestBuild;
let kernel: Awaited<ReturnType<typeof debugKernel>>;
let source: Source;
beforeAll(async () => {
  build = await buildGuest();
  kernel = debugKernel(build, 'nooks');
  await kernel.run('until e1000_xmit_frame');
  source = new Source(kernel.target);
});

it.each([
  ['1 + 2 * 3', '7'],
  ['(1 + 2) * 3', '9'],
  ['7 - 2 - 1', '4'],
  ['1 ? 0 ? 2 : 3 : 4', '3'],
  ['0x10 + 010', '24'],
  ['~0u', '4294967295'],
  ['-1 < 0u', '0'],
  ['-1 < 0', '1'],
  ['1ll << 40', '1099511627776'],
  ['(unsigned short)0x12345', '9029'],
  ['(signed char)255', "-1 '\\377'"],
  ['sizeof(char [3][4])', '12'],
  ['sizeof(int (*)(char *, ...))', '4'],
  ['(int)"abc"[1]', '98'],
  ['"a\\x41\\n"[2]', "10 '\\n'"],
  ['0 && 1 / 0', '0'],
  ['1 || 1 / 0', '1'],
  ['skb->len @ 1', '{42}'],
  ['*skb->data @ 2', '"\\377\\377"'],
  ['{unsigned char} skb->data', "255 '\\377'"],
  ['(long)&((struct sk_buff *)0)->len', '32'],
  ['nooks_domains[0]->id', '1'],
  ['nooks_domains[0]->name', '"e1000", \'\\000\' <repeats 22 times>'],
  ['e1000_xmit_frame::skb == skb', '1'],
  ['main.c::no_such', undefined],
  ['skb->', undefined],
  ['skb->nope', undefined],
  ['*5', '<error: Cannot access memory at address 0x5>'],
  ['skb(1)', undefined],
  ['$nope', undefined],
  ['$99', undefined],
  ['"abc', undefined],
  ['08', undefined],
  ['99999999999999999999', undefined],
  ['jiffies @ 100000000', undefined],
  ['jiffies @ 0', undefined],
  ['&5', undefined],
  ['&$eax', undefined],
  ['*(void *)skb', undefined],
  ['*skb + 1', undefined],
  ['struct nope', undefined],
  ['(struct nope *)0', undefined],
  ['struct sk_buff', undefined],
  ['jiffies = ', undefined],
  ['', undefined],
  ['1 2', undefined],
  ['\u00e4', undefined],
])('%s is %s', (text, value) => {
  if (value === undefined) expect(() => source.evaluate(text).value).toThrow(CommandError);
  else expect(source.evaluate(text).value).toBe(value);
});

it('knows values that were shown', async () => {
  const { run } = debugKernel(build, 'nooks');
  await run('until e1000_xmit_frame');
  expect(await run('print $')).toBe('error: no value was shown yet\n');
  expect(await run('print skb->len')).toBe('$1 = 42\n');
  expect(await run('print $ + 1', 'print $1 * $2', 'print $$2')).toBe('$2 = 43\n$3 = 1806\n$4 = 42\n');
  expect(await run('print *5')).toBe('error: Cannot access memory at address 0x5\n');
  expect(await run('print $9')).toBe('error: the history has values 1 to 4\n');
});

it('keeps values as they were', async () => {
  const { run } = debugKernel(build, 'nooks');
  await run('until e1000_xmit_frame');
  await run('print *skb', 'print skb->cb', 'set var skb->len = 7');
  expect(await run('print $1.len', 'print &$1.len == &skb->len', 'print skb->len')).toBe(
    '$3 = 42\n$4 = 1\n$5 = 7\n',
  );
  await run('print *skb@3', 'set var skb->cb[0] = 1');
  expect(await run('print $2[0]', 'print $2 + 1 == skb->cb + 1')).toBe("$7 = 90 'Z'\n$8 = 1\n");
});

it('gives what values consist of', () => {
  const skb = source.evaluate('skb');
  expect(skb.type).toBe('struct sk_buff *');
  const members = skb.children!();
  expect(members.find(m => m.name === 'len')).toMatchObject({ value: '42', type: 'unsigned int', size: 4 });
  const cb = members.find(m => m.name === 'cb')!;
  expect(cb.children!().map(c => c.name)).toHaveLength(24);
  expect(source.evaluate('(struct sk_buff *)0').children).toBeUndefined();
  expect(source.evaluate('skb->data').children!()[0].name).toBe('*skb->data');
  const [frame] = source.frames(1);
  expect(frame.arguments.map(a => a.name)).toEqual(['skb', 'netdev']);
  expect(source.locals(frame).map(l => l.name)).toEqual(['adapter', 'ring', 'i', 'desc', 'buffer']);
});

it('limits what it prints', () => {
  const big = source.evaluate('*(char (*)[1000000])skb->data').value;
  expect(big.length).toBeLessThan(20_000);
  expect(source.evaluate('*nooks_domains[0]').value.length).toBeLessThan(20_000);
  expect(source.evaluate('**nooks_domains@16').value.length).toBeLessThan(20_000);
  expect(source.evaluate('*(int (*)[1000][1000][1000])nooks_domains').value.length).toBeLessThan(40_000);
  expect(() => source.evaluate(`${'('.repeat(3000)}1`)).toThrow(/too deep/);
  expect(() => source.evaluate('-'.repeat(3000))).toThrow(/too deep/);
  expect(() => source.evaluate('1+'.repeat(3000))).toThrow(/more than 4096/);
  expect(() => source.evaluate('a.'.repeat(1500))).toThrow(CommandError);
});

describe('texts of any kind', () => {
  const word = fc.constantFrom(
    ...'skb netdev jiffies nooks_domains current_task e1000_xmit_frame u32 struct sk_buff unsigned int char'.split(
      ' ',
    ),
    ...'* & + - / % ( ) [ ] { } -> . , ? : @ ! ~ << >> == && || = sizeof $ $1 $eax $esp :: const'.split(' '),
    ...`0 1 5 0x7fffffff 4294967295 0xffffffffffffffff 'a' "abc" len data comm`.split(' '),
  );
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.array(word, { maxLength: 14 }).map(list => list.join(' ')) },
    { weight: 1, arbitrary: fc.string({ maxLength: 60 }) },
  );

  it('are evaluated or refused, and change nothing without an assignment', () => {
    const before = outcome(kernel.machine);
    fc.assert(
      fc.property(text, line => {
        // `a[1] = 2` is meant to change something.
        if (/(^|[^=!<>])=([^=]|$)/.test(line)) return;
        try {
          const found = source.evaluate(line);
          expect(found.value.length).toBeLessThan(60_000);
          found
            .children?.()
            .slice(0, 20)
            .map(c => c.value);
          source.typeOf(line);
          source.definition(line, true);
        } catch (error) {
          expect(error, line).toBeInstanceOf(CommandError);
        }
      }),
      { numRuns: 2000 },
    );
    expect(outcome(kernel.machine)).toEqual(before);
  });

  it('make commands answer in one line', async () => {
    const commands = fc.constantFrom(
      'print',
      'print/x',
      'x/4xw',
      'watch',
      'break',
      'ptype/o',
      'list',
      'info',
      'frame',
      'bt',
    );
    await fc.assert(
      fc.asyncProperty(commands, text, async (command, rest) => {
        if (/[=\n\r]/.test(rest)) return;
        expect(await kernel.run(`${command} ${rest}`)).toMatch(/\n$|^$/);
        await kernel.run('delete');
      }),
      { numRuns: 150 },
    );
  });
});

it('bears spoilt debug information', async () => {
  const images = await buildBenchGuests({ only: ['call'], shift: 12 });
  const bytes = new Uint8Array(readFileSync(artefact(images, 'call.elf')));
  const sections = readElf(bytes, 'call').sections.filter(s => s.name.startsWith('.debug_') && s.size > 0);
  const offsetOf = (data: Uint8Array) => data.byteOffset - sections[0].data.byteOffset;
  const first = Buffer.from(bytes).indexOf(Buffer.from(sections[0].data));
  const spots = fc.array(fc.tuple(fc.nat(sections.length - 1), fc.nat(1 << 20), fc.nat(255)), {
    minLength: 1,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(spots, async list => {
      const spoilt = bytes.slice();
      for (const [n, at, byte] of list)
        spoilt[first + offsetOf(sections[n].data) + (at % sections[n].size)] = byte;
      const { run } = debugImage(spoilt, 'call');
      await run('until rt_main', 'stepi 3');
      for (const line of ['bt full', 'info frame', 'up', 'info locals', 'list', 'info scope rt_main'])
        expect(await run(line)).toMatch(/\n$/);
      for (const line of [
        'print rt_main',
        'ptype/o struct x',
        'ptype u32',
        'print *(u32 *)$esp',
        'print main.c::x',
      ])
        expect(await run(line)).toMatch(/\n$/);
    }),
    { numRuns: 20 },
  );
});

it('works where there are only symbols', async () => {
  const { run, target } = await debugBench('call');
  await run('until bench_run');
  expect(await run('print 1 + 1')).toBe('$1 = 2\n');
  expect(await run('print $eip')).toMatch(/^\$2 = \(void \(\*\)\(\)\) 0x[0-9a-f]+ <bench_run/);
  expect(await run('print nothing_here')).toBe('error: no symbol nothing_here\n');
  expect(target.expressions).toBeDefined();
});
