/**
 * IDENTIFY DEVICE: 256 words by which a drive says what it is (ATA-5, 8.12; ATA/ATAPI-6 for the 48-bit words).
 * One row a word or run of words; whatever is not here is zero. Left out: the integrity word 255, which is optional.
 */

import { SECTOR_BYTES } from './block.ts';
import type { Geometry } from './registers.ts';

/** A drive that has more sectors says 16383/16/63, and the rest is reached by LBA. */
const LARGEST_CHS: Geometry = { cylinders: 16383, heads: 16, sectors: 63 };
/** What 28 bits reach. */
export const MAX_LBA28 = 0x0fff_ffff;
/** Most sectors of a block of READ and WRITE MULTIPLE. */
export const MAX_MULTIPLE = 16;

/** What IDENTIFY tells of the drive's settings. */
export interface Settings {
  sectors: number;
  serial: string;
  /** 0 or 1: its position on the cable. */
  unit: number;
  bufferSectors: number;
  geometry: Geometry;
  /** SET MULTIPLE MODE's count; 0 when READ and WRITE MULTIPLE are off. */
  multiple: number;
  /** Selected DMA mode: multiword 0x20 + n or Ultra 0x40 + n, as SET FEATURES writes it. */
  dmaMode: number;
  writeCache: boolean;
  lookAhead: boolean;
}

const FIRMWARE = '1.0';
const MODEL = 'NOOKS86 DISK';
/** Words 82 to 84: the command sets that there are. */
const SETS_1 = 0x7068; // NOP, READ and WRITE BUFFER, look-ahead, write cache, power management
const SETS_2 = 0x7400; // valid; FLUSH CACHE EXT, FLUSH CACHE, 48-bit addresses
const LOOK_AHEAD = 1 << 6;
const WRITE_CACHE = 1 << 5;
const VALID = 0x4000;

/** Default translation: 16 heads and 63 sectors, less on a disk too small for one such cylinder. */
export function defaultGeometry(sectors: number): Geometry {
  const perTrack = Math.min(63, sectors);
  const heads = Math.min(16, Math.floor(sectors / perTrack));
  const cylinders = Math.min(LARGEST_CHS.cylinders, Math.floor(sectors / (heads * perTrack)));
  return { cylinders, heads, sectors: perTrack };
}

export function identify(drive: Settings): Uint8Array {
  const data = new DataView(new ArrayBuffer(SECTOR_BYTES));
  const put = (word: number, ...values: number[]) => {
    values.forEach((value, i) => {
      data.setUint16(2 * (word + i), value, true);
    });
  };
  // Two characters a word, the first in the high byte.
  const text = (word: number, words: number, value: string) => {
    const padded = value.padEnd(2 * words).slice(0, 2 * words);
    for (let i = 0; i < words; i++)
      put(word + i, (padded.charCodeAt(2 * i) << 8) | padded.charCodeAt(2 * i + 1));
  };
  const { sectors, geometry, multiple, dmaMode } = drive;
  const natural = defaultGeometry(sectors);
  const reached = geometry.cylinders * geometry.heads * geometry.sectors;
  const lba28 = Math.min(sectors, MAX_LBA28);
  const selected = (base: number) => ((dmaMode & ~7) === base ? 0x100 << (dmaMode & 7) : 0);
  const enabled = (drive.lookAhead ? LOOK_AHEAD : 0) | (drive.writeCache ? WRITE_CACHE : 0);

  put(0, 0x0040); // ATA, not removable
  put(1, natural.cylinders);
  put(3, natural.heads);
  put(6, natural.sectors);
  text(10, 10, drive.serial.padStart(20));
  put(20, 3, drive.bufferSectors, 4); // dual-ported with read cache
  text(23, 4, FIRMWARE);
  text(27, 20, MODEL);
  put(47, 0x8000 | MAX_MULTIPLE);
  put(49, 0x0f00, VALID); // IORDY and its disabling, LBA, DMA
  put(51, 0x0200, 0x0200); // PIO mode 2 without IORDY
  put(53, 7); // words 54-58, 64-70 and 88 are valid
  put(54, geometry.cylinders, geometry.heads, geometry.sectors, reached, reached >>> 16);
  put(59, multiple ? 0x100 | multiple : 0);
  put(60, lba28, lba28 >>> 16);
  put(63, 0x0007 | selected(0x20)); // multiword DMA 0-2
  put(64, 0x0003, 120, 120, 120, 120); // PIO modes 3 and 4; cycles in ns
  put(80, 0x007e); // ATA-1 to ATA/ATAPI-6
  put(82, SETS_1, SETS_2, VALID);
  put(85, (SETS_1 & ~(LOOK_AHEAD | WRITE_CACHE)) | enabled, SETS_2 & ~VALID, VALID);
  put(88, 0x003f | selected(0x40)); // Ultra DMA 0-5
  put(93, drive.unit === 0 ? 0x600b : 0x6b00); // reset found: 80 wires, jumper, diagnostics passed
  put(100, sectors, Math.floor(sectors / 0x1_0000), Math.floor(sectors / 0x1_0000_0000));
  return new Uint8Array(data.buffer);
}
