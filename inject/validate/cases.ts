/**
 * What drivers/validate/ is made to do, one row an access. Its instruction lies between two labels of
 * drivers/validate/touch.S. `target` is a kernel symbol whose address the driver is given, for what cannot be found
 * without a symbol table.
 */

/** What ought to become of the access under Nooks. */
export type Expectation =
  /** An exception, before it changed anything. */
  | 'stopped'
  /** Page protection cannot tell it from a right one; it stays in the driver's own pages. */
  | 'confined'
  /** It is the driver's right. */
  | 'allowed';

export type Touch = 'store' | 'load' | 'push' | 'call' | 'ruined';

export interface Case {
  name: string;
  what: string;
  expect: Expectation;
  touch: Touch;
  target?: string;
}

type Options = Partial<Pick<Case, 'touch' | 'target'>>;

const row =
  (expect: Expectation) =>
  (name: string, what: string, options: Options = {}) =>
    ({ name, what, expect, touch: 'store', ...options }) satisfies Case;
const stopped = row('stopped');
const confined = row('confined');
const allowed = row('allowed');

export const CASES: readonly Case[] = [
  stopped('kernel-text', 'kernel text', { target: 'schedule' }),
  stopped('kernel-rodata', 'kernel read-only data', { target: '__start___ksymtab' }),
  stopped('kernel-data', 'kernel data', { target: 'kernel_pgd' }),
  stopped('kernel-object', 'an object in the kernel’s heap: the current task’s record'),
  stopped('kernel-stack', 'the current task’s kernel stack'),
  stopped('own-directory', 'its own page directory'),
  stopped('kernel-directory', 'the kernel’s page directory', { target: 'kernel_pgd' }),
  stopped('own-table', 'a page table of its own'),
  stopped('kernel-table', 'a page table of the kernel', { target: 'kernel_pgd' }),
  stopped('idt', 'interrupt descriptor table'),
  stopped('gdt', 'GDT where the CPU has it'),
  stopped('gdt-alias', 'GDT by its alias in the direct map', { target: 'gdt_page' }),
  stopped('tss', 'TSS where the CPU has it'),
  stopped('tss-alias', 'TSS by its alias in the direct map', { target: 'tss_page' }),
  stopped('other-heap', 'heap of another driver (e1000)', { target: 'pci_devices' }),
  stopped('other-device', 'registers of another driver’s device (second card)', { target: 'pci_devices' }),
  stopped('own-text', 'its own text'),
  stopped('own-rodata', 'its own read-only data'),
  stopped('module-record', 'the kernel’s record of its module'),
  stopped('freed-page', 'a page that it returned to the kernel'),
  stopped('null', 'NULL'),
  stopped('user-memory', 'stack of the program that called'),
  stopped('given-packet', 'a packet after netif_rx'),
  stopped('freed-packet', 'a packet after kfree_skb'),
  stopped('stack-overrun', 'past its stack, by PUSH', { touch: 'push' }),
  stopped('stack-recursion', 'past its stack, by CALL', { touch: 'call' }),
  stopped('esp-unmapped', 'PUSH with ESP where nothing is mapped', { touch: 'ruined' }),
  stopped('esp-kernel', 'PUSH with ESP in the kernel’s stack', { touch: 'ruined' }),
  stopped('esp-tss', 'PUSH with ESP in the TSS’ page', { touch: 'ruined' }),
  confined('freed-object', 'a freed object in a page that is still its own'),
  allowed('read-kernel', 'read of kernel data', { touch: 'load', target: 'jiffies' }),
  allowed('read-own', 'read of its own data', { touch: 'load' }),
  allowed('read-packet', 'read of its packet', { touch: 'load' }),
  allowed('write-own', 'its own data'),
  allowed('write-packet', 'its packet'),
];
