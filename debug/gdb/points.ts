/**
 * gdb's breakpoints and watchpoints (Z and z packets) as ours. gdb inserts them before each run and removes them after
 * it. Conditions and counts are gdb's own business; it evaluates them at each stop.
 */
import { CommandError } from '../error.ts';
import { hex8 } from '../text.ts';
import type { PointType, Stub } from './stub.ts';

/** gdb itself breaks a long watchpoint into pieces; this bounds what a client may ask of us. */
const MAX_POINTS = 4096;
const ACCESS = { 2: 'write', 3: 'read', 4: 'access' } as const;

/** Inserting what is there already is no error. Throws a CommandError. */
export function insert(stub: Stub, type: PointType, address: number, length: number): void {
  const key = keyOf(type, address, length);
  if (stub.inserted.has(key)) return;
  if (stub.inserted.size >= MAX_POINTS) throw new CommandError('too many breakpoints');
  const { points } = stub.served.debugger.control;
  const text = `*0x${hex8(address)} (gdb)`;
  const point =
    type < 2
      ? points.add({ kind: 'breakpoint', text, addresses: [address] })
      : points.add({ kind: 'watchpoint', text, address, length, access: ACCESS[type as 2] });
  stub.inserted.set(key, { type, address, id: point.id });
}

export function remove(stub: Stub, type: PointType, address: number, length: number): void {
  const key = keyOf(type, address, length);
  const point = stub.inserted.get(key);
  if (point) stub.served.debugger.control.points.remove(point.id);
  stub.inserted.delete(key);
}

/** When gdb goes, what it has inserted goes with it. */
export function removeAll(stub: Stub): void {
  for (const { id } of stub.inserted.values()) stub.served.debugger.control.points.remove(id);
  stub.inserted.clear();
  watchLibraries(stub, false);
}

/** A stop at each change of the kernel's list of modules: gdb then asks for it, and finds breakpoints in the new code. */
export function watchLibraries(stub: Stub, on: boolean): void {
  const { points } = stub.served.debugger.control;
  const address = stub.target.symbols.address('module_event');
  if (on && stub.libraryPoint === undefined && address !== undefined)
    stub.libraryPoint = points.add({ kind: 'breakpoint', text: 'modules (gdb)', addresses: [address] }).id;
  if (on || stub.libraryPoint === undefined) return;
  points.remove(stub.libraryPoint);
  stub.libraryPoint = undefined;
}

function keyOf(type: PointType, address: number, length: number): string {
  return `${type},${address},${type < 2 ? 0 : length}`;
}
