/**
 * One conversation with an editor: requests in, responses and events out (Debug Adapter Protocol 1.68), over the same
 * `Debugger` as the prompt and gdb. Requests are rows of tables (request.ts), answered one after the other; the guest
 * runs in slices between them, so that `pause` and breakpoints come through at any time. A request that is wrong gets
 * an error response, and nothing that comes in ends the process.
 *
 * Left out: attach, restart (the editor launches anew), restartFrame, goto targets, stepIn targets, terminateThreads,
 * value formats, locations, cancel (no request takes long but those that run the guest: pause them).
 */
import {
  ContinuedEvent,
  DebugSession,
  Event,
  ExitedEvent,
  InvalidatedEvent,
  OutputEvent,
  Response,
  StoppedEvent,
  TerminatedEvent,
} from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Debugger } from '../debugger.ts';
import { CommandError } from '../error.ts';
import type { Hit, Stop } from '../model.ts';
import type { Breakpoints } from './breakpoints.ts';
import type { Debuggee, Host } from './launch.ts';
import { LIFE } from './life.ts';
import { MEMORY } from './memory.ts';
import { REPL, type Repl } from './repl.ts';
import { checked, type Request, type Requests } from './request.ts';
import { RUN } from './run.ts';
import { BREAKPOINTS } from './set-breakpoints.ts';
import { SOURCES, type Sources } from './sources.ts';
import { STACK, type Stack } from './stack.ts';
import { VARIABLES, type Variables } from './variables.ts';

/** All requests, by name. */
export const REQUESTS: Requests = {
  ...LIFE,
  ...BREAKPOINTS,
  ...RUN,
  ...STACK,
  ...VARIABLES,
  ...REPL,
  ...MEMORY,
  ...SOURCES,
};
/** Answered at once, even while an earlier request is being worked on. */
const URGENT = ['pause', 'disconnect', 'terminate'];
/** Characters of the guest's console that are kept for one event. */
const MAX_OUTPUT = 4096;

/** Everything that belongs to what was launched. */
export interface Launched extends Debuggee {
  breakpoints: Breakpoints;
  sources: Sources;
  stack: Stack;
  variables: Variables;
  repl: Repl;
  stopAtEnd: boolean;
  /** What runs the guest first of all, once the editor has set its breakpoints. */
  begin: () => void;
}

export class Adapter extends DebugSession {
  readonly host: Host;
  /** What the editor said of itself. */
  client = { lineOffset: 0, columnOffset: 0, uris: false, invalidated: false, memory: false };
  launched: Launched | undefined;
  /** A run is under way. */
  running = false;
  /** The last hits, for exceptionInfo. */
  hits: readonly Hit[] = [];
  /** Requests that are not answered yet. */
  waiting = 0;
  /** The guest cannot run any further. */
  private ended: Extract<Stop, { kind: 'end' }> | undefined;
  private pausing = false;
  /** What is seen between slices is news, and not the past that is replayed. */
  private forwards = false;
  /** A command of the console is under way; `announced`: the editor knows that the guest runs. */
  private command: { announced: boolean } | undefined;
  /** The session has been told to be over. */
  private over = false;
  private closed = false;
  private queue: Promise<void> = Promise.resolve();
  private console = '';

  constructor(host: Host) {
    super();
    this.host = host;
  }

  // ---- requests -------------------------------------------------------------------------------------------------------

  /** Takes whatever came as a message. */
  override handleMessage(message: unknown): void {
    if (this.closed || typeof message !== 'object' || message === null) return;
    const { type, command, seq } = message as Partial<DebugProtocol.Request>;
    if (type !== 'request' || typeof command !== 'string' || typeof seq !== 'number') return;
    const request = message as DebugProtocol.Request;
    if (URGENT.includes(command)) void this.answer(request);
    else {
      this.waiting++;
      this.queue = this.queue.then(async () => {
        await this.host.breathe();
        await this.answer(request);
        this.waiting--;
      });
    }
  }

  /** When all requests so far are answered. */
  idle(): Promise<void> {
    return this.queue;
  }

  /** Never rejects. */
  private async answer(request: DebugProtocol.Request): Promise<void> {
    const response = new Response(request) as DebugProtocol.Response;
    try {
      const row = Object.hasOwn(REQUESTS, request.command) ? REQUESTS[request.command] : undefined;
      if (!row) throw new CommandError(`no request ${request.command.slice(0, 80)}`);
      this.allow(row);
      response.body = await row.run(this, checked(row.arguments, request.arguments));
    } catch (error) {
      this.fail(response, error);
    }
    if (!this.closed) this.sendResponse(response);
  }

  private allow(row: Request): void {
    if (row.when === 'always') return;
    if (!this.launched) throw new CommandError('nothing has been launched');
    if (row.when === 'standing' && this.running)
      throw new CommandError('the guest is running: pause it first');
  }

  private fail(response: DebugProtocol.Response, error: unknown): void {
    const message = lineOf(error);
    if (!isForUser(error))
      this.host.log(`${response.command}: ${error instanceof Error ? error.stack : message}`);
    response.success = false;
    response.message = message;
    // Clients fill in what stands in braces, so the text itself is such a filling.
    response.body = { error: { id: 1, format: '{_text}', variables: { _text: message } } };
  }

  /** What was launched. Throws a CommandError before that. */
  get live(): Launched {
    if (!this.launched) throw new CommandError('nothing has been launched');
    return this.launched;
  }

  get debugger(): Debugger {
    return this.live.debugger;
  }

