/**
 * The source level as far as there is one: calls, locals and C expressions from debug information; where a `Source`
 * does not have them, the frame-pointer chain and the prompt's address expressions.
 */
import { frames } from '../backtrace.ts';
import type { Debugger } from '../debugger.ts';
import { evaluate } from '../expression.ts';
import type { SourceFrame, Variable } from '../model.ts';
import { hex8 } from '../text.ts';

export interface Level {
  /** The innermost first. */
  frames(limit?: number): SourceFrame[];
  locals(frame: SourceFrame): Variable[];
  /** Throws a CommandError. */
  evaluate(text: string, frame?: SourceFrame): Variable;
}

export function levelOf(d: Debugger): Level {
  const source = d.source as Debugger['source'] & Partial<Level>;
  return source.frames && source.locals && source.evaluate ? (source as Level) : plain(d);
}

function plain({ target, source }: Debugger): Level {
  return {
    frames: limit =>
      frames(target)
        .slice(0, limit)
        .map(({ pc, ebp, border }, level) => {
          const exact = level === 0 || border?.startsWith('trap');
          const line = source.lineAt(exact ? pc : pc - 1);
          return {
            level,
            pc,
            ebp,
            esp: level === 0 ? target.esp() : ebp,
            function: target.symbolHolding(target.linked(pc))?.name ?? '??',
            ...(line?.line && { file: line.file, line: line.line }),
            inlined: false,
            border,
            region: target.regionAt(pc),
            arguments: [],
          };
        }),
    locals: () => [],
    evaluate: text => {
      const value = evaluate(target, text);
      return { name: text, type: 'unsigned int', value: `0x${hex8(value)}`, size: 4 };
    },
  };
}
