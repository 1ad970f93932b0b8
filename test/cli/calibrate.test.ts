/** The command lines of calibrate and of bench's variations: what cannot be is said in one line. */
import { expect, it } from 'vitest';
import { nooks86 } from './command.ts';

it.each([
  [['calibrate', '--profile', 'p9'], 'unknown profile p9; there are: p4-1700, p3-1000, flat'],
  [['calibrate', 'more'], "too many arguments for 'calibrate'. Expected 0 arguments but got 1."],
  [['bench', '--set', 'l2.hit'], '--set must be figure=value (memory.random=250), not l2.hit'],
  [['bench', '--set', 'l2.hot=1'], 'profile p4-1700 has no figure l2.hot'],
  [['bench', '--set', 'l2.size=300000'], 'l2: size is not sets × ways × line'],
  [['bench', '--set', 'l2.size=68719476736'], 'l2.size cannot be 68719476736'],
  [['bench', '--set', 'memory.random=1e30'], 'memory.random cannot be 1e+30'],
  [['bench', '--messages', '0'], '--messages must be a whole number from 1 to 100000, not 0'],
  [['bench', '--sensitivity', 'l9'], 'no figure with a range is named l9: see docs/profiles.md'],
  [['bench', '--sensitivity', '--csv'], '--sensitivity compares both isolations, and prints no CSV'],
])('refuses %j', async (args, message) => {
  expect(await nooks86(args)).toEqual({ code: 2, out: '', err: `nooks86: ${message}\n` });
});
