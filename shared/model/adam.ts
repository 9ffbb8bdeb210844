// Adam as PyTorch computes it, on typed arrays, dense: rows without a gradient still move through their moments (spec/recvae.md 1.6).

const beta1 = 0.9;
const beta2 = 0.999;
const eps = 1e-8;

/** One update in place of weights and both moments. `t` counts this group's updates, from 1. No decay, eps outside the root after bias correction. */
export function adam(
  weights: Float32Array,
  gradient: Float32Array,
  m: Float32Array,
  v: Float32Array,
  t: number,
  learningRate: number,
): void {
  const rate = learningRate / (1 - beta1 ** t);
  const correction = 1 / Math.sqrt(1 - beta2 ** t);
  for (let k = 0; k < weights.length; k++) {
    const g = gradient[k]!;
    const mean = beta1 * m[k]! + (1 - beta1) * g;
    const square = beta2 * v[k]! + (1 - beta2) * g * g;
    m[k] = mean;
    v[k] = square;
    weights[k]! -= (rate * mean) / (Math.sqrt(square) * correction + eps);
  }
}
