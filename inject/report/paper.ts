/**
 * Reliability as M. Swift, B. Bershad and H. Levy measured it, "Improving the reliability of commodity operating systems",
 * SOSP 2003: 400 trials on each of five extensions, five faults a trial. The paper compares sums, not pairs.
 */
export const PAPER = {
  trials: 2000,
  crashes: { native: 317, nooks: 4 },
  nonFatal: { native: 512, nooks: 212 },
} as const;
