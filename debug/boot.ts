/** What there is to debug: our kernel with the e1000 driver, or any Multiboot image, loaded and not yet run. */
import { Machine, type MachineOptions } from '../emu/machine.ts';
import type { GuestBuild } from '../guest/build.ts';
import { isElf, readElf } from '../guest/elf.ts';
import { boardOf } from '../guest/mp-table.ts';
import { loadMultiboot } from '../guest/multiboot.ts';
import { Session } from '../guest/session.ts';
import { SymbolTable } from '../guest/symbols.ts';
import { Once } from './once.ts';
import { Target } from './target.ts';

export type Isolation = 'none' | 'nooks';

/** Addresses of the guest and of the far end of its wire. */
export const GUEST_IP = '10.0.0.1';
export const FAR_IP = '10.0.0.2';
export const PORT = 5001;
/** Loads the driver, then sends a few messages: the calls across the border that one wants to see. */
const MODULES = ['init insmod e1000; run netsend', 'e1000.ko', `netsend ${FAR_IP} ${PORT} 4 0 1`];

/** Our kernel at its entry. Throws a GuestError if something does not fit. */
export function bootKernel(build: GuestBuild, isolation: Isolation, options: MachineOptions): Target {
  const commandLine = `isolation=${isolation} ip=${GUEST_IP}/24`;
  const serial = new Once(options.onSerial ?? (() => {}));
  const onSerial = (byte: number) => serial.take(byte);
  const session = new Session({ ...options, onSerial, build, commandLine, modules: MODULES });
  const image = { name: 'kernel.elf', elf: session.kernel };
  const parts = { machine: session.machine, symbols: session.symbols, image, session };
  return new Target({ ...parts, hostStates: [serial] });
}

/** Any Multiboot 1 image at its entry; `name` for messages. Throws a GuestError. */
export function bootImage(bytes: Uint8Array, name: string, options: MachineOptions): Target {
  const serial = new Once(options.onSerial ?? (() => {}));
  const machine = new Machine({ ...options, onSerial: byte => serial.take(byte) });
  const hostStates = [serial];
  machine.setEntry(loadMultiboot(machine, { name, bytes, commandLine: name, board: boardOf(machine) }));
  const symbols = new SymbolTable();
  if (!isElf(bytes)) return new Target({ machine, symbols, hostStates });
  const elf = readElf(bytes, name);
  symbols.add(name, elf);
  return new Target({ machine, symbols, image: { name, elf }, hostStates });
}
