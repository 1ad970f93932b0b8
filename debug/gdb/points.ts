/**
 * gdb's breakpoints and watchpoints (Z and z packets) as ours. gdb inserts them before each run and removes them after
 * it. Conditions and counts are gdb's own business; it evaluates them at each stop.
 */
import { CommandError } from '../error.ts';
import type { PointType, Stub } from './stub.ts';

/** gdb itself breaks a long watchpoint into pieces; this bounds what a client may ask of us. */
const MAX_POINTS = 4096;
const ACCESS = { 2: 'write', 3: 'read', 4: 'access' } as const;

/** Inserting what is there already is no error. Throws a CommandError. */
export function insert(stub: Stub, type: PointType, address: number, length: number): void {
  const key = keyOf(type, address, length);
  if (stub.inserted.has(key)) return;
  if (stub.inserted.size >= MAX_POINTS) throw new CommandError('too many breakpoints');
  const { control } = stub.served.debugger;
  const text = `gdb: *0x${address.toString(16)}`;
  if (type > 2) throw new CommandError(`no ${ACCESS[type as 3]} watchpoints yet`);
  const point =
    type < 2 ? control.addBreakpoint(address, text) : control.addWatchpoint(address, length, false, text);
  stub.inserted.set(key, { type, address, id: point.id });
}

export function remove(stub: Stub, type: PointType, address: number, length: number): void {
  const key = keyOf(type, address, length);
  const point = stub.inserted.get(key);
  if (point) stub.served.debugger.control.remove(point.id);
  stub.inserted.delete(key);
}

/** When gdb goes, what it has inserted goes with it. */
export function removeAll(stub: Stub): void {
  for (const { id } of stub.inserted.values()) stub.served.debugger.control.remove(id);
  stub.inserted.clear();
  watchLibraries(stub, false);
}

/** A stop at each change of the kernel's list of modules: gdb then asks for it, and finds breakpoints in the new code. */
export function watchLibraries(stub: Stub, on: boolean): void {
  const { control } = stub.served.debugger;
  const address = stub.target.symbols.address('module_event');
  if (on && stub.libraryPoint === undefined && address !== undefined)
    stub.libraryPoint = control.addBreakpoint(address, 'gdb: modules').id;
  if (on || stub.libraryPoint === undefined) return;
  control.remove(stub.libraryPoint);
  stub.libraryPoint = undefined;
}

function keyOf(type: PointType, address: number, length: number): string {
  return `${type},${address},${type < 2 ? 0 : length}`;
}
