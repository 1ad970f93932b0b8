/** What can be seen and changed at a stop: variables by reference, their children in pages, and new values. */
import { Handles } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { CommandError } from '../error.ts';
import type { Variable } from '../model.ts';
import { setExpressionArguments, setVariableArguments, variablesArguments } from './arguments.ts';
import { type Requests, request } from './request.ts';
import type { Adapter } from './session.ts';

/** What a reference stands for: the members of something. */
export interface Container {
  list(): Variable[];
  /** C's name of what they are members of; absent where there is none. */
  expression?: string;
  /** C's type of that. */
  type?: string;
  /** They are variables, not members: C knows them by their names. */
  variables?: boolean;
}

export class Variables {
  private readonly handles = new Handles<Container>();

  /** A reference, good until the guest moves or is changed. */
  reference(container: Container): number {
    return this.handles.create(container);
  }

  /** Throws a CommandError for a reference that is none, or no longer. */
  container(reference: number): Container {
    const found = this.handles.get(reference);
    if (!found) throw new CommandError(`no variables ${reference}: the guest has moved since, perhaps`);
    return found;
  }

  forget(): void {
    this.handles.reset();
  }

  /** One variable as the editor gets it. */
  show(variable: Variable, parent?: Container): DebugProtocol.Variable {
    const expression = expressionOf(variable, parent);
    const memory = memoryOf(variable);
    return {
      name: variable.name,
      value: variable.value,
      type: variable.type,
      ...this.childrenOf(variable, expression),
      ...(expression !== undefined && { evaluateName: expression }),
      ...(memory !== undefined && { memoryReference: memory }),
      ...(variable.assign === undefined && { presentationHint: { attributes: ['readOnly'] } }),
    };
  }

  /** The reference to what a variable consists of, and how much that is. */
  childrenOf(
    { children, type }: Variable,
    expression: string | undefined,
  ): { variablesReference: number; indexedVariables?: number } {
    if (!children) return { variablesReference: 0 };
    const length = /\[(\d+)\]/.exec(type)?.[1];
    return {
      variablesReference: this.reference({ list: children, expression, type }),
      ...(length !== undefined && Number(length) > 0 && { indexedVariables: Number(length) }),
    };
  }
}

/** What C calls a member; undefined where its container has no such name. */
function expressionOf({ name }: Variable, parent: Container | undefined): string | undefined {
  if (!parent || parent.variables) return name;
  const { expression, type = '' } = parent;
  if (expression === undefined) return undefined;
  const whole = /^[\w$]+$|^[\w$.[\]>-]+$/.test(expression) ? expression : `(${expression})`;
  if (name.startsWith('[')) return `${whole}${name}`;
  if (name.startsWith('*')) return `*${whole}`;
  if (!/^[A-Za-z_]\w*$/.test(name)) return undefined;
  return type.endsWith('*') ? `${whole}->${name}` : `${whole}.${name}`;
}

/** Where the editor should look at memory: at what a pointer points to, else at the variable itself. */
export function memoryOf({ type, value, address }: Variable): string | undefined {
  const pointer = /\*( ?const)?$/.test(type) ? /0x([0-9a-f]{1,8})\b/i.exec(value) : null;
  if (pointer) return `0x${pointer[1]}`;
  return address === undefined ? undefined : `0x${address.toString(16)}`;
}

export const VARIABLES: Requests = {
  variables: request('launched', variablesArguments, ({ live }, args) => {
    const container = live.variables.container(args.variablesReference);
    const isIndexed = (v: Variable) => v.name.startsWith('[');
    const wanted = container
      .list()
      .filter(v => args.filter === undefined || isIndexed(v) === (args.filter === 'indexed'));
    const from = args.start ?? 0;
    const page = wanted.slice(from, args.count ? from + args.count : undefined);
    return { variables: page.map(v => live.variables.show(v, container)) };
  }),

  setVariable: request('standing', setVariableArguments, (adapter, args) => {
    const container = adapter.live.variables.container(args.variablesReference);
    const find = () => container.list().find(v => v.name === args.name);
    const variable = find();
    if (!variable) throw new CommandError(`no variable ${args.name}`);
    return assign(adapter, variable, args.value, () => find() ?? variable);
  }),

  setExpression: request('standing', setExpressionArguments, (adapter, args) => {
    const look = () => adapter.live.repl.evaluate(args.expression, args.frameId);
    return assign(adapter, look(), args.value, look);
  }),
};

/** Writes and gives what is there then. */
function assign(adapter: Adapter, variable: Variable, value: string, look: () => Variable): object {
  if (!variable.assign) throw new CommandError(`${variable.name} cannot be written`);
  variable.assign(value);
  const now = look();
  adapter.changed(now.address, now.size);
  const { name: _, evaluateName: __, presentationHint: ___, ...body } = adapter.live.variables.show(now);
  return body;
}
