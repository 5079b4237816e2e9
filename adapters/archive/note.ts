/** What a removal says of where its facts are: the name of a file, and what it must hold. Stored for ever. */

export interface ArchiveName {
  /** Of the file, without a folder. */
  readonly file: string;
  /** Of all its bytes, in hexadecimal. */
  readonly sha256: string;
}

const NOTE = /^(archive-[0-9A-Za-z.-]+) sha256:([0-9a-f]{64})$/;

export const noteOf = ({ file, sha256 }: ArchiveName): string => `${file} sha256:${sha256}`;

/** Undefined for the note of somebody else. */
export function readNote(note: string): ArchiveName | undefined {
  const [, file, sha256] = NOTE.exec(note) ?? [];
  return file === undefined || sha256 === undefined ? undefined : { file, sha256 };
}
