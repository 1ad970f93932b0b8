/**
 * Compares the log of a system program with an oracle's, line by line and field by field. What may differ, and why, is
 * data (differences.ts); a difference that no rule excuses is an error, and so is a rule that excuses nothing.
 */
import type { Rule } from './differences.ts';

/** A line: the case's name, and its fields by name; the dwords of a frame or dump are `f0`, `f1` and so on. */
export interface Line {
  name: string;
  fields: Map<string, string>;
}

export function parseLine(text: string): Line {
  const colon = text.indexOf(':');
  if (colon < 0) return { name: text, fields: new Map() };
  const fields = new Map<string, string>();
  let dwords = 0;
  for (const word of text
    .slice(colon + 1)
    .split(' ')
    .filter(Boolean)) {
    if (word === '|') continue;
    const equals = word.indexOf('=');
    if (equals > 0) fields.set(word.slice(0, equals), word.slice(equals + 1));
    else fields.set(`f${dwords++}`, word);
  }
  return { name: text.slice(0, colon), fields };
}

export interface Comparison {
  lines: number;
  /** Differences that no rule excuses, as text. */
  errors: string[];
  /** How many lines each rule excused. */
  excused: Map<Rule, number>;
}

export function compareLogs(
  program: string,
  ours: readonly string[],
  theirs: readonly string[],
  rules: readonly Rule[],
): Comparison {
  const result: Comparison = { lines: theirs.length, errors: [], excused: new Map() };
  const mine = rules.filter(rule => rule.program === program || rule.program === '*');
  if (ours.length !== theirs.length)
    result.errors.push(
      `${program}: ${ours.length} lines, the oracle has ${theirs.length}; ours ends with ${ours.at(-2)}`,
    );
  for (let n = 0; n < Math.min(ours.length, theirs.length); n++) {
    if (ours[n] === theirs[n]) continue;
    const [a, b] = [parseLine(ours[n]), parseLine(theirs[n])];
    const left = new Set(
      [...a.fields.keys(), ...b.fields.keys()].filter(k => a.fields.get(k) !== b.fields.get(k)),
    );
    for (const rule of mine) {
      if (!rule.name.test(a.name)) continue;
      const before = left.size;
      if (rule.fields === 'all') left.clear();
      else for (const field of rule.fields) left.delete(field);
      if (left.size < before) result.excused.set(rule, (result.excused.get(rule) ?? 0) + 1);
    }
    if (left.size > 0 || a.name !== b.name)
      result.errors.push(
        `${program}, line ${n + 1}, ${[...left].join(' ')}\n  ours   ${ours[n]}\n  oracle ${theirs[n]}`,
      );
  }
  return result;
}
