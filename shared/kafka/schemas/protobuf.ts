// What a map wants of Protobuf's binary, by the schema that it was written with: protobufjs reads both. Pure.
import protobuf from "protobufjs";
import { fromValue } from "../../events/shape/from-value.ts";
import { messageIndexes } from "./framing.ts";
import type { FoundOf, SchemaText } from "./text.ts";

/** Fields are called as in the schema; a plain one that was not sent has its type's zero, as Protobuf means it. */
const plain = { longs: BigInt, enums: String, defaults: true, arrays: true } as const;

/** Throws an Error where it is no schema. */
export function protobufOf({ text, references }: SchemaText): FoundOf {
  const root = new protobuf.Root();
  for (const { name, text: imported } of references) if (!isCommon(name)) addTo(root, imported);
  const { imports = [], weakImports = [] } = addTo(root, text);
  for (const name of [...imports, ...weakImports, ...references.map((each) => each.name)]) {
    const common = protobuf.common.get(name);
    if (common?.nested) root.addJSON(common.nested);
  }
  root.resolveAll();
  const own = addTo(new protobuf.Root(), text); // alone, so that its messages are counted and no imported ones
  return (bytes, want) => {
    const { path, start } = messageIndexes(bytes);
    const type = root.lookupType(nameAt(own.messages, path));
    return fromValue(type.toObject(type.decode(bytes.subarray(start)), plain as never), want);
  };
}

const isCommon = (name: string) => protobuf.common.get(name) !== null;

function addTo(root: protobuf.Root, text: string) {
  const { imports, weakImports, package: name } = protobuf.parse(text, root, { keepCase: true });
  return { imports, weakImports, messages: messagesIn(name ? root.lookup(name) : root) };
}

const messagesIn = (within: protobuf.ReflectionObject | null): protobuf.Type[] =>
  within instanceof protobuf.Namespace ? within.nestedArray.filter((each) => each instanceof protobuf.Type) : [];

/** The message by its number, and by that of the one within it. */
function nameAt(messages: readonly protobuf.Type[], path: readonly number[]): string {
  let [type, within] = [undefined as protobuf.Type | undefined, messages];
  for (const index of path) {
    type = within[index];
    if (!type) throw new RangeError("the schema has no such message");
    within = messagesIn(type);
  }
  return type!.fullName.replace(/^\./, "");
}
