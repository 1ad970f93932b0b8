/**
 * The commands of the drive, one row a code (ATA-5, clause 8; the EXT ones ATA/ATAPI-6): what is transferred and how,
 * or for a command without data a function that does it. A code without a row is aborted, and so are PACKET and
 * IDENTIFY PACKET DEVICE: there is no ATAPI here.
 *
 * Left out: SMART, security, host protected area (but for READ NATIVE MAX ADDRESS), removable media, microcode,
 * power-up in standby, advanced power and acoustic management, READ and WRITE LONG, queued commands. Standby timers
 * are accepted and never expire.
 */

import { MAX_LBA28, MAX_MULTIPLE } from './identify.ts';
import type { Mechanics } from './mechanics.ts';
import type { Medium } from './medium.ts';
import { ERROR, type Geometry, type TaskFile } from './registers.ts';

/** What commands set and a snapshot keeps. */
export interface DriveSettings {
  geometry: Geometry;
  /** Sectors a block of READ and WRITE MULTIPLE; 0 while they are off. */
  multiple: number;
  /** As SET FEATURES writes it: multiword 0x20 + n, Ultra 0x40 + n. */
  dmaMode: number;
  writeCache: boolean;
  lookAhead: boolean;
  /** Whether a software reset brings back the defaults. */
  revert: boolean;
  power: 'active' | 'standby' | 'sleep';
}

/** What a command without data sees of its drive. */
export interface DriveCore {
  readonly sectors: number;
  readonly medium: Medium;
  readonly taskFile: TaskFile;
  readonly mechanics: Mechanics;
  readonly settings: DriveSettings;
}

/** In an outcome: a device fault, beside the bits of the Error register. */
export const FAULT = 0x100;

/** Bits of the Error register (0 is success) and FAULT, and the tick of the end if not a command's overhead from now. */
export interface Outcome {
  error?: number;
  at?: number;
}

type Run = (drive: DriveCore, now: number) => Outcome;

export type CommandRow =
  | { name: string; kind: 'control'; run: Run }
  | { name: string; kind: 'diagnostic' }
  | { name: string; kind: 'identify' | 'read-buffer' | 'write-buffer' }
  | { name: string; kind: 'read' | 'write'; by: 'sector' | 'multiple' | 'dma'; ext: boolean }
  | { name: string; kind: 'verify'; ext: boolean };

const DONE: Outcome = {};
const ABORT: Outcome = { error: ERROR.ABRT };

function seek(drive: DriveCore, now: number): Outcome {
  const lba = drive.taskFile.address(false, drive.settings.geometry);
  if (lba < 0 || lba >= drive.sectors) return { error: ERROR.IDNF };
  return { at: drive.mechanics.seek(lba, awake(drive, now)) };
}

/** From here on the disk turns; when it does. */
function awake(drive: DriveCore, now: number): number {
  const ready = readyAt(drive, now);
  drive.settings.power = 'active';
  return ready;
}

/** When the disk turns at full speed. */
export function readyAt({ settings, mechanics }: DriveCore, now: number): number {
  return settings.power === 'active' ? now : now + mechanics.spinUp;
}

function idle(drive: DriveCore, now: number): Outcome {
  return { at: awake(drive, now) + drive.mechanics.overheadHit };
}

function standBy(power: 'standby' | 'sleep'): Run {
  return (drive, now) => {
    const at = drive.mechanics.flushed(now) + drive.mechanics.overheadHit;
    drive.settings.power = power;
    return { at };
  };
}

function checkPower({ taskFile, settings }: DriveCore): Outcome {
  taskFile.setCount(settings.power === 'active' ? 0xff : 0);
  return DONE;
}

function flush(drive: DriveCore, now: number): Outcome {
  const error = drive.medium.flush() ? 0 : ERROR.ABRT | FAULT;
  return { error, at: drive.mechanics.flushed(now) + drive.mechanics.overheadHit };
}

function initializeParameters({ taskFile, settings, sectors }: DriveCore): Outcome {
  const perTrack = taskFile.byteCount();
  if (perTrack === 0) return ABORT;
  const heads = taskFile.head() + 1;
  const cylinders = Math.min(0xffff, Math.floor(sectors / (heads * perTrack)));
  settings.geometry = { cylinders, heads, sectors: perTrack };
  return DONE;
}

function setMultiple({ taskFile, settings }: DriveCore): Outcome {
  const count = taskFile.byteCount();
  if (count > MAX_MULTIPLE || (count & (count - 1)) !== 0) return ABORT;
  settings.multiple = count;
  return DONE;
}

function nativeMax(ext: boolean): Run {
  return ({ taskFile, settings, sectors }) => {
    const last = ext ? sectors - 1 : Math.min(sectors - 1, MAX_LBA28);
    taskFile.setAddress(last, ext, settings.geometry);
    return DONE;
  };
}

