/**
 * The chain of calls by frame pointers, for what runs the guest (`bt` is source/calls.ts's). It goes on across a driver call by itself, for the extension's first frame
 * points to the kernel's last one. Two places need to know more (nooks/xpc.S, kernel/arch/entry.S): a call of the
 * kernel leaves no frame of its own, and a trap's chain begins anew, with the interrupted registers behind it.
 */
import { disassemble } from './disassembly.ts';
import type { Target } from './target.ts';
import { Structs } from './views/structs.ts';

export interface Frame {
  pc: number;
  /** EBP in this frame. */
  ebp: number;
  /** What lies between this frame and the one called from it, to be said. */
  border?: string;
}

/** Where a function returns to, with ESP (behind the return address: its arguments) and EBP as they are then. */
export interface Caller {
  pc: number;
  esp: number;
  ebp: number;
}

const MAX_FRAMES = 64;
const PUSH_EBP = 0x55;

/** The caller of the function that runs now, or undefined when its return address cannot be read. */
export function caller(target: Target): Caller | undefined {
  const { cpu } = target.machine;
  const esp = target.esp();
  const ebp = cpu.r32[5] >>> 0;
  const pc = target.pc();
  const here = target.symbols.lookup(target.linked(pc));
  // Before its frame is built and after it is taken down, the return address is at ESP.
  const pushes = here?.symbol.code && target.byte(pc - here.offset) === PUSH_EBP;
  if (here?.offset === 0 || disassemble(target, pc)?.leaves) return returnTo(target, esp, ebp);
  if (pushes && here.offset === 1) return returnTo(target, esp + 4, target.value(esp, 4));
  return returnTo(target, ebp + 4, target.value(ebp, 4));
}

/** The return address lies at `slot`, the caller's EBP is `ebp`. */
function returnTo(target: Target, slot: number, ebp: number): Caller | undefined {
  const pc = target.value(slot >>> 0, 4);
  return pc < 0 || ebp < 0 ? undefined : { pc, esp: (slot + 4) >>> 0, ebp };
}

/** The innermost frame first. Bounded, whatever the guest's stack holds. */
export function frames(target: Target): Frame[] {
  const list: Frame[] = [{ pc: target.pc(), ebp: target.machine.cpu.r32[5] >>> 0 }];
  const seen = new Set<number>();
  let next: Caller | undefined = caller(target);
  while (next && next.pc !== 0 && list.length < MAX_FRAMES) {
    list.push({ pc: next.pc, ebp: next.ebp });
    const beyond = behind(target, next);
    if (beyond) list.push(beyond);
    const { ebp } = beyond ?? next;
    if (ebp === 0 || seen.has(ebp)) break;
    seen.add(ebp);
    next = returnTo(target, ebp + 4, target.value(ebp, 4));
  }
  return list;
}

/** The frame that a return into one of the two special places leads to; undefined elsewhere. */
function behind(target: Target, { pc, esp, ebp }: Caller): Frame | undefined {
  const name = target.symbols.lookup(target.linked(pc))?.symbol.name;
  if (name === 'nooks_kernel_call') {
    // nooks_dispatch(wrapper, domain_esp): flags and the return address are on the extension's stack.
    const domainEsp = target.value((esp + 4) >>> 0, 4);
    const back = domainEsp < 0 ? -1 : target.value((domainEsp + 4) >>> 0, 4);
    return back < 0 ? undefined : { pc: back, ebp, border: 'called from a domain' };
  }
  if (name === 'trap_common' || name === 'trap_from_domain') {
    const at = target.value(esp, 4);
    if (at < 0 || !Structs.of(target).ours) return undefined;
    const regs = Structs.of(target).at('struct pt_regs', at);
    const [from, frame] = [regs.number('eip'), regs.number('ebp')];
    if (from < 0 || frame < 0) return undefined;
    return { pc: from, ebp: frame, border: `trap 0x${regs.number('orig_eax').toString(16)}` };
  }
  return undefined;
}
