/**
 * The driver's live frames: from its stack pointer up to the return address of its outermost frame, by the chain of
 * EBPs (all code is compiled with frame pointers). With isolation they lie on a stack of the domain, without it on the
 * kernel's, and hold the same words: so one plan flips the same bit of the same word in both. Arguments of the
 * outermost frame are the caller's and left out.
 */
import type { GuestMemory } from './guest-memory.ts';

const MAX_FRAMES = 64;
const MAX_BYTES = 4096;

export interface Extent {
  start: number;
  end: number;
}

/** Null when the chain leads nowhere: EBP is no frame, or the frames are longer than any stack of a domain. */
export function driverFrames(memory: GuestMemory, esp: number, ebp: number, text: Extent): Extent | null {
  let frame = ebp >>> 0;
  for (let n = 0; n < MAX_FRAMES; n++) {
    if (frame < esp >>> 0 || frame - (esp >>> 0) > MAX_BYTES) return null;
    const [saved, back] = [memory.word(frame), memory.word(frame + 4)];
    if (saved < 0 || back < 0) return null;
    if (back < text.start || back >= text.end) return { start: esp >>> 0, end: frame + 8 };
    frame = saved;
  }
  return null;
}
