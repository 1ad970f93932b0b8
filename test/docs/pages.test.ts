/** Do the pages' links lead somewhere, and does the README say why each package is there? */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];

/** Text without blocks of code, fenced or indented. */
const prose = (text: string) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/^ {4}.*$/gm, '');

describe.each(pages)('%s', page => {
  const text = prose(read(page));

  it('links only to what is there', () => {
    const targets = [...text.matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)].map(match => match[1]);
    expect(targets.filter(target => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });

  it('names only files that are there', () => {
    const tops = 'emu|kernel|nooks|drivers|user|guest|debug|inject|bench|cli|test|docs|scripts';
    const named = [...text.matchAll(new RegExp(`\`((?:${tops})/[\\w./-]+)\``, 'g'))].map(match => match[1]);
    expect(named.filter(path => !existsSync(join(root, path)))).toEqual([]);
  });
});

it('the README gives each package a reason, and no other', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'));
  const table = /\| package \| why \|([\s\S]*?)\n\n/.exec(read('README.md'))?.[1] ?? '';
  const named = [...table.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \|/gm)].flatMap(row =>
    [...row[1].matchAll(/`([^`]+)`/g)].map(match => match[1]),
  );
  expect(named.sort()).toEqual([...Object.keys(dependencies), ...Object.keys(devDependencies)].sort());
});
