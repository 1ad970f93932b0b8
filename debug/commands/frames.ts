/** Commands for the chain of calls and the frame of it that is looked at. */
import { alone, type Command, type Context, count } from '../command.ts';
import { CommandError } from '../error.ts';
import { frameText, lineText, variablesText } from '../source/show.ts';

const MAX_FRAMES = 128;

export const FRAMES: readonly Command[] = [
  {
    name: 'bt',
    alias: ['where', 'backtrace'],
    usage: '[N] [full]',
    summary:
      'the chain of calls with arguments, across domains and traps; the innermost N; full: with locals',
    example: 'bt 4 full',
    run: backtrace,
  },
  {
    name: 'frame',
    alias: 'f',
    usage: '[N]',
    summary: 'choose a frame of the chain of calls: expressions are about it until the guest runs',
    example: 'frame 2',
    run(c, args) {
      const level = args === '' ? c.selection.level() : count(args, 0, MAX_FRAMES);
      show(c, level);
    },
  },
  {
    name: 'up',
    usage: '[N]',
    summary: "choose the caller's frame",
    example: 'up',
    repeats: true,
    run: (c, args) => show(c, c.selection.level() + count(args, 1, MAX_FRAMES)),
  },
  {
    name: 'down',
    usage: '[N]',
    summary: 'choose the frame that was called from this one',
    example: 'down',
    repeats: true,
    run: (c, args) => show(c, c.selection.level() - count(args, 1, MAX_FRAMES)),
  },
  {
    name: 'locals',
    usage: '',
    summary: 'arguments and local variables of the frame, the same as info args and info locals',
    example: 'locals',
    run: alone(c => {
      const frame = chosen(c);
      c.write(variablesText(frame.arguments) + variablesText(c.source.locals(frame)) || 'no locals\n');
    }),
  },
];

/** The frame that is looked at. */
export function chosen(c: Context) {
  return c.selection.frame() ?? c.source.frames(1)[0];
}

function show(c: Context, level: number): void {
  const frame = c.selection.select(level);
  c.listed = undefined;
  c.write(frameText(c.source, frame) + lineText(c.source, frame));
}

function backtrace(c: Context, args: string): void {
  const words = args.split(/\s+/).filter(w => w !== '');
  const full = words.includes('full');
  const rest = words.filter(w => w !== 'full');
  if (rest.length > 1) throw new CommandError('bt [N] [full]');
  const most = rest[0] === undefined ? MAX_FRAMES : count(rest[0], 1, MAX_FRAMES);
  for (const frame of c.source.frames(most)) {
    c.write(frameText(c.source, frame));
    if (!full) continue;
    const locals = c.source.locals(frame);
    c.write(locals.length ? variablesText(locals, '        ') : '        no locals\n');
  }
}
