// Where XLA keeps what it compiled, so that a second start needs seconds. TensorFlow reads the flags once, when its
// library is loaded: call before that.
import { accessSync, constants, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Tells XLA so, but for flags that the user has set. The folder; undefined where none can be written: then it compiles
 * at every start. Entries are told apart by graph and device, not by the library that wrote them, hence `library`.
 */
export function keepCompiled(env: NodeJS.ProcessEnv, library: string): string | undefined {
  if (env.TF_XLA_FLAGS) return undefined;
  try {
    const folder = join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tributary", "xla", library);
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    env.TF_XLA_FLAGS = `--tf_xla_persistent_cache_directory=${folder}`;
    return folder;
  } catch {
    return undefined;
  }
}
