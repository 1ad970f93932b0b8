/**
 * What the emulator asks of the JavaScript engine that runs it: V8 reads the branch hints of compiled guest code
 * (emu/cpu/jit/wasm.ts) only behind a flag. It must be set before the first module is compiled; without it all works,
 * slower. Flags that an engine does not know are ignored, with a warning at most.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--experimental-wasm-branch-hinting');
