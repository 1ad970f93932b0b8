/** Requests of a session's beginning and end. */
import { InitializedEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { CommandError } from '../error.ts';
import { initializeArguments, nothing } from './arguments.ts';
import { Breakpoints } from './breakpoints.ts';
import { FILTERS } from './events.ts';
import { type LaunchArguments, launchArguments, unknownKeys } from './launch.ts';
import { Repl } from './repl.ts';
import { type Requests, request } from './request.ts';
import type { Adapter } from './session.ts';
import { Sources } from './sources.ts';
import { Stack } from './stack.ts';
import { Variables } from './variables.ts';

const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsFunctionBreakpoints: true,
  supportsInstructionBreakpoints: true,
  supportsDataBreakpoints: true,
  supportsDataBreakpointBytes: true,
  supportsBreakpointLocationsRequest: true,
  supportsExceptionFilterOptions: true,
  supportsExceptionInfoRequest: true,
  exceptionBreakpointFilters: FILTERS.map(({ filter, label, description, conditionDescription }) => ({
    filter,
    label,
    description,
    supportsCondition: conditionDescription !== undefined,
    conditionDescription,
  })),
  supportsSteppingGranularity: true,
  supportsStepBack: true,
  supportsEvaluateForHovers: true,
  supportsClipboardContext: true,
  supportsSetVariable: true,
  supportsSetExpression: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['>', ' '],
  supportsDisassembleRequest: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsLoadedSourcesRequest: true,
  supportsModulesRequest: true,
  supportsDelayedStackTraceLoading: true,
  supportsTerminateRequest: true,
  supportTerminateDebuggee: true,
};

export const LIFE: Requests = {
  initialize: request('always', initializeArguments, (adapter, args) => {
    if (args.pathFormat !== undefined && args.pathFormat !== 'path' && args.pathFormat !== 'uri')
      throw new CommandError(`no path format ${args.pathFormat}: path or uri`);
    adapter.client = {
      lineOffset: args.linesStartAt1 === false ? 1 : 0,
      columnOffset: args.columnsStartAt1 === false ? 1 : 0,
      uris: args.pathFormat === 'uri',
      invalidated: args.supportsInvalidatedEvent === true,
      memory: args.supportsMemoryEvent === true,
    };
    return CAPABILITIES;
  }),

  launch: request('always', launchArguments, launch),
  attach: request('always', nothing, () => {
    throw new CommandError('there is nothing to attach to: use "request": "launch"');
  }),
  configurationDone: request('launched', nothing, adapter => adapter.live.begin()),

  terminate: request('always', nothing, adapter => adapter.terminate()),
  disconnect: request('always', nothing, adapter => {
    adapter.interrupt();
    // The response goes first.
    void adapter.host.breathe().then(() => adapter.close());
  }),
};

async function launch(adapter: Adapter, args: LaunchArguments): Promise<void> {
  if (adapter.launched) throw new CommandError('one guest a session: it has been launched');
  for (const key of unknownKeys(args))
    adapter.output(`launch.json: nooks86 knows no "${key.slice(0, 80)}"\n`, 'important');
  const debuggee = await adapter.host.launch(args, adapter.pause, adapter.serial);
  adapter.launched = {
    ...debuggee,
    sources: new Sources(adapter, debuggee),
    breakpoints: new Breakpoints(adapter, debuggee),
    stack: new Stack(adapter, debuggee),
    variables: new Variables(),
    repl: new Repl(adapter, debuggee),
    stopAtEnd: args.stopAtEnd,
    begin: () => begin(adapter, args),
  };
  if (debuggee.message !== undefined) adapter.output(`${debuggee.message}\n`);
  adapter.sendEvent(new InitializedEvent());
}

/** Runs up to where the user wants to begin. */
function begin(adapter: Adapter, args: LaunchArguments): void {
  const { control } = adapter.debugger;
  adapter.live.begin = () => {};
  if (args.noDebug) adapter.live.breakpoints.removeAll();
  if (args.stopAt !== undefined) {
    const { stopAt } = args;
    adapter.drive(() => adapter.live.breakpoints.runTo(stopAt), 'entry');
  } else if (args.stopOnEntry || args.trial !== undefined) {
    adapter.drive(async () => ({ kind: 'done' }), 'entry');
  } else adapter.drive(() => control.continue(), 'pause');
}
