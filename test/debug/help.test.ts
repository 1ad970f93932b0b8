/** Help, its examples on our kernel, completion, scripts, and how much one command may say. */
import { beforeAll, describe, expect, it } from 'vitest';
import { sourceReader } from '../../cli/read-source.ts';
import { namesOf } from '../../debug/command.ts';
import { COMMANDS, findCommand } from '../../debug/commands.ts';
import { Interpreter } from '../../debug/interpreter.ts';
import { buildGuest, type GuestBuild } from '../../guest/build.ts';
import { projectRoot } from '../../guest/project.ts';
import { kernelTarget } from './kernel-rig.ts';
import { debugBench } from './rig.ts';

let build: GuestBuild;

beforeAll(async () => {
  build = await buildGuest();
});

/** Our kernel, while the driver sends the program's second datagram. */
async function whileSending() {
  const { target } = kernelTarget(build, 'nooks');
  let text = '';
  const interpreter = new Interpreter({
    target,
    write: t => {
      text += t;
    },
    pause: async () => false,
    limit: 2e9,
    readScript: () => ['print 1'],
    readSource: sourceReader(projectRoot()),
    openTrace: () => ({ write: () => {}, commit: () => {}, discard: () => {} }),
    files: begun => ['packet.nooks86', 'other'].filter(name => name.startsWith(begun)),
  });
  const run = async (...lines: string[]) => {
    text = '';
    for (const line of lines) await interpreter.execute(line);
    return text;
  };
  await run('tbreak sys_sendto', 'ignore 1 1', 'continue', 'until e1000_xmit_frame');
  return { target, interpreter, run };
}

describe('help', () => {
  it('lists every command by area', async () => {
    const { run } = await debugBench('call');
    const all = await run('help');
    for (const { name } of COMMANDS) expect(all).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    const areas = [...all.matchAll(/^(\w+):$/gm)].map(([, title]) => title);
    expect(areas).toContain('backwards');
    for (const area of areas) expect(all).toContain(await run(`help ${area}`));
    for (const { name } of COMMANDS) expect(await run(`help ${name}`)).toMatch(new RegExp(`^${name}\\b`));
    expect(await run('help frob')).toBe('error: no command frob; help lists them\n');
  });

  it('has examples that work', async () => {
    const { run, target, interpreter } = await whileSending();
    const moment = target.machine.cycles();
    // Numbers of points are given once: those of the examples are 2 and 3 here, and what removes them comes last.
    await run('break e1000_clean_tx', 'watch jiffies');
    const renumbered = (line: string) =>
      /^(condition|ignore|enable|disable|delete) /.test(line)
        ? line.replace(/ ([12])\b/g, (_, n) => ` ${Number(n) + 1}`)
        : line;
    const last = ['delete', 'quit'];
    const ordered = [...COMMANDS].sort((a, b) => last.indexOf(a.name) - last.indexOf(b.name));
    for (const { name, example } of ordered) {
      expect(findCommand(example.split(/[\s/]/)[0]).name, example).toBe(name);
      const said = await run(renumbered(example));
      expect(said, example).not.toMatch(/^error/m);
      if (!interpreter.done && target.machine.cycles() !== moment) await run(`goto ${moment}`);
    }
    expect(interpreter.done).toBe(true);
  });
});

describe('names', () => {
  it('are told apart, and gdb’s short forms win', () => {
    const names = COMMANDS.flatMap(namesOf);
    expect(new Set(names).size).toBe(names.length);
    const short = {
      ...{ s: 'step', n: 'next', c: 'continue', b: 'break', p: 'print', bt: 'bt', fin: 'finish', i: 'info' },
      ...{ si: 'stepi', ni: 'nexti', u: 'until', rc: 'reverse-continue', rs: 'reverse-step' },
      ...{
        rn: 'reverse-next',
        rsi: 'reverse-stepi',
        rni: 'reverse-nexti',
        d: 'delete',
        dis: 'disable',
        backtr: 'bt',
      },
      ...{ tb: 'tbreak', cond: 'condition', where: 'bt', h: 'help', q: 'quit', exit: 'quit', x: 'x' },
    };
    for (const [typed, name] of Object.entries(short)) expect(findCommand(typed).name, typed).toBe(name);
  });
});

