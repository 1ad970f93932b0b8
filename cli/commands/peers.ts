/** `nooks86 peers` (`npm run bench:peers`): the speed benchmarks here and on every other emulator that is installed. */
import { availableParallelism, cpus } from 'node:os';
import type { Command } from 'commander';
import { choices, wholeNumber } from '../arguments.ts';
import { type CommandContext, UsageError } from '../context.ts';
import { openProgress } from '../progress.ts';

interface PeersOptions {
  guests?: string;
  images?: string;
  peers?: string;
  profile: string;
  rounds: number;
  shift: number;
  timeout: number;
  processorTime?: boolean;
  json?: boolean;
  markdown?: boolean;
}

export function registerPeers(program: Command, context: CommandContext): void {
  program
    .command('peers')
    .description('compare the speed of the emulator with v86, QEMU, Bochs and valgrind, checksums verified')
    .option('--guests <list>', 'benchmarks, or "all" (default: alu,mem,call,pgswitch,trap)')
    .option('--peers <list>', 'emulators, or "all" (default: all but interpreters, p3-1000 and native)')
    .option('--images <directory>', 'run its NAME.elf and NAME.linux instead of building the guests')
    .option('--profile <name>', 'whose caches the peers that model caches are given', 'p4-1700')
    .option('--rounds <n>', 'runs of each; their median counts', wholeNumber('--rounds', 1, 100), 3)
    .option('--shift <n>', 'divide the iterations by 2^n', wholeNumber('--shift', 0, 16), 0)
    .option(
      '--timeout <s>',
      'seconds after which a run is given up',
      wholeNumber('--timeout', 1, 86_400),
      300,
    )
    .option('--processor-time', 'measure processor time, for a host that is busy with other work')
    .option('--json', 'print one JSON object')
    .option('--markdown', 'print the tables for a page')
    .action(async (options: PeersOptions) => {
      const { findProfile } = await import('../pc.ts');
      const { compare, DEFAULT_GUESTS, DEFAULT_PEERS, guestsIn, PEERS } = await import(
        '../../bench/peers/compare.ts'
      );
      const { hasProcessorTime } = await import('../../bench/peers/timed.ts');
      const { GUESTS } = await import('../../bench/speed/guests.ts');
      const { targetsOf } = await import('../../bench/peers/targets.ts');
      const { renderComparison } = await import('../../bench/peers/report.ts');
      const { markdownTable, textTable } = await import('../../bench/text-table.ts');
      if (options.json && options.markdown) throw new UsageError('--json or --markdown, not both');
      const here = options.images ? guestsIn(options.images) : GUESTS.map(g => g.name);
      const all = PEERS.map(p => p.name);
      if (options.processorTime && !hasProcessorTime())
        throw new UsageError('--processor-time needs /proc, as Linux has it');
      const progress = openProgress('comparing', 'runs');
      const comparison = await compare({
        ...options,
        guests: listed('--guests', options.guests, here, options.images ? here : DEFAULT_GUESTS),
        peers: listed('--peers', options.peers, all, DEFAULT_PEERS),
        profile: findProfile(options.profile),
        limit: options.timeout,
        clock: options.processorTime ? 'processor' : 'wall',
        onProgress: progress.update,
      }).finally(progress.close);
      const table = options.markdown ? markdownTable : textTable;
      context.out(
        options.json
          ? `${JSON.stringify({ host: host(), ...comparison, targets: targetsOf(comparison) })}\n`
          : renderComparison(comparison, host(), table),
      );
    });
}

function listed(what: string, text: string | undefined, all: string[], usual: readonly string[]) {
  if (text === undefined) return usual;
  return text === 'all' ? all : choices(what, all)(text);
}

/** What the figures were measured on. */
function host(): string {
  return `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.versions.node}`;
}
