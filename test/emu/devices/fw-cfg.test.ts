import { expect, it } from 'vitest';
import { FwCfg } from '../../../emu/devices/fw-cfg.ts';

const SIGNATURE = 0;
const RAM_SIZE = 3;
const PROCESSORS = 5;

function bytes(device: FwCfg, item: number, count: number): number[] {
  device.writePort(0x510, 2, item);
  return Array.from({ length: count }, () => device.readPort(0x511, 1));
}

it('gives an item byte by byte, then zeros', () => {
  const device = new FwCfg(0x8000_0000);
  expect(bytes(device, PROCESSORS, 4)).toEqual([1, 0, 0, 0]);
  expect(bytes(device, RAM_SIZE, 9)).toEqual([0, 0, 0, 0x80, 0, 0, 0, 0, 0]);
  expect(bytes(device, RAM_SIZE | 0x4000, 4)).toEqual([0, 0, 0, 0x80]);
});

it('has no signature, and zeros for what is not there', () => {
  const device = new FwCfg(1 << 20);
  expect(bytes(device, SIGNATURE, 4)).toEqual([0, 0, 0, 0]);
  expect(bytes(device, 0x8003, 4)).toEqual([0, 0, 0, 0]);
});

it('is chosen by words and read by bytes only', () => {
  const device = new FwCfg(1 << 20);
  bytes(device, RAM_SIZE, 2);
  device.writePort(0x510, 1, PROCESSORS);
  device.writePort(0x511, 1, 9);
  expect(device.readPort(0x511, 2)).toBe(0xffff);
  expect(device.readPort(0x511, 1)).toBe(0x10);
});

it('goes on from a snapshot', () => {
  const device = new FwCfg(0x1234_0000);
  bytes(device, RAM_SIZE, 2);
  const saved = device.save();
  device.readPort(0x511, 1);
  device.load(saved);
  expect(device.readPort(0x511, 1)).toBe(0x34);
});
