import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PcapFile } from '../../../bench/farend/pcap.ts';
import { Sink } from '../../../bench/farend/sink.ts';
import { Source } from '../../../bench/farend/source.ts';
import { Pair, TICKS } from './rig.ts';

const directory = mkdtempSync(join(tmpdir(), 'nooks86-pcap-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A short stream, captured; and what a tap of our own saw. */
function capture(resolution: 'ns' | 'us', snapLength?: number) {
  const path = join(directory, `${resolution}-${snapLength ?? 'all'}.pcap`);
  const pair = new Pair();
  const seen: { frame: Uint8Array; at: number }[] = [];
  const file = new PcapFile(path, pair.wire, TICKS, { resolution, snapLength });
  pair.wire.tap((_, frame, at) => seen.push({ frame, at }));
  new Sink(pair.near, 9);
  new Sink(pair.far, 9);
  const options = { port: 9, seed: 1, pace: 'wire', count: 5 } as const;
  new Source(pair.far, { ...options, to: '10.0.0.1' }).start();
  new Source(pair.near, { ...options, to: '10.0.0.2', name: 'other' }).start();
  pair.run(10e-3);
  file.close();
  seen.sort((a, b) => a.at - b.at);
  return { path, seen, frames: file.frames() };
}

/** A reader of our own: the format of the Internet-Draft, nothing shared with the writer. */
function readPcap(path: string) {
  const bytes = readFileSync(path);
  const records: { seconds: number; fraction: number; frame: Buffer; length: number }[] = [];
  for (let at = 24; at < bytes.length; ) {
    const kept = bytes.readUInt32LE(at + 8);
    records.push({
      seconds: bytes.readUInt32LE(at),
      fraction: bytes.readUInt32LE(at + 4),
      frame: bytes.subarray(at + 16, at + 16 + kept),
      length: bytes.readUInt32LE(at + 12),
    });
    at += 16 + kept;
  }
  return { header: bytes.subarray(0, 24).toString('hex'), records };
}

function hasTshark(): boolean {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

describe('the capture file', () => {
  it.each([
    ['ns', '4d3cb2a1', 1_000_000_000n],
    ['us', 'd4c3b2a1', 1_000_000n],
  ] as const)(
    'holds every frame of both directions in order, with times in %s',
    (resolution, magic, units) => {
      const { path, seen, frames } = capture(resolution);
      const { header, records } = readPcap(path);
      expect(header).toBe(`${magic}02000400${'00'.repeat(8)}ffff000001000000`);
      expect(records.length).toBe(seen.length);
      expect(frames).toBe(2 + 2 * 5 * 23 + 2);
      records.forEach((r, i) => {
        expect(r.frame.equals(seen[i].frame)).toBe(true);
        expect(BigInt(r.seconds) * units + BigInt(r.fraction)).toBe(
          (BigInt(seen[i].at) * units) / BigInt(TICKS),
        );
      });
    },
  );

  it('keeps the first bytes only with a snap length', () => {
    const { records } = readPcap(capture('ns', 100).path);
    expect(records.every(r => r.frame.length <= 100)).toBe(true);
    expect(records.some(r => r.length === 1514)).toBe(true);
  });

  it('says in one line why it cannot be written', () => {
    const pair = new Pair();
    expect(() => new PcapFile(join(directory, 'no', 'such'), pair.wire, TICKS)).toThrow(
      /^cannot write .*ENOENT/,
    );
  });

  it.skipIf(!hasTshark())(
    'opens in Wireshark, which reassembles the messages (skipped without tshark)',
    () => {
      const { path } = capture('ns');
      const fields = ['-T', 'fields', '-e', 'ip.src', '-e', 'udp.length', '-e', 'udp.checksum.status'];
      const checks = ['-o', 'udp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
      const out = execFileSync('tshark', ['-r', path, ...checks, '-Y', 'udp', ...fields], {
        stdio: 'pipe',
      }).toString();
      const lines = out.trim().split('\n').sort();
      expect(lines).toEqual([
        ...new Array(5).fill('10.0.0.1\t32776\t1'),
        ...new Array(5).fill('10.0.0.2\t32776\t1'),
      ]);
      const bad = execFileSync(
        'tshark',
        ['-r', path, ...checks, '-Y', 'ip.checksum.status == "Bad" || _ws.malformed'],
        {
          stdio: 'pipe',
        },
      );
      expect(bad.toString()).toBe('');
    },
  );
});
