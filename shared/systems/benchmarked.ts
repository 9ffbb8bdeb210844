// What `benchmark` knows of a system: the grid that it tries, and the figures that were published. Data;
// services/commands/compare/ makes its plan and its report of it.

/** One point of a grid. */
export interface GridPoint {
  /** For people: "gamma .01". */
  readonly name: string;
  /** Flags of `train`, in the form --name=value. */
  readonly flags: readonly string[];
}

/** What is tried, the usual setting first: the grids of the papers, cut to what minutes allow on MovieLens-1M. */
export interface Grid {
  /** Where the values come from. */
  readonly source: string;
  /** Whether its draws depend on a seed; what is solved in closed form has one answer. */
  readonly isSeeded: boolean;
  /** Of all its trials. */
  readonly flags: readonly string[];
  readonly settings: readonly GridPoint[];
}

export const usual: GridPoint = { name: "usual", flags: [] };

/** One flag, its values in order. */
export const over = (flag: string, ...values: readonly number[]): GridPoint[] =>
  values.map((value) => ({ name: `${flag} ${value}`, flags: [`--${flag}=${value}`] }));

/** A line for each pair of values. */
export const overBoth = (a: string, b: string, ...pairs: readonly (readonly [number, number])[]): GridPoint[] =>
  pairs.map(([x, y]) => ({ name: `${a} ${x}, ${b} ${y}`, flags: [`--${a}=${x}`, `--${b}=${y}`] }));

/**
 * Epochs at most, and without a better validation; a paper's 50 to 200 epochs of ML-20M are ten times as many steps as
 * these of a smaller set.
 */
export const untilItFalls = (epochs: number, patience: number) => [`--epochs=${epochs}`, `--patience=${patience}`];

export const dataSets = ["ML-20M", "Netflix", "MSD"] as const;
export type DataSet = (typeof dataSets)[number];

/**
 * Recall@20, Recall@50 and NDCG@100 of a data set, such as ".391 ~.521 -". A tilde: quoted from memory, and not read
 * again in the paper. A dash: not there, or the authors' run did not finish.
 */
export interface Published extends Readonly<Record<DataSet, string>> {
  /**
   * Whether it is a row of the table of Shenbin et al. (WSDM 2020), whose order other data sets are held against;
   * otherwise from papers on the same splits.
   */
  readonly inTable: boolean;
}
