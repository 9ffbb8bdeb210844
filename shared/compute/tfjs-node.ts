// What the TensorFlow engine needs of tfjs: its core, and of tfjs-node-gpu the kernels and the backend. That package's
// index would bring layers, converter, WebGL and what looks for the binding as well: three quarters of what a process
// has to read and parse when it starts.
import tf from "@tensorflow/tfjs-core";
import { NodeJSKernelBackend } from "@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js";
import "@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js";
import type { TFJSBinding } from "@tensorflow/tfjs-node-gpu/dist/tfjs_binding.js";
import { version } from "@tensorflow/tfjs-node-gpu/dist/version.js";

export { tf, version };

/** Makes the binding's backend the one that computes. */
export async function useBinding(binding: TFJSBinding): Promise<NodeJSKernelBackend> {
  if (!tf.findBackendFactory("tensorflow"))
    tf.registerBackend("tensorflow", () => new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node-gpu"));
  await tf.setBackend("tensorflow");
  return tf.backend() as NodeJSKernelBackend;
}
