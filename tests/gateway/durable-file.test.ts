import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { createFile, replaceFile } from '../../gateway/kit/durable-file.ts'
import { tempFolder } from '../support/resources.ts'

it('a file is replaced whole, for its owner alone, and nothing lies beside it', async () => {
  const file = path.join(await tempFolder(), 'key')
  await writeFile(file, 'old', { mode: 0o644 })
  await replaceFile(file, 'new')
  expect([await readFile(file, 'utf8'), (await stat(file)).mode & 0o777, await readdir(path.dirname(file))]).toEqual(['new', 0o600, ['key']])
  await replaceFile(file, 'for all', 0o644)
  expect((await stat(file)).mode & 0o777).toBe(0o644)
})
it('of many that are made at once the first one\'s stands', async () => {
  const file = path.join(await tempFolder(), 'key')
  const made = await Promise.all(Array.from({ length: 20 }, (_, index) => createFile(file, `key ${index}`)))
  expect(made.filter(Boolean)).toHaveLength(1)
  expect([await readFile(file, 'utf8'), await readdir(path.dirname(file))]).toEqual([`key ${made.indexOf(true)}`, ['key']])
})
it('what cannot be put in place leaves the old one, and nothing of the new', async () => {
  const folder = await tempFolder()
  const taken = path.join(folder, 'taken')
  await mkdir(path.join(taken, 'inside'), { recursive: true })
  await expect(replaceFile(taken, 'new')).rejects.toThrow()
  expect(await readdir(folder)).toEqual(['taken'])
})
