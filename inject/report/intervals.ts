/**
 * Intervals of a share. C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
 * case of the binomial", Biometrika 26 (1934): exact, so never narrower than it says; wider than others near 0 and 1.
 */
import jstat from 'jstat';

export const CONFIDENCE = 0.95;

/** `count` of `of`; `low` and `high` bound the true share. All null when there is nothing to divide by. */
export interface Share {
  count: number;
  of: number;
  share: number | null;
  low: number | null;
  high: number | null;
}

/** Both ends of the interval for `count` successes in `of` > 0 trials. Throws a RangeError on anything else. */
export function clopperPearson(count: number, of: number, confidence = CONFIDENCE): [number, number] {
  if (!(Number.isInteger(count) && Number.isInteger(of) && of > 0 && count >= 0 && count <= of))
    throw new RangeError(`${count} of ${of} is no share`);
  const tail = (1 - confidence) / 2;
  // With nothing or everything, the beta distribution is a power, which needs no iteration.
  const none = (n: number) => -Math.expm1(Math.log(tail) / n);
  if (count === 0) return [0, none(of)];
  if (count === of) return [1 - none(of), 1];
  return [jstat.beta.inv(tail, count, of - count + 1), jstat.beta.inv(1 - tail, count + 1, of - count)];
}

export function share(count: number, of: number): Share {
  if (of === 0) return { count, of, share: null, low: null, high: null };
  const [low, high] = clopperPearson(count, of);
  return { count, of, share: count / of, low, high };
}
