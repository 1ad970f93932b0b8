/**
 * Call stacks, followed exactly by what the processor does: a CALL pushes a frame that a RET to the same place with
 * the same stack pointer takes off, a delivery one that its IRET takes off. So frames go by stack *slots*, the linear
 * addresses of return addresses, and it does not matter on which memory a stack goes on: a system call, a crossing
 * into a domain (nooks/xpc.S) and a call back from it are one chain. There is a chain a task: a RET by a slot that
 * another chain's top frame holds is a task switch (switch_to).
 *
 * Where code goes from one function into another without a call (a stub's JMP, entry code), the frame of the other
 * lies above as a `tail` with the same slot. What is not known, because the trace began later, is found by frame
 * pointers once, up to the trap that is under way.
 *
 * Left out: far calls; chains of more than MAX_FRAMES frames are not followed further.
 */
import type { CallNode } from './call-tree.ts';
import type { Delivery, Place } from './recorder.ts';

export interface Frame {
  kind: 'call' | 'tail' | 'trap';
  name: string;
  /** Code; undefined for a trap. */
  place: Place | undefined;
  /** Where the return address lies, and what it is; linear. A tail has those of the frame below. */
  slot: number;
  back: number;
  /** Traps: what was delivered, and ESP when it is over, -1 unknown. */
  delivery: Delivery | undefined;
  esp: number;
  /** Its node of the call tree, once it was charged. */
  node: CallNode | null;
}

export interface Stack {
  /** The outermost first. */
  frames: Frame[];
}

export interface StackListener {
  pushed(frame: Frame, below: Frame | undefined): void;
  popped(frame: Frame): void;
  switched(from: Stack, to: Stack): void;
}

export interface Memory {
  /** The dword at a linear address, unsigned, or -1. */
  peek32(lin: number): number;
  /** The function at an address. */
  at(lin: number): Place;
  ebp(): number;
}

const MAX_FRAMES = 1024;
const MAX_STACKS = 256;
const MAX_WALK = 64;
/** The kernel's stacks are 8 KiB, aligned: what lies in other 8 KiB is taken for another stack. */
const STACK_SHIFT = 13;

export class Stacks {
  current: Stack = { frames: [] };
  private others: Stack[] = [];
  private readonly listener: StackListener;
  private readonly memory: Memory;

  constructor(listener: StackListener, memory: Memory) {
    this.listener = listener;
    this.memory = memory;
  }

  get top(): Frame | undefined {
    const { frames } = this.current;
    return frames[frames.length - 1];
  }

  /** The chain that runs, by frame pointers: `lin` is the next instruction. */
  begin(lin: number, esp: number): void {
    const here = this.memory.at(lin);
    for (const frame of this.walk(here, here.start === lin >>> 0 ? esp : -1)) this.push(frame);
  }

  /** Code of `place` comes next, without a call. */
  reach(place: Place): void {
    const { frames } = this.current;
    const top = frames[frames.length - 1];
    if (top !== undefined && top.place !== undefined) {
      if (top.place.start === place.start) return;
      for (let n = frames.length - 1; n >= 0 && frames[n].slot === top.slot; n--) {
        if (frames[n].place?.start === place.start) return this.popTo(n + 1);
        if (frames[n].kind !== 'tail') break;
      }
    }
    this.push(frameOf('tail', place, top?.slot ?? -1, top?.back ?? -1));
  }

  /** A CALL to `place` was done; its return address `back` is at `slot`. */
  call(place: Place, slot: number, back: number): void {
    this.push(frameOf('call', place, slot, back));
  }

  /** A RET to `target` was done, which took its address from `slot`. */
  ret(target: number, slot: number): void {
    const at = findCall(this.current, slot, target);
    if (at >= 0) return this.popTo(at);
    const other = this.others.find(s => s.frames.length > 0 && findTopCall(s, slot, target) >= 0);
    if (other) {
      this.switchTo(other);
      return this.popTo(findTopCall(other, slot, target));
    }
    // An address that code pushed itself, or a task that was never seen to stop.
    if (this.current.frames.length === 0 || this.isNear(slot)) return;
    this.others = this.others.filter(s => !holds(s, slot));
    this.switchTo({ frames: [] });
    this.begin(target, slot + 4);
  }

