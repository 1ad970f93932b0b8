// Puts the tables of `npm run bench:peers` and `npm run bench:roofline` into docs/performance.md:
//   npm run --silent bench:peers -- --markdown > peers.md
//   npm run --silent bench:roofline -- --markdown > roofline.md
//   node scripts/performance.mjs peers.md roofline.md
import { readFileSync, writeFileSync } from 'node:fs';

const PAGE = 'docs/performance.md';
const COMMANDS = ['npm run bench:peers', 'npm run bench:roofline'];

const files = process.argv.slice(2);
if (files.length !== COMMANDS.length) {
  console.error('usage: node scripts/performance.mjs PEERS-OUTPUT ROOFLINE-OUTPUT');
  process.exit(2);
}

let page = readFileSync(PAGE, 'utf8');
for (const [n, command] of COMMANDS.entries()) {
  const text = readFileSync(files[n], 'utf8').trim();
  if (!text.includes('\n| ')) throw new Error(`${files[n]} has no table: --markdown prints one`);
  const place = new RegExp(`(<!-- OUTPUT of \`${command} [^]*?-->\n)[^]*?(<!-- END OUTPUT -->)`);
  if (!place.test(page)) throw new Error(`${PAGE} has no place for ${command}`);
  page = page.replace(place, (_, before, after) => `${before}\n${text}\n\n${after}`);
}
writeFileSync(PAGE, page);
