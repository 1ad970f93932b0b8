/** Requests that run the guest, forwards and backwards. Each is answered at once; a `stopped` event follows. */
import type { Stop } from '../model.ts';
import { nothing, stepArguments } from './arguments.ts';
import { type Requests, request } from './request.ts';
import type { Adapter } from './session.ts';

type Run = (adapter: Adapter) => Promise<Stop>;

/** `line` where lines are known and nothing else is asked for. */
function step(byLine: Run, byInstruction: Run, reason: string) {
  return request('standing', stepArguments, (adapter, { granularity }) => {
    const run = granularity === 'instruction' || !adapter.live.sources.here() ? byInstruction : byLine;
    adapter.drive(() => run(adapter), reason);
  });
}

export const RUN: Requests = {
  continue: request('standing', nothing, adapter => {
    adapter.drive(() => adapter.debugger.control.continue(), 'pause');
    return { allThreadsContinued: true };
  }),
  reverseContinue: request('standing', nothing, adapter => {
    adapter.drive(() => adapter.live.breakpoints.reverseContinue(), 'back');
  }),
  stepIn: step(
    a => a.debugger.control.step(1),
    a => a.debugger.control.stepi(1),
    'step',
  ),
  next: step(
    a => a.debugger.control.next(1),
    a => a.debugger.control.nexti(1),
    'step',
  ),
  // Editors have one button for it: what `next` would have done, undone.
  stepBack: step(
    a => a.debugger.reverse.next(1),
    a => a.debugger.reverse.stepi(1),
    'back',
  ),
  stepOut: request('standing', stepArguments, adapter =>
    adapter.drive(() => adapter.debugger.control.finish(), 'step'),
  ),
  pause: request('launched', nothing, adapter => adapter.interrupt()),
};
