/**
 * The benchmarks of bench/guest/ and what each must print. The checksums are those of QEMU 7.2 for the same files; they
 * depend on nothing but the C, so every emulator and compiler must give them. `fault` is the exception, for the error
 * codes of its page faults go into the sum: an instruction that reads and writes faults as a write (SDM vol. 3, 4.7),
 * but QEMU reads first and reports a read. Its sums are those of Bochs 2.7 and v86; `readsFirst` are QEMU's.
 */
import { GuestError } from '../../guest/error.ts';

export interface BenchGuest {
  name: string;
  /** By the shift that divides its iteration counts by 2^shift; where the list ends nothing would be left to run. */
  checksums: readonly string[];
  readsFirst?: readonly string[];
}

export const GUESTS: readonly BenchGuest[] = [
  {
    name: 'alu',
    checksums: [
      '5f191d88',
      '9e787365',
      'e9280995',
      '0ad0ff7e',
      'bb958c4c',
      '1e7b6247',
      '9d0236fe',
      '78a14e14',
      'b2f604e3',
      '87c000f7',
      'ac4d41e6',
    ],
  },
  { name: 'mem', checksums: ['684acb41', 'f847d3d9', 'eed31fd7', '88071828', '766e35b7', 'ddf2adbf'] },
  { name: 'memrep', checksums: ['b2beae63', '290ef193', '47df05af', 'b5e15d7e', 'dc3f1f11', '5564c732'] },
  {
    name: 'call',
    checksums: [
      'c3921550',
      '5e0dc5cc',
      '63da490d',
      '7c19c448',
      '06634936',
      '5899df9f',
      '65e4f467',
      '742a6c14',
      'f8e32527',
    ],
  },
  {
    name: 'pgswitch',
    checksums: [
      'cbde741c',
      'e4e73a0f',
      '717b9d11',
      '37bdce8e',
      '9adee74c',
      'cc6f73ab',
      '6737b9db',
      '339bdcf3',
      '19cdee7f',
      '0ce6f745',
      '06737ba8',
    ],
  },
  {
    name: 'pgswitch4',
    checksums: [
      'e41e8e32',
      '7b7062c6',
      '8ec94ccd',
      'e484a470',
      '9a02daaa',
      '475f5555',
      '9f5eaaaa',
      '4b5f5555',
      'a15eaaaa',
      '4c5f5555',
      'a1deaaaa',
    ],
  },
  {
    name: 'trap',
    checksums: [
      '10a094f2',
      'b07bcc05',
      '410a97c5',
      'fda78c79',
      '07618162',
      'bc7e81d0',
      '15af259f',
      '8315688b',
      'e71ba72e',
      '8549dc64',
      '5548c970',
    ],
  },
  {
    name: 'fault',
    checksums: [
      '8c500768',
      '5148643a',
      'db3e8a57',
      'f1ea0202',
      '30e35e82',
      '33af1a01',
      '542f8391',
      '9d717673',
      '592ac9f6',
      '9786f958',
      '52b784c8',
    ],
    readsFirst: [
      '7f433052',
      '27dc2d8a',
      '20022ca2',
      'e9a4c793',
      '7196fe17',
      '24447b04',
      '547943fa',
      'dbd37979',
      'd3684da1',
      '76fbbf11',
      '2c1d9136',
    ],
  },
];

/** The guests whose geometric mean stands for code that stays in one address space. */
export const MEAN: readonly string[] = ['alu', 'mem', 'call'];

/** What a guest must print. Throws a GuestError for a shift that leaves it nothing to do. */
export function checksumOf(name: string, shift: number): string {
  const guest = GUESTS.find(g => g.name === name);
  if (!guest) throw new GuestError(`no benchmark ${name}: ${GUESTS.map(g => g.name).join(', ')}`);
  const checksum = guest.checksums[shift];
  if (checksum === undefined)
    throw new GuestError(
      `${name} has nothing to do at a shift of ${shift}: 0 to ${guest.checksums.length - 1}`,
    );
  return checksum;
}

/** The geometric mean of positive numbers. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}
