/**
 * The calls that a task which does not run is in: it stands in switch_to(), its registers on its stack, and is unwound
 * from there by frame pointers. Left out: arguments and locals of these frames.
 */
import type { Debugger } from '../debugger.ts';
import type { SavedRegisters } from '../gdb/threads.ts';
import type { SourceFrame } from '../model.ts';

/** The innermost frame first. */
export function waitingFrames(d: Debugger, saved: SavedRegisters, limit: number): SourceFrame[] {
  const { target } = d;
  const frames: SourceFrame[] = [];
  let at = { pc: saved.eip, ebp: saved.ebp, esp: saved.esp };
  while (frames.length < limit && target.symbols.lookup(at.pc)) {
    frames.push(frameAt(d, at, frames.length));
    const { ebp } = at;
    // A chain leads towards the stack's beginning, or is none.
    if (ebp < at.esp) break;
    at = { pc: target.value(ebp + 4, 4), ebp: target.value(ebp, 4), esp: ebp + 8 };
    if (at.pc < 0 || at.ebp < 0) break;
  }
  return frames;
}

function frameAt(
  { target, source }: Debugger,
  { pc, ebp, esp }: { pc: number; ebp: number; esp: number },
  level: number,
): SourceFrame {
  // A return address is behind its call, which may be the last instruction of a line.
  const line = source.lineAt(pc - 1);
  return {
    level,
    pc,
    ebp,
    esp,
    function: target.symbols.lookup(pc)?.symbol.name ?? '??',
    ...(line?.line && { file: line.file, line: line.line }),
    inlined: false,
    region: target.regionAt(pc),
    arguments: [],
  };
}
