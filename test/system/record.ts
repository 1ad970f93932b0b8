/** `npm run system:record [PROGRAM…]`: asks QEMU, and Bochs where it is installed, for the programs' logs again. */

import { writeLog } from './logs.ts';
import { ORACLES } from './oracles.ts';
import { buildPrograms, PROGRAMS } from './programs.ts';

const wanted = process.argv.slice(2);
const files = await buildPrograms(wanted.length ? wanted : PROGRAMS);
for (const oracle of ORACLES) {
  const version = oracle.version();
  if (!version) {
    console.error(`${oracle.name} is not installed: its logs stay as they are`);
    continue;
  }
  for (const [program, path] of files) {
    if (!oracle.runs(program)) continue;
    const lines = oracle.run(path);
    if (lines.at(-2) !== 'end')
      throw new Error(`${oracle.name} did not finish ${program}: ${lines.slice(-3).join(' ')}`);
    writeLog(oracle.name, program, version, lines);
    console.log(`${oracle.name} ${program}: ${lines.length} lines`);
  }
}
