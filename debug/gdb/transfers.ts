/**
 * What gdb reads in pieces (qXfer packets; Debugging with GDB, appendix E.4). An object is a row: its name, and its
 * text by annex. All are small, and made anew for each piece.
 */
import { Buffer } from 'node:buffer';
import { CommandError } from '../error.ts';
import { escapeBinary, PACKET_SIZE } from './framing.ts';
import { watchLibraries } from './points.ts';
import { TARGET_XML } from './registers.ts';
import type { Stub } from './stub.ts';
import { librariesXml, xml } from './symbols.ts';
import { threads } from './threads.ts';

interface ObjectRow {
  name: string;
  /** Undefined: there is no such annex. */
  text(stub: Stub, annex: string): string | undefined;
}

export const OBJECTS: readonly ObjectRow[] = [
  { name: 'features', text: (_, annex) => (annex === 'target.xml' ? TARGET_XML : undefined) },
  { name: 'threads', text: (stub, annex) => (annex === '' ? threadsXml(stub) : undefined) },
  {
    name: 'libraries',
    text(stub, annex) {
      if (annex !== '') return undefined;
      watchLibraries(stub, true);
      return librariesXml(stub.target.session, stub.served.frames);
    },
  },
  { name: 'exec-file', text: stub => stub.served.file },
];

function threadsXml(stub: Stub): string {
  const rows = threads(stub.target).map(
    ({ id, name, text }) => `<thread id="${id.toString(16)}" name="${xml(name)}">${xml(text)}</thread>\n`,
  );
  return `<?xml version="1.0"?>\n<threads>\n${rows.join('')}</threads>\n`;
}

/** Half, for every byte may have to be escaped. */
const LONGEST = PACKET_SIZE / 2 - 1;

/** `OBJECT:read:ANNEX:OFFSET,LENGTH`. An empty answer: an object that we do not have. Throws a CommandError. */
export function transfer(stub: Stub, args: string): string {
  const [, name, annex, from, length] =
    /^([\w-]+):read:([^:]*):([0-9a-f]{1,8}),([0-9a-f]{1,8})$/.exec(args) ?? [];
  const row = OBJECTS.find(o => o.name === name);
  if (!row) return '';
  const text = row.text(stub, annex);
  if (text === undefined) throw new CommandError(`${name} has no ${annex || 'text'}`);
  const bytes = Buffer.from(text, 'utf8');
  const at = Number.parseInt(from, 16);
  const end = at + Math.min(LONGEST, Number.parseInt(length, 16));
  const piece = bytes.subarray(at, end).toString('latin1');
  return (end < bytes.length ? 'm' : 'l') + escapeBinary(piece);
}
