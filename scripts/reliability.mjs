// Puts output of `nooks86 report` into docs/reliability.md, a campaign at a time:
//   npx nooks86 report uniform.db > uniform.txt; node scripts/reliability.mjs uniform=uniform.txt [NAME=FILE]...
// A place in the page is `<!-- RESULTS of uniform: Outcomes; How long -->` to `<!-- END RESULTS -->`. It gets the header of
// the output, when nothing is named, or the sections whose titles start as named. One with a question mark may be missing.
import { readFileSync, writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

const page = process.env.NOOKS86_PAGE ?? 'docs/reliability.md';

function fail(line) {
  console.error(line);
  process.exit(1);
}

/** Header, and sections by their titles. */
function parse(file) {
  const text = stripVTControlCharacters(readFileSync(file, 'utf8')).replaceAll('\r', '');
  const [header, ...sections] = text.split(/^== /m);
  if (sections.length === 0) fail(`${file} is not the output of nooks86 report`);
  return { header: header.trim(), sections: sections.map(s => s.trim()) };
}

/** A block of code that holds neither its own end nor the place's: last lines are a guest's words. */
function fenced(output) {
  const text = output.replaceAll('<!--', '<! --');
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(m => m[0].length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

function pick({ header, sections }, titles, name) {
  if (titles.length === 0) return header;
  return titles
    .flatMap(wanted => {
      const title = wanted.replace(/\?$/, '');
      const found = sections.filter(s => s.startsWith(title));
      if (found.length === 0 && title === wanted)
        fail(`the results of ${name} have no section that starts with ${title}`);
      return found;
    })
    .join('\n\n');
}

const campaigns = new Map();
for (const argument of process.argv.slice(2)) {
  const [, name, file] = /^([\w-]+)=(.+)$/.exec(argument) ?? fail(`${argument} is not NAME=FILE`);
  campaigns.set(name, parse(file));
}
if (campaigns.size === 0) fail('usage: node scripts/reliability.mjs NAME=FILE...');

const filled = new Set();
const text = readFileSync(page, 'utf8').replace(
  /(<!-- RESULTS of ([\w-]+)(?:: ([\s\S]*?))? -->\n)[\s\S]*?(<!-- END RESULTS -->)/g,
  (all, before, name, titles, after) => {
    const results = campaigns.get(name);
    if (!results) return all;
    filled.add(name);
    const wanted = (titles ?? '').split(';').map(t => t.trim());
    return `${before}${fenced(pick(results, wanted.filter(Boolean), name))}\n${after}`;
  },
);
for (const name of campaigns.keys())
  if (!filled.has(name)) fail(`${page} has no place for the results of ${name}`);
writeFileSync(page, text);
