/** A trial of a results file once more: which one is meant, whether it went the same way, and what there is to tell. */

import { SHF_EXECINSTR } from '../../guest/elf.ts';
import type { Session } from '../../guest/session.ts';
import {
  type CampaignSettings,
  configurationName,
  type Fault,
  type Observation,
  type TrialRecord,
} from '../model.ts';
import { CampaignError } from './error.ts';

/** At most this many differences are told. */
const MAX_DIFFERENCES = 20;
const MAX_WILD_WRITES = 20;

/** What `nooks/restart:1317`, or `1317` with a configuration beside it, means. Throws a CampaignError. */
export function trialOf(
  settings: CampaignSettings,
  id: string,
  configuration?: string,
): { configuration: string; trial: number } {
  const m = /^(?:(.+):)?(\d{1,9})$/.exec(id);
  if (!m) throw new CampaignError(`a trial is a number or like nooks/restart:1317, not ${id}`);
  const names = settings.configurations.map(configurationName);
  const name = m[1] ?? configuration ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined)
    throw new CampaignError(`which configuration? ${names.map(n => `${n}:${m[2]}`).join(', ')}`);
  if (m[1] !== undefined && configuration !== undefined && m[1] !== configuration)
    throw new CampaignError(`${id} is not of configuration ${configuration}`);
  if (!names.includes(name))
    throw new CampaignError(`no configuration ${name}; there are: ${names.join(', ')}`);
  const trial = Number(m[2]);
  if (trial >= settings.trials)
    throw new CampaignError(`no trial ${trial}; the campaign has 0 to ${settings.trials - 1}`);
  return { configuration: name, trial };
}

/** Where two observations differ, one line each: `events[2].at: 1200.25, now 1300`. Empty if they are equal. */
export function differencesOf(recorded: Observation, now: Observation): string[] {
  const lines: string[] = [];
  compare('', recorded, now, lines);
  return lines.length > MAX_DIFFERENCES
    ? [...lines.slice(0, MAX_DIFFERENCES), `… and ${lines.length - MAX_DIFFERENCES} more`]
    : lines;
}

/**
 * Runs a session that stands at the injection on to the first faulted instruction, before it is executed; gives the
 * fault's number. Where the record says that none in code was executed, it stays and gives undefined.
 */
export function runToFault(session: Session, { plan, observation }: TrialRecord): number | undefined {
  const { engine } = session.machine;
  const executed = observation.executedAt.filter(at => at !== null);
  if (!executed.length) return undefined;
  let reached: number | undefined;
  const remove: (() => void)[] = [];
  for (const [n, fault] of plan.faults.entries()) {
    const address = addressOf(session, plan.driver, fault);
    if (address === undefined || observation.executedAt[n] == null) continue;
    remove.push(
      engine.addHook(address, () => {
        reached ??= n;
        engine.stop();
      }),
    );
  }
  try {
    if (remove.length) session.machine.run(observation.endedAt);
  } finally {
    for (const r of remove) r();
  }
  return reached;
}

/** Where a fault in the driver's text lies; undefined for others. */
function addressOf(session: Session, driver: string, fault: Fault): number | undefined {
  if (fault.section === undefined || fault.offset === undefined) return undefined;
  const image = session.images().find(i => i.name === `${driver}.ko`);
  const section = image?.elf.sections.find(s => s.name === fault.section);
  if (!image || !section || !(section.flags & SHF_EXECINSTR)) return undefined;
  const address = image.place(section);
  return address === undefined ? undefined : (address + fault.offset) >>> 0;
}

