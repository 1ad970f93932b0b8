/**
 * Where an oracle of the system programs is known to differ from us: which cases, which fields, and why we are right, or
 * why neither is wrong. Fields are those of compare.ts: `f0` is the top of the frame, an error code or EIP.
 */
export interface Rule {
  oracle: 'qemu' | 'bochs';
  /** A program's name, or `*`. */
  program: string;
  /** The names of its cases. */
  name: RegExp;
  fields: readonly string[] | 'all';
  reason: string;
}

const qemu = (program: string, name: RegExp, fields: Rule['fields'], reason: string): Rule => ({
  oracle: 'qemu',
  program,
  name,
  fields,
  reason,
});

const bochs = (program: string, name: RegExp, fields: Rule['fields'], reason: string): Rule => ({
  ...qemu(program, name, fields, reason),
  oracle: 'bochs',
});

const READS_FIRST =
  'QEMU reads the operand of an update before it probes the write; silicon reports the write at once';

export const RULES: readonly Rule[] = [
  qemu(
    '*',
    /./,
    ['rf'],
    'QEMU pushes no RF for faults; SDM vol. 3, 17.3.1.1 says that they do, and silicon does',
  ),
  qemu('paging', / update$/, ['f0'], READS_FIRST),
  qemu('paging', /^entries update$/, ['f1'], `${READS_FIRST}: its read has set the accessed bit`),
  qemu(
    'faults',
    /^(add|inc|not|neg|shl|rcl|shld|xchg|xadd|cmpxchg|cmpxchg8b|lock bts) \[m\]/,
    ['f0'],
    READS_FIRST,
  ),
  qemu('faults', /^(call|jmp) \[m\] across/, ['f0'], `${READS_FIRST}; they land on ADD [EAX], AL`),
  qemu('faults', /^bsf/, ['fl', 'f2'], 'flags but ZF are undefined after BSF'),
  qemu(
    'faults',
    /^memory (sgdt|sidt)/,
    ['f0', 'f1'],
    'QEMU stores the limit before the base faults; we store all or nothing',
  ),
  qemu(
    'faults',
    /^pusha/,
    ['cr2'],
    'QEMU pushes from the lowest address up; silicon from the top down (the silicon corpus)',
  ),
  qemu(
    'faults',
    /^call far/,
    ['f0'],
    "QEMU's far call pushes with supervisor rights, so its error code lacks U",
  ),
  qemu(
    'faults',
    /^enter/,
    'all',
    'ENTER probes a write at its final stack pointer (SDM vol. 2, ENTER); QEMU does not',
  ),
  qemu(
    'faults',
    /^(retf|iret)/,
    ['f0', 'cr2'],
    'QEMU reads the frame upwards and with supervisor rights; silicon downwards',
  ),
  qemu(
    'faults',
    /^0f prefixes before the hole/,
    'all',
    'QEMU fetches a sixteenth byte; an instruction of 15 is over (SDM vol. 2, 2.3.11)',
  ),
  qemu(
    'gates',
    /^call gate .* 0058$/,
    ['f2'],
    'a conforming segment runs at the CPL that called, and RPL of CS says so (SDM vol. 2, CALL); QEMU leaves 0',
  ),
  qemu('segments', /^ltr null/, 'all', 'LTR of a null selector is #GP(0) (SDM vol. 2, LTR); QEMU takes it'),
  qemu(
    'tasks',
    /0038 (jmp|call)$|^[45] event|^1 iret|^task16 /,
    ['sp', 'fl', 'a', 'c', 'd', 'b', 'bp', 'si', 'di'],
    'a 16-bit TSS leaves the upper halves undefined (SDM vol. 3, 7.6): ones here and in Bochs, kept by QEMU',
  ),
  qemu(
    'tasks',
    /^task /,
    ['f8', 'f9'],
    'QEMU saves a wrong EIP, and no RF, when a new task faults on its own state',
  ),
  qemu(
    'tasks',
    /^new cs conforming rpl 3/,
    ['f0'],
    'DPL of a conforming CS may be lower than its RPL (SDM vol. 3, table 7-1)',
  ),
  qemu(
    'v86',
    /int1$/,
    'all',
    'INT1 (F1) is a trap of vector 1 (SDM vol. 2, INT n); QEMU has #UD in virtual-8086 mode',
  ),
  qemu(
    'v86',
    /0049 gate$/,
    'all',
    'out of virtual-8086 mode a gate must lead to ring 0 (SDM vol. 3, 20.3.1.1): #GP(selector)',
  ),
  qemu('tasks', /^new t bit/, 'all', 'QEMU has no debug trap for the T bit of a TSS (SDM vol. 3, 17.3.1.5)'),
  qemu('tasks', /^tss event/, ['f9'], "QEMU saves no RF in a faulting task's EFLAGS (SDM vol. 3, 17.3.1.1)"),
  qemu(
    'debug',
    /^step onto a breakpoint/,
    ['dr6'],
    'the step of the instruction before comes first, alone (SDM vol. 3, table 6-2)',
  ),
  qemu(
    'debug',
    /^after mov ss/,
    'all',
    'MOV SS holds debug exceptions off for one instruction (SDM vol. 3, 6.8.3); QEMU only traps',
  ),
  qemu(
    'debug',
    /^general detect/,
    'all',
    'DR7.GD makes MOV DR a fault (SDM vol. 3, 17.2.4); QEMU has no general detect',
  ),
  qemu(
    'reserved',
    /^pde 006/,
    ['f0'],
    'a reserved bit is looked at in present entries only, so its error code has P (SDM vol. 3, 4.7); QEMU clears P',
  ),
  qemu('debug', /^dr6 all ones/, ['b', 'dr6'], 'bit 12 of DR6 is always 0 (SDM vol. 3, 17.2.3)'),
  qemu('real', /^bt bsf/, ['f2'], 'flags but ZF are undefined after BSF'),
  bochs(
    'debug',
    /^step onto a breakpoint/,
    ['dr6'],
    'the step comes first, alone: this host, asked by ptrace, says so too',
  ),
  bochs(
    'debug',
    /^rep movsd over one/,
    ['rf'],
    'a trap between rounds of REP pushes RF (SDM vol. 3, 17.3.1.1)',
  ),
  bochs(
    'debug',
    /^general detect/,
    ['rf'],
    'a fault that is no instruction breakpoint pushes RF (SDM vol. 3, 17.3.1.1)',
  ),
  bochs(
    'faults',
    /^l[es]s r,/,
    ['cr2'],
    'Bochs reads the selector before the offset; silicon (the silicon corpus) after it',
  ),
  bochs('faults', /^bsf/, ['fl', 'f2'], 'flags but ZF are undefined after BSF'),
  bochs(
    'faults',
    /^memory (sgdt|sidt)/,
    ['f0', 'f1'],
    'Bochs stores the limit before the base faults; we store all or nothing',
  ),
  bochs(
    'faults',
    /^pop [ds]s02/,
    'all',
    'a 32-bit POP of a segment register reads a dword; silicon, asked, faults on its upper half',
  ),
  bochs(
    'faults',
    /^popa/,
    ['b', 'bp', 'si', 'di'],
    'registers popped before the fault keep their values on silicon (the silicon corpus)',
  ),
  bochs('tasks', /^new cs rpl 3/, ['f0'], 'CS is checked before SS (SDM vol. 3, table 7-1)'),
  bochs('tasks', /^paged/, ['cr2'], 'in which order a TSS is read is not architecture'),
  bochs('limits', /^(up|down b=0) bsf/, ['fl', 'f2'], 'flags but ZF are undefined after BSF'),
  bochs(
    'limits',
    /^string rep ss movsd 00000005/,
    'all',
    'an operand that wraps at 4 GiB in a segment of 4 GiB may fault or not (SDM vol. 3, 5.3)',
  ),
  bochs(
    'limits',
    /^ss .* (push|pop) fs /,
    'all',
    'a 32-bit PUSH or POP of a segment register needs a dword inside the limit on silicon, asked with an LDT',
  ),
  bochs(
    'limits',
    /^ss .* popa(16)? /,
    ['d', 'b', 'bp', 'si', 'di'],
    'registers popped before the fault keep their values on silicon, asked with an LDT',
  ),
  bochs(
    'limits',
    /^ss .* (call far|retf|iret) /,
    'all',
    'each push and pop of a far call or return wraps SP at 64 KiB on silicon, asked with an LDT',
  ),
  bochs(
    'tables',
    /^tss 32 000(1001[12]|20019|2001a)/,
    'all',
    'a ring’s SS is two bytes of the TSS (SDM vol. 2, INT n: TSSstackAddress + 5); Bochs wants the dword inside',
  ),
  bochs(
    'tables',
    /^(int|ud2|gp|call gate|v86 int)/,
    ['f4', 'f5'],
    'the upper half of a pushed segment register, here the stub’s, may be 0 or stay (SDM vol. 2, PUSH)',
  ),
  qemu(
    'privileged',
    /^invalid (mov cr1, r|mov r, cr5|mov cr7, r) 00000003|^de mov r, dr 0000013/,
    'all',
    'an opcode’s #UD is found in decoding, before its privilege (SDM vol. 3, table 6-2)',
  ),
  qemu(
    'privileged',
    /^invalid (8f|c6) \/1/,
    'all',
    'QEMU does not look at the digit of POP and MOV imm (SDM vol. 2, table A-6)',
  ),
  qemu(
    'privileged',
    /^invalid lock (cli|mov)/,
    'all',
    'LOCK before what cannot be locked is #UD (SDM vol. 2, LOCK); QEMU ignores it',
  ),
  qemu(
    'privileged',
    /^cr0 /,
    'all',
    'QEMU refuses no combination of PE, PG, CD and NW, and keeps reserved bits (SDM vol. 3, 2.5)',
  ),
  qemu(
    'privileged',
    /^cr4 {2}0000000a/,
    'all',
    'reserved bits of CR4 are #GP(0) (SDM vol. 3, 2.5); QEMU takes them',
  ),
  qemu('privileged', /^pce rdpmc/, 'all', 'QEMU has no RDPMC'),
  qemu(
    'privileged',
    /^sys(enter|exit) {2}00000[0-3]03/,
    'all',
    'the null selectors 1 to 3 in SYSENTER_CS are #GP(0) (SDM vol. 2, SYSENTER: CS[15:2] = 0); QEMU refuses 0 alone',
  ),
  qemu('privileged', /^msr {2}00000174/, ['a'], 'QEMU keeps 16 bits of SYSENTER_CS'),
  bochs(
    'privileged',
    /^narrow push fs/,
    ['f3'],
    'the upper half of a pushed segment register may be 0 or stay (SDM vol. 2, PUSH)',
  ),
  bochs('alignment', /^operand bsf/, ['fl', 'f2'], 'flags but ZF are undefined after BSF'),
  bochs(
    'alignment',
    /^stack (push|pop) fs 00000002/,
    'all',
    'a 32-bit PUSH or POP of a segment register is aligned as a dword on silicon, asked',
  ),
  bochs(
    'alignment',
    /^(page|limit) les /,
    ['v', 'cr2', 'f0'],
    'Bochs reads the selector before the offset; silicon (the silicon corpus) after it',
  ),
  qemu('double', /^db/, 'all', 'INT1 (F1) is a trap of vector 1 (SDM vol. 2, INT n); QEMU has #UD'),
  qemu('double', / old task$/, ['f1'], "QEMU saves no RF in a faulting task's EFLAGS (SDM vol. 3, 17.3.1.1)"),
  qemu(
    'double',
    /^(br|ud), /,
    ['f0'],
    'faults in the delivery of an exception have EXT in their error code (SDM vol. 3, 6.13); QEMU leaves it clear',
  ),
  qemu(
    'double',
    /stack segment absent/,
    'all',
    'an absent stack segment is #SS (SDM vol. 3, 6.15, interrupt 12); QEMU raises #TS',
  ),
  bochs(
    'alignment',
    /^fpu (frstor|fnsave(16)?) /,
    'all',
    'FSAVE and FRSTOR want 4 or 2 by operand size (SDM vol. 3, table 6-7); Bochs wants each register at 8',
  ),
];
