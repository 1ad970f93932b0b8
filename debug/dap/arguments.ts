/**
 * What an editor may send with each request, by the protocol's own names; what is not named here is let pass unread,
 * as the protocol wants it. Numbers are bounded here, so that what follows need not ask.
 */
import { z } from 'zod';

const MAX_LIST = 10_000;
/** Most bytes of memory in one request, and most instructions. */
export const MAX_BYTES = 1 << 20;
export const MAX_INSTRUCTIONS = 4096;

const text = z.string().max(65_536);
const whole = z
  .int()
  .min(-(2 ** 40))
  .max(2 ** 40);
const count = z
  .int()
  .min(0)
  .max(2 ** 31);
const line = z
  .int()
  .min(0)
  .max(2 ** 31);
const list = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_LIST);
/** Editors send null for "not given" now and then. */
const maybe = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform(value => (value === null ? undefined : value));

const source = z.object({ name: maybe(text), path: maybe(text), sourceReference: maybe(count) });
const conditions = { condition: maybe(text), hitCondition: maybe(text) };
/** For requests whose arguments may be left out or mean nothing. */
export const nothing = z.unknown();

export const initializeArguments = z.object({
  clientID: maybe(text),
  linesStartAt1: maybe(z.boolean()),
  columnsStartAt1: maybe(z.boolean()),
  pathFormat: maybe(text),
  supportsInvalidatedEvent: maybe(z.boolean()),
  supportsMemoryEvent: maybe(z.boolean()),
});

export const breakpointsArguments = z.object({
  source,
  breakpoints: maybe(list(z.object({ line, logMessage: maybe(text), ...conditions }))),
  lines: maybe(list(line)),
});
export const functionsArguments = z.object({ breakpoints: list(z.object({ name: text, ...conditions })) });
export const instructionsArguments = z.object({
  breakpoints: list(z.object({ instructionReference: text, offset: maybe(whole), ...conditions })),
});
export const dataInfoArguments = z.object({
  variablesReference: maybe(count),
  name: text,
  frameId: maybe(count),
  bytes: maybe(z.int().min(1).max(65_536)),
  asAddress: maybe(z.boolean()),
});
export const dataArguments = z.object({
  breakpoints: list(
    z.object({ dataId: text, accessType: maybe(z.enum(['read', 'write', 'readWrite'])), ...conditions }),
  ),
});
export const exceptionsArguments = z.object({
  filters: maybe(list(text)),
  filterOptions: maybe(list(z.object({ filterId: text, condition: maybe(text) }))),
});
export const locationsArguments = z.object({ source, line, endLine: maybe(line) });

export const stepArguments = z.object({
  threadId: maybe(whole),
  granularity: maybe(z.enum(['statement', 'line', 'instruction'])),
});

export const stackArguments = z.object({ threadId: whole, startFrame: maybe(count), levels: maybe(count) });
export const frameArguments = z.object({ frameId: count });
export const variablesArguments = z.object({
  variablesReference: count,
  filter: maybe(z.enum(['indexed', 'named'])),
  start: maybe(count),
  count: maybe(count),
});
export const setVariableArguments = z.object({ variablesReference: count, name: text, value: text });
export const setExpressionArguments = z.object({ expression: text, value: text, frameId: maybe(count) });
export const evaluateArguments = z.object({
  expression: text,
  frameId: maybe(count),
  context: maybe(text),
});
export const completionsArguments = z.object({ text, column: count });

export const readMemoryArguments = z.object({
  memoryReference: text,
  offset: maybe(whole),
  count: z.int().min(0).max(MAX_BYTES),
});
export const writeMemoryArguments = z.object({
  memoryReference: text,
  offset: maybe(whole),
  allowPartial: maybe(z.boolean()),
  data: z.base64().max(2 * MAX_BYTES),
});
export const disassembleArguments = z.object({
  memoryReference: text,
  offset: maybe(whole),
  instructionOffset: maybe(z.int().min(-MAX_INSTRUCTIONS).max(MAX_INSTRUCTIONS)),
  instructionCount: z.int().min(0).max(MAX_INSTRUCTIONS),
  resolveSymbols: maybe(z.boolean()),
});
export const sourceArguments = z.object({ source: maybe(source), sourceReference: maybe(count) });
export const modulesArguments = maybe(z.object({ startModule: maybe(count), moduleCount: maybe(count) }));
