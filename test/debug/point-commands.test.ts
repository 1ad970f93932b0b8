/** Points by commands: what is understood, what is refused, and how it is listed. */
import { beforeAll, expect, it } from 'vitest';
import { buildGuest, type GuestBuild } from '../../guest/build.ts';
import { debugKernel } from './kernel-rig.ts';

let build: GuestBuild;

beforeAll(async () => {
  build = await buildGuest();
});

it('are listed as they were asked for', async () => {
  const { run } = debugKernel(build, 'nooks');
  expect(await run('break e1000_xmit_frame domain 1 if $esp > 0xf0000000')).toBe(
    'breakpoint 1 (e1000_xmit_frame) pending: nothing loaded has it\n',
  );
  expect(await run('b udp_sendmsg')).toMatch(
    /^breakpoint 2 at [0-9a-f]{8} <udp_sendmsg\+0x\w+> at kernel\/net\/udp\.c:\d+\n$/,
  );
  expect(await run('tb *udp_sendmsg')).toMatch(/^temporary breakpoint 3 at [0-9a-f]{8} <udp_sendmsg> at /);
  await run('watch -change domain_cr3 if *domain_cr3 != 0', 'rwatch phys:0x1000 8 domain kernel');
  await run('catch tlb-miss dtlb switch domain 1', 'catch domain 1', 'tcatch load e1000');
  await run('condition 2 $eax == 1', 'ignore 2 3', 'disable 4 5');
  const rows = (await run('info breakpoints')).split('\n').map(row => row.split(/\s{2,}/).join(' | '));
  expect(rows.map(r => r.replace(/[0-9a-f]{8} /, '# '))).toEqual([
    'Num | Type | Disp | Enb | Address | What',
    '1 | breakpoint | keep | y | pending | e1000_xmit_frame | only in domain 1, only if $esp > 0xf0000000, hit 0 times',
    expect.stringMatching(
      /^2 \| breakpoint \| keep \| y \| # <udp_sendmsg.* \| udp_sendmsg \| only if \$eax == 1, ignores the next 3, hit 0 times$/,
    ),
    '3 | breakpoint | del | y | # <udp_sendmsg> | *udp_sendmsg | hit 0 times',
    '4 | watchpoint | keep | n | change of # <domain_cr3>, 4 bytes | domain_cr3 | only if *domain_cr3 != 0, hit 0 times',
    '5 | watchpoint | keep | n | read of physical 00001000, 8 bytes | phys:0x1000 8 | only in the kernel, hit 0 times',
    '6 | catchpoint | keep | y | tlb-miss dtlb switch | only in domain 1, hit 0 times',
    '7 | catchpoint | keep | y | domain 1 | hit 0 times',
    '8 | catchpoint | del | y | load e1000 | hit 0 times',
    '',
  ]);
  const loaded = await run('continue');
  expect(loaded).toMatch(/temporary catchpoint 8 \(load e1000\): e1000 at f0000000, domain 1, is loaded\n/);
  expect(await run('info b')).toMatch(/1 +breakpoint +keep +y +f\w+ <e1000_xmit_frame\+\w+ \[e1000\.ko\]>/);
  await run('delete 6 7', 'enable 4');
  expect(await run('c')).toMatch(
    /watchpoint 4 \(domain_cr3\) written by .* <nooks_enter_domain\+\w+>: 0x00000000 -> 0x[0-9a-f]{8}\n/,
  );
  expect(await run('delete', 'info b')).toBe('no breakpoints, no watchpoints, no catchpoints\n');
});

it('run to places and crossings', async () => {
  const { run } = debugKernel(build, 'nooks');
  // A function of a module to come.
  expect(await run('advance e1000_probe')).toContain('<e1000_probe+');
  expect(await run('stepx out')).toContain('<nooks_kernel_call>');
  expect(await run('stepx')).toMatch(/nooks_kernel_call\+/);
  expect(await run('finish', 'info b')).toContain('no breakpoints');
  expect(await run('step', 'next 2')).not.toContain('error');
});

it.each([
  ['break 12x', 'not an address: 12x'],
  ['break (((', 'not an address: ((('],
  ['break udp_sendmsg domain nowhere', 'no domain nowhere'],
  ['watch', 'an address is needed'],
  ['watch phys:0xffffffff 4', 'physical 0xffffffff is not RAM'],
  ['watch 0 65537', 'not a number from 1 to 65536: 65537'],
  ['catch', 'no event (nothing): exception, '],
  ['catch bogus', 'no event bogus: exception, '],
  ['catch xpc up', 'not in or out: up'],
  ['catch tlb-miss l2', 'not itlb, dtlb, dtlb4m, switch: l2'],
  ['catch exception 256', 'no vector 256'],
  ['catch interrupt later', 'not a number: later'],
  ['condition', 'which point?'],
  ['condition 9 1', 'no breakpoint, watchpoint or catchpoint 9'],
  ['ignore 1', 'ignore NUMBER COUNT'],
  ['enable 7', 'no breakpoint, watchpoint or catchpoint 7'],
  ['stepx sideways', 'not in or out: sideways'],
  ['step 0', 'not a number from 1'],
  ['until 0x1ffffffff', 'more than 32 bits'],
])('%s: %s', async (line, answer) => {
  const { run } = debugKernel(build, 'nooks');
  expect(await run(line)).toMatch(/^error: /);
  expect(await run(line)).toContain(answer);
});
