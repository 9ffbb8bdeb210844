// reference/checkpoint.md: a model's files, its manifest and its tensors, from the manifest's schema and from what the
// weights are made by.
import { z } from "zod";
import { standing } from "../../shared/checkpoints/manifest.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { encodeSafetensors } from "../../shared/neural/safetensors.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { systemNames } from "../../shared/systems/registry.ts";
import { code, tableOf } from "./markdown.ts";

/** Sizes that tell which of them a shape is made of. */
const sizes = { items: 7, hidden: 5, latent: 3 };
const letter = new Map([
  [sizes.items, "I"],
  [sizes.hidden, "H"],
  [sizes.latent, "L"],
]);

/** Names and shapes of RecVAE's tensors as they stand in the file's header. */
function tensors(): string[][] {
  const [first] = encodeSafetensors(initialise(recipeOf({ ...defaults, ...sizes }), 1));
  const { __metadata__: _, ...header } = JSON.parse(new TextDecoder().decode(first!.subarray(8))) as Record<
    string,
    { shape: number[] }
  >;
  return Object.entries(header).map(([name, { shape }]) => [
    code(name),
    shape.map((size) => letter.get(size) ?? size).join(" x "),
  ]);
}

interface Field {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Field[];
  readonly description?: string;
}
const typeOf = ({ type = "any", anyOf }: Field): string => (anyOf ? anyOf.map(typeOf) : [type].flat()).join(" or ");

function fields(): string[][] {
  const { properties = {} } = z.toJSONSchema(standing, { io: "input" }) as { properties?: Record<string, Field> };
  return Object.entries(properties).map(([name, field]) => [code(name), typeOf(field), field.description ?? ""]);
}

export const checkpointPage = () => `# Checkpoints and models

\`\`\`text
models/v000042/
  model.safetensors    the weights
  vocabulary.json      the items, column by column
  metrics.json         how the evaluator judged it (published models alone)
  manifest.json        what it is, where the run stood, the hash of every file beside it

out/checkpoints/000000004711/
  model.safetensors, vocabulary.json, manifest.json
  state.safetensors    what small things the server needs to go on
  training.json        counters and reports of the run
out/checkpoints/pieces/
  adam.encoder.1b2c….safetensors, adam.decoder.…, posteriors.0.…, …
\`\`\`

A folder appears whole: written aside, flushed, renamed. The manifest is written last and read first; a file whose
SHA-256 is another than the manifest says is refused (\`CHECKPOINT_CORRUPT\`). What \`train --out\` leaves, the server's
\`checkpoints/\` and published \`models/\` have this form. A training checkpoint holds Adam's moments, the old encoder
and the old posteriors too, and the position in the outer epoch. What of that stays the same for a while is in
\`pieces/\`: files that are never changed, named by what they hold, that one checkpoint after another is made of; one
that no kept checkpoint names is deleted. Whoever copies a checkpoint to train on from it copies \`pieces/\` with it;
its model needs none of them.

## manifest.json

${tableOf(
  ["field", "type", "meaning"],
  [
    ["`format`", "1", "of this file"],
    ["`model`", "string", `the system: ${systemNames.join(", ")}`],
    ["`config`", "object", "its settings, sizes included; what they are depends on `model`"],
    ...fields(),
    ["`hash`", "string", "SHA-256 of all other fields as JSON without white space, in their order"],
  ],
)}

## model.safetensors

[Safetensors](https://github.com/huggingface/safetensors), float32, little endian. The names and shapes of RecVAE are
those of the authors' PyTorch \`state_dict\`, so their code loads it. I items, H \`--hidden\`, L \`--latent\`:

${tableOf(["tensor", "shape"], tensors())}

The other systems' names and shapes follow from their settings; \`npx tributary models show VERSION\` lists those of a
model. \`encoder.fc1.weight\` lies in memory as I x H, and in the file as here.
`;
