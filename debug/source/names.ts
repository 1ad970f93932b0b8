/**
 * Names of the source over all images at once. What stands nearer comes first: the image whose code is looked at, then
 * the kernel, modules, the program. A struct that a unit only declares is found where it is defined.
 */

import type { DebugInfo } from '../../guest/dwarf/names.ts';
import { type CType, constantOf, resolve, typeAt } from '../../guest/dwarf/types.ts';
import type { Die, Unit } from '../../guest/dwarf/units.ts';
import { GuestError } from '../../guest/error.ts';
import type { Image, Images } from '../images.ts';

export interface Found {
  image: Image;
  die: Die;
}

export class Names {
  private readonly images: Images;
  private readonly completed = new WeakMap<CType, CType>();

  constructor(images: Images) {
    this.images = images;
  }

  /** `near` is the image at hand and `unit` the unit: their own names hide others'. */
  types(name: string, near?: Image, unit?: Unit): Found[] {
    return this.search(info => info.typesNamed(name), near, unit);
  }

  functions(name: string, near?: Image, unit?: Unit): Found[] {
    return this.search(info => info.functionsNamed(name), near, unit);
  }

  variables(name: string, near?: Image, unit?: Unit): Found[] {
    return this.search(info => info.variablesNamed(name), near, unit);
  }

  /** The value of an enumeration constant with its type. */
  enumerator(name: string, near?: Image): { value: bigint; type: CType } | undefined {
    const die = this.search(info => info.enumeratorsNamed(name), near)[0]?.die;
    return die?.parent && { value: constantOf(die), type: typeAt(die.parent) };
  }

  /** The type of that name, `struct x` or `u32`; undefined if there is none. */
  type(name: string, near?: Image, unit?: Unit): CType | undefined {
    const die = this.types(name, near, unit)[0]?.die;
    return die && typeAt(die);
  }

  /** The same type, or its definition where it is only declared. Typedefs and qualifiers are taken off. */
  complete = (type: CType): CType => {
    const bare = resolve(type);
    if (!(bare.kind === 'struct' || bare.kind === 'union' || bare.kind === 'enum')) return bare;
    if (!bare.declaration || !bare.name) return bare;
    let found = this.completed.get(bare);
    if (!found) {
      const defined = this.type(`${bare.kind} ${bare.name}`);
      found = defined ? resolve(defined) : bare;
      // What is not defined now may be so when another module is loaded.
      if ('declaration' in found && !found.declaration) this.completed.set(bare, found);
    }
    return found;
  };

  private search(find: (info: DebugInfo) => Die[], near?: Image, unit?: Unit): Found[] {
    const images = this.images.visible();
    const ordered = near ? [near, ...images.filter(i => i !== near)] : images;
    const found: Found[] = [];
    for (const image of ordered) {
      const info = image.info();
      if (info) for (const die of this.attempt(image, () => find(info))) found.push({ image, die });
    }
    const rank = ({ die }: Found) => (unit && die.unit === unit ? 0 : 1);
    return found.sort((a, b) => rank(a) - rank(b));
  }

  /** Bad debug information of one image is no reason not to look into the others. */
  private attempt(image: Image, find: () => Die[]): Die[] {
    try {
      return find();
    } catch (error) {
      if (!(error instanceof GuestError)) throw error;
      image.problem ??= error.message;
      return [];
    }
  }
}
