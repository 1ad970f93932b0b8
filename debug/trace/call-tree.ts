/** Ticks by call stack: a tree of functions, each node with what was spent in it by domain and region. */
import type { Stack } from './stacks.ts';

export interface CallNode {
  name: string;
  parent: CallNode | null;
  depth: number;
  children: Map<string, CallNode>;
  /** Ticks in it but not below, by the caller's key. */
  own: Map<number, number>;
}

/** Deeper frames, and stacks that are new when there are so many, are charged to the frame that they lie on. */
const MAX_DEPTH = 256;
const MAX_NODES = 500_000;

export class CallTree {
  private readonly root = node('', null);
  private nodes = 1;

  /** Charges `ticks` to the innermost frame of a stack. */
  charge(stack: Stack, key: number, ticks: number): void {
    const own = this.nodeOf(stack).own;
    own.set(key, (own.get(key) ?? 0) + ticks);
  }

  /** Each stack that something was charged to: its names, the outermost first. In the order of the calls. */
  *stacks(): Generator<{ names: string[]; key: number; ticks: number }> {
    const todo = [this.root];
    for (let next = todo.pop(); next; next = todo.pop()) {
      for (const [key, ticks] of next.own) yield { names: namesOf(next), key, ticks };
      todo.push(...[...next.children.values()].reverse());
    }
  }

  private nodeOf({ frames }: Stack): CallNode {
    let n = frames.length - 1;
    while (n >= 0 && frames[n].node === null) n--;
    let at = n < 0 ? this.root : frames[n].node!;
    for (n++; n < frames.length; n++) at = frames[n].node = this.child(at, frames[n].name);
    return at;
  }

  private child(parent: CallNode, name: string): CallNode {
    let found = parent.children.get(name);
    if (!found) {
      if (parent.depth >= MAX_DEPTH || this.nodes >= MAX_NODES) return parent;
      parent.children.set(name, (found = node(name, parent)));
      this.nodes++;
    }
    return found;
  }
}

function node(name: string, parent: CallNode | null): CallNode {
  return { name, parent, depth: parent ? parent.depth + 1 : 0, children: new Map(), own: new Map() };
}

function namesOf(at: CallNode): string[] {
  const names: string[] = [];
  for (let n: CallNode | null = at; n?.parent; n = n.parent) names.unshift(n.name);
  return names;
}
