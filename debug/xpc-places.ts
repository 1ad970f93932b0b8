/**
 * Where the two ways across the border begin and end (nooks/xpc.S), each with what it is in words. `in` is from the
 * kernel to a domain, `out` from a domain to the kernel; a call's way back counts as a crossing of its own.
 */
import { disassemble, type Line } from './disassembly.ts';
import { domains } from './domains.ts';
import type { Target } from './target.ts';
import { hex8 } from './text.ts';

export type Direction = 'in' | 'out';

export interface XpcPlace {
  address: number;
  direction: Direction;
  /** What happens, told before the instruction at `address`. */
  detail(): string;
}

const EAX = 0;
const LONGEST_NAME = 64;
/** Offset of the name in struct nooks_wrapper. */
const WRAPPER_NAME = 0;
/** Arguments of nooks_enter_domain on the stack. */
const FUNCTION = 8;
const DIRECTORY = 16;

/** Where crossings are met; none without our kernel. */
export function xpcPlaces(target: Target): XpcPlace[] {
  const { symbols, machine } = target;
  const eax = () => machine.cpu.r32[EAX] >>> 0;
  const argument = (offset: number) => target.value((target.esp() + offset) >>> 0, 4);
  const text = (address: number) => {
    const bytes = target.bytes(address, LONGEST_NAME);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...bytes.subarray(0, Math.max(0, end)));
  };
  const named = (address: number) => target.symbolAt(address) ?? hex8(address);
  const whose = (cr3: number) => {
    const domain = domains(target).find(d => (d.cr3 & ~0xfff) === (cr3 & ~0xfff));
    return domain ? `domain ${domain.id} (${domain.name})` : 'no domain';
  };
  const places: [number | undefined, Direction, () => string][] = [
    [
      symbols.address('nooks_enter_domain'),
      'in',
      () => `the kernel calls ${named(argument(FUNCTION))} in ${whose(argument(DIRECTORY))}`,
    ],
    [
      behindCall(target, 'nooks_enter_domain'),
      'out',
      () => `${whose(machine.cpu.cr3)} returns 0x${hex8(eax())} to the kernel`,
    ],
    [symbols.address('nooks_unwound'), 'out', () => 'the call into the domain is given up'],
    [
      symbols.address('nooks_kernel_call'),
      'out',
      () => `${whose(machine.cpu.cr3)} calls ${text(target.value(eax() + WRAPPER_NAME, 4)) || 'the kernel'}`,
    ],
    [
      behindCall(target, 'nooks_kernel_call'),
      'in',
      () => `the kernel returns 0x${hex8(eax())} to the domain`,
    ],
    [symbols.address('nooks_refuse'), 'in', () => 'the kernel refuses the call of the domain'],
  ];
  return places.flatMap(([address, direction, detail]) =>
    address === undefined ? [] : [{ address, direction, detail }],
  );
}

/** The instruction behind the first call of a function of the kernel, which may not have its page tables yet. */
function behindCall(target: Target, name: string): number | undefined {
  const symbol = target.symbols.find(name)[0];
  const home = target.session?.kernel.segments.find(
    s => symbol && symbol.start >= s.virtualAddress && symbol.start < s.virtualAddress + s.memorySize,
  );
  if (!symbol || !home) return undefined;
  const offset = home.virtualAddress - home.physicalAddress;
  for (let at = symbol.start; at < symbol.end; ) {
    const line: Line | undefined = disassemble(target, at - offset, true);
    if (!line) return undefined;
    at += line.length;
    if (line.returns) return at;
  }
  return undefined;
}
