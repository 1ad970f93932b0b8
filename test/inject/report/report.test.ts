import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { TrialRecord } from '../../../inject/model.ts';
import type { UsefulWork } from '../../../inject/report/breakeven.ts';
import { duration, figure, percent, percentRange, plain } from '../../../inject/report/format.ts';
import { renderCsv, renderHtml, renderJson, renderText } from '../../../inject/report/report.ts';
import { summarise } from '../../../inject/report/summarise.ts';
import { CLOCK_HZ, many, record, settings } from './records.ts';
import { wellFormed } from './well-formed.ts';

const WORK: UsefulWork[] = [
  { load: 'CPU-limited', source: 'bench, CPU 21.4 % and 39.3 %', relative: { 'nooks/restart': 0.545 } },
  { load: 'wire-limited', source: 'bench', relative: { 'nooks/restart': 0.91, 'nooks/shadow': 0.9 } },
];
const of = (records: Iterable<TrialRecord>) =>
  summarise(settings(), records, { clockHz: CLOCK_HZ, faultRate: 0.01, draws: 200, usefulWork: WORK });

/** What a guest, or a file that somebody made, may hold. */
const HOSTILE = '</title><script>alert(1)</script>\u001b[31m\u202e\0"\'&#x3c;=cmd|\ud800 ```\r\n<img src=x>';

function hostile(): TrialRecord[] {
  const bad = record('nooks/restart', 3, 'crash', { end: 'panic', lastLine: HOSTILE }, [HOSTILE as 'NOP']);
  bad.observation.executedAt = [2000];
  bad.observation.events = [{ at: 3000, event: HOSTILE, extension: HOSTILE, detail: 1e9 }];
  return [bad, record('none', 3, HOSTILE as 'crash')];
}

