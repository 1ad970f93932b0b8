/**
 * The module of string instructions: runs of their rounds (string-runs.ts) with the memory hierarchy that they meet, and
 * REP MOVS and REP STOS as units begin them (string-rep.ts).
 */
import { HOST_IMPORTS } from './helpers.ts';
import type { Layout } from './layout.ts';
import { moduleBytes } from './module.ts';
import { FastRun } from './string-fast.ts';
import { StringModel } from './string-model.ts';
import { Rep } from './string-rep.ts';
import { KINDS, type StringKind, StringRun } from './string-runs.ts';
import { ENQUEUE, LOAD, STORE, SYNC, TRANSFER } from './string-writer.ts';
import type { Func } from './wasm.ts';

export function stringsBytes(layout: Layout): Uint8Array<ArrayBuffer> {
  const functions: Func[] = [];
  const set = (number: number, func: Func) => {
    functions[number - HOST_IMPORTS.length] = func;
  };
  set(SYNC, new StringModel(layout).sync_());
  set(TRANSFER, new StringModel(layout).transfer());
  set(LOAD, new StringModel(layout).load());
  set(ENQUEUE, new StringModel(layout).enqueue());
  set(STORE, new StringModel(layout).store());
  const fast = layout.timed && !layout.writeBack && !layout.writeAllocate;
  for (const kind of Object.keys(KINDS) as StringKind[])
    functions.push((fast ? new FastRun(layout) : new StringRun(layout)).func(kind));
  for (const kind of ['move', 'fill'] as const) functions.push(new Rep(layout).func(kind));
  return moduleBytes(HOST_IMPORTS, functions);
}
