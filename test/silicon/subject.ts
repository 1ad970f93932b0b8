/** The emulated CPU as a subject of the replay. */
import type { Profile } from '../../emu/profile/profile.ts';
import { VectorProcessor } from './processor.ts';
import type { Subject } from './replay.ts';

/** A processor of `profile` in the vectors' world. Each call of the subject starts from the world as it was built. */
export function machineSubject(profile: Profile): Subject {
  const processor = new VectorProcessor(profile);
  return v => ({ ...processor.run(v), stuck: false });
}
