/**
 * Builds instruction rows: defaults, and one source row for the three operand sizes.
 */
import { UD } from '../../mmu/fault.ts';
import type { CostClass } from '../../profile/profile.ts';
import type { Exec, Row } from '../row.ts';

export type RowOptions = Partial<Omit<Row, 'enc' | 'form' | 'exec' | 'cost'>>;

/** One row. Defaults: no flags touched, op 0, allowed at CPL 3. */
export function row(enc: string, form: string, cost: CostClass, exec: Exec, options: RowOptions = {}): Row {
  const executor = options.protectedOnly ? inProtectedMode(exec) : exec;
  return {
    enc,
    form,
    cost,
    exec: executor,
    reads: '',
    writes: '',
    undef: '',
    op: 0,
    user: true,
    ...options,
  };
}

/** The executor of a row that is undefined where selectors are paragraphs. */
function inProtectedMode(exec: Exec): Exec {
  return (c, i) => {
    if (c.paragraphs) c.raise(UD);
    exec(c, i);
  };
}

/** Two rows, bound to operand size 16 and 32: `v` after r, m, imm, moffs, rel, `:` and `&` in the form is the size. */
export function both(
  enc: string,
  form: string,
  cost: CostClass,
  exec: Exec,
  options: RowOptions = {},
): Row[] {
  return [16, 32].map(bits =>
    row(
      `o${bits} ${enc}`,
      form.replaceAll(/(\b(?:r\/m|r|m|imm|moffs|rel)|[:&])v\b/g, `$1${bits}`),
      cost,
      exec,
      options,
    ),
  );
}
