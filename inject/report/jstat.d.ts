/** The part of jstat that is used: it brings no types. */
declare module 'jstat' {
  const jstat: {
    beta: {
      /** The `p` quantile of Beta(alpha, beta). */
      inv(p: number, alpha: number, beta: number): number;
    };
    /** A draw from Gamma(shape, 1), by the generator that setRandom has set. */
    randg(shape: number): number;
    /** A draw from N(0, 1). */
    randn(): number;
    /** `next` gives numbers in [0, 1). Holds for the whole module. */
    setRandom(next: () => number): void;
  };
  export default jstat;
}
