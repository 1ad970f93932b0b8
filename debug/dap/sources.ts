/**
 * Source files between the editor's paths and the names in debug information, which are relative to where the guest
 * was compiled; and listings, made here, for code that has no source.
 */
import { basename, isAbsolute, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { disassemble } from '../disassembly.ts';
import { CommandError } from '../error.ts';
import type { Image } from '../images.ts';
import type { Target } from '../target.ts';
import { hex8 } from '../text.ts';
import { locationsArguments, modulesArguments, nothing, sourceArguments } from './arguments.ts';
import type { Debuggee } from './launch.ts';
import { type Requests, request } from './request.ts';
import type { Adapter } from './session.ts';

/** Instructions of a listing. */
const MAX_LISTED = 4096;

/** What an editor says of a source. */
export interface GivenSource {
  path?: string;
  name?: string;
  sourceReference?: number;
}

/** A line of a file, both as debug information has them. */
export interface Place {
  file: string;
  line: number;
}

export class Sources {
  private readonly adapter: Adapter;
  private readonly target: Target;
  private readonly root: string;
  /** Start of a function that has a listing, by reference - 1. */
  private readonly listed: number[] = [];

  constructor(adapter: Adapter, { debugger: { target }, sourceRoot }: Debuggee) {
    this.adapter = adapter;
    this.target = target;
    this.root = sourceRoot;
  }

  // ---- names of files --------------------------------------------------------------------------------------------------

  /** All files that debug information names, of what is loaded and of what may be. */
  files(): string[] {
    const names = new Set<string>();
    for (const image of this.images()) for (const file of image.lines().files()) names.add(file);
    return [...names].sort();
  }

  /** How the editor is told of a file. One that is not on disk is told of all the same: the editor may have it. */
  source(file: string): DebugProtocol.Source {
    const path = isAbsolute(file) ? file : join(this.root, file);
    return { name: basename(file), path: this.adapter.client.uris ? pathToFileURL(path).href : path };
  }

  /** The file that an editor means, as debug information names it; undefined if that names none such. */
  fileOf({ path }: GivenSource): string | undefined {
    if (!path) return undefined;
    const given = plainPath(path);
    const known = new Set(this.files());
    for (const name of [given, relativeTo(this.root, given)])
      if (name !== undefined && known.has(name)) return name;
    // The editor may look at another copy of the tree: the longest end of the path that fits.
    const parts = given.split('/').filter(part => part !== '');
    for (let from = 0; from < parts.length; from++) {
      const end = parts.slice(from).join('/');
      for (const file of known) if (file === end || file.endsWith(`/${end}`)) return file;
    }
    return undefined;
  }

  /** Lines of a file that have code, in order. */
  linesWithCode(file: string): number[] {
    const lines = new Set<number>();
    for (const image of this.images()) for (const line of image.lines().linesWithCode(file)) lines.add(line);
    lines.delete(0);
    return [...lines].sort((a, b) => a - b);
  }

  private images(): Image[] {
    const { images } = this.target;
    return [...images.loaded(), ...images.programs(), ...images.unloaded()];
  }

  // ---- places ------------------------------------------------------------------------------------------------------------

  /** Is the line known of the instruction that comes next? */
  here(): boolean {
    return this.lineAt(this.target.pc()) !== undefined;
  }

  /** The line that an address comes from. */
  lineAt(address: number): Place | undefined {
    const at = this.target.sourceAt(address);
    const found = at === undefined ? null : /^(.+):(\d+)$/.exec(at);
    return found ? { file: found[1], line: Number(found[2]) } : undefined;
  }

  /** Source and line of an address as the editor gets them: of its file, or of a listing of its function. */
  placeOf(address: number): { source: DebugProtocol.Source; line: number } | undefined {
    const at = this.lineAt(address);
    if (at) return { source: this.source(at.file), line: at.line - this.adapter.client.lineOffset };
    return this.listingAt(address);
  }

  private listingAt(address: number): { source: DebugProtocol.Source; line: number } | undefined {
    const found = this.target.symbols.lookup(this.target.linked(address));
    if (!found?.symbol.code) return undefined;
    const start = (address - found.offset) >>> 0;
    if (!this.listed.includes(start)) this.listed.push(start);
    const sourceReference = this.listed.indexOf(start) + 1;
    const before = this.instructions(sourceReference).filter(i => i.address <= address).length;
    const name = `${found.symbol.name}.disassembly`;
    return { source: { name, sourceReference }, line: Math.max(1, before) - this.adapter.client.lineOffset };
  }

  /** The instructions of a listing, one a line. Throws a CommandError. */
  instructions(sourceReference: number): { address: number; text: string }[] {
    const start = this.listed[sourceReference - 1];
    if (start === undefined) throw new CommandError(`no source ${sourceReference}`);
    const found = this.target.symbols.lookup(this.target.linked(start));
    const length = found ? found.symbol.end - found.symbol.start : 0;
    const lines: { address: number; text: string }[] = [];
    for (let at = start; at < start + length && lines.length < MAX_LISTED; ) {
      const line = disassemble(this.target, at);
      if (!line) break;
      lines.push({ address: at, text: `${hex8(at)}  ${line.text}` });
      at += line.length;
    }
    return lines;
  }
}

/** With forward slashes, from a path or a file: URL. Throws a CommandError for another URL. */
function plainPath(path: string): string {
  if (/^[a-z][a-z+.-]+:\/\//i.test(path)) {
    try {
      path = fileURLToPath(path);
    } catch {
      throw new CommandError(`not a file: ${path.slice(0, 200)}`);
    }
  }
  return normalize(path).replaceAll('\\', '/');
}

function relativeTo(root: string, path: string): string | undefined {
  const from = `${normalize(root).replaceAll('\\', '/').replace(/\/$/, '')}/`;
  return path.startsWith(from) ? path.slice(from.length) : undefined;
}

export const SOURCES: Requests = {
  source: request('launched', sourceArguments, ({ live }, args) => {
    const reference = args.source?.sourceReference || args.sourceReference;
    if (!reference) throw new CommandError('files are the editor’s to read: no sourceReference is given');
    const text = live.sources.instructions(reference).map(line => `${line.text}\n`);
    return { content: text.join(''), mimeType: 'text/x-asm' };
  }),

  loadedSources: request('launched', nothing, ({ live }) => ({
    sources: live.sources.files().map(file => live.sources.source(file)),
  })),

  breakpointLocations: request('launched', locationsArguments, ({ live, client }, args) => {
    const file = live.sources.fileOf(args.source);
    const [from, to] = [args.line, args.endLine ?? args.line].map(line => line + client.lineOffset);
    const lines = file === undefined ? [] : live.sources.linesWithCode(file);
    const inside = lines.filter(line => line >= from && line <= to);
    return { breakpoints: inside.map(line => ({ line: line - client.lineOffset })) };
  }),

  modules: request('launched', modulesArguments, (adapter, args) => {
    const all = modulesOf(adapter.debugger.target);
    const from = args?.startModule ?? 0;
    return { modules: all.slice(from, from + (args?.moduleCount || all.length)), totalModules: all.length };
  }),
};

/** Kernel, loaded modules and programs; of a module, where it lies and in which domain. */
export function modulesOf(target: Target): DebugProtocol.Module[] {
  const modules = target.session?.modules() ?? [];
  return [...target.images.loaded(), ...target.images.programs()].map(image => {
    const module = modules.find(m => `${m.name}.ko` === image.name);
    const lines = image.lines().files().length > 0;
    return {
      id: image.name,
      name: image.name,
      symbolStatus: lines ? 'symbols and lines' : 'symbols',
      ...(module && {
        addressRange: `${hex8(module.base)}-${hex8(module.base + module.size)}`,
        version: module.domain === 0 ? 'in the kernel' : `domain ${module.domain}`,
      }),
    };
  });
}
