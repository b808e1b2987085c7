import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild'

/**
 * Makes one file of `entry` and of all that it imports at once: each file that is looked up and linked costs a start half a millisecond,
 * and esbuild makes one of every two modules that two commands share. What comes later still imports the chunk it knows, which now hands
 * on what the one file has. `made` tells of the files as they lie in `out`; both are esbuild's. `soon`: sources that nearly every start loads
 * a moment later; what they share with others comes along, some 50 KB in a dozen files, and they themselves stay late.
 */
export async function mergeStart(root: string, out: string, entry: string, made: Metafile, soon: readonly string[]): Promise<void> {
  const later = Object.entries(made.outputs).filter(([, { entryPoint }]) => entryPoint !== undefined && soon.includes(entryPoint)).map(([file]) => file)
  const chunks = [...new Set([path.relative(root, path.join(out, entry)), ...later].flatMap((file) => atOnce(made, file)))].filter((file) => !later.includes(file))
  const named = chunks.map((chunk, at) => made.outputs[chunk]!.exports.map((name) => ({ name, unique: at === 0 ? name : `${name}_${at}` })))
  const list = (at: number, pair: (each: { name: string; unique: string }) => string): string => `{${named[at]!.map(pair).join(',')}}`
  const contents = chunks.map((chunk, at) => `export ${list(at, ({ name, unique }) => `${name} as ${unique}`)} from './${path.basename(chunk)}'`).join('\n')
  await build({ ...merging(), stdin: { contents, resolveDir: out }, outfile: path.join(out, entry) })
  await Promise.all(chunks.slice(1).map((chunk, at) => writeFile(path.join(root, chunk), `export${list(at + 1, ({ name, unique }) => `${unique} as ${name}`)}from"./${entry}"\n`)))
  // They ask the one file itself, not each chunk that hands on.
  for (const file of later) await build({ ...merging(entry), entryPoints: [path.join(root, file)], outfile: path.join(root, file) })
}

/** What comes late stays a file of its own, and so does `beside`. */
function merging(beside?: string): BuildOptions {
  const plugin: Plugin = { name: 'later', setup: ({ onResolve }) => { onResolve({ filter: /./ }, ({ kind, path: name }) => (kind === 'dynamic-import' || name === `./${beside}` ? { path: name, external: true } : null)) } }
  return { allowOverwrite: true, bundle: true, platform: 'node', format: 'esm', target: 'node24', minifySyntax: true, minifyWhitespace: true, logLevel: 'error', plugins: [plugin] }
}

/** The output itself first, then what it imports at once, and what that imports. */
function atOnce({ outputs }: Metafile, entry: string): readonly string[] {
  const found = new Set([entry])
  for (const output of found) for (const { path: file, kind } of outputs[output]!.imports) if (kind === 'import-statement' && outputs[file]) found.add(file)
  return [...found]
}