/** SET FEATURES by its subcommand, in the Features register. */
const FEATURES: Record<number, (drive: DriveCore, now: number) => Outcome> = {
  2: ({ settings }) => {
    settings.writeCache = true;
    return DONE;
  },
  3: setTransferMode,
  85: ({ settings, mechanics }, now) => {
    settings.lookAhead = false;
    mechanics.forget(now);
    return DONE;
  },
  102: ({ settings }) => {
    settings.revert = false;
    return DONE;
  },
  // Turning the write cache off writes it out.
  130: (drive, now) => {
    drive.settings.writeCache = false;
    return flush(drive, now);
  },
  170: ({ settings }) => {
    settings.lookAhead = true;
    return DONE;
  },
  204: ({ settings }) => {
    settings.revert = true;
    return DONE;
  },
};

/** PIO modes are accepted and change nothing: the host's accesses set the pace. */
function setTransferMode({ taskFile, settings }: DriveCore): Outcome {
  const mode = taskFile.byteCount();
  const number = mode & 7;
  const most = { 0: 1, 8: 4, 32: 2, 64: 5 }[mode & ~7];
  if (most === undefined || number > most) return ABORT;
  if (mode >= 0x20) settings.dmaMode = mode;
  return DONE;
}

const setFeatures: Run = (drive, now) => FEATURES[drive.taskFile.features()]?.(drive, now) ?? ABORT;

const control = (name: string, run: Run): CommandRow => ({ name, kind: 'control', run });

/** [codes, row]; two numbers joined as `[first, last]` are a range. */
const ROWS: [codes: (number | [number, number])[], row: CommandRow][] = [
  [[0x00], control('NOP', () => ABORT)],
  [
    [[0x10, 0x1f]],
    control('RECALIBRATE', (drive, now) => ({ at: drive.mechanics.seek(0, awake(drive, now)) })),
  ],
  [[0x20, 0x21], { name: 'READ SECTORS', kind: 'read', by: 'sector', ext: false }],
  [[0x24], { name: 'READ SECTORS EXT', kind: 'read', by: 'sector', ext: true }],
  [[0x25], { name: 'READ DMA EXT', kind: 'read', by: 'dma', ext: true }],
  [[0x27], control('READ NATIVE MAX ADDRESS EXT', nativeMax(true))],
  [[0x29], { name: 'READ MULTIPLE EXT', kind: 'read', by: 'multiple', ext: true }],
  [[0x30, 0x31], { name: 'WRITE SECTORS', kind: 'write', by: 'sector', ext: false }],
  [[0x34], { name: 'WRITE SECTORS EXT', kind: 'write', by: 'sector', ext: true }],
  [[0x35], { name: 'WRITE DMA EXT', kind: 'write', by: 'dma', ext: true }],
  [[0x39], { name: 'WRITE MULTIPLE EXT', kind: 'write', by: 'multiple', ext: true }],
  [[0x40, 0x41], { name: 'READ VERIFY SECTORS', kind: 'verify', ext: false }],
  [[0x42], { name: 'READ VERIFY SECTORS EXT', kind: 'verify', ext: true }],
  [[[0x70, 0x7f]], control('SEEK', seek)],
  [[0x90], { name: 'EXECUTE DEVICE DIAGNOSTIC', kind: 'diagnostic' }],
  [[0x91], control('INITIALIZE DEVICE PARAMETERS', initializeParameters)],
  [[0xc4], { name: 'READ MULTIPLE', kind: 'read', by: 'multiple', ext: false }],
  [[0xc5], { name: 'WRITE MULTIPLE', kind: 'write', by: 'multiple', ext: false }],
  [[0xc6], control('SET MULTIPLE MODE', setMultiple)],
  [[0xc8, 0xc9], { name: 'READ DMA', kind: 'read', by: 'dma', ext: false }],
  [[0xca, 0xcb], { name: 'WRITE DMA', kind: 'write', by: 'dma', ext: false }],
  [[0x94, 0xe0], control('STANDBY IMMEDIATE', standBy('standby'))],
  [[0x95, 0xe1], control('IDLE IMMEDIATE', idle)],
  [[0x96, 0xe2], control('STANDBY', standBy('standby'))],
  [[0x97, 0xe3], control('IDLE', idle)],
  [[0x98, 0xe5], control('CHECK POWER MODE', checkPower)],
  [[0x99, 0xe6], control('SLEEP', standBy('sleep'))],
  [[0xe4], { name: 'READ BUFFER', kind: 'read-buffer' }],
  [[0xe7], control('FLUSH CACHE', flush)],
  [[0xe8], { name: 'WRITE BUFFER', kind: 'write-buffer' }],
  [[0xea], control('FLUSH CACHE EXT', flush)],
  [[0xec], { name: 'IDENTIFY DEVICE', kind: 'identify' }],
  [[0xef], control('SET FEATURES', setFeatures)],
  [[0xf8], control('READ NATIVE MAX ADDRESS', nativeMax(false))],
];

/** The row of a command code, if the drive knows it. */
const BY_CODE: (CommandRow | undefined)[] = Array(256).fill(undefined);
for (const [codes, row] of ROWS)
  for (const code of codes) {
    const [first, last] = typeof code === 'number' ? [code, code] : code;
    BY_CODE.fill(row, first, last + 1);
  }

export function commandRow(code: number): CommandRow | undefined {
  return BY_CODE[code & 0xff];
}
