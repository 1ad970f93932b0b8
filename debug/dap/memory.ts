/** Requests on memory and code by address. Reading goes past TLBs and caches and leaves no trace. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { disassemble } from '../disassembly.ts';
import { CommandError } from '../error.ts';
import type { Target } from '../target.ts';
import { hex8 } from '../text.ts';
import { disassembleArguments, readMemoryArguments, writeMemoryArguments } from './arguments.ts';
import { addressOf, type Requests, request } from './request.ts';
import type { Adapter } from './session.ts';

const PAGE = 4096;
const LONGEST = 15;
/** Instructions that decoding from a wrong place takes at most, in practice, to fall into step. */
const RUN_IN = 8;
/** Bytes between functions. */
const PADDING = 64;

export const MEMORY: Requests = {
  readMemory: request('launched', readMemoryArguments, (adapter, args) => {
    const { target } = adapter.debugger;
    const at = addressOf(args.memoryReference, args.offset);
    const wanted = Math.min(args.count, 2 ** 32 - at);
    const bytes = target.bytes(at, wanted);
    return {
      address: `0x${hex8(at)}`,
      data: Buffer.from(bytes).toString('base64'),
      ...(bytes.length < wanted && { unreadableBytes: unreadable(target, at + bytes.length, at + wanted) }),
    };
  }),

  writeMemory: request('standing', writeMemoryArguments, (adapter, args) => {
    const { target } = adapter.debugger;
    const at = addressOf(args.memoryReference, args.offset);
    const bytes = new Uint8Array(Buffer.from(args.data, 'base64'));
    const writable = target.bytes(at, bytes.length).length;
    if (writable < bytes.length && !args.allowPartial)
      throw new CommandError(`only ${writable} of ${bytes.length} bytes at 0x${hex8(at)} are memory`);
    if (writable > 0) target.writeMemory(at, bytes.subarray(0, writable));
    adapter.changed(at, writable);
    return { bytesWritten: writable };
  }),

  disassemble: request('launched', disassembleArguments, (adapter, args) => {
    const { target } = adapter.debugger;
    const at = addressOf(args.memoryReference, args.offset);
    const first = args.instructionOffset ?? 0;
    const rows = first < 0 ? backwards(target, at, -first, args.instructionCount) : [];
    let next = first < 0 ? at : skip(target, at, first);
    while (rows.length < args.instructionCount) {
      rows.push(next);
      next = (next + (disassemble(target, next)?.length ?? 1)) >>> 0;
    }
    return { instructions: rows.map(address => instruction(adapter, address)) };
  }),
};

/** Bytes from `from` on that cannot be read, up to the next page that can. */
function unreadable(target: Target, from: number, to: number): number {
  let at = from;
  while (at < to && target.byte(at) < 0) at = Math.min(to, (Math.floor(at / PAGE) + 1) * PAGE);
  return at - from;
}

function skip(target: Target, at: number, instructions: number): number {
  for (let n = 0; n < instructions; n++) at = (at + (disassemble(target, at)?.length ?? 1)) >>> 0;
  return at;
}

/**
 * Addresses of up to `most` instructions from the `count`th before `at` on. x86 cannot be decoded backwards: each
 * function before is decoded from its start, and where none is known, from far enough before to fall into step.
 */
function backwards(target: Target, at: number, count: number, most: number): number[] {
  let found: number[] = [];
  for (let end = at; found.length < count && end > 0; ) {
    const guess = Math.max(0, end - (count - found.length + RUN_IN) * LONGEST);
    const start = functionBefore(target, end) ?? guess;
    const here: number[] = [];
    for (let next = start; next < end; next += disassemble(target, next)?.length ?? 1) here.push(next);
    found = [...here, ...found];
    end = start;
  }
  // Nothing is before address 0.
  const missing = Array.from({ length: Math.max(0, count - found.length) }, () => 0);
  return [...missing, ...found.slice(-count)].slice(0, most);
}

/** Where the function begins that ends at or little before `end`; undefined where no function is known. */
function functionBefore(target: Target, end: number): number | undefined {
  for (let n = 1; n <= PADDING && n <= end; n++) {
    const found = target.symbols.lookup(target.linked(end - n));
    if (found?.symbol.code) return end - n - found.offset;
  }
  return undefined;
}

function instruction(adapter: Adapter, address: number): DebugProtocol.DisassembledInstruction {
  const { target } = adapter.debugger;
  const line = disassemble(target, address);
  const reference = `0x${hex8(address)}`;
  if (!line) return { address: reference, instruction: 'nothing to read', presentationHint: 'invalid' };
  const place = adapter.live.sources.lineAt(address);
  const bytes = [...target.bytes(address, line.length)].map(b => b.toString(16).padStart(2, '0'));
  const symbol = target.symbolAt(address);
  return {
    address: reference,
    instructionBytes: bytes.join(' '),
    instruction: line.text,
    ...(symbol !== undefined && { symbol }),
    ...(place && {
      location: adapter.live.sources.source(place.file),
      line: place.line - adapter.client.lineOffset,
    }),
  };
}
