/**
 * Bochs: an interpreter of the whole PC without caches or time. It knows no Multiboot, so the guest boots from a floppy
 * disk by Bochs' own BIOS; its output is read from port 0xE9. Debian's build has the debugger in it and stops for a
 * command at the start.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer } from './peer.ts';
import { askVersion } from './version.ts';

/** Debian's `bochs` is a script around it. */
const BOCHS = 'bochs-bin';
const SHARE = '/usr/share/bochs';
const BIOS = `${SHARE}/BIOS-bochs-legacy`;
const VGA_BIOS = `${SHARE}/VGABIOS-lgpl-latest`;

export const bochs: Peer = {
  name: 'bochs',
  what: 'Bochs: a TLB of its own, no caches, no time',
  async find() {
    const missing = [BIOS, VGA_BIOS].find(path => !existsSync(path));
    if (missing !== undefined) return { missing: `no ${missing}` };
    return askVersion(BOCHS, ['--help'], /Bochs x86 Emulator (\S+)/);
  },
  command({ name, floppy }, { scratch }) {
    if (floppy === undefined) return undefined;
    const settings = join(scratch, `${name}.bochsrc`);
    const debug = join(scratch, `${name}.debug`);
    writeFileSync(settings, `${bochsrc(floppy, join(scratch, `${name}.log`)).join('\n')}\n`);
    writeFileSync(debug, 'c\nc\nc\n');
    return { file: BOCHS, args: ['-q', '-f', settings, '-rc', debug], cwd: scratch, env: { TERM: 'xterm' } };
  },
};

function bochsrc(floppy: string, log: string): string[] {
  return [
    'display_library: term',
    `romimage: file=${BIOS}`,
    `vgaromimage: file=${VGA_BIOS}`,
    'megs: 64',
    `floppya: 1_44=${floppy}, status=inserted`,
    'boot: floppy',
    'cpu: model=p3_katmai, count=1, ips=50000000, reset_on_triple_fault=0',
    'clock: sync=none, time0=local',
    'port_e9_hack: enabled=1',
    'com1: enabled=1, mode=null',
    // Its mixer of sounds writes past a buffer on a host without a sound card.
    `sound: ${['waveout', 'wavein', 'midiout'].map(d => `${d}drv=dummy, ${d}=none`).join(', ')}`,
    `log: ${log}`,
    'panic: action=fatal',
    'error: action=ignore',
    'info: action=ignore',
    'debug: action=ignore',
  ];
}
