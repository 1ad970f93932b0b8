/**
 * What a guest asked for that is not there, said once each and a bounded number of times: a guest that probes
 * everything must not flood its host.
 */

/** Notices before we fall silent. */
const MOST = 500;

export class Notices {
  private readonly sink: (text: string) => void;
  private readonly where: () => number;
  private readonly said = new Set<string>();

  /** `sink` gets each line; `where` gives the linear address of the running instruction. */
  constructor(sink: (text: string) => void, where: () => number) {
    this.sink = sink;
    this.where = where;
  }

  /** Says that the running instruction asked for `what`, unless that was said before. */
  missing(what: string): void {
    if (this.said.has(what) || this.said.size >= MOST) return;
    this.said.add(what);
    this.sink(`no ${what} at eip 0x${(this.where() >>> 0).toString(16)}`);
    if (this.said.size === MOST) this.sink(`no more than ${MOST} such lines are printed`);
  }
}
