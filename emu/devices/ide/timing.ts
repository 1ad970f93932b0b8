/**
 * What a disk's mechanics cost: the figures of one drive of the years of the modelled machines, each with its
 * source, and the rates of the transfer modes.
 *
 * The drive is IBM's Deskstar 120GXP of 40 GB (IC35L040AVVN07, 2001), after "Hard disk drive specifications, Deskstar
 * 120 GXP", revision 4.1. Figures that we could only find for its forerunners of the same speed are marked so; 'derived'
 * ones say from what. Seconds, unless a name says otherwise.
 */

/** A number and where it comes from. */
export interface Figure {
  readonly value: number;
  readonly source: string;
}

export interface DiskTiming {
  readonly rpm: Figure;
  /** One figure for all zones. */
  readonly sectorsPerTrack: Figure;
  readonly heads: Figure;
  /** Sectors of the whole drive; an image that is shorter lies at its beginning, a longer one makes it longer. */
  readonly sectors: Figure;
  readonly bufferSectors: Figure;
  /** From the last sector of a track to the first of the next: head or cylinder switch. */
  readonly trackSwitch: Figure;
  readonly singleTrackSeek: Figure;
  readonly averageReadSeek: Figure;
  readonly fullReadSeek: Figure;
  readonly averageWriteSeek: Figure;
  readonly fullWriteSeek: Figure;
  /** From the command to the start of the seek. */
  readonly overheadMiss: Figure;
  /** From the command to DRQ or DMARQ when the data are in the buffer; also what a command without data takes. */
  readonly overheadHit: Figure;
  /** From a write command to DRQ or DMARQ. */
  readonly overheadWrite: Figure;
  /** Between two PIO blocks of one command whose data are in the buffer. */
  readonly blockGap: Figure;
  /** From the end of SRST to BSY clear. */
  readonly softReset: Figure;
  /** From standby to ready. */
  readonly spinUp: Figure;
}

const SPEC = 'Deskstar 120GXP specifications rev. 4.1';
const OVERHEAD = `${SPEC}, 4.4.1`;
const SEEK = `${SPEC}, 4.4.2.1`;
const FORERUNNERS = 'Deskstar 75GXP and 60GXP specifications, full stroke seek';

export const DESKSTAR_120GXP: DiskTiming = {
  rpm: { value: 7200, source: SPEC },
  sectorsPerTrack: { value: 720, source: 'derived: 48 to 23 MB/s sustained from the first zone to the last' },
  heads: { value: 2, source: SPEC },
  sectors: { value: 80_418_240, source: SPEC },
  bufferSectors: { value: 4096, source: `${SPEC}: 2 MiB` },
  trackSwitch: { value: 1.4e-3, source: 'Deskstar 60GXP specifications, 4.3.2.3: head switch' },
  singleTrackSeek: { value: 1.8e-3, source: 'Deskstar 60GXP specifications, 4.3.2.4: cylinder switch' },
  averageReadSeek: { value: 8.5e-3, source: SEEK },
  fullReadSeek: { value: 14.7e-3, source: FORERUNNERS },
  averageWriteSeek: { value: 9.2e-3, source: SEEK },
  fullWriteSeek: { value: 15.7e-3, source: FORERUNNERS },
  overheadMiss: { value: 0.3e-3, source: OVERHEAD },
  overheadHit: { value: 0.1e-3, source: OVERHEAD },
  overheadWrite: { value: 0.015e-3, source: OVERHEAD },
  blockGap: { value: 5e-6, source: 'not found; an assumption' },
  softReset: {
    value: 2e-3,
    source: 'ATA-5, 9.2: the host waits 2 ms before it looks; the least a drive may take',
  },
  spinUp: { value: 7, source: 'not found for this drive; usual for its class' },
};

/** Bytes a second of multiword DMA modes 0 to 2 (ATA-5, 10.2.3: cycles of 480, 150 and 120 ns). */
const MULTIWORD_DMA_RATES = [2 / 480e-9, 2 / 150e-9, 2 / 120e-9] as const;
/** Bytes a second of Ultra DMA modes 0 to 5 (ATA-6, 9.14: two bytes in 120, 80, 60, 45, 30 and 20 ns). */
const ULTRA_DMA_RATES = [2 / 120e-9, 2 / 80e-9, 2 / 60e-9, 2 / 45e-9, 2 / 30e-9, 2 / 20e-9] as const;
/** The 82371SB drives no Ultra DMA: whatever mode the drive is in, its bus master moves no more than this. */
export const PIIX3_DMA_RATE = MULTIWORD_DMA_RATES[2];

/** Bytes a second of a mode as SET FEATURES writes it: multiword 0x20 + n, Ultra 0x40 + n. */
export function dmaRate(mode: number): number {
  return (mode >= 0x40 ? ULTRA_DMA_RATES : MULTIWORD_DMA_RATES)[mode & 7];
}
