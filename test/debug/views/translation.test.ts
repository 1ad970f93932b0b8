/** What page-table entries say, at the edges: large pages above 4 GiB and with reserved bits (SDM vol. 3, table 4-4). */
import { expect, it } from 'vitest';
import { BEYOND, land } from '../../../debug/views/translation.ts';

it('a large page above 4 GiB is mapped, where nothing answers', () => {
  const { physical, failure, rights, big } = land(0x1234, 0x20e3, 0, true);
  expect({ physical, failure, rights, big }).toEqual({
    physical: undefined,
    failure: BEYOND,
    rights: 2,
    big: true,
  });
});

it('a reserved bit, or no P, is a page fault', () => {
  expect(land(0x1234, 0x20_00e3, 0, true)).toMatchObject({ failure: 'a reserved bit is set' });
  expect(land(0x1234, 0x1e2, 0, true)).toMatchObject({ failure: 'not present' });
});

it('the page attribute bits come from where the page size has them', () => {
  expect(land(0x1234, 0x10fb, 0, true)).toMatchObject({ physical: 0x1234, attributes: 7 });
  expect(land(0x1234, 0x3, 0x509b, false)).toMatchObject({ physical: 0x5234, attributes: 7 });
});
