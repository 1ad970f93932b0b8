/** UDP echo (RFC 862): sends every datagram back to where it came from. */

import type { Received, Station } from './station.ts';

export class Echo {
  /** Datagrams sent back. */
  count = 0;
  /** Datagrams not sent back because their checksum was wrong. */
  damaged = 0;
  private readonly station: Station;

  constructor(station: Station, port: number) {
    this.station = station;
    station.bind(port, datagram => this.take(datagram));
  }

  save(): unknown {
    return { count: this.count, damaged: this.damaged };
  }

  load(state: unknown): void {
    const saved = state as { count: number; damaged: number };
    this.count = saved.count;
    this.damaged = saved.damaged;
  }

  private take(datagram: Received): void {
    if (!datagram.checksumOk) {
      this.damaged++;
      return;
    }
    const { source, sourcePort, destinationPort, payload, at } = datagram;
    const back = { destination: source, sourcePort: destinationPort, destinationPort: sourcePort, payload };
    if (this.station.send(back, () => at)) this.count++;
  }
}
