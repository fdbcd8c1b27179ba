import { TAGS } from '../contracts/names.ts';
import { parseJson } from '../contracts/text.ts';
import { ArtifactRef } from '../contracts/training.ts';

/** A version, and the run that made it as far as that is known. */
interface Trained {
  tags: Readonly<Record<string, string>>;
  params?: Readonly<Record<string, string>> | undefined;
}

/**
 * Whether the scores that two trainings recorded are of the same data, by the digests of their data sets; sources that
 * differ tell as well, but one source can be split in many ways. Null: nothing tells.
 */
export function sameData(one: Trained, other: Trained): boolean | null {
  const [dataset, theirs] = [datasetOf(one), datasetOf(other)];
  if (dataset !== undefined && theirs !== undefined) return dataset === theirs;
  const [source, others] = [one.params?.data_sha256, other.params?.data_sha256];
  return source !== undefined && others !== undefined && source !== others ? false : null;
}

/** Whether data sets differ although one command made them of one file: it writes something else on each run. */
export function isUnsteady(one: Trained, other: Trained): boolean {
  const [made, theirs] = [refOf(one), refOf(other)];
  return made?.madeOf !== undefined && made.madeOf === theirs?.madeOf && made.sha256 !== theirs.sha256;
}

const refOf = ({ tags }: Trained) => ArtifactRef.safeParse(parseJson(tags[TAGS.dataset])).data;
const datasetOf = (trained: Trained) => refOf(trained)?.sha256;
