/** What runs in the guest in a trial: kernel command line, modules and programs of a configuration. */
import type { Configuration } from '../model.ts';
import { FAR_IP, GUEST_IP, RECEIVE_PORT, SEND_PORT } from './farend.ts';

/** Of the messages both ways. */
export const SEED = 1;
/** Messages a second to the guest, ten frames each four: 10,000 frames a second. */
export const RECEIVE_RATE = 4000;
/**
 * SO_SNDBUF of the sender, which the kernel doubles: a message of five frames fills it. So the sender waits for the
 * device's interrupt, 8,000 of which come a second at most: that is its pace.
 */
const SEND_BUFFER = 4096;
/** Seconds between two times that the interface goes down and up, which takes about 13 ms. */
const BOUNCE_SECONDS = 0.05;

/**
 * Heartbeat periods, microseconds: short, as a trial is. The streams never pause so long (nooks/include/nooks/limits.h
 * has what a network that may be silent gets by default).
 */
const HEARTBEAT = { transmit: 30_000, silence: 60_000 };

const OPTIONS: Record<string, string> = { alternate: 'alternate=e1000:e1000_simple' };
const MODULES: Record<string, readonly string[]> = { alternate: ['e1000_simple.ko'] };

/** Freed memory is not filled, as in the measurements of the bench and in a kernel that is in use. */
export function commandLineOf({ isolation, policy }: Configuration, driver: string): string {
  const words = [`isolation=${isolation}`, `ip=${GUEST_IP}/24`, 'poison=off'];
  if (policy !== null) words.push(`policy=${driver}:${policy}`, OPTIONS[policy] ?? '');
  return words.filter(Boolean).join(' ');
}

/** Multiboot modules. `clockHz` makes cycles of seconds. */
export function modulesOf({ isolation, policy }: Configuration, driver: string, clockHz: number): string[] {
  const programs = ['trialbeat', 'trialctl', 'trialrecv', 'trialsend'];
  const period = Math.round((BOUNCE_SECONDS * clockHz) / 1000);
  const limits = isolation === 'nooks' ? Object.entries(HEARTBEAT) : [];
  const commands = [
    ...limits.map(([limit, us]) => `echo ${driver} ${limit} ${us} > /proc/nooks/limits`),
    `insmod ${driver}`,
    'sleep 20',
    ...programs.map(name => `start ${name}`),
    'wait',
  ];
  return [
    `init ${commands.join('; ')}`,
    `${driver}.ko`,
    ...(MODULES[policy ?? ''] ?? []),
    'trialbeat',
    `trialctl ${[driver, ...(MODULES[policy ?? ''] ?? [])].map(name => name.replace('.ko', '')).join(' ')}`,
    `trialrecv ${RECEIVE_PORT} ${SEED}`,
    `trialsend ${FAR_IP} ${SEND_PORT} ${SEED} ${SEND_BUFFER} ${period}`,
  ];
}

/** Names of the files that the trials of these configurations load, beside the kernel; sorted, each once. */
export function filesOf(configurations: readonly Configuration[], driver: string): string[] {
  const modules = configurations.flatMap(configuration => modulesOf(configuration, driver, 0));
  return [...new Set(modules.map(line => line.split(' ')[0]))].sort();
}
