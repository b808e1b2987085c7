import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build, type Metafile } from 'esbuild'

/**
 * Makes one file of `entry` and of all that it imports at once: each file that is looked up and linked costs a start half a millisecond,
 * and esbuild makes one of every two modules that two commands share. What comes later still imports the chunk it knows, which now hands
 * on what the one file has. `made` tells of the files as they lie in `out`; both are esbuild's.
 */
export async function mergeStart(root: string, out: string, entry: string, made: Metafile): Promise<void> {
  const chunks = atOnce(made, path.relative(root, path.join(out, entry)))
  const named = chunks.map((chunk, at) => made.outputs[chunk]!.exports.map((name) => ({ name, unique: at === 0 ? name : `${name}_${at}` })))
  const list = (at: number, pair: (each: { name: string; unique: string }) => string): string => `{${named[at]!.map(pair).join(',')}}`
  const contents = chunks.map((chunk, at) => `export ${list(at, ({ name, unique }) => `${name} as ${unique}`)} from './${path.basename(chunk)}'`).join('\n')
  await build({
    stdin: { contents, resolveDir: out }, outfile: path.join(out, entry), allowOverwrite: true, bundle: true, platform: 'node', format: 'esm', target: 'node24', minifySyntax: true, minifyWhitespace: true, logLevel: 'error',
    plugins: [{ name: 'later', setup: ({ onResolve }) => { onResolve({ filter: /./ }, ({ kind, path: name }) => (kind === 'dynamic-import' ? { path: name, external: true } : null)) } }],
  })
  await Promise.all(chunks.slice(1).map((chunk, at) => writeFile(path.join(root, chunk), `export${list(at + 1, ({ name, unique }) => `${unique} as ${name}`)}from"./${entry}"\n`)))
}

/** The output itself first, then what it imports at once, and what that imports. */
function atOnce({ outputs }: Metafile, entry: string): readonly string[] {
  const found = new Set([entry])
  for (const output of found) for (const { path: file, kind } of outputs[output]!.imports) if (kind === 'import-statement' && outputs[file]) found.add(file)
  return [...found]
}
