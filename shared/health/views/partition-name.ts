// What a partition is called among others. Pure.

interface Named {
  readonly topic: string | null;
  readonly epoch: number | null;
  readonly partition: number;
}

/** With its topic where there are several, or one that was made anew. */
export function partitionName({ topic, epoch, partition }: Named, all: readonly Named[]): string {
  const isAlone = (epoch ?? 0) === 0 && all.every((each) => each.topic === topic);
  return isAlone ? String(partition) : `${topic ?? "–"}${(epoch ?? 0) > 0 ? `@${epoch}` : ""} ${partition}`;
}
