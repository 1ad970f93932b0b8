/**
 * PCI configuration space behind configuration mechanism 1, and the functions that sit in it as data.
 *
 * PCI Local Bus Specification 2.2, chapter 6 and section 3.2.2.3.2; CONFIG_ADDRESS, CONFIG_DATA and the reset
 * control register at 0xCF9 as in the 82441FX (440FX) and 82371SB (PIIX3) data sheets. One bus, number 0.
 * A function is type 0: BARs can be sized and moved, and a move is an unmap and a map in the address map. A
 * BAR that a guest moves onto something else, or leaves at 0, answers nowhere until the overlap is gone.
 *
 * Our BIOS assigns nothing, and often none runs: each BAR, the command register and the interrupt line come assigned,
 * as a BIOS leaves them.
 * Left out: bridges to other buses, expansion ROMs, capabilities, and INTx routing: a device has its IRQ line
 * from the machine, and the interrupt line register only says which.
 */

import type { AccessSize, AddressMap, MmioRange, PortHandler, PortRange } from '../bus.ts';
import { COMMAND_MASTER, COMMAND_MEMORY, PciFunction, type PciFunctionSpec } from './pci-function.ts';
import { OverlapError } from './port-space.ts';

const CONFIG_ADDRESS = 0xcf8;
const RESET_CONTROL = 0xcf9;
const CONFIG_DATA = 0xcfc;
const ENABLE = 0x8000_0000;
/** CONFIG_ADDRESS bits that exist: enable, bus, device, function, register. */
const ADDRESS_BITS = 0x80ff_fffc;
const RESET_CPU = 1 << 2;
const RESET_HARD = 1 << 1;
const RESET_KEPT = RESET_CPU | RESET_HARD;
/** Header type byte: bit 7 says that the device has several functions. */
const HEADER_TYPE = 0x0e;
const MULTIFUNCTION = 0x80;

/** PAM bytes of the 82441FX. */
export const PAM_FIRST = 0x59;
export const PAM_COUNT = 7;

/** The 82441FX host bridge at 0:0.0, with its programmable attribute map (PAM); emu/rom.ts acts on it. */
export const HOST_BRIDGE_440FX: PciFunctionSpec = {
  name: '440FX',
  device: 0,
  function: 0,
  vendorId: 0x8086,
  deviceId: 0x1237,
  classCode: 0x060000,
  revision: 2,
  command: COMMAND_MEMORY | COMMAND_MASTER,
  status: 0x0280,
  writable: Array.from({ length: PAM_COUNT }, (_, i): [number, number, number] => [
    PAM_FIRST + i,
    i === 0 ? 0xf0 : 0xff,
    0,
  ]),
};

/** A BAR of a function, where its registers point it, and the range by which it is mapped. */
interface BarSlot {
  owner: PciFunction;
  n: number;
  wanted: number | undefined;
  ports?: PortRange;
  mmio?: MmioRange;
}

/** A port handler that sees ports from 0. */
function relative(handler: PortHandler, base: number): PortHandler {
  return {
    readPort: (port, size) => handler.readPort(port - base, size),
    writePort: (port, size, value) => handler.writePort(port - base, size, value),
  };
}

/** A function's name, and the offset of the dword in its configuration space that is not there. */
export type UnknownRegister = (name: string, offset: number, access: 'read' | 'write') => void;

export interface PciState {
  address: number;
  reset: number;
  functions: number[][];
}

export class Pci implements PortHandler {
  private readonly map: AddressMap;
  private readonly onReset: ((hard: boolean) => void) | undefined;
  private readonly onUnknown: UnknownRegister | undefined;
  private readonly functions: PciFunction[] = [];
  /** Function by device * 8 + function. */
  private readonly slots: (PciFunction | undefined)[] = Array(256).fill(undefined);
  private readonly bars: BarSlot[] = [];
  private address = 0;
  private reset = 0;

  /**
   * `map` takes the BARs; `onReset` is called when the guest resets through 0xCF9: the whole machine (`hard`) or the CPU;
   * `onUnknown` when it reaches for a register that a function does not have.
   */
  constructor(map: AddressMap, onReset?: (hard: boolean) => void, onUnknown?: UnknownRegister) {
    this.map = map;
    this.onReset = onReset;
    this.onUnknown = onUnknown;
  }

  /** All functions, in the order of their making. Reading their registers changes nothing. */
  list(): readonly PciFunction[] {
    return this.functions;
  }

  /** Puts a function on the bus and maps its enabled BARs. Throws if its place, or that of a BAR, is taken. */
  add(spec: PciFunctionSpec): PciFunction {
    const slot = spec.device * 8 + spec.function;
    if (spec.device > 31 || spec.function > 7 || this.slots[slot])
      throw new RangeError(`${spec.name}: no room at 0:${spec.device}.${spec.function}`);
    const added = new PciFunction(spec);
    this.slots[slot] = added;
    this.functions.push(added);
    this.bars.push(...added.bars().map((_, n) => ({ owner: added, n, wanted: undefined })));
    this.remap();
    const homeless = this.bars.find(b => b.wanted !== undefined && !b.ports && !b.mmio);
    if (homeless) throw new OverlapError(`${spec.name}: the place of BAR ${homeless.n} is taken`);
    return added;
  }

