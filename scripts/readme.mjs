// Puts the output of the README's two commands into README.md, cut as the README says:
//   npm start > start.txt; npm cit > cit.txt 2>&1; node scripts/readme.mjs start.txt cit.txt
import { readFileSync, writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

const [startFile, citFile] = process.argv.slice(2);
if (!startFile) {
  console.error('usage: node scripts/readme.mjs START-OUTPUT [CIT-OUTPUT]');
  process.exit(2);
}

/** Without colours and npm's own lines. */
const linesOf = file =>
  stripVTControlCharacters(readFileSync(file, 'utf8'))
    .split('\n')
    .filter(line => !/^(npm |> )/.test(line));

/** Header, the paper's table, the first decomposition; no rules between rows. */
function cutStart(lines) {
  const from = lines.findIndex(line => line.startsWith('profile '));
  const paper = lines.findIndex(line => line.includes('relative performance')) - 1;
  const end = lines.findIndex(line => line.includes('One crossing costs')) + 1;
  if (from < 0 || paper < 0 || end < 1) throw new Error(`${startFile} is not the output of npm start`);
  const rows = lines
    .slice(paper, end)
    .filter((line, n, all) => !line.startsWith('├') || all[n - 2].startsWith('┌')); // the heading keeps its rule
  return [...lines.slice(from, from + 3), '[...]', ...rows, '[...]'];
}

/** Vitest's summary. */
function cutCit(lines) {
  const from = lines.findLastIndex(line => line.trim().startsWith('Test Files'));
  if (from < 0) throw new Error(`${citFile} is not the output of npm cit`);
  return ['[...]', ...lines.slice(from, from + 4).filter(line => line.trim() !== '')];
}

function fill(page, command, lines) {
  const place = new RegExp(
    `(<!-- OUTPUT of \`${command}\`[^]*?-->[^]*?\`\`\`\n)[^]*?(\`\`\`\n<!-- END OUTPUT -->)`,
  );
  if (!place.test(page)) throw new Error(`README.md has no place for ${command}`);
  return page.replace(place, (_, before, after) => `${before}${lines.join('\n')}\n${after}`);
}

let page = readFileSync('README.md', 'utf8');
page = fill(page, 'npm start', cutStart(linesOf(startFile)));
if (citFile) page = fill(page, 'npm cit', cutCit(linesOf(citFile)));
writeFileSync('README.md', page);
