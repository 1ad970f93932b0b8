/** A check that markup is well-formed XML without DTD, by XML 1.0's grammar of tags, attributes and references. */

const NAME = '[A-Za-z_:][\\w:.-]*';
const TAG = new RegExp(`<(/?)(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>`, 'y');
const TEXT = /[^<]+/y;
const REFERENCE = /&(?!#\d+;|#x[\da-fA-F]+;|(?:lt|gt|amp|quot|apos);)/;
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** Names of all elements, in the order in which they start. Throws where it is not well-formed. */
export function wellFormed(markup: string): string[] {
  const fail = (what: string, at: number): never => {
    throw new Error(`${what}: ${markup.slice(at, at + 60)}`);
  };
  const bad = FORBIDDEN.exec(markup) ?? REFERENCE.exec(markup);
  if (bad) fail('no character or reference', bad.index);
  const open: string[] = [];
  const all: string[] = [];
  for (let at = 0; at < markup.length; ) {
    const token = markup[at] === '<' ? TAG : TEXT;
    token.lastIndex = at;
    const match = token.exec(markup);
    if (!match) return fail('no tag', at);
    at = token.lastIndex;
    if (token === TEXT) {
      if (open.length === 0 && match[0].trim() !== '') fail('text outside', match.index);
      continue;
    }
    const [, end, name, attributes, empty] = match;
    const names = [...attributes.matchAll(new RegExp(`(${NAME})\\s*=`, 'g'))].map(m => m[1]);
    if (new Set(names).size < attributes.split('"').length / 2 - 1) fail('an attribute twice', match.index);
    if (end) {
      if (open.pop() !== name) fail('ends what is not open', match.index);
    } else {
      all.push(name);
      if (!empty) open.push(name);
    }
  }
  if (open.length) throw new Error(`not closed: ${open.join(' ')}`);
  return all;
}
