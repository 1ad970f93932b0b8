/**
 * Stop replies: why the guest stands, as gdb is told it (Debugging with GDB, appendix E.3).
 *
 * Left out: `replaylog:end`, for beyond the furthest moment that was reached the run simply goes on.
 */
import type { Hit, Stop } from '../model.ts';
import { reason as reasonText } from '../stops.ts';
import { REGISTERS, readRegister } from './registers.ts';
import type { Inserted, PointType, Stub } from './stub.ts';

/** gdb's numbers of signals. */
const [SIGINT, SIGTRAP, SIGABRT] = [2, 5, 6];
/** Told with each stop, for gdb asks for them first. */
const EXPEDITED = ['eip', 'esp', 'ebp'].map(name => REGISTERS.findIndex(row => row.name === name));

const WATCH: Readonly<Record<PointType, string>> = { 0: '', 1: '', 2: 'watch', 3: 'rwatch', 4: 'awatch' };

/** What gdb's packet cannot say goes to its console first: points that are not gdb's, how the guest ended. */
export function tell(stub: Stub, stop: Stop): void {
  if (stop.kind === 'limit' || stop.kind === 'end') stub.console(reasonText(stub.target, stop));
  if (stop.kind !== 'points') return;
  const hits = stop.hits.filter(({ point }) => !ofGdb(stub, point.id) && point.id !== stub.libraryPoint);
  if (hits.length) stub.console(reasonText(stub.target, { kind: 'points', hits }));
}

export function stopReply(stub: Stub, stop: Stop): string {
  if (stop.kind === 'end') return stop.code === undefined ? signal('X', SIGABRT) : signal('W', stop.code);
  const { cpu } = stub.target.machine;
  const registers = EXPEDITED.map(n => `${hex2(n)}:${readRegister(cpu, n)};`).join('');
  return (
    signal('T', stop.kind === 'interrupted' ? SIGINT : SIGTRAP) +
    `thread:${stub.running().toString(16)};${reason(stub, stop)}${registers}`
  );
}

function reason(stub: Stub, stop: Stop): string {
  if (stop.kind === 'beginning') return 'replaylog:begin;';
  if (stop.kind !== 'points') return '';
  if (stop.hits.some(hit => hit.point.id === stub.libraryPoint)) return 'library:;';
  const ours = stop.hits.flatMap((hit: Hit) => ofGdb(stub, hit.point.id) ?? []);
  const watch = ours.find(point => point.type >= 2);
  if (watch) return `${WATCH[watch.type]}:${watch.address.toString(16)};`;
  if (ours.some(p => p.type === 0) && stub.features.has('swbreak')) return 'swbreak:;';
  return ours.some(p => p.type === 1) && stub.features.has('hwbreak') ? 'hwbreak:;' : '';
}

function ofGdb(stub: Stub, id: number): Inserted | undefined {
  for (const point of stub.inserted.values()) if (point.id === id) return point;
  return undefined;
}

function signal(letter: string, number: number): string {
  return letter + hex2(number & 0xff);
}

function hex2(n: number): string {
  return n.toString(16).padStart(2, '0');
}
