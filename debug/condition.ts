/** Conditions without debug information: address expressions (expression.ts) compared, joined by && and ||. */
import { evaluate } from './expression.ts';
import type { Target } from './target.ts';

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
};

/** Not 0 if it holds; numbers are unsigned. Throws a CommandError. */
export function conditionValue(target: Target, text: string): number {
  const any = text.split('||');
  if (any.length > 1) return Number(any.some(part => conditionValue(target, part) !== 0));
  const all = text.split('&&');
  if (all.length > 1) return Number(all.every(part => conditionValue(target, part) !== 0));
  const [, left, operator, right] = /^(.*?)(==|!=|<=|>=|<|>)(.*)$/.exec(text) ?? [];
  if (operator === undefined) return evaluate(target, text);
  return Number(COMPARISONS[operator](evaluate(target, left), evaluate(target, right)));
}
