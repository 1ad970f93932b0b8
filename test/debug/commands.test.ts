/** The commands, on the page-switching benchmark: two directories that map one window to different frames. */
import { describe, expect, it } from 'vitest';
import { debugBench, debugImage } from './rig.ts';

const WINDOW = 0x40000000;

describe('running', () => {
  it('stops at breakpoints, counts hits and deletes them', async () => {
    const { run, target } = await debugBench('call');
    expect(await run('break *bench_run')).toMatch(
      /^breakpoint 1 at [0-9a-f]{8} <bench_run> at .*call\.c:\d+\n$/,
    );
    expect(await run('c')).toContain('breakpoint 1 (*bench_run)');
    expect(target.pc()).toBe(target.symbols.address('bench_run'));
    expect(await run('info b')).toContain('hit once');
    expect(await run('delete 1', 'info b')).toBe('no breakpoints, no watchpoints, no catchpoints\n');
    expect(await run('delete 1')).toBe('error: no breakpoint, watchpoint or catchpoint 1\n');
    expect(await run('c')).toContain('the guest exits with code 0');
  });

  it('steps into calls, next goes over them, finish out of them', async () => {
    const { run, target } = await debugBench('call');
    await run('until bench_run');
    // Up to the first call.
    while (!(await run('x/i $eip')).includes('call ')) await run('stepi');
    const call = target.pc();
    const esp = target.esp();
    const name = target.symbols.lookup(call)?.symbol.name;
    await run('stepi');
    expect(target.symbols.lookup(target.pc())?.offset).toBe(0);
    const callee = target.symbols.lookup(target.pc())?.symbol.name;
    expect(callee).not.toBe(name);
    expect(await run('bt')).toMatch(
      new RegExp(`^#0  [0-9a-f]{8} in ${callee} .*\n#1  [0-9a-f]{8} in ${name} `),
    );
    await run('stepi 2', 'finish');
    expect([target.pc(), target.esp()]).toEqual([call + 5, esp]);

    const other = await debugBench('call');
    await other.run('until bench_run', `until 0x${call.toString(16)}`, 'nexti');
    expect([other.target.pc(), other.target.esp()]).toEqual([call + 5, esp]);
    expect(other.machine.cpu.instructions).toBeGreaterThan(2);
  });

  it('ends a run that never ends', async () => {
    const { run } = await debugBench('alu');
    expect(await run('c 1000')).toContain('the cycles are used up');
  });
});

describe('watch', () => {
  it('stops behind the instruction that writes, by the linear address', async () => {
    const { run, target } = await debugBench('pgswitch');
    await run('until bench_run', `watch 0x${WINDOW.toString(16)}`);
    const first = await run('c');
    const [, by, before, after] =
      /written by ([0-9a-f]{8}) .*: (0x[0-9a-f]+) -> (0x[0-9a-f]+)\n/.exec(first) ?? [];
    expect(Number(after)).toBe(target.value(WINDOW, 4));
    expect(before).not.toBe(after);
    // What stands before the next instruction wrote.
    const writer = await run(`x/2i 0x${by}`);
    expect(writer.split('\n')[1]).toMatch(/^=>/);
    // In each of the two directories, whatever frame it maps there.
    const directories = new Set<number>();
    for (let n = 0; n < 8; n++) {
      expect(await run('c')).toContain('written by');
      directories.add(target.machine.cpu.cr3);
    }
    expect(directories.size).toBe(2);
  });

  it('by the physical address, whoever maps it', async () => {
    const { run, target } = await debugBench('pgswitch');
    await run('until bench_run', 'watch 0x40000000', 'c', 'delete');
    const frame = target.machine.cpu.mmu.peekTranslate(WINDOW);
    await run(`watch phys:0x${frame.toString(16)}`);
    const seen = new Set<number>();
    for (let n = 0; n < 4; n++) {
      expect(await run('c')).toContain('written by');
      seen.add(target.machine.cpu.mmu.peekTranslate(WINDOW));
    }
    // Only the directory that maps the window there writes to it.
    expect([...seen]).toEqual([frame]);
  });

  it('costs the guest nothing', async () => {
    const plain = await debugBench('pgswitch');
    const watched = await debugBench('pgswitch');
    await plain.run('c');
    await watched.run('watch phys:0x9000 4', 'watch bench_run 4', 'until bench_run', 'watch 0x40000000 4096');
    let stops = 0;
    while (!(await watched.run('c')).includes('exits')) stops++;
    expect(stops).toBeGreaterThan(100);
    expect(watched.machine.cycles()).toBe(plain.machine.cycles());
    expect([...watched.machine.accounting.matrix]).toEqual([...plain.machine.accounting.matrix]);
  });

  it('refuses what is no RAM', async () => {
    const { run } = await debugBench('call');
    expect(await run('watch phys:0xfeb00000')).toBe('error: physical 0xfeb00000 is not RAM\n');
    expect(await run('watch bench_run 0')).toMatch(/^error: not a number/);
  });
});

