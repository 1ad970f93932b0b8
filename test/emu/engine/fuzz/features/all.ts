/** All features, in the order in which a case may choose them. */
import { borders, changing } from './code.ts';
import { faults, rings } from './faults.ts';
import type { Feature } from './feature.ts';
import { switches, translations } from './paging.ts';
import { branches, plain } from './plain.ts';
import { calls, fpu, interrupts, io, repeats, segments, tools } from './system.ts';

export const features: readonly Feature[] = [
  ...[plain, branches, changing, borders, translations, switches, faults, rings],
  ...[segments, interrupts, repeats, calls, fpu, io, tools],
];
