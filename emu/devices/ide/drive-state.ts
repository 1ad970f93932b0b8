/**
 * What a drive remembers, as a snapshot keeps it, beside its registers, mechanics and transfer: where its
 * command stands and what commands have set.
 */

import type { DriveSettings } from './commands.ts';
import { defaultGeometry } from './identify.ts';
import { STATUS } from './registers.ts';

/** Status of a drive that has nothing to do. */
export const READY = STATUS.DRDY | STATUS.DSC;
/** Error register after diagnostics without a fault. */
export const PASSED = 0x01;
/** As `command`: none runs, or a diagnostic that the other drive answers for. */
export const NO_COMMAND = 0;
/** The mode in which a PIIX3's BIOS leaves a drive. */
const MULTIWORD_2 = 0x22;

/** What the drive's event does when it comes. */
export type Step =
  | 'none'
  | 'end' // of the command, with `outcome`
  | 'present' // a block of a read is in the buffer
  | 'accept' // a block of a write is wanted
  | 'verify' // a chunk has passed the heads
  | 'burst' // a DMA burst's time is over
  | 'wrote' // the drive is done with a block
  | 'reset'
  | 'diagnosed';

export interface DriveState {
  status: number;
  error: number;
  /** The INTRQ that the drive would drive if selected and enabled. */
  interrupt: boolean;
  step: Step;
  command: number;
  /** Bits of the Error register, and FAULT. */
  outcome: number;
  settings: DriveSettings;
}

/** After power-on, or a reset that brings back the defaults. */
export function defaultSettings(sectors: number): DriveSettings {
  return {
    geometry: defaultGeometry(sectors),
    ...{ multiple: 0, dmaMode: MULTIWORD_2, writeCache: true, lookAhead: true, revert: true },
    power: 'active',
  };
}

export function initialState(sectors: number): DriveState {
  return {
    ...{ status: READY, error: PASSED, interrupt: false, step: 'none', command: NO_COMMAND, outcome: 0 },
    settings: defaultSettings(sectors),
  };
}

export function copyState(state: DriveState): DriveState {
  const { settings } = state;
  return { ...state, settings: { ...settings, geometry: { ...settings.geometry } } };
}