describe('walk and tlb', () => {
  it('name each bit and compare with the TLBs', async () => {
    const { run, target, machine } = await debugBench('pgswitch');
    expect(await run('walk 0x1000')).toBe('paging is off: 00001000 is physical\n');
    await run('until bench_run', 'watch 0x40000000', 'c');
    const text = await run('walk 0x40000000');
    expect(text).toMatch(/PDE {2}256 at [0-9a-f]{8} = [0-9a-f]{8} {2}A R\/W P\n/);
    expect(text).toMatch(/PTE {4}0 at [0-9a-f]{8} = [0-9a-f]{8} {2}D A R\/W P\n/);
    expect(text).toContain('supervisor reads and writes; user: none');
    expect(text).toMatch(/dtlb entry \d+: frame [0-9a-f]{8} supervisor R\/W D, 1 of \d+ by last use\n/);
    // The tables change behind the TLB's back: what it holds is stale now.
    const pd = machine.cpu.cr3;
    const pt = target.value(pd + 4 * 256, 4, true) & ~0xfff;
    machine.writePhysical(pt, new Uint8Array(4));
    expect(await run('walk 0x40000000')).toMatch(/no translation[\s\S]*STALE/);
    expect(await run('tlb dtlb')).toMatch(/^dtlb: \d+ of 64 entries;[\s\S]* 1 {2}40000000 {2}4K/);
    expect(await run('tlb none')).toMatch(/^error: no TLB none; there are: /);
  });

  it('survive tables that point outside RAM', async () => {
    const { run } = await debugBench('pgswitch');
    await run('until bench_run');
    for (const cr3 of ['0xfffff000', '0x3fff000', '0x5a5a5000', '0x1000'])
      expect(await run(`walk 0xdeadbeef ${cr3}`)).toContain('PDE  890');
  });
});

describe('x', () => {
  it('shows what memory holds in each format', async () => {
    const { run, machine } = await debugBench('call');
    machine.writePhysical(0x9000, Uint8Array.from([0x41, 0x42, 0, 0xff, 0xfe, 0xff, 0xff, 0xff, 0x90, 0xc3]));
    expect(await run('xp/2xw 0x9000')).toBe('00009000:  0xff004241  0xfffffffe\n');
    expect(await run('x/2dw 0x9000')).toBe('00009000:  -16760255  -2\n');
    expect(await run('x/2uh 0x9000')).toBe('00009000:  16961  65280\n');
    expect(await run('x/2c 0x9000')).toBe("00009000:  65 'A'  66 'B'\n");
    expect(await run('x/s 0x9000')).toBe('00009000:  "AB"\n');
    expect(await run('xp/2i 0x9008')).toBe('   00009008:  nop\n   00009009:  ret\n');
    expect(await run('xp/1xb 0x9000', 'xp')).toBe('00009000:  0x41\n00009001:  0x42\n');
    expect(await run('xp/xw 0xfeb00000')).toBe('error: nothing to read at physical 0xfeb00000\n');
    expect(await run('x/9999999xw 0')).toMatch(/^error: count/);
    expect(await run('x/q 0')).toMatch(/^error: bad format/);
  });
});

