/** `trace`: what the guest does from here on goes to a file, until `trace off` or the end of the session. */
import type { Command, Context } from '../command.ts';
import { CommandError } from '../error.ts';
import { FORMATS, type Format, Tracer } from '../trace/tracer.ts';

const NAMES = Object.keys(FORMATS).join(', ');

export const TRACE: readonly Command[] = [
  {
    name: 'trace',
    usage: 'on FILE [FORMAT] | off',
    summary: `write what runs from here on to FILE; FORMAT is one of ${NAMES}`,
    example: 'trace on packet.json chrome',
    complete: 'on|off file',
    run(c, args) {
      const [word, ...rest] = args.split(/\s+/);
      if (word === 'on') begin(c, rest);
      else if (word === 'off' && rest.length === 0) {
        if (!c.trace) throw new CommandError('no trace is on');
        endTrace(c);
      } else throw new CommandError('trace on FILE [FORMAT], or trace off');
    },
  },
];

function begin(c: Context, [path, format = 'chrome', ...more]: string[]): void {
  if (path === undefined || more.length > 0) throw new CommandError('trace on FILE [FORMAT]');
  if (!Object.hasOwn(FORMATS, format)) throw new CommandError(`no format ${format}; there are: ${NAMES}`);
  if (c.trace) throw new CommandError(`a trace goes to ${c.trace.path} already; trace off ends it`);
  if (!c.openTrace) throw new CommandError('no files can be written here');
  let file: ReturnType<typeof c.openTrace>;
  try {
    file = c.openTrace(path);
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
  const tracer = new Tracer(c.target, [{ format: format as Format, sink: file }]);
  c.trace = { path, file, tracer };
  c.write(`what runs now goes to ${path} (${FORMATS[format as Format].text})\n`);
}

/** Completes the file of a trace that is on. Throws a CommandError when it cannot be written. */
export function endTrace(c: Context): void {
  const { trace } = c;
  c.trace = undefined;
  if (!trace) return;
  const { path, file, tracer } = trace;
  try {
    tracer.stop();
    if (tracer.error !== undefined) throw tracer.error;
    file.commit();
  } catch (error) {
    throw new CommandError((error as Error).message);
  } finally {
    file.discard();
  }
  if (tracer.wentBack !== undefined)
    c.write(`the trace ends at cycle ${tracer.wentBack}: the guest was taken back\n`);
  for (const { at } of tracer.cuts())
    c.write(`the trace is cut at cycle ${at}: it is as large as it may be\n`);
  c.write(`${path} is written\n`);
}
