/**
 * Names for what runs: functions of kernel, modules and our user programs, tasks, and whose page directory is loaded.
 * A task's name comes from struct task_struct (kernel/include/linux/sched.h); what is no name there is not shown.
 */
import { readFileSync } from 'node:fs';
import { artefact } from '../../guest/build.ts';
import { readElf } from '../../guest/elf.ts';
import { SymbolTable } from '../../guest/symbols.ts';
import { domains } from '../domains.ts';
import type { Target } from '../target.ts';
import { hex8 } from '../text.ts';
import type { Place } from './recorder.ts';

const KERNEL_BASE = 0xc000_0000;
/** struct task_struct. */
const PID = 28;
const COMM = 32;
const COMM_LENGTH = 16;
/** ELF programs among the boot modules: a word without a dot. */
const PROGRAM = /^\w+$/;

export class Names {
  private readonly target: Target;
  private readonly programs = new Map<string, SymbolTable | undefined>();
  private readonly owners = new Map<number, string>();

  constructor(target: Target) {
    this.target = target;
  }

  /** The function that holds a linear address. */
  at(lin: number): Place {
    lin >>>= 0;
    const { session } = this.target;
    const address = this.target.linked(lin);
    const found =
      session && lin < KERNEL_BASE && this.target.paging()
        ? this.program()?.lookup(lin)
        : this.target.symbols.lookup(address);
    const region = session ? session.regions.regionOf(address) : 0;
    if (!found) return { start: lin, name: `0x${hex8(lin)}`, region };
    return { start: found.symbol.start, name: found.symbol.name, region };
  }

  /** `name+0x1f`, `name+0x1f [e1000.ko]`, or eight hexadecimal digits. */
  describe(lin: number): string {
    lin >>>= 0;
    const user = this.target.session && lin < KERNEL_BASE && this.target.paging();
    return user
      ? (this.program()?.describe(lin) ?? hex8(lin))
      : this.target.symbols.describe(this.target.linked(lin));
  }

  /** `netsend (pid 3)`, or undefined where nothing sensible is known. */
  task(): string | undefined {
    const at = this.current();
    const name = at === undefined ? undefined : this.comm(at);
    return at === undefined || name === undefined
      ? undefined
      : `${name} (pid ${this.target.value(at + PID, 4)})`;
  }

  /** Whose directory CR3 holds: `kernel`, or `domain 1 (e1000)`; `guest` without our kernel. */
  owner(): string {
    const { target } = this;
    if (!target.session) return 'guest';
    const cr3 = target.machine.cpu.cr3 & ~0xfff;
    let name = this.owners.get(cr3);
    if (name === undefined) {
      const domain = target.paging() ? domains(target).find(d => (d.cr3 & ~0xfff) === cr3) : undefined;
      name = domain ? `domain ${domain.id} (${domain.name})` : 'kernel';
      this.owners.set(cr3, name);
    }
    return name;
  }

  /** Domains or modules have changed. */
  forget(): void {
    this.owners.clear();
  }

  private current(): number | undefined {
    const variable = this.target.session && this.target.symbols.address('current_task');
    const at = variable === undefined ? -1 : this.target.value(variable, 4);
    return at > 0 ? at : undefined;
  }

  private comm(at: number): string | undefined {
    const name = this.target.session?.readString(at + COMM, COMM_LENGTH) ?? '';
    return /^[\x20-\x7e]+$/.test(name) ? name : undefined;
  }

  /** Symbols of the program that the current task runs. */
  private program(): SymbolTable | undefined {
    const at = this.current();
    const name = at === undefined ? undefined : this.comm(at);
    if (name === undefined) return undefined;
    if (!this.programs.has(name)) this.programs.set(name, this.readProgram(name));
    return this.programs.get(name);
  }

  private readProgram(name: string): SymbolTable | undefined {
    const options = this.target.session?.options;
    if (!options?.modules.some(m => PROGRAM.test(name) && m.split(' ', 1)[0] === name)) return undefined;
    const table = new SymbolTable();
    table.add(name, readElf(new Uint8Array(readFileSync(artefact(options.build, name))), name));
    return table;
  }
}
