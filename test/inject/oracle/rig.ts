/** A booted guest with a stream over e1000, stopped where its first module is loaded. */
import { parseIp } from '../../../bench/farend/packets.ts';
import { Sink } from '../../../bench/farend/sink.ts';
import { Station } from '../../../bench/farend/station.ts';
import { findProfile } from '../../../emu/profile/index.ts';
import { buildGuest, type GuestBuild } from '../../../guest/build.ts';
import { Session } from '../../../guest/session.ts';

const FAR_IP = '10.0.0.2';
const GUEST_IP = '10.0.0.1';
const PORT = 5001;
const SECONDS = 5;

let built: Promise<GuestBuild> | undefined;

export interface Rig {
  session: Session;
  text: () => string;
  sink: Sink;
  /** Runs to the end. */
  run: () => string | number;
}

export async function rig(
  commands: string,
  isolation: 'none' | 'nooks',
  modules: string[] = [],
  profileName = 'p4-1700',
): Promise<Rig> {
  built ??= buildGuest();
  const found = findProfile(profileName === 'flat-100' ? 'flat' : profileName);
  // A slow clock keeps waits short on an untimed machine.
  const profile =
    profileName === 'flat-100' ? { ...found, clockHz: { ...found.clockHz, value: 100e6 } } : found;
  let text = '';
  let line = '';
  const session = new Session({
    build: await built,
    profile,
    memoryBytes: 32 << 20,
    commandLine: `ip=${GUEST_IP}/24 isolation=${isolation}`,
    modules: [`init ${commands}`, 'e1000.ko', 'netsend', 'netrecv', 'ifconfig', 'nooksctl', ...modules],
    onSerial: byte => {
      line = byte === 0x0a ? '' : line + String.fromCharCode(byte);
      text += String.fromCharCode(byte);
      if (line === 'ip: eth0 is') station.resolve(parseIp(GUEST_IP));
    },
  });
  const { machine } = session;
  const station = new Station(machine.clock, machine.cards[0].wire, 1, { ip: FAR_IP });
  const sink = new Sink(station, PORT);
  machine.cards[0].wire.connect(1, station);
  const remove = machine.engine.addHook(session.address('load_module'), () => machine.engine.stop());
  machine.run(SECONDS * profile.clockHz.value);
  remove();
  return {
    session,
    text: () => text,
    sink,
    run: () => {
      const end = machine.run(SECONDS * profile.clockHz.value);
      return end.reason === 'exit' ? end.code : end.reason;
    },
  };
}

export const netsend = (count: number) => `netsend ${FAR_IP} ${PORT} ${count} 0`;
