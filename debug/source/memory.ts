/** Memory of the guest as the source level reads it, and numbers in it. */
import type { Target } from '../target.ts';

/** As many of `size` bytes as can be read; before paging, linked addresses are read where they were loaded. */
export function readBytes(target: Target, address: number, size: number): Uint8Array {
  const bytes = target.bytes(address, size);
  if (bytes.length > 0 || size === 0 || target.paging()) return bytes;
  const home = target.images.main?.elf.segments.find(
    s => address >= s.virtualAddress && address < s.virtualAddress + s.memorySize,
  );
  if (!home) return bytes;
  return target.bytes((address - home.virtualAddress + home.physicalAddress) >>> 0, size, true);
}

/** Little-endian; undefined where a byte cannot be read. */
export function readNumber(target: Target, address: number, size: number): bigint | undefined {
  const bytes = readBytes(target, address >>> 0, size);
  return bytes.length < size ? undefined : numberOf(bytes);
}

export function numberOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let n = bytes.length - 1; n >= 0; n--) value = (value << 8n) | BigInt(bytes[n]);
  return value;
}

export function bytesOf(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));
}
