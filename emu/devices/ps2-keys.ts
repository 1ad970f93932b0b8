/**
 * The 104 keys of an MF2 keyboard as data: a name, the code in scan code sets 2 and 3, and the bytes they send.
 *
 * IBM PS/2 Hardware Interface Technical Reference, "Keyboards: scan codes"; set 1 is what the controller's table
 * makes of set 2. Names are lower case; a US legend gives a character its key. Pause and Print Screen send fixed
 * sequences in sets 1 and 2. Left out: the extra E0 12 / E0 59 (shift) bytes around cursor keys with Num Lock or
 * Shift, and keys of Japanese and Korean keyboards.
 */

/** Name, set 2 (0xE0xx: with the prefix), set 3. */
type KeyRow = readonly [name: string, set2: number, set3: number];

const ROWS: readonly KeyRow[] = [
  ...letters(),
  ['0', 0x45, 0x45],
  ['1', 0x16, 0x16],
  ['2', 0x1e, 0x1e],
  ['3', 0x26, 0x26],
  ['4', 0x25, 0x25],
  ['5', 0x2e, 0x2e],
  ['6', 0x36, 0x36],
  ['7', 0x3d, 0x3d],
  ['8', 0x3e, 0x3e],
  ['9', 0x46, 0x46],
  ['`', 0x0e, 0x0e],
  ['-', 0x4e, 0x4e],
  ['=', 0x55, 0x55],
  ['[', 0x54, 0x54],
  [']', 0x5b, 0x5b],
  ['\\', 0x5d, 0x5c],
  [';', 0x4c, 0x4c],
  ["'", 0x52, 0x52],
  [',', 0x41, 0x41],
  ['.', 0x49, 0x49],
  ['/', 0x4a, 0x4a],
  ['intl', 0x61, 0x13],
  ['space', 0x29, 0x29],
  ['enter', 0x5a, 0x5a],
  ['backspace', 0x66, 0x66],
  ['tab', 0x0d, 0x0d],
  ['esc', 0x76, 0x08],
  ['capslock', 0x58, 0x14],
  ['shift', 0x12, 0x12],
  ['rshift', 0x59, 0x59],
  ['ctrl', 0x14, 0x11],
  ['rctrl', 0xe014, 0x58],
  ['alt', 0x11, 0x19],
  ['ralt', 0xe011, 0x39],
  ['meta', 0xe01f, 0x8b],
  ['rmeta', 0xe027, 0x8c],
  ['menu', 0xe02f, 0x8d],
  ['f1', 0x05, 0x07],
  ['f2', 0x06, 0x0f],
  ['f3', 0x04, 0x17],
  ['f4', 0x0c, 0x1f],
  ['f5', 0x03, 0x27],
  ['f6', 0x0b, 0x2f],
  ['f7', 0x83, 0x37],
  ['f8', 0x0a, 0x3f],
  ['f9', 0x01, 0x47],
  ['f10', 0x09, 0x4f],
  ['f11', 0x78, 0x56],
  ['f12', 0x07, 0x5e],
  ['scrolllock', 0x7e, 0x5f],
  ['insert', 0xe070, 0x67],
  ['home', 0xe06c, 0x6e],
  ['pageup', 0xe07d, 0x6f],
  ['delete', 0xe071, 0x64],
  ['end', 0xe069, 0x65],
  ['pagedown', 0xe07a, 0x6d],
  ['up', 0xe075, 0x63],
  ['left', 0xe06b, 0x61],
  ['down', 0xe072, 0x60],
  ['right', 0xe074, 0x6a],
  ['numlock', 0x77, 0x76],
  ['kpdivide', 0xe04a, 0x4a],
  ['kpmultiply', 0x7c, 0x7e],
  ['kpsubtract', 0x7b, 0x4e],
  ['kpadd', 0x79, 0x7c],
  ['kpenter', 0xe05a, 0x79],
  ['kpdecimal', 0x71, 0x71],
  ['kp0', 0x70, 0x70],
  ['kp1', 0x69, 0x69],
  ['kp2', 0x72, 0x72],
  ['kp3', 0x7a, 0x7a],
  ['kp4', 0x6b, 0x6b],
  ['kp5', 0x73, 0x73],
  ['kp6', 0x74, 0x74],
  ['kp7', 0x6c, 0x6c],
  ['kp8', 0x75, 0x75],
  ['kp9', 0x7d, 0x7d],
];

