/** What the comparison needs to know of an emulator: whether it is here, and how it is started on a guest. */
import type { Profile } from '../../emu/profile/profile.ts';
import type { PeerCommand } from './timed.ts';

/** A guest's files, absolute paths. */
export interface GuestFiles {
  name: string;
  /** Multiboot ELF. */
  elf: string;
  /** The same as a static 32-bit Linux program; not of guests that need privileges. */
  hosted?: string;
  /** The same on a floppy disk that boots; not of guests that are too large for one. */
  floppy?: string;
}

/** What peers are set up with. */
export interface Setting {
  /** Whose caches peers that model caches are given. */
  profile: Profile;
  /** A directory of this run's own, removed afterwards. */
  scratch: string;
}

export interface Peer {
  name: string;
  /** What it models, for the table of peers. */
  what: string;
  /** Its version as it says it, or why it cannot be had. */
  find(setting: Setting): Promise<{ version: string } | { missing: string }>;
  /** How it runs a guest; undefined if it cannot (kernels on a tool for programs). */
  command(guest: GuestFiles, setting: Setting): PeerCommand | undefined;
}