  // ---- running --------------------------------------------------------------------------------------------------------

  /** Called between slices of every run: lets other requests in; true stops the guest. */
  readonly pause = async (): Promise<boolean> => {
    this.flushConsole();
    if (this.forwards) this.launched?.breakpoints.refresh();
    if (this.command && !this.command.announced) {
      this.command.announced = true;
      this.sendEvent(new ContinuedEvent(this.live.stack.currentThread(), true));
    }
    await this.host.breathe();
    return this.pausing || this.over || this.closed;
  };

  /** The editor wants the guest to stand. */
  interrupt(): void {
    this.pausing = true;
  }

  /** Lets the guest run, once the response is out, and tells where it stops. `reason` is what a stop by itself means. */
  drive(run: () => Promise<Stop>, reason: string): void {
    if (this.ended && !reason.startsWith('back')) return this.finish(this.ended);
    this.running = true;
    this.pausing = false;
    this.forwards = !reason.startsWith('back');
    this.driven(run, reason).catch(error => this.host.log(`${error instanceof Error ? error.stack : error}`));
  }

  private async driven(run: () => Promise<Stop>, reason: string): Promise<void> {
    await this.host.breathe();
    let stop: Stop;
    try {
      stop = await run();
    } catch (error) {
      if (!isForUser(error)) this.host.log(error instanceof Error ? `${error.stack}` : lineOf(error));
      this.output(`${lineOf(error)}\n`, 'important');
      stop = { kind: 'interrupted' };
    }
    this.running = false;
    this.stands(stop, reason);
  }

  /** Tells the editor that the guest stands, and why. */
  stands(stop: Stop, reason: string): void {
    if (this.closed || this.over) return;
    this.flushConsole();
    this.forget();
    this.live.breakpoints.refresh();
    this.ended = stop.kind === 'end' ? stop : undefined;
    if (this.ended && !this.live.stopAtEnd) return this.finish(this.ended);
    this.hits = stop.kind === 'points' ? stop.hits : [];
    const event = new StoppedEvent('pause', this.live.stack.currentThread()) as DebugProtocol.StoppedEvent;
    event.body = { ...event.body, allThreadsStopped: true, ...this.why(stop, reason) };
    this.sendEvent(event);
  }

  private why(stop: Stop, reason: string): Partial<DebugProtocol.StoppedEvent['body']> {
    switch (stop.kind) {
      case 'points':
        return this.live.breakpoints.why(stop.hits);
      case 'done':
        return { reason: reason.replace('back', 'step') };
      case 'interrupted':
        return { reason: 'pause' };
      case 'limit':
        return { reason: 'pause', description: 'The cycles are used up' };
      case 'beginning':
        return { reason: 'pause', description: 'The beginning of what is recorded' };
      case 'end':
        return { reason: 'pause', description: 'The guest has ended', text: stop.text };
    }
  }

  /** A command of the console begins: it may run the guest. */
  beginCommand(): void {
    this.command = { announced: false };
    this.forwards = false;
    this.running = true;
    this.pausing = false;
  }

  /** It is done; `moved`: the guest stands elsewhere now. */
  endCommand(moved: boolean): void {
    this.command = undefined;
    this.running = false;
    if (moved) this.stands({ kind: 'done' }, 'step');
    else this.changed();
  }

  /** The editor wants no more of the guest. */
  terminate(): void {
    this.over = true;
    this.pausing = true;
    this.sendEvent(new TerminatedEvent());
  }

  /** The guest has ended, and so does the session. */
  private finish({ code }: { code?: number }): void {
    this.over = true;
    if (code !== undefined) this.sendEvent(new ExitedEvent(code));
    this.sendEvent(new TerminatedEvent());
  }

  /** References of frames and variables die whenever the guest moves or is changed. */
  forget(): void {
    this.live.stack.forget();
    this.live.variables.forget();
  }

  /** The host changed the guest: what the editor has read may be old. */
  changed(address?: number, length?: number): void {
    if (address !== undefined && length !== undefined && this.client.memory) {
      const body = { memoryReference: `0x${address.toString(16)}`, offset: 0, count: length };
      this.sendEvent(Object.assign(new Event('memory'), { body }));
    }
    if (this.client.invalidated) this.sendEvent(new InvalidatedEvent(['all']));
  }

  // ---- output ---------------------------------------------------------------------------------------------------------

  output(text: string, category = 'console'): void {
    this.sendEvent(new OutputEvent(text, category));
  }

  /** A byte of the guest's console. */
  readonly serial = (byte: number): void => {
    this.console += String.fromCharCode(byte);
    if (byte === 0x0a || this.console.length >= MAX_OUTPUT) this.flushConsole();
  };

  private flushConsole(): void {
    if (this.console === '') return;
    const text = this.console;
    this.console = '';
    this.output(text, 'stdout');
  }

  override sendEvent(event: DebugProtocol.Event): void {
    if (!this.closed) super.sendEvent(event);
  }

  // ---- the end --------------------------------------------------------------------------------------------------------

  /** The editor is gone, or wants to be: a run under way stops at its next slice. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.close();
  }

  /** The library's way to end the process; ours is the host's. */
  override shutdown(): void {
    this.close();
  }
}

/** Errors that the user can cause. */
function isForUser(error: unknown): boolean {
  return (
    error instanceof Error &&
    ['CommandError', 'GuestError', 'UsageError', 'CampaignError'].includes(error.name)
  );
}

function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return isForUser(error) ? text.split('\n')[0] : `internal error: ${text.split('\n')[0]}`;
}
