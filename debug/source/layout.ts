/** Where C's structs have their members, for those who read the guest's memory by themselves. */
import { type CType, type Member, resolve, sizeOf } from '../../guest/dwarf/types.ts';
import { CommandError } from '../error.ts';

/** A struct or union. */
export interface Layout {
  /** Bytes. */
  size: number;
  /** `list.next`, `files[3]`: bytes from the start, and the member's size. Throws a CommandError. */
  field(path: string): { offset: number; size: number; type: CType };
}

export interface FoundMember {
  member: Member;
  /** From the start of the struct that was searched. */
  offset: number;
}

const MAX_NESTING = 16;

/** The member of that name, looked for in unnamed structs and unions too; `complete` as Types'. */
export function findMember(
  type: CType,
  name: string,
  complete: (type: CType) => CType,
  depth = 0,
): FoundMember | undefined {
  const bare = resolve(complete(type));
  if ((bare.kind !== 'struct' && bare.kind !== 'union') || depth > MAX_NESTING) return undefined;
  for (const member of bare.members) {
    if (member.name === name) return { member, offset: member.offset };
    if (member.name !== '') continue;
    const inner = findMember(member.type, name, complete, depth + 1);
    if (inner) return { member: inner.member, offset: member.offset + inner.offset };
  }
  return undefined;
}

export function layoutOf(type: CType, name: string, complete: (type: CType) => CType): Layout {
  return {
    size: sizeOf(complete(type)),
    field(path) {
      let at = type;
      let offset = 0;
      for (const [word, member, index] of path.matchAll(/([A-Za-z_]\w*)|\[(\d+)\]|[^.\s]/g)) {
        if (member !== undefined) {
          const found = findMember(at, member, complete);
          if (!found) throw new CommandError(`${name} has no member ${path} (at ${member})`);
          offset += found.offset;
          at = found.member.type;
        } else {
          const array = resolve(complete(at));
          if (array.kind !== 'array' || index === undefined)
            throw new CommandError(`${name} has no member ${path} (at ${word})`);
          at = array.of;
          offset += Number(index) * sizeOf(complete(at));
        }
      }
      return { offset, size: sizeOf(complete(at)), type: at };
    },
  };
}
