/** Does scripts/reliability.mjs put a report between the page's markers, and change nothing else? */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { renderText } from '../../inject/report/report.ts';
import { summarise } from '../../inject/report/summarise.ts';
import { many, settings } from '../inject/report/records.ts';

const root = join(import.meta.dirname, '../..');
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nooks86-reliability-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function fill(page: string, report: string, name = 'uniform') {
  const [pageFile, reportFile] = [join(dir, 'page.md'), join(dir, 'report.txt')];
  writeFileSync(pageFile, page);
  writeFileSync(reportFile, report);
  const { status, stderr } = spawnSync('node', ['scripts/reliability.mjs', `${name}=${reportFile}`], {
    cwd: root,
    env: { ...process.env, NOOKS86_PAGE: pageFile },
    encoding: 'utf8',
  });
  return { status, stderr, page: readFileSync(pageFile, 'utf8') };
}

const place = (what: string) => `before\n<!-- RESULTS of ${what} -->\nold\n<!-- END RESULTS -->\nafter\n`;

it('fills every place of docs/reliability.md from a report', () => {
  const usefulWork = [{ load: 'wire-limited', source: 'bench', relative: { 'nooks/restart': 0.91 } }];
  const summary = summarise(settings(), many(40), { clockHz: 1e9, faultRate: 0.01, draws: 20, usefulWork });
  const page = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
  const first = fill(page, renderText(summary));
  expect(first).toMatchObject({ status: 0, stderr: '' });
  const places = [...first.page.matchAll(/<!-- RESULTS of uniform[\s\S]*?<!-- END RESULTS -->/g)];
  expect(places.length).toBeGreaterThan(5);
  for (const [text] of places) expect(text).toMatch(/-->\n```\n[\s\S]*\n```\n<!-- END RESULTS -->$/);
  expect(first.page).toContain('the paper’s system crashes');
  // Once more changes nothing, and nothing outside the places has changed.
  expect(fill(first.page, renderText(summary)).page).toBe(first.page);
  const outside = (text: string) => text.replace(/(-->\n)[\s\S]*?(<!-- END RESULTS -->)/g, '$1$2');
  expect(outside(first.page)).toBe(outside(page));
});

it('takes the sections that are named, in a block that no guest can end', () => {
  const { page } = fill(
    place('uniform: B'),
    'head\n\n== A\nx\n\n== Bee\n``` \u001b[31m$& ```` <!-- END RESULTS -->\n',
  );
  expect(page).toBe(
    'before\n<!-- RESULTS of uniform: B -->\n`````\nBee\n``` $& ```` <! -- END RESULTS -->\n`````\n<!-- END RESULTS -->\nafter\n',
  );
  expect(fill(place('uniform: A; Missing?'), 'head\n\n== A\nx\n').page).toContain('```\nA\nx\n```');
  expect(fill(place('uniform'), 'head\n\n== A\nx\n').page).toContain('```\nhead\n```');
});

it.each([
  ['no report', place('uniform'), 'nothing', 'is not the output of nooks86 report'],
  ['no such section', place('uniform: Z'), 'h\n== A\nx\n', 'have no section that starts with Z'],
  ['no place', 'nothing\n', 'h\n== A\nx\n', 'has no place for the results of uniform'],
])('says so in one line and leaves the page: %s', (_, before, report, line) => {
  const { status, stderr, page } = fill(before, report);
  expect([status, page]).toEqual([1, before]);
  expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(line)]);
});
