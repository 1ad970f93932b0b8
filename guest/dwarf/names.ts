/**
 * An index of a file's debug information: what is called how, and which unit has the code at an address. Built once,
 * in one pass that keeps no entry; trees of units are built when something in them is looked at.
 */
import { AT, TAG } from './constants.ts';
import { type Range, rangesOf } from './lists.ts';
import type { DebugSections } from './sections.ts';
import { type Die, type Unit, unitsOf } from './units.ts';

interface Entry {
  unit: Unit;
  offset: number;
  /** Only a declaration; the definition may be elsewhere. */
  declaration: boolean;
}

type Index = Map<string, Entry[]>;

/** Kinds of names: C keeps tags apart from the rest, by their keyword here (`struct sk_buff`). */
const TAGS: Readonly<Record<number, string>> = {
  [TAG.structureType]: 'struct ',
  [TAG.unionType]: 'union ',
  [TAG.enumerationType]: 'enum ',
  [TAG.typedef]: '',
  [TAG.baseType]: '',
};

interface UnitRange extends Range {
  unit: Unit;
}

export class DebugInfo {
  readonly sections: DebugSections;
  private readonly functions: Index = new Map();
  private readonly variables: Index = new Map();
  private readonly types: Index = new Map();
  private readonly enumerators: Index = new Map();
  private readonly ranges: UnitRange[] = [];
  private readonly codeOf = new Map<Unit, { range: Range; die: Die }[]>();

  /** Throws a GuestError. */
  constructor(sections: DebugSections) {
    this.sections = sections;
    for (const unit of unitsOf(sections)) this.index(unit);
    this.ranges.sort((a, b) => a.low - b.low);
  }

  units(): readonly Unit[] {
    return unitsOf(this.sections);
  }

  /** Functions with code, or inlined everywhere, of that name. */
  functionsNamed(name: string): Die[] {
    return diesOf(this.functions, name).map(completed);
  }

  /** Variables of file scope. */
  variablesNamed(name: string): Die[] {
    return diesOf(this.variables, name).map(completed);
  }

  /** Types: `struct x`, `union x`, `enum x`, or the name of a typedef or base type. Definitions come first. */
  typesNamed(name: string): Die[] {
    return diesOf(this.types, name);
  }

  /** Enumeration constants. */
  enumeratorsNamed(name: string): Die[] {
    return diesOf(this.enumerators, name);
  }

  /** Names in use, sorted; `kind` chooses. For completion and `info types`. */
  names(kind: 'functions' | 'variables' | 'types'): string[] {
    return [...this[kind].keys()].sort();
  }

  /** The unit whose code holds an address. */
  unitAt(address: number): Unit | undefined {
    address >>>= 0;
    return this.ranges.find(r => address >= r.low && address < r.high)?.unit;
  }

  /** The subprogram whose code holds an address; the smallest, should they nest. */
  functionAt(address: number): Die | undefined {
    address >>>= 0;
    const unit = this.unitAt(address);
    if (!unit) return undefined;
    let best: { range: Range; die: Die } | undefined;
    for (const code of this.code(unit)) {
      const { low, high } = code.range;
      if (address >= low && address < high && !(best && best.range.high - best.range.low <= high - low))
        best = code;
    }
    return best?.die;
  }

  private code(unit: Unit) {
    let code = this.codeOf.get(unit);
    if (!code) {
      code = unit
        .root()
        .children.filter(d => d.tag === TAG.subprogram)
        .flatMap(die => rangesOf(die).map(range => ({ range, die })));
      this.codeOf.set(unit, code);
    }
    return code;
  }

  private index(unit: Unit): void {
    let code: Range[] = [];
    let enumeration = false;
    unit.scan(2, (die, depth) => {
      if (depth === 0) code = rangesOf(die);
      else if (depth === 1) {
        enumeration = die.tag === TAG.enumerationType;
        this.indexTop(die);
      } else if (depth === 2 && enumeration) add(this.enumerators, die);
    });
    // A unit need not say where its code is: then its functions do.
    if (code.length === 0) code = this.code(unit).map(c => c.range);
    for (const range of code) this.ranges.push({ ...range, unit });
  }

  private indexTop(die: Die): void {
    const keyword = TAGS[die.tag];
    if (keyword !== undefined) add(this.types, die, keyword);
    else if (die.tag === TAG.subprogram) add(this.functions, die);
    else if (die.tag === TAG.variable) add(this.variables, die);
  }
}

/** By the name that the entry itself bears: what completes another entry is found from that one. */
function add(index: Index, die: Die, keyword = ''): void {
  const own = die.attribute(AT.name)?.value;
  if (typeof own !== 'string') return;
  const name = keyword + own;
  const entry = {
    unit: die.unit,
    offset: die.offset,
    declaration: die.attribute(AT.declaration)?.value === true,
  };
  const same = index.get(name);
  if (same) same.push(entry);
  else index.set(name, [entry]);
}

function diesOf(index: Index, name: string): Die[] {
  const entries = index.get(name) ?? [];
  return [...entries.filter(e => !e.declaration), ...entries.filter(e => e.declaration)]
    .map(e => e.unit.die(e.offset))
    .filter(d => d !== undefined);
}

/** The instance with code of an abstract function, the definition of a declared variable; else the entry itself. */
function completed(die: Die): Die {
  if (die.has(AT.lowPc) || die.has(AT.ranges) || die.has(AT.location)) return die;
  const whole = die.parent?.children.find(c => c.tag === die.tag && c.origin() === die);
  return whole ?? die;
}
