/** For scripts of the tests that take no arguments and write files: one that was given some must not start. */
export function takeNoArguments(): void {
  const [first] = process.argv.slice(2);
  if (first === undefined) return;
  console.error(`unexpected argument ${first}`);
  process.exit(2);
}
