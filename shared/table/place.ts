// Where a message once came from, which is its name for ever: rows, dead letters, the lines of the operator and the
// record of what was sent back meet by it.

export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export const nameOf = ({ topic, partition, offset }: Place): string => `${topic}/${partition}/${offset}`;
