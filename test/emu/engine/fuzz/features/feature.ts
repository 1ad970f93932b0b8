/** One subject of the fuzzer: pieces of code about it, what it wants of the world, what the host does about it. */
import type { Act } from '../../lockstep.ts';
import type { Draft } from '../generate.ts';

/** Lines for assemble.ts. ESI and EDI point to data, EBP counts the loop; all else is free. */
export type Snippet = (d: Draft) => string[];

export interface Feature {
  name: string;
  /** Faults and switches cost its guests most of their time: they get more of it. */
  dear?: boolean;
  snippets: Snippet[];
  world?(d: Draft): void;
  acts?(d: Draft): Act[];
}
