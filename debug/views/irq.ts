/**
 * The interrupt system: the IDT's gates, the 8259s, the I/O APIC, the local APIC, and with our kernel its handlers by line.
 * SDM vol. 3, 6.11 and 10; 8259A; 82093AA, 3.2.4. Copies of states are read, so nothing is acknowledged by looking.
 */
import type { Machine } from '../../emu/machine.ts';
import type { Target } from '../target.ts';
import { group, hex8, table } from '../text.ts';
import { Structs } from './structs.ts';

const GATES: Readonly<Record<number, string>> = {
  5: 'task gate',
  6: 'interrupt gate, 16 bits',
  7: 'trap gate, 16 bits',
  14: 'interrupt gate',
  15: 'trap gate',
};
const DELIVERY = ['fixed', 'lowest', 'SMI', '3', 'NMI', 'INIT', '6', 'ExtINT'];
const LVT_NAMES = ['timer', 'thermal', 'performance', 'LINT0', 'LINT1', 'error'];
const MASKED = 0x1_0000;
const APIC_SOFTWARE_ENABLE = 0x100;
const VECTORS = 256;
const MOST_HANDLERS = 16;

export function irqText(target: Target): string {
  const { machine } = target;
  const { cpu } = machine;
  return [
    `interrupts are ${cpu.interruptsOn ? 'on' : 'off'} (EFLAGS.IF)${cpu.nmiBlocked ? ', an NMI is being handled' : ''}\n`,
    gatesText(target),
    picText(machine),
    ioApicText(machine),
    localApicText(machine),
    handlersText(target),
  ].join('');
}

/** Present gates. Runs of the same handler distance are not joined: each has a name of its own. */
function gatesText(target: Target): string {
  const { cpu } = target.machine;
  if (!cpu.protectedMode) return 'real mode: vectors are at 00000000\n';
  const rows: string[][] = [];
  for (let vector = 0; vector < VECTORS && vector * 8 + 7 <= cpu.idtLimit; vector++) {
    const at = (cpu.idtBase + 8 * vector) >>> 0;
    const [low, high] = [target.value(at, 4), target.value((at + 4) >>> 0, 4)];
    if (low < 0 || high < 0 || !(high & 0x8000)) continue;
    const type = GATES[(high >> 8) & 0x1f] ?? `type ${(high >> 8) & 0x1f}`;
    const handler = ((high & 0xffff_0000) | (low & 0xffff)) >>> 0;
    const where = type === 'task gate' ? '' : target.describe(handler);
    rows.push([hex(vector), type, `DPL ${(high >> 13) & 3}`, `selector ${hex(low >>> 16)}`, where]);
  }
  const head = `IDT at ${hex8(cpu.idtBase >>> 0)}, limit ${hex(cpu.idtLimit)}: ${rows.length} gates\n`;
  return head + (rows.length ? table(rows, [0, 1, 2, 3, 4]) : '');
}

function picText(machine: Machine): string {
  const { master, slave, intr } = machine.pic.save();
  const chip = (name: string, s: typeof master) => [
    name,
    `vectors ${hex(s.base)}-${hex(s.base + 7)}`,
    `in service ${bits(s.isr)}`,
    `requested ${bits(s.edges | (s.lines & s.elcr))}`,
    `masked ${bits(s.imr)}`,
    `level ${bits(s.elcr)}`,
  ];
  return `8259s: INTR is ${intr ? 'raised' : 'low'}\n${table([chip('  master', master), chip('  slave', slave)], [0, 1, 2, 3, 4, 5])}`;
}

function ioApicText(machine: Machine): string {
  const { id, low, high } = machine.interrupts.ioApic.save();
  const rows = [...low.keys()]
    .filter(pin => !(low[pin] & MASKED))
    .map(pin => [
      `  pin ${pin}`,
      `vector ${hex(low[pin] & 0xff)}`,
      DELIVERY[(low[pin] >> 8) & 7],
      low[pin] & 0x8000 ? 'level' : 'edge',
      low[pin] & 0x2000 ? 'active low' : 'active high',
      low[pin] & 0x4000 ? 'waits for its EOI' : '',
      `to ${hex(high[pin] >>> 24)}`,
    ]);
  const rest = low.length - rows.length;
  return `I/O APIC ${id}: ${rest} of ${low.length} pins are masked\n${rows.length ? table(rows, [0, 1, 2, 3, 4, 5, 6]) : ''}`;
}

function localApicText(machine: Machine): string {
  const { localApic } = machine.interrupts;
  if (!localApic.enabled) return 'local APIC: off (APIC_BASE)\n';
  const { words, lvt, requests } = localApic.save();
  const [id, , , svr] = words;
  const [[tpr], irr, isr] = requests;
  const on = svr & APIC_SOFTWARE_ENABLE ? 'on' : 'off by software';
  const head = `local APIC ${id >>> 24}: ${on}, TPR ${hex(tpr)}, in service ${vectors(isr)}, requested ${vectors(irr)}\n`;
  const rows = lvt.entries.map((entry, n) => [
    `  ${LVT_NAMES[n]}`,
    entry & MASKED ? 'masked' : `vector ${hex(entry & 0xff)} ${DELIVERY[(entry >> 8) & 7]}`,
  ]);
  return head + table(rows, [0, 1]);
}

/** The kernel's own lists (kernel/arch/irq.c). */
function handlersText(target: Target): string {
  const structs = Structs.of(target);
  const lines = structs.ours && target.paging() ? structs.global('lines', 'arch/irq.c') : undefined;
  if (!lines) return '';
  const rows = lines.elements().flatMap((line, irq) => {
    const { items } = structs.chain(line.number('actions'), 'struct irqaction', 'next', MOST_HANDLERS);
    const [count, depth] = [line.number('count'), line.number('depth')];
    return items.map(action => {
      const code = action.number('handler');
      return [
        `  IRQ ${irq}`,
        count < 0 ? '?' : group(count),
        depth > 0 ? 'disabled' : 'enabled',
        action.text('name'),
        code < 0 ? '?' : target.describe(code),
      ];
    });
  });
  return rows.length ? `handlers\n${table(rows, [0, 2, 3, 4])}` : 'no handlers yet\n';
}

function hex(v: number): string {
  return `0x${(v >>> 0).toString(16)}`;
}

/** Numbers of the bits that are set. */
function bits(v: number): string {
  const set = Array.from({ length: 8 }, (_, n) => n).filter(n => v & (1 << n));
  return set.length ? set.join(',') : '-';
}

/** Vectors of eight words of 32. */
function vectors(words: readonly number[]): string {
  const set = words.flatMap((word, w) =>
    Array.from({ length: 32 }, (_, n) => n).flatMap(n => ((word >>> n) & 1 ? [hex(32 * w + n)] : [])),
  );
  return set.length ? set.join(',') : '-';
}