describe('text', () => {
  it('of a small campaign is this', async () => {
    await expect(renderText(of(many(40)))).toMatchFileSnapshot('golden/small.txt');
  });

  it('lets no control character of a guest through', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
    expect(renderText(of(hostile()))).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('prints no percentage of crashes when too few crashed', () => {
    const text = renderText(of(many(40)));
    expect(text).toContain('not claimed');
    expect(text).toMatch(/the paper’s system crashes .*98\.7 %/);
  });

  it('names the command that runs a trial again', () => {
    const text = renderText(of(hostile()), (c, t) => `nooks86 replay r.db ${t}@${c}`);
    expect(text).toContain('nooks86 replay r.db 3@nooks/restart');
  });
});

describe('JSON', () => {
  it('is the summary, whole and without what JSON cannot say', () => {
    const s = of(many(40));
    expect(JSON.parse(renderJson(s))).toEqual(s);
    expect(s.version).toBe(1);
  });
});

/** RFC 4180, by its grammar: quotes double inside quotes, lines end in CR LF. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const token = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  for (let m = token.exec(text); m; m = token.exec(text)) {
    rows[rows.length - 1].push(m[1] === undefined ? m[2] : m[1].replaceAll('""', '"'));
    if (m[3] === '\r\n') rows.push([]);
    if (token.lastIndex === text.length) return rows.slice(0, -1);
  }
  throw new Error('no CSV');
}

describe('CSV', () => {
  it('has a line for each trial', () => {
    const [head, ...rows] = parseCsv(renderCsv(many(20)));
    expect(rows).toHaveLength(60);
    expect(new Set(rows.map(r => r.length))).toEqual(new Set([head.length]));
    const crash = rows.find(r => r[head.indexOf('outcome')] === 'crash') ?? [];
    const at = (name: string) => crash[head.indexOf(name)];
    expect(at('configuration')).toBe('none');
    expect(at('crash')).toBe('true');
    expect(Number(at('firstFailureAt')) - Number(at('firstExecutedAt'))).toBe(900);
    expect(at('recoveredAt')).toBe('');
  });

  it('quotes what needs it, and starts no formula', () => {
    const one = record('none', 0, 'crash', { lastLine: '=HYPERLINK("x"),\r\nb' });
    const [head, row] = parseCsv(renderCsv([one]));
    expect(row[head.indexOf('lastLine')]).toBe('\'=HYPERLINK("x"),\r\nb');
    const [, bad] = parseCsv(renderCsv(hostile()));
    expect(bad[head.indexOf('lastLine')]).toBe(HOSTILE.replace('\0', ''));
  });
});

describe('HTML', () => {
  const page = renderHtml(of(many(300)));

  it('is well-formed, with a table for each and a drawing for each plot', () => {
    const tags = wellFormed(page.replace('<!DOCTYPE html>\n', ''));
    const count = (name: string) => tags.filter(t => t === name).length;
    expect(count('html')).toBe(1);
    expect(count('table')).toBeGreaterThan(12);
    // Outcomes, three heat maps, two CDFs, two survival curves, downtime, two loads.
    expect(count('svg')).toBe(11);
  });

  it('needs nothing from elsewhere and runs nothing', () => {
    const own = page
      .replaceAll('http://www.w3.org/2000/svg', '')
      .replaceAll('http://www.w3.org/1999/xhtml', '');
    expect(own).not.toMatch(
      /https?:|<script|<link|<iframe|<img|\son\w+=|url\(|@import|javascript:|src=|href=/i,
    );
    expect(page).toContain('prefers-color-scheme: dark');
  });

  it('draws nothing that is no number, and gives each drawing a title', () => {
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(m => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, t, d] of page.matchAll(/aria-labelledby="(\S+) (\S+)"/g))
      expect(ids).toEqual(expect.arrayContaining([t, d]));
  });

  it('marks the crossings', () => {
    expect(page.match(/class="mark"/g)).toHaveLength(3);
  });

  it('shows a guest’s text as text', () => {
    const bad = renderHtml(of(hostile()));
    wellFormed(bad.replace('<!DOCTYPE html>\n', ''));
    expect(bad).not.toContain('<script');
    expect(bad).not.toContain('<img');
    expect(bad).toContain('&#60;script&#62;alert(1)');
  });

  it('is there for a campaign without a trial', () => {
    wellFormed(renderHtml(of([])).replace('<!DOCTYPE html>\n', ''));
  });

  // expat is a reader of others'; where there is none, the checker above has to do.
  const python = spawnSync('python3', ['-c', 'import xml.parsers.expat']).status === 0;
  it.skipIf(!python)('is XML to expat too', () => {
    const code =
      'import sys, xml.parsers.expat as e; p = e.ParserCreate(); p.Parse(sys.stdin.buffer.read(), True); print("ok")';
    for (const input of [page, renderHtml(of(hostile())), renderHtml(of([]))])
      expect(execFileSync('python3', ['-c', code], { input, encoding: 'utf8' })).toBe('ok\n');
  });
});

describe('numbers', () => {
  it('are never rounded to all or nothing', () => {
    expect([0, 0.0001, 0.5, 0.9999, 1].map(percent)).toEqual([
      '0.0 %',
      '<0.1 %',
      '50.0 %',
      '>99.9 %',
      '100.0 %',
    ]);
    expect(percentRange(0.9683, 1)).toBe('96.8–100.0 %');
  });

  it.each([
    [0, '0 seconds'],
    [1e-6, '1 µs'],
    [0.0123, '12.3 ms'],
    [60, '1 minute'],
    [3600 * 24 * 400, '1.1 years'],
    [Number.POSITIVE_INFINITY, 'never'],
  ])('duration of %f seconds: %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('have four figures', () => {
    expect([0, 0.01234567, 123.456, 12345.6, 1e12, 1e-7].map(figure)).toEqual([
      '0',
      '0.01235',
      '123.5',
      '12,346',
      '1e12',
      '1e-7',
    ]);
  });

  it('and text is cut where a character ends', () => {
    expect(plain('😀'.repeat(30), 10)).toBe(`${'😀'.repeat(9)}…`);
  });
});