function compare(path: string, a: unknown, b: unknown, lines: string[]): void {
  if (isObject(a) && isObject(b) && Array.isArray(a) === Array.isArray(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const name = Array.isArray(a) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      compare(name, a[key], b[key], lines);
    }
  } else if (!Object.is(a, b)) lines.push(`${path}: ${JSON.stringify(a)}, now ${JSON.stringify(b)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The trial for people: its faults, what happened when, and what came of it. */
export function renderTrial({ configuration, plan, observation: o, outcome }: TrialRecord): string {
  return [
    `${configuration}:${plan.trial}, seed ${plan.seed}, ${plan.persistence} faults in ${plan.driver}`,
    '',
    'faults:',
    ...plan.faults.flatMap((fault, n) => faultLines(fault, n, o)),
    '',
    'cycles since the injection:',
    ...timeline(o).map(({ at, what }) => `${cycles(at - o.injectedAt).padStart(16)}  ${what}`),
    '',
    ...applicationLines(o),
    ...wildWriteLines(o),
    ...o.corruptions.map(c => `corrupted: ${c.structure}: ${c.what}`),
    `${o.packets} packets and ${cycles(o.endedAt - o.injectedAt)} cycles after the injection; kernel ${
      o.kernelAlive ? 'alive' : 'dead'
    }, driver’s service ${o.serviceAlive ? 'alive' : 'dead'}`,
    ...(o.lastLine ? [`last line: ${o.lastLine}`] : []),
    `outcome: ${outcome}`,
    '',
  ].join('\n');
}

/** A fault for people, with what became of it. */
export function faultLines(fault: Fault, n: number, o: Observation): string[] {
  const place = fault.section === undefined ? '' : ` ${fault.section}+0x${(fault.offset ?? 0).toString(16)}`;
  const symbol = fault.symbol ? ` in ${fault.symbol}` : '';
  const numbers = Object.entries(fault.parameters ?? {}).map(([name, value]) => `${name}=${value}`);
  const fate = o.notInjected.includes(n)
    ? 'not injected: nothing to do it to'
    : o.executedAt[n] == null
      ? 'never executed'
      : 'executed';
  return [
    `  ${n}  ${fault.type}${place}${symbol}${numbers.length ? ` (${numbers.join(', ')})` : ''}: ${fate}`,
    ...(fault.before === undefined ? [] : [`       was  ${fault.before}`]),
    ...(fault.after === undefined ? [] : [`       is   ${fault.after}`]),
  ];
}

/** All moments of an observation, in order. */
export function timeline(o: Observation): { at: number; what: string }[] {
  const moments = [
    { at: o.injectedAt, what: 'injection' },
    ...o.executedAt.map((at, n) => ({ at, what: `fault ${n} executed first` })),
    { at: o.firstErrorAt, what: 'first error' },
    { at: o.firstFailureAt, what: 'first failure that others can see' },
    ...o.events.map(e => ({
      at: e.at,
      what: `${e.event} ${e.extension}${e.detail ? ` (0x${(e.detail >>> 0).toString(16)})` : ''}`,
    })),
    { at: o.endedAt, what: `end: ${o.end}` },
  ].filter((m): m is { at: number; what: string } => m.at !== null);
  // Stable: what happens at once stays in this order.
  return moments.sort((a, b) => a.at - b.at);
}

function applicationLines(o: Observation): string[] {
  return o.applications.map(a => {
    const notes = a.notes.length ? `: ${a.notes.join('; ')}` : '';
    const state = a.alive ? 'alive' : 'dead';
    return `application ${a.name}: ${state}, ${a.done} done (${a.doneLately} lately), ${a.errors} errors, ${a.damaged} damaged, ${a.duplicated} twice, ${a.lost} lost${notes}`;
  });
}

function wildWriteLines(o: Observation): string[] {
  if (o.wildWriteCount === 0) return [];
  const lines = o.wildWrites.slice(0, MAX_WILD_WRITES).map(w => {
    const hex = (value: number) => (value >>> 0).toString(16).padStart(8, '0');
    const from = w.eip < 0 ? 'DMA' : w.where || hex(w.eip);
    const how = w.preventable ? '' : ', which page protection cannot stop';
    return `  ${cycles(w.at - o.injectedAt).padStart(14)}  ${w.bytes} bytes at ${hex(w.linear)} (physical ${hex(w.physical)}), ${w.target}, from ${from} as ${w.by}${how}`;
  });
  return [
    `wild writes: ${o.wildWriteCount}${lines.length < o.wildWriteCount ? ', the first' : ''}`,
    ...lines,
  ];
}

function cycles(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}
