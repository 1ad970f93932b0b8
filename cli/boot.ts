/**
 * What `nooks86 run` boots, from its arguments: a Multiboot 1 image, a Linux kernel, a disk through our own BIOS, or
 * somebody else's BIOS. Files are read and checked, and wrong combinations refused, before there is a machine.
 */
import { basename } from 'node:path';
import { checkRom } from '../emu/rom.ts';
import { BIOS_MP_TABLE, buildBios } from '../guest/bios.ts';
import { type DiskImage, openDiskImage } from '../guest/disk-image.ts';
import { loadLinux } from '../guest/linux.ts';
import { MP_TABLE_ADDRESS, mpTable } from '../guest/mp-table.ts';
import { type BootModule, loadMultiboot } from '../guest/multiboot.ts';
import { readInput } from './arguments.ts';
import { UsageError } from './context.ts';
import type { RunMachine } from './machine.ts';

export interface BootOptions {
  linux?: string;
  initrd?: string;
  bios?: string;
  append?: string;
  module: string[];
  disk: string[];
  write?: boolean;
}

export interface BootPlan {
  /** Name and bytes of the program whose symbols say where a run ended; no bytes when there is none. */
  name: string;
  bytes: Uint8Array;
  /** Firmware that the machine starts with. */
  bios?: Uint8Array;
  /** Puts the guest into RAM and sets the registers; with firmware, nothing. */
  load(machine: RunMachine): void;
}

/** Two on each of two channels. */
const MOST_DISKS = 4;
const NOTHING = new Uint8Array(0);

/** Reads what is to be booted. Throws a UsageError for arguments that do not go together, or files that are not there. */
export async function planBoot(image: string | undefined, options: BootOptions): Promise<BootPlan> {
  refuse(image, options);
  if (image !== undefined) return planMultiboot(image, options);
  if (options.linux !== undefined) return planLinux(options.linux, options);
  const name = options.bios === undefined ? 'BIOS' : basename(options.bios);
  if (options.bios !== undefined)
    return { name, bytes: NOTHING, bios: readBios(options.bios), load: () => {} };
  const load = (machine: RunMachine) => {
    if (machine.board) machine.writeFirmware(BIOS_MP_TABLE, mpTable(machine.board, BIOS_MP_TABLE));
  };
  return { name, bytes: NOTHING, bios: await buildBios(), load };
}

/** The first rule that the arguments break, as an error. */
function refuse(image: string | undefined, options: BootOptions): void {
  const { linux, bios, disk } = options;
  const kernels = [image, linux, bios].filter(given => given !== undefined);
  if (kernels.length === 0 && disk.length === 0)
    throw new UsageError('nothing to boot: give an image, --linux, --disk or --bios');
  if (kernels.length > 1) throw new UsageError('only one of an image, --linux and --bios can be booted');
  if (options.initrd !== undefined && linux === undefined)
    throw new UsageError('--initrd goes with --linux only');
  if (options.append !== undefined && image === undefined && linux === undefined)
    throw new UsageError('--append goes with an image or --linux only');
  if (disk.length > MOST_DISKS) throw new UsageError(`there is room for ${MOST_DISKS} disks`);
  if (options.write && disk.length === 0) throw new UsageError('--write goes with --disk only');
  if (options.module.length > 0 && image === undefined)
    throw new UsageError('--module goes with a Multiboot image only');
}

/** Opens the disks' images, all or none; the caller closes them. */
export function openDisks(options: BootOptions): DiskImage[] {
  const disks: DiskImage[] = [];
  try {
    for (const path of options.disk) disks.push(openDiskImage(path, { write: options.write }));
    return disks;
  } catch (error) {
    for (const disk of disks) disk.close();
    throw error;
  }
}

function planMultiboot(path: string, options: BootOptions): BootPlan {
  const name = basename(path);
  const bytes = readInput(path);
  const modules = options.module.map(readModule);
  const commandLine = options.append ? `${name} ${options.append}` : name;
  const load = (machine: RunMachine) =>
    machine.setEntry(loadMultiboot(machine, { name, bytes, commandLine, modules, board: machine.board }));
  return { name, bytes, load };
}

function planLinux(path: string, options: BootOptions): BootPlan {
  const name = basename(path);
  const bytes = readInput(path);
  const initrd = options.initrd === undefined ? undefined : readInput(options.initrd);
  const commandLine = options.append ?? '';
  const load = (machine: RunMachine) => {
    const { board } = machine;
    const tables = board ? [{ address: MP_TABLE_ADDRESS, bytes: mpTable(board) }] : [];
    machine.setEntry(loadLinux(machine, { name, bytes, commandLine, initrd, tables }));
  };
  return { name, bytes, load };
}

function readBios(path: string): Uint8Array {
  const bytes = readInput(path);
  try {
    checkRom(bytes);
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
  return bytes;
}

function readModule(text: string): BootModule {
  const [file] = text.split(' ', 1);
  return { commandLine: basename(file) + text.slice(file.length), bytes: readInput(file) };
}
