/** Requests that set breakpoints, each kind as a whole list, and that tell where they may be. */
import { CommandError } from '../error.ts';
import { hex8 } from '../text.ts';
import {
  breakpointsArguments,
  dataArguments,
  dataInfoArguments,
  exceptionsArguments,
  functionsArguments,
  instructionsArguments,
  nothing,
} from './arguments.ts';
import { at, type Conditions } from './breakpoints.ts';
import { FILTERS } from './events.ts';
import { addressOf, type Requests, request } from './request.ts';

const MAX_WATCHED = 65_536;

/** The two halves of a data breakpoint's id: where, and how many bytes. Throws a CommandError. */
function watched(dataId: string): { physical: boolean; address: number; length: number } {
  const [, phys, address, length] = /^(phys:)?(0x[\da-f]{1,8}):(\d{1,5})$/.exec(dataId) ?? [];
  if (address === undefined) throw new CommandError(`no data ${dataId.slice(0, 80)}`);
  return { physical: phys !== undefined, address: addressOf(address), length: Number(length) };
}

const ACCESS = { read: 'read', write: 'write', readWrite: 'access' } as const;

export const BREAKPOINTS: Requests = {
  setBreakpoints: request('launched', breakpointsArguments, ({ live, client }, args) => {
    const wanted: (Conditions & { line: number })[] =
      args.breakpoints ?? (args.lines ?? []).map(line => ({ line }));
    const name = `source ${args.source.sourceReference || args.source.path}`;
    return {
      breakpoints: live.breakpoints.replace(name, wanted, item =>
        live.breakpoints.inSource(args.source, item.line + client.lineOffset, item),
      ),
    };
  }),

  setFunctionBreakpoints: request('launched', functionsArguments, ({ live }, args) => ({
    breakpoints: live.breakpoints.replace('functions', args.breakpoints, item => {
      const name = item.name.trim().replace(/\(\s*\)$/, '');
      if (name === '') throw new CommandError('no name');
      return { kind: 'function', ...live.breakpoints.ofFunction(name), conditions: item };
    }),
  })),

  setInstructionBreakpoints: request('launched', instructionsArguments, ({ live }, args) => ({
    breakpoints: live.breakpoints.replace('instructions', args.breakpoints, item => {
      const address = addressOf(item.instructionReference, item.offset);
      return { kind: 'instruction', point: at(`*0x${hex8(address)}`), conditions: item };
    }),
  })),

  dataBreakpointInfo: request('standing', dataInfoArguments, ({ live }, args) => {
    const nothing = (description: string) => ({ dataId: null, description });
    if (args.asAddress) {
      const [, phys = '', address] = /^(phys:)?(.*)$/.exec(args.name)!;
      const length = args.bytes ?? 4;
      const id = `${phys}0x${hex8(addressOf(address))}:${length}`;
      return { dataId: id, description: `${length} bytes at ${args.name}`, accessTypes: Object.keys(ACCESS) };
    }
    const variable = args.variablesReference
      ? live.variables
          .container(args.variablesReference)
          .list()
          .find(v => v.name === args.name)
      : live.repl.evaluate(args.name, args.frameId);
    if (!variable) return nothing(`no variable ${args.name}`);
    if (variable.address === undefined) return nothing(`${args.name} is not in memory`);
    const length = args.bytes ?? variable.size;
    if (!(length >= 1 && length <= MAX_WATCHED)) return nothing(`${args.name} has ${length} bytes`);
    return {
      dataId: `0x${hex8(variable.address)}:${length}`,
      description: `${args.name} (${length} bytes at 0x${hex8(variable.address)})`,
      accessTypes: Object.keys(ACCESS),
    };
  }),

  setDataBreakpoints: request('launched', dataArguments, ({ live }, args) => ({
    breakpoints: live.breakpoints.replace('data', args.breakpoints, item => {
      const { physical, address, length } = watched(item.dataId);
      const access = ACCESS[item.accessType ?? 'write'];
      const text = `${physical ? 'phys:' : ''}0x${hex8(address)}`;
      return {
        kind: 'data',
        point: { kind: 'watchpoint', text, address, length, physical, access },
        conditions: item,
      };
    }),
  })),

  setExceptionBreakpoints: request('launched', exceptionsArguments, ({ live }, args) => {
    const wanted = [
      ...(args.filters ?? []).map(filterId => ({ filterId, condition: undefined })),
      ...(args.filterOptions ?? []),
    ];
    return {
      breakpoints: live.breakpoints.replace('exceptions', wanted, ({ filterId, condition }) => {
        const found = FILTERS.find(f => f.filter === filterId);
        if (!found) throw new CommandError(`no filter ${filterId.slice(0, 80)}`);
        const filter = condition?.trim() || undefined;
        const text = filter === undefined ? found.filter : `${found.filter} ${filter}`;
        return {
          kind: 'exception',
          point: { kind: 'catchpoint', text, event: found.filter, ...(filter !== undefined && { filter }) },
          conditions: {},
        };
      }),
    };
  }),

  exceptionInfo: request('standing', nothing, ({ hits }) => {
    const hit = hits.find(h => h.point.kind === 'catchpoint');
    if (!hit) throw new CommandError('the guest did not stop at an exception');
    return { exceptionId: hit.point.text, description: hit.detail, breakMode: 'always' };
  }),
};
