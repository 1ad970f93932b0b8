/** Rules on how often a breakpoint was hit, as editors let their users write them. */
import { CommandError } from '../error.ts';

const RULES: Readonly<Record<string, (hits: number, n: number) => boolean>> = {
  // As VS Code's own debugger reads a number alone: from the nth hit on.
  '': (hits, n) => hits >= n,
  '=': (hits, n) => hits === n,
  '==': (hits, n) => hits === n,
  '>=': (hits, n) => hits >= n,
  '>': (hits, n) => hits > n,
  '<': (hits, n) => hits < n,
  '<=': (hits, n) => hits <= n,
  '%': (hits, n) => hits % n === 0,
};

/** Whether a breakpoint that was hit so often, this time included, stops. Throws a CommandError. */
export function hitRule(text: string): (hits: number) => boolean {
  const [, sign = '', digits] = /^\s*([=<>%]{0,2})\s*(\d{1,9})\s*$/.exec(text) ?? [];
  const rule = Object.hasOwn(RULES, sign) ? RULES[sign] : undefined;
  const n = Number(digits);
  if (!rule || digits === undefined || n < 1)
    throw new CommandError(`hit count ${text.slice(0, 80)}: a number from 1, or one behind = > >= < <= or %`);
  return hits => rule(hits, n);
}
