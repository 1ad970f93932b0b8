/**
 * `objects`: what the object tracker knows of each domain (nooks/include/nooks/object.h): the kernel's object, the
 * extension's address of it, and what it is. Packets are only in the hash table, so that is what is read.
 */
import { type Domain, domains } from '../domains.ts';
import type { Target } from '../target.ts';
import { hex8, table } from '../text.ts';
import { type Struct, Structs } from './structs.ts';

/** Records of one domain that are looked at, and of one type that are shown. */
const MOST = 8192;
const SHOWN = 16;

/** What is said of a packet that is to be sent: these come first, for most others only wait to be filled. */
const TO_SEND = 'to send, given at jiffy';

export interface TrackedObject {
  /** `NETDEV`, `SKB` …; `?` for no type. */
  type: string;
  /** Of the record; linear. */
  record: number;
  driver: number;
  kernel: number;
  what: string;
}

export interface Tracked {
  objects: TrackedObject[];
  /** Chains that lead nowhere, or do not end. */
  broken: number;
}

/** All records of a domain, by type. */
export function objectsOf(target: Target, domain: Domain): Tracked {
  const structs = Structs.of(target);
  const types = structs.enumeration('object_type', 'OBJ_');
  const heads = structs.at('struct nooks_domain', domain.address).to('by_driver');
  const result: Tracked = { objects: [], broken: 0 };
  if (!heads) return result;
  for (const first of structs.words(heads.address, heads.size / 4)) {
    const left = MOST - result.objects.length;
    if (first === 0 || left <= 0) continue;
    const { items, more, broken } = structs.chain(first, 'struct nooks_object', 'next', left);
    if (more || broken) result.broken++;
    for (const o of items) result.objects.push(objectOf(o, types));
  }
  const order = [...types.values()];
  const rank = (o: TrackedObject) => 2 * order.indexOf(o.type) + (o.what.includes(TO_SEND) ? 0 : 1);
  result.objects.sort((a, b) => rank(a) - rank(b) || a.record - b.record);
  return result;
}

function objectOf(o: Struct, types: Map<number, string>): TrackedObject {
  const type = types.get(o.number('type')) ?? '?';
  const of = (struct: string, address: number) => o.structs.at(struct, address);
  return {
    type,
    record: o.address,
    driver: o.number('driver'),
    kernel: o.number('kernel'),
    what: WHAT[type]?.(o, of) ?? '',
  };
}

export function byTypes(objects: readonly TrackedObject[]): Map<string, TrackedObject[]> {
  const found = new Map<string, TrackedObject[]>();
  for (const o of objects) {
    const same = found.get(o.type);
    if (same) same.push(o);
    else found.set(o.type, [o]);
  }
  return found;
}

type Describe = (o: Struct, of: (struct: string, address: number) => Struct) => string;

const bytes = (n: number) => (n < 0 ? '? bytes' : `${n} bytes`);

/** By type: what is more than two addresses. */
const WHAT: Readonly<Record<string, Describe>> = {
  NETDEV: (o, of) => {
    const registered = of('struct nooks_netdev', o.address).number('registered');
    return `${of('struct net_device', o.number('kernel')).text('name')}${registered === 0 ? ', not registered' : ''}`;
  },
  SKB: (o, of) => {
    const given = of('struct nooks_packet', o.address).number('given');
    const length = bytes(of('struct sk_buff', o.number('kernel')).number('len'));
    return `${length}, ${given > 0 ? `${TO_SEND} ${given}` : "the extension's"}`;
  },
  PCI_DEV: (o, of) => {
    const dev = of('struct pci_dev', o.number('kernel'));
    return `${dev.text('slot_name')} ${dev.text('name')}`;
  },
  PCI_DRIVER: (o, of) => of('struct nooks_pci_driver', o.address).text('name'),
  TIMER: (o, of) => {
    const t = of('struct nooks_timer', o.address);
    return `${name(o, t.number('function'))} at jiffy ${t.number('timer.expires')}`;
  },
  TASKLET: (o, of) => name(o, of('struct nooks_tasklet', o.address).number('tasklet.func')),
  WORK: (o, of) => name(o, of('struct nooks_work', o.address).number('routine')),
  IRQ: (o, of) => {
    const irq = of('struct nooks_irq', o.address);
    const off = irq.number('disabled');
    return `line ${irq.number('irq')} for ${irq.text('name')}: ${name(o, irq.number('handler'))}${off > 0 ? `, disabled ${off} times` : ''}`;
  },
  REGIONS: (o, of) => of('struct pci_dev', o.number('kernel')).text('slot_name'),
  IOREMAP: (o, of) => bytes(of('struct nooks_memory', o.address).number('size')),
  CONSISTENT: (o, of) => {
    const m = of('struct nooks_memory', o.address);
    return `${bytes(m.number('size'))} at bus address ${hex8(m.number('handle'))}`;
  },
  PAGES: (o, of) => `order ${of('struct nooks_memory', o.address).number('size')}`,
  CACHE: (o, of) => of('struct kmem_cache', o.number('kernel')).text('name'),
  WAIT_QUEUE: (o, of) => `${of('struct nooks_waitq', o.address).number('users')} users`,
  CHRDEV: (o, of) => of('struct nooks_chrdev', o.address).text('name'),
};

function name(o: Struct, address: number): string {
  return address < 0 ? '?' : (o.structs.target.symbolAt(address) ?? hex8(address));
}

export function objectsText(target: Target, list: readonly Domain[] = domains(target)): string {
  if (list.length === 0) return 'no domains\n';
  return list.map(d => oneDomain(target, d)).join('');
}

function oneDomain(target: Target, domain: Domain): string {
  const { objects, broken } = objectsOf(target, domain);
  const byType = byTypes(objects);
  const lines = [
    `domain ${domain.id} (${domain.name}): ${objects.length} objects${broken ? `; ${broken} broken chains` : ''}\n`,
  ];
  const rows: string[][] = [];
  for (const [type, of] of byType) {
    for (const o of of.slice(0, SHOWN))
      rows.push([`  ${type.toLowerCase()}`, at(o.kernel), at(o.driver), o.what]);
    if (of.length > SHOWN) rows.push([`  ${type.toLowerCase()}`, '', '', `and ${of.length - SHOWN} more`]);
  }
  if (rows.length) lines.push(table([['  type', "kernel's", "extension's", 'what'], ...rows], [0, 1, 2, 3]));
  return lines.join('');
}

function at(address: number): string {
  return address < 0 ? '?' : hex8(address);
}
