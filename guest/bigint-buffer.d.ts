/** The build of bigint-buffer without its native binding; see u64.ts. */
declare module 'bigint-buffer/dist/browser.js' {
  export function toBigIntLE(bytes: Buffer): bigint;
}
