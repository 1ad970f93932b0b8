/** What the functions of library.ts have in common: the cells, and how time is charged. */
import { CAUSE } from '../../accounting.ts';
import { CELL } from './cells.ts';
import type { Layout } from './layout.ts';
import { Code } from './wasm.ts';

const ISSUE = CAUSE.issue;
const MISPREDICT = CAUSE.mispredict;

export class SharedCode {
  protected readonly layout: Layout;
  protected c = new Code();

  constructor(layout: Layout) {
    this.layout = layout;
  }

  protected cell(index: number): number {
    return this.layout.cellsAt + 4 * index;
  }

  protected count(index: number, n = 1): void {
    this.c
      .i32(0)
      .i32(0)
      .mem('i32load', this.cell(index))
      .i32(n)
      .op('i32add')
      .mem('i32store', this.cell(index));
  }

  /** Charges the ticks in local `due` and those of mispredicted branches, as Jit.sync. Local `t` is lost. */
  protected sync(due: number, t: number): void {
    const { c } = this;
    c.get(due).i32(0).op('i32gt_s').if();
    this.charge(ISSUE, () => c.get(due).op('f64convert_s'));
    c.i32(0).set(due).op('end');
    c.i32(0).get(due).mem('i32store', this.cell(CELL.due));
    c.i32(0).mem('i32load', this.cell(CELL.mispredictTicks)).tee(t).if();
    this.charge(MISPREDICT, () => c.get(t).op('f64convert_s'));
    c.i32(0).i32(0).mem('i32store', this.cell(CELL.mispredictTicks)).op('end');
  }

  /** Accounting.charge to the region in the cell. */
  protected charge(cause: number, ticks: () => void): void {
    const { c, layout } = this;
    c.i32(0).mem('i32load', this.cell(CELL.row));
    c.i32(0)
      .mem('i32load', this.cell(CELL.row))
      .mem('f64load', layout.matrix + 8 * cause);
    ticks();
    c.op('f64add').mem('f64store', layout.matrix + 8 * cause);
    c.i32(0).i32(0).mem('f64load', layout.time);
    ticks();
    c.op('f64add').mem('f64store', layout.time);
  }

  /** As Jit.limit; returns from the function. Local `t` is lost. */
  protected limit(t: number): void {
    const { c } = this;
    c.i32(0).mem('i32load', this.cell(CELL.limit)).i32(0).op('i32lt_s').if().op('return', 'end');
    this.newLimit(t);
  }

  protected newLimit(t: number): void {
    const { c, layout } = this;
    c.i32(0).mem('f64load', this.cell(CELL.until)).i32(0).mem('f64load', layout.time).op('f64sub').f64(0);
    c.op('f64max', 'i32trunc_s').set(t);
    c.i32(0).get(t).mem('i32store', this.cell(CELL.limit));
  }
}
