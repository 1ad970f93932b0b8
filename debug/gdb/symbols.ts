/**
 * Which files hold the symbols of what runs in the guest, and where their sections lie: as lines that gdb can source,
 * and as the list of libraries that it asks for by itself (Debugging with GDB, appendix F). The kernel is linked where
 * it runs; a module is an object file that the kernel has placed; programs are linked all at one place.
 */
import { artefact } from '../../guest/build.ts';
import { ET_EXEC, SHF_ALLOC } from '../../guest/elf.ts';
import type { PlacedImage, Session } from '../../guest/session.ts';
import { CommandError } from '../error.ts';
import { hex8 } from '../text.ts';

const KERNEL = 'kernel.elf';
const TEXT = '.text';
/** To gdb a library's section address is what is added to the file's. */
const NOT_MOVED = 0;

export function kernelPath(session: Session): string {
  return artefact(session.options.build, KERNEL);
}

function pathOf(session: Session, image: PlacedImage): string {
  return artefact(session.options.build, image.name);
}

/** Lines for the kernel and the modules that are loaded now, and for the programs that are named. Throws a CommandError. */
export function symbolLines(session: Session, programs: readonly string[]): string {
  const lines = [`symbol-file ${quoted(kernelPath(session))}`];
  for (const image of session.images()) lines.push(moduleLine(session, image));
  const known = programNames(session);
  for (const name of programs) {
    if (!known.includes(name))
      throw new CommandError(`no program ${name}; there are: ${known.join(', ') || 'none'}`);
    lines.push(`add-symbol-file ${quoted(artefact(session.options.build, name))}`);
  }
  if (programs.length === 0 && known.length > 0)
    lines.push(`# programs lie all at one place, load one: gdb-symbols ${known.join(' | ')}`);
  return `${lines.join('\n')}\n`;
}

function moduleLine(session: Session, image: PlacedImage): string {
  const placed = image.elf.sections.flatMap(section => {
    const address = section.flags & SHF_ALLOC && section.size > 0 ? image.place(section) : undefined;
    return address === undefined ? [] : [{ name: section.name, address }];
  });
  const text = placed.findIndex(s => s.name === TEXT);
  const first = text < 0 ? '' : ` 0x${hex8(placed[text].address)}`;
  const others = placed.filter((_, n) => n !== text).map(s => ` -s ${s.name} 0x${hex8(s.address)}`);
  return `add-symbol-file ${quoted(pathOf(session, image))}${first}${others.join('')}`;
}

/** The executables among the boot modules. */
function programNames(session: Session): string[] {
  const names = session.options.modules.map(line => line.split(' ', 1)[0]);
  return [...new Set(names)].filter(name => session.file(name)?.type === ET_EXEC);
}

/** gdb splits arguments like a shell. */
function quoted(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : `"${path.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Modules as libraries: an address for each section that takes memory, in the file's order. `frames`: the path of the
 * file that frames.ts makes.
 */
export function librariesXml(session: Session | undefined, frames?: string): string {
  const libraries = (session?.images() ?? []).map(image => {
    const sections = image.elf.sections.filter(section => section.flags & SHF_ALLOC);
    return libraryXml(
      pathOf(session as Session, image),
      sections.map(section => image.place(section) ?? 0),
    );
  });
  if (frames !== undefined) libraries.push(libraryXml(frames, [NOT_MOVED]));
  return `<library-list version="1.0">\n${libraries.join('')}</library-list>\n`;
}

function libraryXml(path: string, addresses: readonly number[]): string {
  const sections = addresses.map(address => `<section address="0x${hex8(address)}"/>`);
  return `<library name="${xml(path)}">${sections.join('')}</library>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export function xml(text: string): string {
  return text.replace(/[&<>"]/g, c => ENTITIES[c]);
}
