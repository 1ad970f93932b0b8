/** Reads the `enc` of an instruction row (the grammar is in emu/cpu/row.ts). */

export type ImmediateKind = 'ib' | 'ibs' | 'iw' | 'iz' | 'moffs' | 'far' | 'rel8' | 'relz';

export interface Encoding {
  /** Opcode bytes, the last one with its low three bits clear when `plusReg`. */
  opcode: number[];
  plusReg: boolean;
  /** 'r' any register, 0–7 the digit, undefined: no ModRM. */
  modrm: 'r' | number | undefined;
  /** Only memory or only register operands. */
  bound: 'm' | 'r' | undefined;
  /** The second byte of an escape opcode names ST(i) in its low three bits. */
  plusStack: boolean;
  immediates: ImmediateKind[];
  size: 16 | 32 | undefined;
  /** Opcode in hex without blanks, and `/digit` when there is one: what recipes are found by. Of the FPU's, D8 to DF. */
  key: string;
}

const IMMEDIATES: ReadonlySet<string> = new Set(['ib', 'ibs', 'iw', 'iz', 'moffs', 'far', 'rel8', 'relz']);

/** Throws an Error for a word outside the grammar. */
export function parseEncoding(enc: string): Encoding {
  const e: Encoding = {
    opcode: [],
    plusReg: false,
    modrm: undefined,
    bound: undefined,
    plusStack: false,
    immediates: [],
    size: undefined,
    key: '',
  };
  for (const word of enc.replace('+r', ' +r').replace('iw+ib', 'iw ib').split(/\s+/).filter(Boolean)) {
    if (word === 'o16' || word === 'o32') e.size = word === 'o16' ? 16 : 32;
    else if (/^[0-9A-Fa-f]{2}$/.test(word)) e.opcode.push(Number.parseInt(word, 16));
    else if (/^[C-F][0-9A-F]\+i$/.test(word)) {
      e.opcode.push(Number.parseInt(word, 16));
      e.plusStack = true;
    } else if (word === '+r') e.plusReg = true;
    else if (word === '/r') e.modrm = 'r';
    else if (/^\/[0-7]$/.test(word)) e.modrm = Number(word[1]);
    else if (word === 'm' || word === 'r') e.bound = word;
    else if (word === 'R') e.bound = 'r';
    else if (IMMEDIATES.has(word)) e.immediates.push(word as ImmediateKind);
    else throw new Error(`${enc}: "${word}" is not in the grammar of encodings`);
  }
  e.key = e.opcode.map(b => b.toString(16).padStart(2, '0')).join('');
  if (typeof e.modrm === 'number') e.key += `/${e.modrm}`;
  if (/^d[89a-f]/.test(e.key)) e.key = e.key.slice(0, 2);
  return e;
}
