/** The campaign itself: how long its trials were, what writes got through, which trials to look at. */
import { figure, plain } from '../format.ts';
import type { Quantiles } from '../sample.ts';
import type { Summary } from '../summary.ts';
import { type Replay, type TableData, whole } from './cells.ts';

export function effortTable(s: Summary): TableData {
  const range = (q: Quantiles | null) => (q ? `${figure(q.min)} / ${figure(q.p50)}` : '–');
  return {
    title: 'Length and speed of the trials',
    head: [
      'configuration',
      'trials',
      'packets least / median',
      'cycles least / median',
      'instructions mean',
      'trials/s of a core',
    ],
    rows: s.configurations.map(c => [
      c.name,
      whole(c.trials),
      range(c.effort.packets),
      range(c.effort.cycles),
      c.effort.instructions ? figure(c.effort.instructions.mean) : '–',
      c.effort.trialsPerHostSecond === null ? '–' : figure(c.effort.trialsPerHostSecond),
    ]),
    notes: [
      `After the injection. Stated: at least ${whole(s.settings.minimumPackets)} packets and ${whole(s.settings.minimumCycles)} cycles, unless the machine ends.`,
    ],
  };
}

export function wildTable(s: Summary): TableData {
  return {
    title: 'Writes to what is not the driver’s',
    head: [
      'configuration',
      'trials',
      'writes',
      'trials, page protection could stop it',
      'trials, by DMA',
      'kernel corrupted, undetected',
    ],
    rows: s.configurations.map(c => [
      c.name,
      whole(c.wildWrites.trials),
      whole(c.wildWrites.writes),
      whole(c.wildWrites.preventableTrials),
      whole(c.wildWrites.dmaTrials),
      `${whole(c.corrupted.trials)}, of them preventable ${whole(c.corrupted.preventable)}`,
    ]),
    notes: ['There is no IOMMU: a DMA to a wild address gets through.'],
  };
}

export function followUpTable(s: Summary, replay: Replay): TableData {
  return {
    title: 'Trials to look at',
    head: ['concern', 'trial', 'outcome', 'last line', 'again'],
    rows: s.followUps.flatMap(f =>
      f.kept.map(k => [
        k.concern,
        `${k.configuration} ${k.trial} ${k.persistence}`,
        k.outcome,
        plain(k.lastLine, 60),
        replay(k.configuration, k.trial),
      ]),
    ),
    notes: s.followUps
      .filter(f => f.count > f.kept.length)
      .map(
        f => `${f.configuration}, ${f.concern}: ${whole(f.count)} in all, the first ${f.kept.length} shown.`,
      ),
  };
}
