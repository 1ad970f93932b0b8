/**
 * The streams: what runs in the guest, what sits at the far end, and when the measured window opens and closes.
 *
 * A window is a number of whole messages, the same in every configuration: from the moment that message `warmUp` is
 * done to the moment that message `warmUp + measured` is done. Done means: arrived whole and verified at the far end
 * (Send-stream), or asked for the next by the program (Receive-stream, each call of udp_recvmsg).
 */
import type { LinkEnd } from '../emu/devices/wire.ts';
import type { Session } from '../guest/session.ts';
import { MESSAGE_BYTES } from './farend/message.ts';
import { parseIp } from './farend/packets.ts';
import { Sink } from './farend/sink.ts';
import { Source } from './farend/source.ts';
import { Station } from './farend/station.ts';

export type WorkloadName = 'send-stream' | 'receive-stream';

/** Messages a second, or as fast as the sender can. */
export type Rate = number | 'unpaced';

export interface StreamPlan {
  warmUp: number;
  measured: number;
  rate: Rate;
  seed: number;
}

export interface Workload {
  name: WorkloadName;
  title: string;
  extension: string;
  /** Multiboot modules of the guest, with arguments. */
  modules(plan: StreamPlan): string[];
  /** Puts the far end on the wire; `opened` and `closed` are called at the window's borders. */
  attach(session: Session, plan: StreamPlan, opened: () => void, closed: () => void): FarEnd;
}

/** What the far end knows when the run is over. */
export interface FarEnd {
  /** The guest wrote this line on its console. */
  console(line: string): void;
  /** Messages that were lost or damaged on their way, as far as the far end saw. */
  faults(): string[];
}

export const PORT = 5001;
export const GUEST_IP = '10.0.0.1';
const FAR_IP = '10.0.0.2';
/** Messages after the window, so that it closes in full flow. */
const AFTER = 8;
/** Receive-stream compares every byte of each such message; the kernel sums all of them. */
const COMPARED = 16;

/** Milliseconds between loading the driver and the first message: link up, and each host knows the other. */
const SETTLE_MS = 20;

/** Asks for the guest's Ethernet address when it has one, so that the guest learns ours and no message waits for ARP. */
function greet(station: Station): (line: string) => void {
  return line => {
    if (line.startsWith('ip: eth0 is')) station.resolve(parseIp(GUEST_IP));
  };
}

const total = (plan: StreamPlan) => plan.warmUp + plan.measured + AFTER;

/** Calls the border functions as a count of messages passes them. */
function borders(plan: StreamPlan, opened: () => void, closed: () => void): (done: number) => void {
  let state = 0;
  return done => {
    if (state === 0 && done >= plan.warmUp) {
      state = 1;
      opened();
    }
    if (state === 1 && done >= plan.warmUp + plan.measured) {
      state = 2;
      closed();
    }
  };
}

const sendStream: Workload = {
  name: 'send-stream',
  title: 'Send-stream',
  extension: 'e1000',
  modules: plan => {
    const rate = plan.rate === 'unpaced' ? 0 : plan.rate;
    return [
      `init insmod e1000; sleep ${SETTLE_MS}; run netsend`,
      'e1000.ko',
      `netsend ${FAR_IP} ${PORT} ${total(plan)} ${rate} ${plan.seed}`,
    ];
  },
  attach(session, plan, opened, closed) {
    const { wire } = session.machine.cards[0];
    const station = new Station(session.machine.clock, wire, 1, { ip: FAR_IP });
    const sink = new Sink(station, PORT);
    const count = borders(plan, opened, closed);
    const watched: LinkEnd = {
      deliver(frame, at, badFcs) {
        station.deliver(frame, at, badFcs);
        count(sink.report().messages);
      },
      linkChanged: up => station.linkChanged(up),
    };
    wire.connect(1, watched);
    return {
      console: greet(station),
      faults() {
        const r = sink.report();
        const wanted = { messages: total(plan), bytes: total(plan) * MESSAGE_BYTES };
        const faults = [];
        if (r.messages !== wanted.messages || r.bytes !== wanted.bytes)
          faults.push(`${r.messages} of ${wanted.messages} messages arrived`);
        for (const what of ['lost', 'damaged', 'duplicated', 'reordered'] as const)
          if (r[what]) faults.push(`${r[what]} ${what}`);
        return faults;
      },
    };
  },
};

const receiveStream: Workload = {
  name: 'receive-stream',
  title: 'Receive-stream',
  extension: 'e1000',
  modules: plan => [
    'init insmod e1000; run netrecv',
    'e1000.ko',
    `netrecv ${PORT} ${total(plan)} ${COMPARED} ${plan.seed}`,
  ],
  attach(session, plan, opened, closed) {
    const { machine } = session;
    const station = new Station(machine.clock, machine.cards[0].wire, 1, { ip: FAR_IP });
    const pace = plan.rate === 'unpaced' ? 'wire' : { bitsPerSecond: plan.rate * MESSAGE_BYTES * 8 };
    const source = new Source(station, {
      to: GUEST_IP,
      port: PORT,
      pace,
      seed: plan.seed,
      count: total(plan),
      spacing: 'even',
    });
    const count = borders(plan, opened, closed);
    let calls = 0;
    machine.engine.addHook(session.address('udp_recvmsg'), () => count(calls++));
    let result = '';
    return {
      console(line) {
        if (line.startsWith('netrecv: ready')) source.start();
        else if (line.startsWith('netrecv:')) result = line;
      },
      faults() {
        const m = /^netrecv: (\d+) messages, (\d+) bytes, bad (\d+), lost (\d+)/.exec(result);
        if (!m) return ['netrecv did not report'];
        const [messages, bytes, bad, lost] = m.slice(1).map(Number);
        const faults = [];
        if (bad) faults.push(`${bad} bad`);
        if (lost) faults.push(`${lost} lost`);
        if (messages !== total(plan) || bytes !== total(plan) * MESSAGE_BYTES)
          faults.push(`${messages} of ${total(plan)} messages arrived`);
        return faults;
      },
    };
  },
};

export const workloads: readonly Workload[] = [sendStream, receiveStream];
