/** Availability, what repair costs, and break-even. */
import { type Bounded, REPAIRS } from '../availability.ts';
import { duration, figure, percent, plain } from '../format.ts';
import { CONSEQUENCES } from '../outcomes.ts';
import type { Summary } from '../summary.ts';
import { type TableData, whole } from './cells.ts';

function bounds(b: Bounded, show: (v: number) => string, never = 'never'): string {
  const text = (v: number | null) => (v === null ? never : show(v));
  return `${text(b.value)}\n${text(b.low)} – ${text(b.high)}`;
}

export function availabilityTable(s: Summary): TableData {
  return {
    title: `Availability at ${figure(s.faultRate)} activated fault bundles an hour`,
    head: [
      'configuration',
      'MTTF',
      'MTTF, crashes only',
      'MTTR',
      'availability, %',
      'nines',
      'downtime a year',
    ],
    rows: s.availability.map(a => [
      a.configuration,
      bounds(a.mttfSeconds, duration),
      bounds(a.mttfCrashSeconds, duration),
      bounds(a.mttrSeconds, duration),
      bounds(a.availability, v => (v * 100).toFixed(6)),
      bounds(a.nines, v => v.toFixed(2), '∞'),
      bounds(a.downtimeSecondsPerYear, duration),
    ]),
    notes: [
      'Second line: 95 % interval, from the campaign’s own uncertainty only. A failure is any interruption of the service.',
      `Bundles arrive by a Poisson process. Reboot ${duration(s.repair.rebootSeconds)}, restart of an application ` +
        `${duration(s.repair.applicationSeconds)}, a person ${duration(s.repair.humanSeconds)}: given, not measured.`,
    ],
  };
}

export function repairTable(s: Summary): TableData {
  return {
    title: 'What each consequence costs',
    head: ['consequence', 'repair', ...s.configurations.map(c => c.name)],
    rows: CONSEQUENCES.map(k => [k, REPAIRS[k].says, ...s.configurations.map(c => whole(c.consequences[k]))]),
    notes: ['`dead`: the system lives, the driver’s service does not at the end.'],
  };
}

export function ninesTable(s: Summary): TableData {
  return {
    title: 'What the nines mean',
    head: ['availability', 'downtime a year'],
    rows: s.nines.map(n => [
      `${Number((n.availability * 100).toFixed(6))} %`,
      duration(n.downtimeSecondsPerYear),
    ]),
    notes: [],
  };
}

export function breakEvenTable(s: Summary): TableData {
  const rate = (v: number) => (v === 0 ? 'any' : `${figure(v)}/h (every ${duration(3600 / v)})`);
  return {
    title: 'Break-even: isolation delivers more useful work above this rate of activated bundles',
    head: ['load', 'configuration', 'throughput left', 'rate, 95 % interval', 'draws that cross'],
    rows: s.breakEven.map(b => [
      plain(b.load, 40),
      b.configuration,
      b.relative.toFixed(3),
      bounds(b.rate, rate, 'no rate'),
      percent(b.certainty),
    ]),
    notes: [
      'Useful work is throughput × availability, native throughput without faults being 1.',
      ...s.usefulWork.map(w => `${plain(w.load, 40)}: ${plain(w.source, 200)}`),
    ],
  };
}
