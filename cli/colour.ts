/**
 * Colour at a terminal: what the debugger says is one text for everybody, and here its parts are told apart by their
 * looks. A rule is a row; the first that fits at a place wins.
 */

/** SGR parameters (ECMA-48, 8.3.117) by what is meant. */
const RULES: readonly (readonly [sgr: string, pattern: RegExp])[] = [
  // What could not be done.
  ['31', /^error: .*$/],
  // Where the guest stands, in listings of instructions, lines and entries.
  ['1;32', /^=>/],
  // A value that has just changed.
  ['1;35', /(?<=-> )(?:0x)?[0-9a-f]+\b/],
  // The function of a frame.
  ['33', /(?<=^#\d+ +(?:(?:0x)?[0-9a-f]{8} (?:in )?)?)[a-z_]\w*/],
  // Names of addresses.
  ['33', /<[\w.+,[\] -]+>/],
  // Source lines.
  ['32', /\b[\w./-]+\.[chS]:\d+\b/],
  // Addresses.
  ['34', /\b(?:0x)?[0-9a-f]{8}\b/],
];

const ALL = new RegExp(RULES.map(([, { source }]) => `(${source})`).join('|'), 'gm');

export function coloured(text: string): string {
  return text.replace(ALL, (found, ...groups) => {
    const n = groups.findIndex((group, i) => i < RULES.length && group !== undefined);
    return `\x1b[${RULES[n][0]}m${found}\x1b[0m`;
  });
}

/** On a terminal that can, unless NO_COLOR (no-color.org) or --no-color says otherwise. */
export function wantsColour(terminal: boolean, option: boolean, env: NodeJS.ProcessEnv): boolean {
  return terminal && option && !env.NO_COLOR && env.TERM !== 'dumb';
}