describe('completion', () => {
  it('goes by what the command takes', async () => {
    const { interpreter } = await whileSending();
    const ends = (line: string) =>
      interpreter.complete(line).map(text => text.slice(line.lastIndexOf(' ') + 1));
    expect(interpreter.complete('disas')).toEqual(['disas']);
    expect(interpreter.complete('reverse-s')).toEqual(['reverse-step', 'reverse-stepi']);
    expect(ends('break e1000_xm')).toEqual(['e1000_xmit_frame']);
    expect(ends('b tx.')).toEqual(['tx.c:']);
    expect(ends('break tx.c:11')).toContain('tx.c:113');
    expect(ends('break e1000_xmit_frame domain e')).toEqual(['e1000']);
    expect(ends('watch jiff')).toEqual(['jiffies']);
    expect(ends('x/4xw $es')).toEqual(['$esi', '$esp']);
    expect(ends('catch reco')).toEqual(['recovery']);
    expect(ends('catch recovery FA')).toEqual(['FAILED']);
    expect(ends('catch exception P')).toEqual(['PF']);
    expect(ends('catch syscall sys_send')).toEqual(['sys_sendto']);
    expect(ends('catch load ')).toEqual(['e1000']);
    expect(ends('stepx ')).toEqual(['in', 'out']);
    expect(ends('help walk')).toEqual(['walk']);
    expect(ends('walk jiff')).toEqual(['jiffies']);
    expect(ends('walk jiffies e')).toEqual(['e1000']);
    expect(ends('tlb d')).toEqual(['dtlb', 'dtlb4m'].filter(n => ends('tlb ').includes(n)));
    expect(ends('devices e10')).toEqual(['e1000']);
    expect(ends('source pa')).toEqual(['packet.nooks86']);
    expect(interpreter.complete('frob x')).toEqual([]);
    expect(interpreter.complete('regs e')).toEqual([]);
  });
});

describe('scripts', () => {
  it('run scripts, but not for ever', async () => {
    const files: Record<string, string[]> = {
      outer: ['print 1', 'source inner', 'print 3'],
      inner: ['print 2'],
      itself: ['source itself'],
      bad: ['print 4', 'frob', 'print 5'],
    };
    const bench = await debugBench('call');
    let text = '';
    const interpreter = new Interpreter({
      target: bench.target,
      write: t => {
        text += t;
      },
      pause: async () => false,
      echo: line => {
        text += `> ${line}\n`;
      },
      readScript(path) {
        if (!files[path]) throw new Error(`no such file: ${path}`);
        return files[path];
      },
    });
    expect(await interpreter.execute('source outer')).toBe(true);
    expect(text).toBe('> print 1\n$1 = 1\n> source inner\n> print 2\n$2 = 2\n> print 3\n$3 = 3\n');
    text = '';
    expect(await interpreter.execute('source itself')).toBe(false);
    expect(text.match(/^> source itself$/gm)).toHaveLength(10);
    expect(text).toContain('error: scripts run scripts 10 deep at most\n');
    text = '';
    expect(await interpreter.execute('source bad')).toBe(false);
    expect(text).toContain('bad:2: the rest of the file is left out\nerror: bad was not done\n');
    expect(text).not.toContain('print 5');
    text = '';
    await interpreter.execute('source nowhere');
    expect(text).toBe('error: no such file: nowhere\n');
    expect(await bench.run('source outer')).toBe('error: no files can be read here\n');
  });
});

it('bounds what one command says', async () => {
  const bench = await debugBench('call');
  let text = '';
  const interpreter = new Interpreter({
    target: bench.target,
    write: t => {
      text += t;
    },
    pause: async () => false,
    readScript: () => Array.from({ length: 40_000 }, () => 'print 1'),
  });
  const all = COMMANDS as unknown as { name: string; run(c: { write(t: string): void }): void }[];
  const chatty = all.find(c => c.name === 'modules')!;
  const real = chatty.run;
  chatty.run = c => {
    for (let n = 0; n < 300_000; n++) c.write(`${n} says\n`);
  };
  try {
    expect(await interpreter.execute('modules')).toBe(true);
  } finally {
    chatty.run = real;
  }
  expect(text.length).toBeLessThan((1 << 20) + 100);
  expect(text).toMatch(/\d says\n\.\.\. \d+ characters more are left out\n$/);
});
