import { isUtf8 } from 'node:buffer'
import { readFile, stat } from 'node:fs/promises'
import { codeOf } from '../../gateway/kit/index.ts'

/** A site file of 4,000 points has about 0.5 MiB. */
const maxBytes = 4 * 1024 * 1024

const causes: Readonly<Record<string, string>> = {
  ENOENT: 'no such file; check the path',
  EACCES: 'the file may not be read by this user; give it read permission',
  EPERM: 'the file may not be read by this user; give it read permission',
  ENOTDIR: 'no such file: a part of the path is not a folder',
}

/** Text, or what is wrong with the file as a whole. Never throws. */
export type FileText = { readonly text: string } | { readonly problem: string; readonly line?: number; readonly column?: number }

/** Reads a configuration file: regular, at most 4 MiB, UTF-8, not empty. A byte order mark is dropped. */
export async function readText(file: string): Promise<FileText> {
  let bytes: Buffer
  try {
    // Asked first: opening a pipe or a terminal would wait for ever.
    const found = await stat(file)
    if (found.isDirectory()) return { problem: 'this is a folder; name the site file in it' }
    if (!found.isFile()) return { problem: 'not a regular file' }
    if (found.size > maxBytes) return { problem: `the file has ${found.size} bytes, more than the 4 MiB a configuration may have` }
    bytes = await readFile(file)
  } catch (error) {
    const code = codeOf(error)
    return { problem: causes[code] ?? `the file cannot be read (${code})` }
  }
  if (!isUtf8(bytes)) return { problem: 'the file is not UTF-8 here; save it as UTF-8', ...firstBadByte(bytes) }
  const text = new TextDecoder().decode(bytes)
  return text.trim() === '' ? { problem: 'the file is empty' } : { text }
}

function firstBadByte(bytes: Buffer): { readonly line: number; readonly column: number } {
  const before = new TextDecoder().decode(bytes).split('\uFFFD', 1)[0]!.split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}
