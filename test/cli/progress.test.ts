import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openProgress } from '../../cli/progress.ts';

/** A stream that may claim to be a terminal, and what was written to it. */
function terminal(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100, cursorTo() {}, clearLine() {} });
  let text = '';
  stream.on('data', chunk => {
    text += chunk;
  });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text };
}

describe('openProgress', () => {
  it('shows a bar with count, rate and time left on a terminal', () => {
    const { stream, text } = terminal(true);
    let time = 0;
    const progress = openProgress('trials', 'trials', stream, () => time);
    time = 2000;
    progress.update(10, 40);
    progress.close();
    expect(text()).toContain('trials [');
    expect(text()).toContain('10/40 trials');
    expect(text()).toContain('5.00/s');
    expect(text()).toMatch(/\| .* left/);
  });

  it('stays quiet when piped', () => {
    const { stream, text } = terminal(false);
    const progress = openProgress('trials', 'trials', stream);
    progress.update(1, 2);
    progress.close();
    expect(text()).toBe('');
  });

  it('shows nothing when there was nothing to do', () => {
    const { stream, text } = terminal(true);
    openProgress('trials', 'trials', stream).close();
    expect(text()).toBe('');
  });
});