  /** Where BAR `n` of a function is mapped now (physical address or port), if it is. */
  mappedAt(owner: PciFunction, n: number): number | undefined {
    const slot = this.bars.find(b => b.owner === owner && b.n === n);
    return slot?.mmio?.base ?? slot?.ports?.first;
  }

  ports(): PortRange[] {
    return [{ first: CONFIG_ADDRESS, count: 8, bus: 'pci', name: 'pci-config', handler: this }];
  }

  readPort(port: number, size: AccessSize): number {
    if (port >= CONFIG_DATA) return this.readData(port, size);
    if (port === CONFIG_ADDRESS && size === 4) return this.address >>> 0;
    if (port === RESET_CONTROL && size === 1) return this.reset;
    return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port >= CONFIG_DATA) this.writeData(port, size, value);
    else if (port === CONFIG_ADDRESS && size === 4) this.address = value & ADDRESS_BITS;
    else if (port === RESET_CONTROL && size === 1) this.writeReset(value);
  }

  save(): PciState {
    return { address: this.address, reset: this.reset, functions: this.functions.map(f => f.save()) };
  }

  load(state: PciState): void {
    if (state.functions.length !== this.functions.length)
      throw new Error('snapshot of another machine: PCI functions differ');
    this.address = state.address;
    this.reset = state.reset;
    state.functions.forEach((f, i) => {
      this.functions[i].load(f);
    });
    this.remap();
  }

  /** The function that CONFIG_ADDRESS names, if it is enabled and there is one. */
  private selected(): PciFunction | undefined {
    const bus = (this.address >> 16) & 0xff;
    return (this.address & ENABLE) !== 0 && bus === 0 ? this.slots[(this.address >> 8) & 0xff] : undefined;
  }

  private readData(port: number, size: AccessSize): number {
    const selected = this.selected();
    const first = (this.address & 0xfc) + port - CONFIG_DATA;
    this.checkRegister(selected, first, size, 'read');
    let value = 0;
    for (let i = 0; i < size; i++)
      value |= (selected ? this.readConfig(selected, first + i) : 0xff) << (8 * i);
    return value >>> 0;
  }

  private readConfig(selected: PciFunction, offset: number): number {
    if (offset !== HEADER_TYPE) return selected.read(offset);
    // A function 0 announces its brothers.
    const { device } = selected.spec;
    const several = this.functions.some(f => f.spec.device === device && f.spec.function > 0);
    return selected.read(offset) | (several ? MULTIFUNCTION : 0);
  }

  private writeData(port: number, size: AccessSize, value: number): void {
    const selected = this.selected();
    const first = (this.address & 0xfc) + port - CONFIG_DATA;
    if (!selected) return;
    this.checkRegister(selected, first, size, 'write');
    for (let i = 0; i < size; i++) selected.write(first + i, (value >>> (8 * i)) & 0xff);
    this.remap();
    selected.spec.onConfigWrite?.();
  }

  /** Tells of an access of which no byte exists. */
  private checkRegister(
    selected: PciFunction | undefined,
    first: number,
    size: number,
    access: 'read' | 'write',
  ): void {
    if (!selected) return;
    for (let i = 0; i < size; i++) if (selected.has(first + i)) return;
    this.onUnknown?.(selected.spec.name, first & ~3, access);
  }

  /**
   * Brings the address map in line with the functions' registers. After a change all BARs are mapped anew in the
   * order of their functions, so what answers where depends on the registers alone, not on their history.
   */
  private remap(): void {
    if (this.bars.every(bar => bar.owner.barBase(bar.n) === bar.wanted)) return;
    for (const bar of this.bars) this.unmapBar(bar);
    for (const bar of this.bars) this.mapBar(bar);
  }

  private unmapBar(bar: BarSlot): void {
    if (bar.ports) this.map.unmapPorts(bar.ports);
    if (bar.mmio) this.map.unmapMmio(bar.mmio);
    bar.ports = undefined;
    bar.mmio = undefined;
  }

  private mapBar(bar: BarSlot): void {
    const { owner, n } = bar;
    const spec = owner.bars()[n];
    const base = owner.barBase(n);
    bar.wanted = base;
    if (!spec || base === undefined) return;
    const name = `${owner.spec.name} BAR ${n}`;
    try {
      if (spec.kind === 'io') {
        const ports: PortRange = {
          first: base,
          count: spec.size,
          bus: 'pci',
          name,
          handler: relative(spec.handler, base),
        };
        this.map.mapPorts(ports);
        bar.ports = ports;
      } else {
        const mmio: MmioRange = { base, length: spec.size, bus: 'pci', name, handler: spec.handler };
        this.map.mapMmio(mmio);
        bar.mmio = mmio;
      }
    } catch (error) {
      if (!(error instanceof OverlapError)) throw error;
    }
  }

  private writeReset(value: number): void {
    const rising = value & ~this.reset & RESET_CPU;
    this.reset = value & RESET_KEPT;
    if (rising) this.onReset?.((value & RESET_HARD) !== 0);
  }
}
