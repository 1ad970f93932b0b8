/** Whose a frame of RAM is, as far as kernel image and page descriptors (kernel/include/linux/mm.h) tell. */
import { domains } from '../domains.ts';
import type { Target } from '../target.ts';
import { Structs } from './structs.ts';

const PAGE_SHIFT = 12;
const PAGE = 1 << PAGE_SHIFT;
const MIB = 1 << 20;
/** PG_*: flags of struct page. */
const FREE = 0x02;
const SLAB = 0x08;
const LARGE = 0x10;

/** A function from the physical address of a frame to a name. Reads each page descriptor once. */
export function frameNames(target: Target): (physical: number) => string {
  const structs = Structs.of(target);
  const image = imageNames(target);
  const map = structs.global('mem_map')?.target;
  if (!structs.ours || !target.paging() || !map) return pa => image(pa) ?? (pa < MIB ? 'first MiB' : 'RAM');
  const owners = new Map(domains(target).map(d => [d.id, `zone: domain ${d.id} (${d.name})`]));
  const [phys, size] = ['zone_phys', 'zone_size'].map(name => structs.global(name)?.value ?? 0);
  const names = new Map<number, string>();
  const name = (pa: number) => {
    const known = image(pa);
    if (known) return known;
    const page = structs.at('struct page', map.address + (pa >>> PAGE_SHIFT) * map.size);
    if (pa >= phys && pa < phys + size) {
      const id = page.number('owner');
      return id === 0 ? 'zone: the kernel' : (owners.get(id) ?? 'zone: ?');
    }
    if (pa < MIB) return 'first MiB';
    const flags = page.number('flags');
    if (flags < 0) return 'RAM';
    return flags & SLAB ? 'slabs' : flags & LARGE ? 'large objects' : flags & FREE ? 'free' : 'pages in use';
  };
  return pa => {
    const frame = pa >>> PAGE_SHIFT;
    let found = names.get(frame);
    if (found === undefined) names.set(frame, (found = name(frame * PAGE)));
    return found;
  };
}

/** By the segments of what was booted. */
function imageNames(target: Target): (pa: number) => string | undefined {
  const { main } = target.images;
  const segments = main?.elf.segments ?? [];
  return pa => {
    const found = segments.find(s => pa + PAGE > s.physicalAddress && pa < s.physicalAddress + s.memorySize);
    if (!found || !main) return undefined;
    return `${main.name} ${found.flags & EXECUTE ? 'code' : 'data'}`;
  };
}

/** PF_X of an ELF segment. */
const EXECUTE = 1;
