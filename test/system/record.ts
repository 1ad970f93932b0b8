/** `npm run system:record [PROGRAM…]`: asks QEMU, and Bochs where it is installed, for the programs' logs again. */

import { writeLog } from './logs.ts';
import { ORACLES } from './oracles.ts';
import { buildPrograms, PROGRAMS } from './programs.ts';

/** Asks every oracle that is here for the programs' logs. Throws an Error for a program that is not there. */
async function record(wanted: readonly string[]): Promise<void> {
  const unknown = wanted.find(name => !PROGRAMS.includes(name));
  if (unknown !== undefined) throw new Error(`no program ${unknown}; there are: ${PROGRAMS.join(', ')}`);
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
}

try {
  await record(process.argv.slice(2));
} catch (e) {
  console.error((e as Error).message);
  process.exitCode = 1;
}