describe('the language', () => {
  it('takes unique beginnings, aliases and comments', async () => {
    const { run } = await debugBench('call');
    expect(await run('# nothing', '', '   ')).toBe('');
    expect(await run('mod  # nothing')).toBe('no modules\n');
    expect(await run('wa 0')).toBe('error: wa may be watch, walk\n');
    expect(await run('st')).toBe('error: st may be step, stepi, stepx\n');
    expect(await run('frob')).toBe('error: no command frob; help lists them\n');
    expect(await run('regs now')).toBe('error: too much: now\n');
  });

  it.each([
    ['break nowhere', 'error: no symbol nowhere'],
    ['break boot.S:99999', 'error: no code for boot.S:99999'],
    ['break ???', 'error: not an address: ???'],
    ['x/x 0x1ffffffff', 'error: 0x1ffffffff has more than 32 bits'],
    ['print $foo', 'error: no register $foo'],
    ['print 1 2', 'error: not an expression: too much at 2'],
    ['print *0xfffffffe', 'error: Cannot access memory at address 0xfffffffe'],
    ['until ((((', 'error: not an address: (((('],
    ['info', 'error: info breakpoints'],
    ['walk 1 2 3', 'error: walk ADDRESS'],
    ['walk 0 5', 'error: no domain 5'],
  ])('%s: %s', async (line, answer) => {
    const { run } = await debugBench('call');
    expect(await run(line)).toContain(answer);
  });
});

describe('hostile guests', () => {
  /** A Multiboot image (a.out kludge at 1 MiB) of the given code. */
  function image(code: number[]): Uint8Array {
    const bytes = new Uint8Array(8192);
    const view = new DataView(bytes.buffer);
    const flags = 1 << 16;
    const header = [
      0x1badb002,
      flags,
      -(0x1badb002 + flags),
      0x100000,
      0x100000,
      0x102000,
      0x102000,
      0x100020,
    ];
    for (const [n, v] of header.entries()) view.setInt32(4 * n, v | 0, true);
    bytes.set(code, 0x20);
    return bytes;
  }
  const LOOKS = [
    'regs',
    'bt',
    'disas',
    'x/8xw $esp',
    'x/4i $eip',
    'walk $eip',
    'tlb',
    'cache',
    'domain',
    'stats',
  ];

  it.each([
    ['jumps into nothing', [0xea, 0xf0, 0xff, 0xff, 0xff, 0x08, 0x00]],
    [
      'stack at the end of the world',
      [0xbc, 0xfe, 0xff, 0xff, 0xff, 0xbd, 0xff, 0xff, 0xff, 0xff, 0x90, 0xeb, 0xfe],
    ],
    // mov ebp, 0x9000; mov [ebp], ebp; mov esp, ebp; spin
    ['frame pointer to itself', [0xbd, 0, 0x90, 0, 0, 0x89, 0x6d, 0, 0x89, 0x6d, 4, 0x89, 0xec, 0xeb, 0xfe]],
    // mov eax, 0x5a5a5000; mov cr3, eax; mov eax, 0x80000011; mov cr0, eax
    [
      'garbage for page tables',
      [0xb8, 0, 0x50, 0x5a, 0x5a, 0x0f, 0x22, 0xd8, 0xb8, 0x11, 0, 0, 0x80, 0x0f, 0x22, 0xc0],
    ],
    ['cli; hlt', [0xfa, 0xf4]],
    ['int3 without an IDT', [0xcc]],
  ])('%s', async (_, code) => {
    const { run } = debugImage(image(code), 'hostile', { limit: 200_000 });
    for (let n = 0; n < 8; n++) await run('stepi', ...LOOKS);
    for (const line of ['next', 'nexti', 'step', 'finish', 'continue 10000', 'stepi 3', ...LOOKS])
      expect(await run(line)).not.toBe('');
  });
});
