// The protobuf classes of tfjs-node-gpu's dist/proto/api_pb.js, which come without types: what saved-model.ts uses of
// them.

interface Message {
  serializeBinary(): Uint8Array;
}
interface Entries<T> {
  set(key: string, value: T): void;
}
interface TensorShape extends Message {
  addDim(dim: { setSize(size: number): void }): void;
}
interface Tensor extends Message {
  setDtype(type: number): void;
  setTensorShape(shape: TensorShape): void;
  setFloatValList(values: number[]): void;
  setDoubleValList(values: number[]): void;
  setIntValList(values: number[]): void;
  setInt64ValList(values: number[]): void;
}
interface NameAttrList extends Message {
  setName(name: string): void;
}
interface TypeList extends Message {
  setTypeList(types: number[]): void;
}
export interface WireAttribute extends Message {
  setType(type: number): void;
  setS(bytes: Uint8Array): void;
  setB(flag: boolean): void;
  setI(count: number): void;
  setShape(shape: TensorShape): void;
  setTensor(tensor: Tensor): void;
  setFunc(called: NameAttrList): void;
  setList(list: TypeList): void;
}
export interface NodeDef extends Message {
  getName(): string;
  setName(name: string): void;
  setOp(op: string): void;
  setInputList(from: string[]): void;
  getAttrMap(): Entries<WireAttribute>;
}
interface ArgDef extends Message {
  setName(name: string): void;
  setType(type: number): void;
}
interface OpDef extends Message {
  setName(name: string): void;
  addInputArg(argument: ArgDef): void;
  addOutputArg(argument: ArgDef): void;
  setIsStateful(stateful: boolean): void;
}
export interface FunctionDef extends Message {
  setSignature(signature: OpDef): void;
  addNodeDef(node: NodeDef): void;
  getRetMap(): Entries<string>;
  getAttrMap(): Entries<WireAttribute>;
}
interface FunctionDefLibrary extends Message {
  addFunction(made: FunctionDef): void;
}
interface VersionDef extends Message {
  setProducer(version: number): void;
}
interface GraphDef extends Message {
  addNode(node: NodeDef): void;
  getNodeList(): NodeDef[];
  setVersions(versions: VersionDef): void;
  setLibrary(library: FunctionDefLibrary): void;
}
interface MetaInfoDef extends Message {
  addTags(tag: string): void;
}
interface MetaGraphDef extends Message {
  setMetaInfoDef(info: MetaInfoDef): void;
  setGraphDef(graph: GraphDef): void;
}
interface SavedModel extends Message {
  setSavedModelSchemaVersion(version: number): void;
  addMetaGraphs(graph: MetaGraphDef): void;
}

type Class<T> = new () => T;

export interface Messages {
  readonly AttrValue: Class<WireAttribute> & { readonly ListValue: Class<TypeList> };
  readonly FunctionDef: Class<FunctionDef>;
  readonly FunctionDefLibrary: Class<FunctionDefLibrary>;
  readonly GraphDef: Class<GraphDef>;
  readonly MetaGraphDef: Class<MetaGraphDef> & { readonly MetaInfoDef: Class<MetaInfoDef> };
  readonly NameAttrList: Class<NameAttrList>;
  readonly NodeDef: Class<NodeDef>;
  readonly OpDef: Class<OpDef> & { readonly ArgDef: Class<ArgDef> };
  readonly SavedModel: Class<SavedModel>;
  readonly Tensor: Class<Tensor>;
  readonly TensorShape: Class<TensorShape> & { readonly Dim: Class<{ setSize(size: number): void }> };
  readonly VersionDef: Class<VersionDef>;
}
