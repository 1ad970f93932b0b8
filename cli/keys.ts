/**
 * What `--keys` types: text, with chords in angle brackets (`hello<enter>`, `<f1>`, `<ctrl+alt+delete>`); a line end is
 * Enter. Key names are those of emu/devices/ps2-keys.ts; `<` itself is `<shift+,>`.
 */
import { isKey, keysOf } from '../emu/devices/ps2-keys.ts';
import { UsageError } from './context.ts';

const MOST = 4096;

/** The chords to press. Throws a UsageError for what no key of a US keyboard gives. */
export function parseKeys(text: string): string[] {
  const chords: string[] = [];
  for (const [, chord, character] of text.replaceAll('\n', '<enter>').matchAll(/<([^<>]+)>|(.)/gsu)) {
    if (chord !== undefined) {
      const unknown = chord.split('+').find(key => !isKey(key));
      if (unknown !== undefined) throw new UsageError(`--keys: no key ${unknown || '+'} in <${chord}>`);
      chords.push(chord);
    } else {
      const keys = keysOf(character);
      if (keys.length === 0) throw new UsageError(`--keys: no key gives ${JSON.stringify(character)}`);
      chords.push(keys.join('+'));
    }
  }
  if (chords.length > MOST) throw new UsageError(`--keys: more than ${MOST} keys`);
  return chords;
}
