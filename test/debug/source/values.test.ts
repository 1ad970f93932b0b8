/** Values, types and frames at stops of our kernel: the same as gdb shows of the same guest, and as the sources say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sourceReader } from '../../../cli/read-source.ts';
import { Interpreter } from '../../../debug/interpreter.ts';
import { buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { projectRoot } from '../../../guest/project.ts';
import { debugKernel, kernelTarget } from '../kernel-rig.ts';
import { askOfTarget, installed } from './gdb.ts';

let build: GuestBuild;
beforeAll(async () => {
  build = await buildGuest();
});

/** Our answers say of modules' symbols whose they are. */
const plain = (text: string) => text.trimEnd().replace(/ \[[\w.]+\]>/g, '>');

const EXPRESSIONS = [
  '*skb',
  'skb',
  'skb->len',
  '&skb->len',
  'skb->data[0]@14',
  '*skb->dev',
  'skb->dev->name',
  'skb->dev->hard_start_xmit',
  'netdev->hard_start_xmit == e1000_xmit_frame',
  'skb->users.counter + 3 * 4 - 1',
  'skb->tail - skb->data',
  'skb->data + 2',
  'skb->len << 2 | 1',
  '~skb->len',
  '-skb->len',
  'skb->len > 10 && !skb->next',
  'skb->next ? 1 : 2',
  'sizeof(struct sk_buff)',
  'sizeof *skb',
  '(char)skb->data[6]',
  '(unsigned char)-1',
  '*(struct net_device *)netdev',
  '(struct sk_buff *)0',
  'e1000_driver',
  'jiffies',
  'nooks_domains',
  '*nooks_domains[0]',
  'current_task->comm',
  '*current_task',
  'nooks_dispatch',
  '&nooks_dispatch',
  'nooks_wrapper_netif_rx',
  "'a'",
  '"abc"',
  '-7 / 2',
  '-7 % 3',
  '1 << 31',
  '0x80000000',
  '4294967295',
  '4294967296',
  '5u - 6',
  '$eip',
  '$esp',
  '$ebp',
  '$eax',
  '$ax',
  '$al',
];

/** What gdb says otherwise, and what of it: 1, in hexadecimal (a function's first byte), 2, its type (not C's). */
const LIBERTIES: readonly [string, number][] = [
  ['nooks_dispatch', 1],
  ['sizeof', 2],
  ['$eax', 2],
  ['$a', 2],
];

describe.skipIf(!installed)('as gdb has it (skipped if it is not installed)', () => {
  it('prints values and types in the driver', async () => {
    const { run, target } = debugKernel(build, 'nooks');
    await run('until e1000_xmit_frame');
    const theirs = await askOfTarget(
      target,
      ...EXPRESSIONS.flatMap(e => [`output ${e}`, `output/x ${e}`, `whatis ${e}`]),
    );
    const ours: string[] = [];
    for (const e of EXPRESSIONS)
      for (const line of [`print ${e}`, `print/x ${e}`, `whatis ${e}`])
        ours.push(plain((await run(line)).replace(/^\$\d+ = /, '')));
    const answers = (list: string[]) =>
      list.flatMap((answer, n) => {
        const e = EXPRESSIONS[Math.floor(n / 3)];
        return LIBERTIES.some(([name, of]) => e.startsWith(name) && n % 3 === of) ? [] : `${e}: ${answer}`;
      });
    expect(answers(ours)).toEqual(answers(theirs));
  });

  it('shows the locals and arguments of every frame down to the crossing', async () => {
    const { run, target } = debugKernel(build, 'nooks');
    await run('until e1000_xmit_frame', 'next 3');
    const [args, locals] = await askOfTarget(target, 'info args', 'info locals');
    expect(plain(await run('info args'))).toBe(args);
    expect(plain(await run('info locals'))).toBe(locals);
    const other = debugKernel(build, 'nooks');
    await other.run('until nd_hard_start_xmit', 'next 4');
    const asked = ['info args', 'info locals', 'up', 'info args', 'info locals'];
    const answers = await askOfTarget(other.target, ...asked);
    for (const [n, line] of asked.entries()) {
      const said = plain(await other.run(line));
      if (line !== 'up') expect(said, line).toBe(answers[n].replace(/^No (locals|arguments)\.$/, 'no $1'));
    }
  });
});

