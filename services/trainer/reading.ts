// A lease's tensors as the arrays that a part is computed from. Throws FRAME_MALFORMED where one is missing or of
// another type. Below compute.ts.
import { AppError } from "../../shared/errors/errors.ts";
import type { Posterior } from "../../shared/neural/network.ts";
import type { Decoded } from "../../shared/training/frames.ts";
import type { Halving } from "../../shared/training/numbers.ts";
import type { WireTensor } from "../../shared/training/tensors.ts";

export type Tensors = ReturnType<Decoded["tensors"]>;

/** What the old encoder says of the part's users. */
export const oldPosterior = (tensors: Tensors): Posterior => ({
  mu_BL: floats(tensors.get("muOld")?.data, "muOld"),
  logvar_BL: floats(tensors.get("logvarOld")?.data, "logvarOld"),
});

export function rowsOf(tensors: Tensors, name: string, endsName: string): Int32Array[] {
  const data = integers(tensors.get(name)?.data, name);
  const ends = integers(tensors.get(endsName)?.data, endsName);
  return Array.from(ends, (end, k) => data.subarray(ends[k - 1] ?? 0, end));
}

export function floats(data: WireTensor["data"] | undefined, name: string): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new AppError("FRAME_MALFORMED", { what: `tensor ${name} is missing or of another type` });
}

/** As float32, however it came. */
export function asFloats(
  data: WireTensor["data"] | undefined,
  name: string,
  { fromHalves }: Pick<Halving, "fromHalves">,
): Float32Array {
  const found = numbers(data, name);
  if (found instanceof Float32Array) return found;
  const into = new Float32Array(found.length);
  fromHalves(found, into);
  return into;
}

export function numbers(data: WireTensor["data"] | undefined, name: string): Float32Array | Uint16Array {
  return data instanceof Uint16Array ? data : floats(data, name);
}

export function integers(data: WireTensor["data"] | undefined, name: string): Int32Array {
  if (data instanceof Int32Array) return data;
  throw new AppError("FRAME_MALFORMED", { what: `tensor ${name} is missing or of another type` });
}
