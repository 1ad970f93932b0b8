/** The `nooks86` process: arguments and streams for cli/program.ts. */
import '../guest/host.ts';
import { runProgram } from './program.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has gone (`nooks86 ... | head`): nobody is left to tell.
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`nooks86: cannot write output: ${error.message}\n`);
  process.exit(1);
});
process.stderr.on('error', () => {});

process.exitCode = await runProgram(process.argv.slice(2), {
  out: chunk => process.stdout.write(chunk),
  err: text => process.stderr.write(text),
  terminal: process.stdout.isTTY === true,
  exitCode: 0,
});
