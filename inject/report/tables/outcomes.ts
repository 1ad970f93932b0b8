/** Outcomes by configuration, fault type, failure model and persistence. */
import { figure, percent, plain } from '../format.ts';
import { share } from '../intervals.ts';
import { OUTCOMES } from '../outcomes.ts';
import type { ConfigurationSummary, MatrixRow, Summary } from '../summary.ts';
import { shareText, type TableData, whole } from './cells.ts';

export function outcomeTable(s: Summary): TableData {
  return {
    title: 'Outcomes',
    head: ['outcome', ...s.configurations.map(c => c.name)],
    rows: [
      ...OUTCOMES.map(o => [
        o,
        ...s.configurations.map(c => {
          const n = c.outcomes[o];
          return c.trials ? `${whole(n)}  ${percent(n / c.trials).padStart(7)}` : '–';
        }),
      ]),
      ['trials', ...s.configurations.map(c => whole(c.trials))],
    ],
    notes: [],
  };
}

const SHORT: Readonly<Record<(typeof OUTCOMES)[number], string>> = {
  'not executed': 'not exec.',
  'no effect': 'no effect',
  recovered: 'recov.',
  'recovered, applications harmed': 'harmed',
  'undetected failure: omission': 'omission',
  'undetected failure: output': 'output',
  'undetected failure: timing': 'timing',
  'kernel corrupted, undetected': 'corrupt',
  crash: 'crash',
  hang: 'hang',
  'not classified': 'not class.',
};

export function matrixTable(title: string, rows: readonly MatrixRow[], notes: string[]): TableData {
  return {
    title,
    head: ['', 'trials', ...OUTCOMES.map(o => SHORT[o])],
    rows: rows.map(r => [
      plain(r.name, 40),
      whole(r.total),
      ...OUTCOMES.map(o => (r.outcomes[o] ? whole(r.outcomes[o]) : '·')),
    ]),
    notes,
  };
}

export function matrices(c: ConfigurationSummary): TableData[] {
  return [
    matrixTable(`Fault type and outcome, ${c.name}: by the fault executed first`, c.byType, [
      'Each trial counts once, under the type of the fault that was executed (or used) first.',
    ]),
    matrixTable(`Fault type and outcome, ${c.name}: trials that contain the type`, c.byContainedType, [
      'A trial counts once for each type among its faults, so rows overlap.',
    ]),
  ];
}

export function modelTable(s: Summary): TableData {
  const rows = s.configurations.flatMap(c => c.byModel.map(r => ({ ...r, name: `${c.name}: ${r.name}` })));
  return matrixTable('Failure model aimed at and outcome', rows, [
    'Under the models that the type executed first aims at; a type with more than one counts under each.',
  ]);
}

export function persistenceTable(s: Summary): TableData {
  const rows = s.configurations.flatMap(c =>
    c.byPersistence.map(r => ({ ...r, name: `${c.name}: ${r.name}` })),
  );
  return matrixTable('Transient and deterministic faults', rows, [
    'Transient faults are gone after the driver is loaded again (Heisenbugs), deterministic ones are back (Bohr bugs).',
  ]);
}

export function reloadTable(s: Summary): TableData {
  const persistences = ['transient', 'deterministic'] as const;
  return {
    title: 'Whether loading the driver again helps',
    head: [
      '',
      'trials detected',
      'failures a trial',
      'recovered',
      'failed again',
      'gave up',
      'serves at the end, 95 %',
    ],
    rows: s.configurations.flatMap(c =>
      persistences.flatMap(p => {
        const r = c.reloads[p];
        if (r.detected === 0) return [];
        return [
          [
            `${c.name}: ${p}`,
            whole(r.detected),
            figure(r.failures / r.detected),
            `${whole(r.recovered)} of ${whole(r.failures)}`,
            whole(r.failedAgain),
            whole(r.gaveUp),
            shareText(share(r.served, r.detected)),
          ],
        ];
      }),
    ),
    notes: [
      'Failed again: trials with another failure after a recovery. At the end: the system lives and packets go both ways.',
    ],
  };
}
