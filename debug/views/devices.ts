/**
 * The devices as they stand: the PCI functions, and a few lines of each emulated device's own state. Only copies of states and
 * accessors without side effects are read: a status register that a read would clear keeps what it holds.
 */

import type { Card } from '../../emu/board.ts';
import { REG } from '../../emu/devices/e1000/registers.ts';
import type { PciFunction } from '../../emu/devices/pci-function.ts';
import type { Machine } from '../../emu/machine.ts';
import { CommandError } from '../error.ts';
import { cyclesOf, hex8, table } from '../text.ts';

const COMMAND = 4;
const CLASS = 9;
const BARS = [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24];
const LINE = 0x3c;
const PIN = 0x3d;
const DESCRIPTOR = 16;
const DIVISOR_HZ = 115_200;
const E1000_ENABLE = 2;

type View = (machine: Machine) => string[];

const VIEWS: readonly [name: string, view: View][] = [
  ['pci', m => m.pci.list().flatMap(functionLines)],
  ['e1000', m => m.cards.flatMap(cardLines)],
  ['uart', uartLines],
  ['pit', pitLines],
  ['rtc', rtcLines],
  ['ide', ideLines],
  ['i8042', i8042Lines],
  ['vga', m => [`${m.screen.isText() ? 'text' : 'graphics'} mode`]],
];

/** All devices, or the one that is named. Throws a CommandError for a name that there is not. */
/** Their names. */
export const DEVICES: readonly string[] = VIEWS.map(([name]) => name);

export function devicesText(machine: Machine, name?: string): string {
  const chosen = VIEWS.filter(([known]) => name === undefined || known === name);
  if (chosen.length === 0)
    throw new CommandError(`no device ${name}; there are: ${VIEWS.map(([known]) => known).join(', ')}`);
  return chosen
    .map(
      ([known, view]) =>
        `${known}\n${view(machine)
          .map(line => `  ${line}\n`)
          .join('')}`,
    )
    .join('');
}

function functionLines(f: PciFunction): string[] {
  const read = (at: number, size: number) => {
    let v = 0;
    for (let n = size - 1; n >= 0; n--) v = v * 256 + f.read(at + n);
    return v;
  };
  const { device, function: number } = f.spec;
  const command = read(COMMAND, 2);
  const place = `${device.toString(16).padStart(2, '0')}.${number}`;
  const id = `${hex(read(0, 2), 4)}:${hex(read(2, 2), 4)}`;
  const does = [command & 1 ? 'I/O' : '', command & 2 ? 'memory' : '', command & 4 ? 'bus master' : ''];
  const pin = read(PIN, 1);
  const bars = BARS.flatMap((at, n) => {
    const v = read(at, 4);
    if (v === 0) return [];
    return [v & 1 ? `BAR${n} ports ${hex(v - (v & 3), 4)}` : `BAR${n} memory ${hex8(v - (v & 15))}`];
  });
  const irq = pin ? `INT${String.fromCharCode(64 + pin)}# to IRQ ${read(LINE, 1)}` : '';
  const facts = [does.filter(Boolean).join(', ') || 'off', ...bars, irq].filter(Boolean);
  return [`${place}  ${id}  class ${hex(read(CLASS, 3), 6)}  ${facts.join('; ')}`];
}

function cardLines({ device, slot, irq, wire }: Card): string[] {
  const get = (offset: number) => device.register(offset) >>> 0;
  const ring = (name: string, base: number, length: number, head: number, tail: number, control: number) => {
    const count = get(length) / DESCRIPTOR;
    const held = count > 0 ? (get(tail) - get(head) + count) % count : 0;
    const state = get(control) & E1000_ENABLE ? 'on' : 'off';
    return `${name} ${state}: ring of ${count} at ${hex8(get(base))}, head ${get(head)}, tail ${get(tail)}: the device has ${held}`;
  };
  return [
    `${device.name} at ${hex(slot, 2)}.0, IRQ ${irq}: ${device.hasLink ? 'link' : 'no link'}, the wire is ${wire.isUp() ? 'up' : 'down'}`,
    ring('transmit', REG.TDBAL, REG.TDLEN, REG.TDH, REG.TDT, REG.TCTL),
    ring('receive', REG.RDBAL, REG.RDLEN, REG.RDH, REG.RDT, REG.RCTL),
    `causes ${hex8(get(REG.ICR))}, enabled ${hex8(get(REG.IMS))}, CTRL ${hex8(get(REG.CTRL))}, STATUS ${hex8(get(REG.STATUS))}, RCTL ${hex8(get(REG.RCTL))}, TCTL ${hex8(get(REG.TCTL))}`,
  ];
}

function uartLines(machine: Machine): string[] {
  const s = machine.uart.save();
  const baud = s.divisor > 0 ? Math.round(DIVISOR_HZ / s.divisor) : 0;
  return [
    `COM1 at 0x3f8, IRQ 4: divisor ${s.divisor} (${baud} baud), LCR ${hex(s.lcr, 2)}, FCR ${hex(s.fcr, 2)}, IER ${hex(s.ier, 2)}`,
    `sending: ${s.shifting >= 0 ? 'one' : 'none'}, ${s.holding.length} wait`,
  ];
}

function pitLines(machine: Machine): string[] {
  return machine.pit.save().counters.map((c, n) => {
    const mode = (c.control >> 1) & 7;
    return `counter ${n}: mode ${mode > 5 ? mode - 4 : mode}, count ${c.count || 65536}${c.complete ? '' : ' (not whole)'}, gate ${c.gate ? 'high' : 'low'}`;
  });
}

function rtcLines(machine: Machine): string[] {
  const { ram } = machine.rtc.save();
  return [`registers A ${hex(ram[10], 2)} B ${hex(ram[11], 2)} C ${hex(ram[12], 2)} D ${hex(ram[13], 2)}`];
}

function ideLines(machine: Machine): string[] {
  return machine.ide.channels.map((channel, n) => {
    const { selected, interruptsOn, line } = channel.look();
    const drives = channel.drives.map((drive, unit) => (drive ? `drive ${unit}` : '')).filter(Boolean);
    if (drives.length === 0) return `channel ${n}: no drive`;
    return `channel ${n}: ${drives.join(', ')}; drive ${selected} is selected, interrupts ${interruptsOn ? 'on' : 'off'}, line ${line ? 'raised' : 'low'}`;
  });
}

function i8042Lines(machine: Machine): string[] {
  const { ram } = machine.keyboardController.save();
  return [`command byte ${hex(ram[0], 2)}`];
}

/** What the devices are about to do, the next first. */
export function eventsText(machine: Machine): string {
  const { clock } = machine;
  const now = clock.now();
  const microseconds = (ticks: number) => ((1e6 * ticks) / clock.ticksPerSecond).toFixed(3);
  const rows = clock.pending().map(({ name, at }) => {
    const wait = Math.max(0, at - now);
    return [name, `in ${cyclesOf(wait)} cycles`, `${microseconds(wait)} us`, `at ${cyclesOf(at)}`];
  });
  return rows.length ? table(rows) : 'no events are pending\n';
}

function hex(v: number, digits: number): string {
  return (v >>> 0).toString(16).padStart(digits, '0');
}
