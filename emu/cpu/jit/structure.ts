/**
 * WebAssembly has no jumps, only blocks and loops to break out of. This arranges a graph of nodes so: strongly connected
 * parts become loops, again and again within them, and what is left is sorted so that every edge leads onwards or to the
 * head of a loop around it.
 *
 * A loop that is entered at several nodes has a dispatcher at its head: whoever goes there says which node is meant. Only
 * edges to one of them, the head proper, go by the dispatcher; loops within stay clean (compare "Beyond Relooper", Ramsey
 * 2022, which has single heads only).
 */

export interface Item {
  /** The node, or -1 of a loop. */
  node: number;
  /** What a loop holds, in order. */
  body: readonly Item[];
  /** The nodes by which it is entered; of a loop the head proper is the first. */
  entries: readonly number[];
}

export type Successors = (node: number) => readonly number[];

/** The nodes 0 to count - 1 in order, when `entries` are entered from outside. */
export function structure(count: number, successors: Successors, entries: ReadonlySet<number>): Item[] {
  const nodes = Array.from({ length: count }, (_, n) => n);
  const predecessors: number[][] = nodes.map(() => []);
  for (const n of nodes) for (const s of successors(n)) predecessors[s].push(n);
  return arrange(nodes, entries, successors, predecessors, new Set());
}

/** `heads`: of the loops around: edges to them are none within. */
function arrange(
  nodes: readonly number[],
  entries: ReadonlySet<number>,
  successors: Successors,
  predecessors: readonly (readonly number[])[],
  heads: ReadonlySet<number>,
): Item[] {
  const inside = new Set(nodes);
  const next = (n: number) => successors(n).filter(s => inside.has(s) && !heads.has(s));
  return components(nodes, next)
    .reverse()
    .map(part => {
      if (part.length === 1 && !next(part[0]).includes(part[0]))
        return { node: part[0], body: [], entries: part };
      const members = new Set(part);
      const entered = part
        .filter(n => entries.has(n) || predecessors[n].some(p => !members.has(p)))
        .sort((a, b) => a - b);
      // Nothing leads to it from outside: it does not run, but must stand somewhere.
      if (entered.length === 0) entered.push(part[0]);
      const body = arrange(part, new Set(entered), successors, predecessors, new Set([...heads, entered[0]]));
      return { node: -1, body, entries: entered };
    });
}

/** Strongly connected components (Tarjan 1972), those that others lead to first. */
function components(nodes: readonly number[], next: Successors): number[][] {
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const found: number[][] = [];
  const visit = (n: number) => {
    order.set(n, order.size);
    low.set(n, order.get(n) ?? 0);
    stack.push(n);
    onStack.add(n);
    for (const s of next(n)) {
      if (!order.has(s)) visit(s);
      if (onStack.has(s)) low.set(n, Math.min(low.get(n) ?? 0, low.get(s) ?? 0));
    }
    if (low.get(n) !== order.get(n)) return;
    const part = stack.splice(stack.indexOf(n));
    for (const m of part) onStack.delete(m);
    found.push(part);
  };
  for (const n of nodes) if (!order.has(n)) visit(n);
  return found;
}
