/** A client of the remote protocol in the test's own process: packets in, answers out. */
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Sink } from '../../../bench/farend/sink.ts';
import { Station } from '../../../bench/farend/station.ts';
import { bootImage, bootKernel, FAR_IP, PORT } from '../../../debug/boot.ts';
import { Debugger } from '../../../debug/debugger.ts';
import { frame, PacketReader } from '../../../debug/gdb/framing.ts';
import { type End, Session } from '../../../debug/gdb/session.ts';
import type { Served } from '../../../debug/gdb/stub.ts';
import { Interpreter } from '../../../debug/interpreter.ts';
import type { Target } from '../../../debug/target.ts';
import { profiles } from '../../../emu/profile/index.ts';
import { buildBenchGuests } from '../../../guest/bench.ts';
import { artefact, buildGuest } from '../../../guest/build.ts';

const MIB = 1 << 20;
const CONSOLE = /^O[0-9a-f]/;

/** A benchmark image at its entry. */
export async function benchTarget(name = 'call'): Promise<Target> {
  const build = await buildBenchGuests({ only: [name], shift: 12 });
  const bytes = new Uint8Array(readFileSync(artefact(build, `${name}.elf`)));
  return bootImage(bytes, name, { profile: profiles['p4-1700'], memoryBytes: 8 * MIB });
}

/** Our kernel with e1000 in a domain at its entry, and somebody at the other end of its wire. */
export async function kernelTarget(): Promise<Target> {
  const target = bootKernel(await buildGuest(), 'nooks', {
    profile: profiles['p4-1700'],
    memoryBytes: 64 * MIB,
  });
  const { clock, cards } = target.machine;
  const station = new Station(clock, cards[0].wire, 1, { ip: FAR_IP });
  cards[0].wire.connect(1, station);
  new Sink(station, PORT);
  return target;
}

/** What a port would serve. */
export function serving(target: Target, file?: string): Served {
  const interrupt = { wanted: false };
  const pause = async () => {
    await setImmediate();
    return interrupt.wanted;
  };
  const debug = new Debugger(target, pause);
  let sink = (_text: string) => {};
  const interpreter = new Interpreter({ target, debugger: debug, write: text => sink(text), pause });
  const execute = async (line: string, write: (text: string) => void) => {
    sink = write;
    await interpreter.execute(line);
  };
  return { debugger: debug, execute, done: () => interpreter.done, interrupt, file };
}

export class Client {
  readonly session: Session;
  /** All bytes that came back. */
  sent = '';
  ended: End | undefined;
  private readonly reader = new PacketReader();
  private readonly answers: string[] = [];
  private wake = () => {};

  constructor(served: Served) {
    this.session = new Session(
      served,
      bytes => {
        this.sent += Buffer.from(bytes).toString('latin1');
        for (const received of this.reader.feed(bytes))
          if (received.kind === 'packet') this.answers.push(received.text);
        this.wake();
      },
      how => {
        this.ended = how;
        this.wake();
      },
    );
  }

  raw(text: string): void {
    this.session.receive(Buffer.from(text, 'latin1'));
  }

  /** The next packet that comes; undefined when the session has ended. */
  async next(): Promise<string | undefined> {
    while (this.answers.length === 0 && this.ended === undefined)
      await new Promise<void>(resolve => {
        this.wake = resolve;
      });
    return this.answers.shift();
  }

  /** Sends a packet; the answer to it, past what is shown on the console. */
  async ask(packet: string): Promise<string | undefined> {
    this.raw(frame(packet));
    let text = await this.next();
    while (text !== undefined && CONSOLE.test(text)) text = await this.next();
    return text;
  }

  /** A line for `monitor`: what is shown, and the packet at its end. */
  async monitor(line: string): Promise<[text: string, end: string]> {
    this.raw(frame(`qRcmd,${Buffer.from(line).toString('hex')}`));
    let text = '';
    for (;;) {
      const packet = (await this.next()) ?? '';
      if (!CONSOLE.test(packet)) return [text, packet];
      text += Buffer.from(packet.slice(1), 'hex').toString();
    }
  }
}
