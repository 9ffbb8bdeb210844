// Whether the tensors of a message are the ones that belong there: the same test for what a server and what a trainer
// is sent. Beside tensors.ts.
import { AppError, type Facts } from "../errors/errors.ts";
import type { Described } from "./tensors.ts";

export type Expected = readonly [name: string, shape: readonly number[], type?: Described["type"]];

/**
 * Throws FRAME_MALFORMED when a tensor is missing, out of order, of another shape or type (f32 where none is named), or
 * one too many.
 */
export function mustBe(expected: readonly Expected[], described: readonly Described[], where: Facts): void {
  if (described.length !== expected.length)
    throw new AppError("FRAME_MALFORMED", {
      what: `${described.length} tensors where ${expected.length} belong`,
      ...where,
    });
  expected.forEach(([name, shape, type = "f32"], k) => {
    const found = described[k]!;
    if (found.name !== name || found.type !== type || found.shape.join() !== shape.join())
      throw new AppError("FRAME_MALFORMED", {
        what: `tensor ${k} is ${found.name} ${found.type} [${found.shape}], not ${name} ${type} [${shape}]`,
        ...where,
      });
  });
}
