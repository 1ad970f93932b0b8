/** Does the comparison of RAM see every changed byte but those that it is told to leave out? */
import { describe, expect, it } from 'vitest';
import { changes, tablesOf, writablePages } from '../../inject/validate/memory.ts';

const PAGE = 4096;
const blank = () => new Uint8Array(16 * PAGE);
const none = { skipped: new Uint8Array(16), tables: new Map(), exceptions: [] };

describe('changes', () => {
  it('finds nothing in equal memory', () => expect(changes(blank(), blank(), none)).toEqual([]));

  it('gives runs of changed bytes with their places', () => {
    const after = blank();
    after.fill(1, 100, 104);
    after[5 * PAGE] = 9;
    expect(changes(blank(), after, none).map(c => [c.pa, c.length])).toEqual([
      [100, 4],
      [5 * PAGE, 1],
    ]);
  });

  it('leaves out the pages that are the driver’s own', () => {
    const after = blank();
    after[3 * PAGE + 7] = 1;
    const skipped = new Uint8Array(16);
    skipped[3] = 1;
    expect(changes(blank(), after, { ...none, skipped })).toEqual([]);
  });

  it('leaves out the bits of an exception’s mask, and no others', () => {
    const after = blank();
    after[50] = 0x02;
    const exceptions = [{ pa: 50, length: 1, mask: 0x02 }];
    expect(changes(blank(), after, { ...none, exceptions })).toEqual([]);
    after[50] = 0x03;
    expect(changes(blank(), after, { ...none, exceptions })).toHaveLength(1);
  });

  it('forgives accessed and dirty bits of page tables alone', () => {
    const before = blank();
    const view = new DataView(before.buffer);
    view.setUint32(1 * PAGE, (2 * PAGE) | 3, true); // directory in page 1, table in page 2
    view.setUint32(2 * PAGE, (4 * PAGE) | 3, true);
    const tables = tablesOf(before, [PAGE]);
    const after = before.slice();
    const later = new DataView(after.buffer);
    later.setUint32(1 * PAGE, (2 * PAGE) | 0x23, true);
    later.setUint32(2 * PAGE, (4 * PAGE) | 0x63, true);
    expect(changes(before, after, { ...none, tables })).toEqual([]);
    later.setUint32(2 * PAGE, (4 * PAGE) | 0x67, true); // user bit
    expect(changes(before, after, { ...none, tables })).toHaveLength(1);
  });
});

describe('writablePages', () => {
  it('wants W in both levels, and splits large pages', () => {
    const ram = blank();
    const view = new DataView(ram.buffer);
    view.setUint32(PAGE, (2 * PAGE) | 3, true); // writable table
    view.setUint32(PAGE + 4, (2 * PAGE) | 1, true); // the same without W
    view.setUint32(PAGE + 4 * 1023, 0x0040_0083, true); // a writable large page
    view.setUint32(2 * PAGE + 4 * 5, (7 * PAGE) | 3, true);
    view.setUint32(2 * PAGE + 4 * 6, (8 * PAGE) | 1, true);
    view.setUint32(2 * PAGE + 4 * 7, (9 * PAGE) | 2, true);
    const found = [...writablePages(ram, PAGE)];
    expect(found[0]).toEqual({ lin: 5 * PAGE, pa: 7 * PAGE });
    expect(found[1]).toEqual({ lin: 0xffc0_0000, pa: 0x0040_0000 });
    expect(found).toHaveLength(1 + 1024);
  });
});