/** Frames in assembly, which gdb shows as signal handlers or names otherwise. */
const BORDER = /^(nooks_enter_domain|nooks_kernel_call|trap_\w+|system_call|ring3_exit)$/;

it.skipIf(!installed)('chains of calls are gdb’s (skipped if it is not installed)', async () => {
  const stops = [
    ['until e1000_intr'],
    ['until nooks_dispatch', 'stepi 3'],
    ['until e1000_xmit_frame', 'until nooks_dispatch'],
    ['until netif_rx'],
    ['until kfree_skb', 'next 2'],
  ];
  const { run, target } = debugKernel(build, 'nooks');
  let compared = 0;
  for (const stop of stops) {
    expect(await run(...stop)).not.toMatch(/error|exits/);
    const ours = [...(await run('bt')).matchAll(/^#\d+ +[0-9a-f]{8} in ([\w.]+) \((.*)\)(?: at | {2}\[)/gm)];
    const [theirs] = await askOfTarget(target, 'bt');
    const names = [...theirs.matchAll(/^#\d+ +(?:0x[0-9a-f]+ in )?([\w.]+) \(/gm)].map(([, name]) => name);
    const kernel = ours.map(([, name]) => name).filter(name => !BORDER.test(name));
    // gdb puts functions between that left by a jump to the next (tail calls), and has no program's symbols.
    const known = names.filter(name => !BORDER.test(name) && kernel.includes(name));
    expect(names.length - known.length).toBeLessThan(12);
    compared += known.length;
    expect(kernel.slice(0, known.length), stop.join()).toEqual(known);
  }
  expect(compared).toBeGreaterThan(40);
});

describe('calls', () => {
  it('go from a driver through wrappers and kernel to the program', async () => {
    const { run } = debugKernel(build, 'nooks');
    await run('until udp_sendmsg');
    const text = await run('bt');
    expect(text).toMatch(
      /^#0 {2}[0-9a-f]{8} in udp_sendmsg \(sk=0x[0-9a-f]{8}, user=0x.*, len=32768, flags=0/,
    );
    expect(text).toMatch(/^#1 .* in do_sendto \(.*\) at kernel\/net\/socket\.c:\d+ {2}\[kernel, inlined\]$/m);
    expect(text).toMatch(/^ {4}-- system call --\n#\d+ +0804[0-9a-f]{4} in syscall6 \(\)/m);
    expect(text).toMatch(
      / in main \(argc=6, argv=0xbf.*\) at user\/netsend\.c:\d+ {2}\[user\]\n.* in _start \(\)/,
    );
    const level = /^#(\d+) .* in main /m.exec(text)![1];
    await run(`frame ${level}`);
    expect(await run('print argc')).toMatch(/ = 6\n$/);
    expect(await run('print argv[0]')).toMatch(/"netsend"/);
    // About the innermost frame again when the guest has moved.
    await run('stepi');
    expect(await run('print argc')).toBe('error: no symbol argc\n');
    expect(await run('print len')).toMatch(/ = 32768\n$/);
  });

  it('go behind a call out of a domain and behind a trap', async () => {
    const { run } = debugKernel(build, 'nooks');
    await run('tbreak e1000_intr', 'continue');
    const text = await run('bt');
    expect(text).toMatch(/^#0 .* in e1000_intr \(/);
    expect(text).toMatch(/ in do_trap \(regs=0x.*\n.* in trap_\w+ \(\).*\n {4}-- trap 0x2b --\n/);
    await run('delete', 'until nooks_dispatch');
    expect(await run('bt')).toMatch(
      /#1 .* in nooks_kernel_call \(\).*\n {4}-- called from a domain --\n#2 .*\[driver/,
    );
  });

  it('can be walked, with locals of each', async () => {
    const { run } = debugKernel(build, 'nooks');
    await run('until e1000_xmit_frame');
    const full = await run('bt 5 full');
    expect(full).toMatch(/in cross \(f=0x.*inlined\]\n {8}d = 0x[0-9a-f]{8}\n/);
    await run('up 2');
    expect(await run('print d->id')).toMatch(/ = 1\n$/);
    expect(await run('print f->domain == d')).toMatch(/ = 1\n$/);
    expect(await run('info frame')).toMatch(
      /^frame 2: cross, nooks\/xpc\.c:\d+\n[\s\S]*inlined into frame 3/,
    );
    await run('down 2');
    expect(await run('print skb->len')).toMatch(/ = 42\n$/);
    expect(await run('down')).toBe('error: this is the innermost frame\n');
    expect(await run('frame 90')).toBe('error: no frame 90\n');
  });
});

it('lists the source around the frame, then what follows and what was before', async () => {
  const lines = readFileSync(join(projectRoot(), 'kernel/net/udp.c'), 'utf8').split('\n');
  const shown = (from: number, to: number) =>
    lines
      .slice(from - 1, to)
      .map((line, n) => `${from + n}\t${line}\n`)
      .join('');
  const target = kernelTarget(build, 'nooks').target;
  let text = '';
  const write = (said: string) => {
    text += said;
  };
  const readSource = sourceReader(projectRoot());
  const interpreter = new Interpreter({ target, write, pause: async () => false, readSource });
  const run = async (line: string) => {
    text = '';
    await interpreter.execute(line);
    return text;
  };
  const at = Number(/udp\.c:(\d+)/.exec(await run('until udp_sendmsg'))![1]);
  expect(await run('list')).toBe(shown(at - 5, at + 4));
  expect(await run('list')).toBe(shown(at + 5, at + 14));
  expect(await run('list -')).toBe(shown(at - 5, at + 4));
  expect(await run('list 20,22')).toBe(shown(20, 22));
  expect(await run('list udp.c:30')).toBe(shown(25, 34));
  expect(await run('list 999999')).toBe(`error: kernel/net/udp.c has ${lines.length - 1} lines\n`);
  expect(await run('list ../../secret.c:1')).toMatch(/^error: no code is known from/);
  expect(await run('list nothing_there')).toMatch(/^error: no symbol/);
  await run('stepi');
  expect(await run('list')).toContain(`${at}\t`);
  // Without a reader there is no text.
  const { run: blind } = debugKernel(build, 'nooks');
  await blind('until udp_sendmsg');
  expect(await blind('list')).toBe('error: the source of kernel/net/udp.c is not at hand\n');
});

describe('the guest is changed', () => {
  it('by assignments to memory, bit by bit, and to registers', async () => {
    const { run } = debugKernel(build, 'nooks');
    await run('until e1000_xmit_frame');
    await run('set var skb->len = skb->len + 1', 'set var skb->cb[3] = 65', 'set var $eax += 4');
    expect(await run('print skb->len')).toMatch(/ = 43\n$/);
    expect(await run('print skb->cb[3]')).toMatch(/ = 65 'A'\n$/);
    const before = /(-?\d+)\n$/.exec(await run('print $eax'))![1];
    await run('set var $al = 0');
    expect(Number(/(-?\d+)\n$/.exec(await run('print $eax'))![1])).toBe(Number(before) & ~0xff);
    expect(await run('set var 5 = 6')).toMatch(/^error: this cannot be assigned to/);
    expect(await run('set var e1000_xmit_frame = 6')).toMatch(/^error: /);
    expect(await run('set var *skb = 6')).toMatch(/^error: /);
  });

  it('stops where what an expression names is written', async () => {
    const { run } = debugKernel(build, 'nooks');
    await run('until udp_sendmsg');
    expect(await run('watch current_task->utime')).toMatch(
      /^watchpoint 1: write of c0[0-9a-f]{6}, 4 bytes\n$/,
    );
    expect(await run('watch current_task->comm')).toMatch(/, 16 bytes\n$/);
    expect(await run('watch $eax + 1')).toMatch(/, 4 bytes\n$/);
    expect(await run('lastwrite current_task->pid')).toMatch(/^written by c01.* at kernel\/.*\n$/);
    await run('delete', 'break e1000_xmit_frame if skb->len > 1000', 'continue');
    expect(Number(/(\d+)\n$/.exec(await run('print skb->len'))![1])).toBeGreaterThan(1000);
  });
});
