/** Disassembly by iced-x86 in the manual's operand order, with the names of the addresses that an instruction holds. */
import { Decoder, DecoderOptions, FlowControl, Formatter, FormatterSyntax } from 'iced-x86';
import type { Target } from './target.ts';
import { hex8 } from './text.ts';

const LONGEST = 15;
/** Literals below are no addresses worth a name. */
const LOWEST_NAMED = 0x1000;

export interface Line {
  address: number;
  length: number;
  text: string;
  /** Comes back to the next instruction: CALL, INT n, a repeated string instruction. */
  returns: boolean;
  /** RET or IRET. */
  leaves: boolean;
}

const formatter = new Formatter(FormatterSyntax.Nasm);
formatter.hexPrefix = '0x';
formatter.hexSuffix = '';
formatter.uppercaseHex = false;
formatter.spaceAfterOperandSeparator = true;
formatter.branchLeadingZeros = false;
formatter.showBranchSize = false;

/** The instruction at a linear (or physical) address; undefined where there is nothing to read. */
export function disassemble(target: Target, address: number, physical = false): Line | undefined {
  const bytes = target.bytes(address, LONGEST, physical);
  if (bytes.length === 0) return undefined;
  const decoder = new Decoder(target.machine.cpu.codeBig ? 32 : 16, bytes, DecoderOptions.None);
  decoder.ip = BigInt(address >>> 0);
  const instruction = decoder.decode();
  try {
    const text = instruction.isInvalid ? '(bad)' : formatter.format(instruction);
    const flow = instruction.flowControl;
    const call = [FlowControl.Call, FlowControl.IndirectCall, FlowControl.Interrupt].includes(flow);
    return {
      address: address >>> 0,
      length: instruction.isInvalid ? 1 : instruction.length,
      text: named(target, text),
      returns: call || instruction.hasRepPrefix || instruction.hasRepnePrefix,
      leaves: flow === FlowControl.Return,
    };
  } finally {
    instruction.free();
    decoder.free();
  }
}

/** `c0100000 <name+0x3>:  text`, the current instruction marked. */
export function lineText(target: Target, line: Line): string {
  const mark = line.address === target.pc() ? '=>' : '  ';
  return `${mark} ${target.describe(line.address)}:  ${line.text}\n`;
}

/** Appends the names of literals that lie in a symbol. */
function named(target: Target, text: string): string {
  const names = new Set<string>();
  for (const [literal] of text.matchAll(/0x[0-9a-f]+/g)) {
    const value = Number(literal);
    const name = value >= LOWEST_NAMED ? target.symbolAt(value) : undefined;
    if (name) names.add(name);
  }
  return names.size ? `${text}  <${[...names].join(', ')}>` : text;
}

/** Everything of the function that holds `address`, or `count` instructions from it where no function is known. */
export function listing(target: Target, address: number, count: number): string {
  const found = target.symbols.lookup(target.linked(address));
  const whole = found?.symbol.code && found.symbol.end - found.symbol.start <= LARGEST_FUNCTION;
  let at = whole ? address - found.offset : address;
  const end = whole ? at + found.symbol.end - found.symbol.start : Number.POSITIVE_INFINITY;
  let source: string | undefined;
  let text = '';
  for (let n = 0; at < end && (whole || n < count); n++) {
    const here = target.sourceAt(at);
    if (here !== undefined && here !== source) text += `${here}\n`;
    source = here ?? source;
    const line = disassemble(target, at);
    if (!line) return `${text}   ${hex8(at)}: nothing to read\n`;
    text += lineText(target, line);
    at += line.length;
  }
  return text;
}

/** Bytes; a larger one is shown from the address on. */
const LARGEST_FUNCTION = 4096;