/** Keys whose codes in set 2 are sequences, and in set 3 one code. */
const SEQUENCES: Readonly<Record<string, { make: number[]; break: number[]; set3: number }>> = {
  printscreen: { make: [0xe0, 0x12, 0xe0, 0x7c], break: [0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12], set3: 0x57 },
  pause: { make: [0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77], break: [], set3: 0x62 },
};

/** What a US keyboard needs Shift for, by the key that has it. */
const SHIFTED = new Map(
  Array.from('~!@#$%^&*()_+{}|:"<>?', (c, n): [string, string] => [c, "`1234567890-=[]\\;',./"[n]]),
);
const CHARACTERS = new Map([
  [' ', 'space'],
  ['\n', 'enter'],
  ['\r', 'enter'],
  ['\t', 'tab'],
  ['\b', 'backspace'],
  ['\x1b', 'esc'],
]);

const KEYS = new Map(ROWS.map(row => [row[0], row]));

/** The byte before the code of a released key in sets 2 and 3. */
export const BREAK_PREFIX = 0xf0;
const EXTENDED = 0xe0;

/** Set 2 to set 1, by the set 2 code; the 8042's table. Codes from 0x80 on pass, but for two. */
const SET_1 = [
  'ff43413f3d3b3c58644442403e0f2959',
  '65382a701d10025a66712c1f1e11035b',
  '672e2d201205045c68392f211413065d',
  '693130232215075e6a7232241608095f',
  '6b332517180b0a606c34352627190c61',
  '6d7328741a0d626e3a361c1b752b6376',
  '55567778797a0e7b7c4f7d4b477e7f6f',
  '5253504c4d480145574e514a37494654',
].join('');
const TRANSLATED = Uint8Array.from(SET_1.match(/../g) ?? [], pair => Number.parseInt(pair, 16));
const F7_SET_2 = 0x83;
const F7_SET_1 = 0x41;
const SYSRQ_SET_2 = 0x84;
const SYSRQ_SET_1 = 0x54;

/** What the controller's translation makes of a byte from the keyboard; the prefix 0xF0 is the controller's to keep. */
export function translate(code: number): number {
  if (code === F7_SET_2) return F7_SET_1;
  if (code === SYSRQ_SET_2) return SYSRQ_SET_1;
  return code < 0x80 ? TRANSLATED[code] : code;
}

/** Set 2 bytes as set 1 bytes: what translation gives, break codes with bit 7 set. */
function toSet1(bytes: readonly number[]): number[] {
  const out: number[] = [];
  let released = 0;
  for (const byte of bytes) {
    if (byte === BREAK_PREFIX) released = 0x80;
    else {
      out.push(translate(byte) | released);
      released = 0;
    }
  }
  return out;
}

export function isKey(name: string): boolean {
  return KEYS.has(name) || Object.hasOwn(SEQUENCES, name);
}

/**
 * The bytes that a key sends in scan code set 1, 2 or 3 when pressed or released. In set 3 all keys are taken to be
 * make/break. Throws a RangeError for a name that is no key.
 */
export function keyBytes(name: string, set: number, pressed: boolean): number[] {
  const sequence = Object.hasOwn(SEQUENCES, name) ? SEQUENCES[name] : undefined;
  const row = KEYS.get(name);
  if (!sequence && !row) throw new RangeError(`no key ${name}`);
  if (set === 3) {
    const code = sequence?.set3 ?? row?.[2] ?? 0;
    return pressed ? [code] : [BREAK_PREFIX, code];
  }
  let bytes: number[];
  if (sequence) bytes = pressed ? sequence.make : sequence.break;
  else {
    const code = row?.[1] ?? 0;
    bytes = [...(code > 0xff ? [EXTENDED] : []), ...(pressed ? [] : [BREAK_PREFIX]), code & 0xff];
  }
  return set === 1 ? toSet1(bytes) : bytes.slice();
}

/** The keys for a character on a US keyboard: a modifier first; empty when no key has it. */
export function keysOf(character: string): string[] {
  const lower = character.toLowerCase();
  if (lower !== character) return KEYS.has(lower) ? ['shift', lower] : [];
  const shifted = SHIFTED.get(character);
  if (shifted) return ['shift', shifted];
  const name = CHARACTERS.get(character) ?? character;
  return KEYS.has(name) ? [name] : [];
}

function letters(): KeyRow[] {
  const codes = '1c32212324' + '2b3433433b' + '424b3a3144' + '4d152d1b2c' + '3c2a1d22351a';
  return Array.from('abcdefghijklmnopqrstuvwxyz', (name, n): KeyRow => {
    const code = Number.parseInt(codes.slice(2 * n, 2 * n + 2), 16);
    return [name, code, code];
  });
}
