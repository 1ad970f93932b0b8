/**
 * Programs as lists of lines, so that a part of one can be left out: hex bytes with places for addresses, labels, and
 * where what follows is put. No mnemonics: a generator knows its opcodes.
 *
 *     @10000          what follows lies at this address (hex), linear as physical
 *     name:           a label
 *     0f85{rel name}  a dword, the label's distance from the end of these four bytes
 *     eb{rel8 name}   the same in a byte
 *     c605{abs name+2}90   the label's address, and more
 */

/** Bytes and where they lie. */
export interface Chunk {
  at: number;
  bytes: number[];
}

const PLACE = /\{(rel|rel8|abs) (\w+)(?:\+(\d+))?\}/g;
const LABEL = /^(\w+):$/;

function lengthOf(line: string): number {
  const hex = line.replace(PLACE, (_, kind) => (kind === 'rel8' ? '00' : '00000000')).replaceAll(' ', '');
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error(`no code: ${line}`);
  return hex.length / 2;
}

/** Throws an Error for a label that is missing or too far away for rel8, and for a line that is none. */
export function assemble(lines: readonly string[]): { chunks: Chunk[]; labels: Map<string, number> } {
  const labels = new Map<string, number>();
  let at = 0;
  for (const line of lines) {
    const label = LABEL.exec(line)?.[1];
    if (line.startsWith('@')) at = Number.parseInt(line.slice(1), 16);
    else if (label) labels.set(label, at);
    else at += lengthOf(line);
  }
  const chunks: Chunk[] = [];
  let chunk: Chunk = { at: 0, bytes: [] };
  for (const line of lines) {
    if (line.startsWith('@')) {
      chunk = { at: Number.parseInt(line.slice(1), 16), bytes: [] };
      chunks.push(chunk);
    } else if (!LABEL.test(line)) chunk.bytes.push(...encode(line, chunk.at + chunk.bytes.length, labels));
  }
  return { chunks, labels };
}

function encode(line: string, at: number, labels: Map<string, number>): number[] {
  const code = line.replaceAll(/ (?![^{]*\})/g, '');
  const bytes: number[] = [];
  let rest = 0;
  const hex = (text: string) => {
    for (const b of text.match(/../g) ?? []) bytes.push(Number.parseInt(b, 16));
  };
  for (const m of code.matchAll(PLACE)) {
    hex(code.slice(rest, m.index));
    rest = m.index + m[0].length;
    const label = labels.get(m[2]);
    if (label === undefined) throw new Error(`no label ${m[2]}`);
    const target = label + Number(m[3] ?? 0);
    const here = at + bytes.length;
    if (m[1] === 'abs') bytes.push(...dword(target));
    else if (m[1] === 'rel') bytes.push(...dword(target - here - 4));
    else {
      const distance = target - here - 1;
      if (distance < -128 || distance > 127) throw new Error(`${m[2]} is too far away`);
      bytes.push(distance & 0xff);
    }
  }
  hex(code.slice(rest));
  return bytes;
}

const dword = (v: number) => [0, 8, 16, 24].map(shift => (v >>> shift) & 0xff);
