/**
 * Eight-bit devices on the ISA bus: the bus splits a wider access into byte accesses at rising port numbers, low
 * byte first (ISA, "data bus steering").
 */

import type { AccessSize, PortHandler } from '../bus.ts';

/** The registers of a device that only knows bytes. `port` is absolute, values are 0..255. */
export interface ByteRegisters {
  readByte(port: number): number;
  writeByte(port: number, value: number): void;
}

export function bytePorts(registers: ByteRegisters): PortHandler {
  return {
    readPort(port: number, size: AccessSize): number {
      let value = 0;
      for (let i = 0; i < size; i++) value |= (registers.readByte(port + i) & 0xff) << (8 * i);
      return value >>> 0;
    },
    writePort(port: number, size: AccessSize, value: number): void {
      for (let i = 0; i < size; i++) registers.writeByte(port + i, (value >>> (8 * i)) & 0xff);
    },
  };
}
