/** Commands that show interrupts, devices and where the cycles went. */
import { alone, type Command } from '../command.ts';
import { CommandError } from '../error.ts';
import { devicesText, eventsText } from '../views/devices.ts';
import { irqText } from '../views/irq.ts';

export const MACHINE_VIEWS: readonly Command[] = [
  {
    name: 'irq',
    usage: '',
    summary: 'gates of the IDT, the 8259s and APICs with what is masked and pending, handlers by line',
    example: 'irq',
    run: alone(c => c.write(irqText(c.target))),
  },
  {
    name: 'devices',
    usage: '[NAME]',
    summary: 'PCI functions with their BARs, and the state of each device: rings, timers, ports',
    example: 'devices e1000',
    complete: 'device',
    run: (c, args) => c.write(devicesText(c.target.machine, args || undefined)),
  },
  {
    name: 'cycles',
    alias: 'stats',
    usage: '[all]',
    summary: 'cycles by region and cause, and counters, since the last look; all: since reset',
    example: 'cycles',
    complete: 'all',
    run(c, args) {
      if (args !== '' && args !== 'all') throw new CommandError('cycles takes nothing, or all');
      c.write(c.statistics.text(args === ''));
    },
  },
  {
    name: 'events',
    usage: '',
    summary: 'what the devices are about to do, by the clock',
    example: 'events',
    run: alone(c => c.write(eventsText(c.target.machine))),
  },
];