  /** An event's handler comes next. `slot` holds the address to return to. */
  deliver(delivery: Delivery, slot: number, esp: number): void {
    this.push({ ...frameOf('trap', undefined, slot, delivery.back), name: delivery.name, delivery, esp });
  }

  /** An IRET to `target` was done; ESP is what it left, `user`: to ring 3. */
  returned(target: number, esp: number, user: boolean): void {
    let at = findTrap(this.current, target, esp);
    if (at < 0) {
      const other = this.others.find(s => findTrap(s, target, esp) >= 0);
      // Only its own kernel stack, which no other task uses, leads back to ring 0.
      if (other && !user) {
        this.switchTo(other);
        at = findTrap(other, target, esp);
      }
    }
    if (at >= 0) return this.popTo(at);
    if (user) return this.popTo(0);
    if (this.isNear(esp)) return;
    this.popTo(0);
    this.begin(target, esp);
  }

  private isNear(slot: number): boolean {
    return this.current.frames.some(f => f.slot >= 0 && f.slot >>> STACK_SHIFT === slot >>> STACK_SHIFT);
  }

  private switchTo(stack: Stack): void {
    const from = this.current;
    this.others = this.others.filter(s => s !== stack);
    if (from.frames.length > 0) this.others.push(from);
    if (this.others.length > MAX_STACKS) this.others.shift();
    this.current = stack;
    this.listener.switched(from, stack);
  }

  private push(frame: Frame): void {
    if (this.current.frames.length >= MAX_FRAMES) return;
    const below = this.top;
    this.current.frames.push(frame);
    this.listener.pushed(frame, below);
  }

  private popTo(length: number): void {
    const { frames } = this.current;
    while (frames.length > length) this.listener.popped(frames.pop()!);
  }

  /** Frames by frame pointers, the outermost first; `slot` holds the return address of a function just entered, or -1. */
  private walk(here: Place, slot: number): Frame[] {
    const returns: { slot: number; back: number }[] = [];
    if (slot >= 0) returns.push({ slot, back: this.memory.peek32(slot | 0) });
    let ebp = this.memory.ebp() >>> 0;
    while (ebp !== 0 && returns.length < MAX_WALK) {
      const back = this.memory.peek32((ebp + 4) | 0);
      if (back <= 0) break;
      returns.push({ slot: (ebp + 4) >>> 0, back });
      const next = this.memory.peek32(ebp | 0);
      if (next === ebp) break;
      ebp = Math.max(0, next);
    }
    const frames: Frame[] = [];
    let place = here;
    for (const { slot: at, back } of returns) {
      if (back <= 0) break;
      frames.unshift(frameOf('call', place, at, back));
      place = this.memory.at(back - 1);
    }
    frames.unshift(frameOf('tail', place, -1, -1));
    return frames;
  }
}

function frameOf(kind: Frame['kind'], place: Place | undefined, slot: number, back: number): Frame {
  return { kind, name: place?.name ?? '', place, slot, back, delivery: undefined, esp: -1, node: null };
}

/** The index of the innermost call that returns to `back` by `slot`, or -1. */
function findCall({ frames }: Stack, slot: number, back: number): number {
  for (let n = frames.length - 1; n >= 0; n--) {
    const f = frames[n];
    if (f.kind === 'call' && f.slot === slot && f.back === back) return n;
  }
  return -1;
}

/** The same, but only if nothing but tails lies above. */
function findTopCall({ frames }: Stack, slot: number, back: number): number {
  let n = frames.length - 1;
  while (n > 0 && frames[n].kind === 'tail') n--;
  const f = frames[n];
  return f.kind === 'call' && f.slot === slot && f.back === back ? n : -1;
}

function findTrap({ frames }: Stack, back: number, esp: number): number {
  for (let n = frames.length - 1; n >= 0; n--) {
    const f = frames[n];
    if (f.kind === 'trap' && f.back === back && (f.esp === esp || f.esp < 0)) return n;
  }
  return -1;
}

/** Does its newest frame lie in the memory that `slot` is now part of? It is of a task that is gone. */
function holds({ frames }: Stack, slot: number): boolean {
  const newest = frames[frames.length - 1].slot;
  return newest >>> STACK_SHIFT === slot >>> STACK_SHIFT;
}
