import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { z } from 'zod'
import { codeOf, StoreError } from '../kit/index.ts'
import { makeFolder, replaceFile } from '../kit/durable-file.ts'

/** Null when there is none. Throws StoreError CONSOLE_FILE for one that cannot be read: an account that seems gone must not open the first run again. */
export async function readJson<S extends z.ZodType>(file: string, schema: S): Promise<z.output<S> | null> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null
    throw new StoreError('CONSOLE_FILE', `cannot read ${file}; check its owner, or put it back from a backup`, { cause: error })
  })
  if (text === null) return null
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new StoreError('CONSOLE_FILE', `${file} is damaged; put it back from a backup, or move it away and make the accounts anew with linli claim`, { cause })
  }
}

/** Whole or not at all, on disk when it resolves, readable by the gateway's user only. Throws StoreError CONSOLE_FILE. */
export async function writeJson(file: string, content: unknown): Promise<void> {
  try {
    await makeFolder(path.dirname(file))
    await replaceFile(file, JSON.stringify(content))
  } catch (cause) {
    throw new StoreError('CONSOLE_FILE', `cannot write ${file}; check space and owner of its folder`, { cause, retriable: true })
  }
}

/** One after another: what is written is never older than what was written before. */
export function inTurn(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (task) => {
    const mine = last.then(task, task)
    last = mine.catch(() => {})
    return mine
  }
}
