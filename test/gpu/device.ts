// What this process computes on, for the check: the engine that a trainer would choose, and EASE's inverse there, of
// argv's size, which is 0 on a CPU where no second argument says that it counts; as JSON.
import { openEngine } from "../../shared/compute/open-engine.ts";

const engine = await openEngine({ wanted: "auto", threads: 2 });
const size = engine.device === "CPU" && process.argv[3] === undefined ? 0 : Number(process.argv[2]);
/** Positive definite: counts fall off from the diagonal. */
const matrix = Float32Array.from({ length: size * size }, (_, k) => {
  const apart = Math.abs(Math.floor(k / size) - (k % size));
  return apart === 0 ? 1000 : 500 / (1 + apart) ** 2;
});
const inverse = matrix.slice();
const startedAt = performance.now();
if (engine.inverse && size > 0) for (const _ of engine.inverse(inverse, size, 10));
const seconds = (performance.now() - startedAt) / 1000;
let error = 0;
for (let row = 0; row < size; row += Math.ceil(size / 20))
  for (let column = 0; column < size; column += Math.ceil(size / 20)) {
    let sum = 10 * inverse[row * size + column]!;
    for (let k = 0; k < size; k++) sum += matrix[row * size + k]! * inverse[k * size + column]!;
    error = Math.max(error, Math.abs(sum - (row === column ? 1 : 0)));
  }
const { name, version, device } = engine;
process.stdout.write(`${JSON.stringify({ name, version, device, inverse: { size, seconds, error } })}\n`);
process.exit(0);
