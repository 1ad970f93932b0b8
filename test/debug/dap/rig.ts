/** The adapter on a port of this process, and an editor's side of it (VS Code's own test client). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterAll, beforeAll, expect } from 'vitest';
import { serve } from '../../../cli/commands/dap.ts';
import { projectRoot } from '../../../guest/project.ts';

export type Stopped = DebugProtocol.StoppedEvent['body'];

export interface Server {
  port: number;
  /** What it said on its stderr. */
  log: () => string;
  close: () => Promise<void>;
}

export async function startServer(): Promise<Server> {
  const abort = new AbortController();
  let said = '';
  let listening = (_port: number) => {};
  const port = new Promise<number>(resolve => {
    listening = resolve;
  });
  const context = {
    out: () => {},
    err: (text: string) => {
      said += text;
      const found = /on port (\d+)/.exec(text);
      if (found) listening(Number(found[1]));
    },
    exitCode: 0,
  };
  const served = serve(0, 'compiled', context, abort.signal);
  return {
    port: await port,
    log: () => said.replace(/^nooks86: debug adapter on port.*\n/, ''),
    close: async () => {
      abort.abort();
      await served;
    },
  };
}

/** What a launch needs before the guest runs. */
type Configure = (editor: Editor) => Promise<unknown>;

export class Editor {
  readonly dc: DebugClient;
  /** All events, as they came. */
  readonly events: DebugProtocol.Event[] = [];

  private constructor(dc: DebugClient) {
    this.dc = dc;
    const emit = dc.emit.bind(dc);
    dc.emit = (name, event, ...rest) => {
      this.events.push(event as DebugProtocol.Event);
      return emit(name, event, ...rest);
    };
  }

  static async connect({ port }: Server): Promise<Editor> {
    const dc = new DebugClient('', '', 'nooks86');
    await dc.start(port);
    return new Editor(dc);
  }

  /** initialize, launch, `configure`, configurationDone; gives the first stop. */
  async launch(args: object, configure: Configure = async () => {}): Promise<Stopped> {
    const initialized = this.dc.waitForEvent('initialized');
    await this.dc.initializeRequest();
    await this.dc.launchRequest(args as DebugProtocol.LaunchRequestArguments);
    await initialized;
    await configure(this);
    return this.stops(() => this.dc.configurationDoneRequest());
  }

  /** Does something that lets the guest run, and waits until it stands. */
  async stops(action: () => Promise<unknown>): Promise<Stopped> {
    const stopped = this.dc.waitForEvent('stopped');
    await action();
    return (await stopped).body;
  }

  continue(): Promise<Stopped> {
    return this.stops(() => this.dc.continueRequest({ threadId: 1 }));
  }

  /** Breakpoints in a file of the tree, where its text has these patterns; gives what the adapter said of each. */
  async break(
    file: string,
    ...points: (RegExp | (Omit<DebugProtocol.SourceBreakpoint, 'line'> & { at: RegExp }))[]
  ) {
    const breakpoints = points.map(point => {
      const { at, ...rest } = point instanceof RegExp ? { at: point } : point;
      return { line: lineOf(file, at), ...rest };
    });
    const { body } = await this.dc.setBreakpointsRequest({ source: { path: pathOf(file) }, breakpoints });
    return body.breakpoints;
  }

  async frames(threadId?: number): Promise<DebugProtocol.StackFrame[]> {
    const id = threadId ?? this.lastThread();
    return (await this.dc.stackTraceRequest({ threadId: id })).body.stackFrames;
  }

  private lastThread(): number {
    const stops = this.events.filter(event => event.event === 'stopped');
    return (stops.at(-1) as DebugProtocol.StoppedEvent).body.threadId!;
  }

  /** Where the innermost frame is: `drivers/e1000/tx.c:101`. */
  async where(): Promise<string> {
    const [frame] = await this.frames();
    return `${frame.source?.path?.replace(`${projectRoot()}/`, '')}:${frame.line}`;
  }

  /** The variables of a scope of a frame, by name. */
  async scope(name: string, frame = 0): Promise<Map<string, DebugProtocol.Variable>> {
    const frameId = (await this.frames()).filter(f => f.presentationHint !== 'label')[frame].id;
    const { scopes } = (await this.dc.scopesRequest({ frameId })).body;
    const found = scopes.find(scope => scope.name === name);
    if (!found) throw new Error(`no scope ${name}, but ${scopes.map(s => s.name)}`);
    return this.children(found.variablesReference);
  }

  async children(variablesReference: number): Promise<Map<string, DebugProtocol.Variable>> {
    const { variables } = (await this.dc.variablesRequest({ variablesReference })).body;
    return new Map(variables.map(v => [v.name, v]));
  }

  async evaluate(expression: string, context = 'watch'): Promise<DebugProtocol.EvaluateResponse['body']> {
    const frameId = context === 'repl' ? undefined : (await this.frames())[0].id;
    return (await this.dc.evaluateRequest({ expression, context, frameId })).body;
  }

  /** The message of a request that fails. */
  async fails(command: string, args: unknown = {}): Promise<string> {
    try {
      await this.dc.send(command, args);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error(`${command} was done`);
  }

  output(category: string): string {
    return this.events
      .filter((event): event is DebugProtocol.OutputEvent => event.event === 'output')
      .filter(event => event.body.category === category)
      .map(event => event.body.output)
      .join('');
  }

  async cycle(): Promise<string> {
    return (await this.scope('Machine')).get('cycle')!.value;
  }

  async quit(): Promise<void> {
    await this.dc.stop();
  }
}

export function pathOf(file: string): string {
  return join(projectRoot(), file);
}

/** Number of the first line of a file that has a pattern. */
export function lineOf(file: string, pattern: RegExp): number {
  const line = readFileSync(pathOf(file), 'utf8')
    .split('\n')
    .findIndex(text => pattern.test(text));
  if (line < 0) throw new Error(`${file} has no ${pattern}`);
  return line + 1;
}

/** An adapter and an editor for all tests of a file; at its end the adapter has complained of nothing. */
export function session(): { editor: Editor; server: Server } {
  const both = {} as { editor: Editor; server: Server };
  beforeAll(async () => {
    both.server = await startServer();
    both.editor = await Editor.connect(both.server);
  });
  afterAll(async () => {
    await both.editor.quit();
    await both.server.close();
    expect(both.server.log()).toBe('');
  });
  return both;
}
