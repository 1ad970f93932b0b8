/**
 * Compiled code that all units share: one module a machine, whose functions units call as they call helpers. Each does
 * what is common of a helper's work, and leaves what is rarer to the host.
 */
import { gateFunctions } from './gates.ts';
import { HELPERS, IMPORTS } from './helpers.ts';
import type { Layout } from './layout.ts';
import { modelFunctions } from './model.ts';
import { moduleBytes } from './wasm.ts';

/** The module. Its exports take the places of the helpers of the same names. */
export function libraryBytes(layout: Layout): Uint8Array<ArrayBuffer> {
  const model = modelFunctions(layout);
  const numberOf = (name: 'load' | 'store') => {
    const n = model.findIndex(f => f.name === name);
    return n < 0 ? HELPERS[name] : IMPORTS.length + n;
  };
  return moduleBytes(IMPORTS, [...model, ...gateFunctions(layout, numberOf('load'), numberOf('store'))]);
}
