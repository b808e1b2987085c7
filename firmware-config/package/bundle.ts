import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { builtinModules, createRequire } from 'node:module'
import path from 'node:path'
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild'
import { mergeStart } from './merge.ts'
import { moduleFile, packageFile, rewriteSource } from './rewrite.ts'

export interface Bundle {
  /** Project-relative files and folders that the sources read. */
  readonly assets: readonly string[]
  /** Folders whose code is in it, such as `node_modules/zod`. */
  readonly packages: readonly string[]
}

/** Where in the bundle its scripts are: two folders deep, see rewrite.ts. */
export const scripts = 'lib/js'
const rooms = /^(gateway|drivers|rules|cloud-sync|firmware-config)\//
const builtins = new RegExp(`^(node:.*|${builtinModules.join('|')})$`)
/** The OPC UA server belongs to the simulator, for developers; the lock is an option that no code of ours takes. */
const leftOut = ['node-opcua', 'proper-lockfile']
const shipped = (name: string): string => ['require("', '../../native/', name, '.node")'].join('')
/** Loaded while the store opens, by a gateway with Modbus or an MQTT broker. */
const soon = ['drivers/modbus/driver.ts', 'drivers/mqtt/driver.ts', 'drivers/mqtt/broker.ts']
/** Packages with a native part: the loader that looks for prebuilt files is replaced by the one file that is shipped. */
const natives: Readonly<Record<string, string>> = {
  'classic-level/binding.js': 'module.exports = ' + shipped('classic-level'),
  '@serialport/bindings-cpp/dist/serialport-bindings.js': 'exports.binding = ' + shipped('serialport'),
  'epoll/epoll.js': 'module.exports = ' + shipped('epoll'),
}

/**
 * `gateway/cli/main.ts` and all it reaches, as ES modules that share what they have in common: a command loads its own, a driver comes when
 * a site uses it. Written to `folder`/lib/js; the same input gives the same files. Throws what esbuild finds wrong.
 */
export async function bundle(root: string, folder: string): Promise<Bundle> {
  const out = path.join(folder, scripts)
  const [assets, modules, packages] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const gather: Plugin = {
    name: 'linli',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
        const relative = path.relative(root, file)
        if (!rooms.test(relative)) return null
        const found = rewriteSource(relative, await readFile(file, 'utf8'))
        for (const each of found.assets) assets.add(each)
        for (const each of found.modules) modules.add(each)
        for (const each of found.packages) packages.add(each)
        return { contents: found.text, loader: 'ts' }
      })
      builder.onLoad({ filter: /[/\\](binding|serialport-bindings|epoll)\.js$/ }, ({ path: file }) => {
        const contents = natives[path.relative(path.join(root, 'node_modules'), file)]
        return contents === undefined ? null : { contents, loader: 'js' }
      })
      // Node's own modules as packages import them; the sources' imports are rewritten.
      builder.onResolve({ filter: builtins }, ({ path: name, kind }) => (kind === 'import-statement' ? { path: name, namespace: 'builtin' } : { path: name, external: true }))
      builder.onLoad({ filter: /./, namespace: 'builtin' }, ({ path: name }) => ({ contents: `module.exports = require(${JSON.stringify(name)})`, loader: 'js' }))
      // A copy of Node's streams, 100 KB, which itself takes Node's when READABLE_STREAM=disable.
      builder.onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'node:stream', namespace: 'builtin' }))
      // What counts time in a browser's thread: mqtt takes it in a browser alone, and loads it everywhere.
      builder.onResolve({ filter: /^worker-timers$/ }, () => ({ path: 'worker-timers', namespace: 'nothing' }))
      builder.onLoad({ filter: /./, namespace: 'nothing' }, () => ({ contents: 'module.exports = {}', loader: 'js' }))
      builder.onResolve({ filter: /\.node$/ }, ({ path: file }) => ({ path: file, external: true }))
    },
  }
  const common = {
    absWorkingDir: root, bundle: true, platform: 'node', target: 'node24', minifySyntax: true, minifyWhitespace: true, legalComments: 'none', external: [...leftOut], plugins: [gather], metafile: true, logLevel: 'error',
  } satisfies BuildOptions
  await mkdir(out, { recursive: true })
  const [entry, start] = [path.join(root, 'gateway/cli/main.ts'), path.join(root, 'gateway/cli/start.ts')]
  const made: Metafile[] = []
  const modular = { ...common, metafile: true, format: 'esm', splitting: true, outdir: out, entryNames: '[name]', chunkNames: '[name]-[hash]', banner: { js: 'import{createRequire as requireFrom}from"node:module";const require=requireFrom(import.meta.url);' } } satisfies BuildOptions
  // The modules that start as threads are known only once the sources were read.
  const first = await build({ ...modular, entryPoints: [entry], write: false })
  const define = { LINLI_BUILD: JSON.stringify(await nameOf(root, first.outputFiles, assets)) }
  made.push((await build({ ...modular, define, entryPoints: [entry, ...[...modules].map((module) => path.join(root, module))] })).metafile)
  // Built for itself: chunks that it shared with the commands would be many more and smaller, and each costs a gateway's start.
  made.push((await build({ ...modular, define, entryPoints: [start], chunkNames: 'run-[name]-[hash]' })).metafile)
  await mergeStart(root, out, moduleFile('start.ts'), made.at(-1)!, soon)
  const require = createRequire(path.join(root, 'package.json'))
  for (const name of [...packages].toSorted()) made.push((await build({ ...common, metafile: true, format: 'cjs', entryPoints: [require.resolve(name)], outfile: path.join(out, packageFile(name)) })).metafile)
  await writeFile(path.join(folder, 'linli.mjs'), starter)
  return { assets: [...assets].toSorted(), packages: packagesIn(made) }
}

/** Another program, or another file that it ships, has another name: what one has checked is nothing to the other (gateway/build.ts). */
async function nameOf(root: string, outputs: readonly { readonly path: string; readonly hash: string }[], assets: ReadonlySet<string>): Promise<string> {
  const hash = createHash('sha256')
  for (const { path: file, hash: content } of outputs.toSorted((a, b) => (a.path < b.path ? -1 : 1))) hash.update(`${path.basename(file)} ${content}\n`)
  for (const asset of [...assets].toSorted()) {
    const at = path.join(root, asset)
    const files = (await stat(at)).isDirectory() ? (await readdir(at, { recursive: true, withFileTypes: true })).filter((each) => each.isFile()).map((each) => path.join(each.parentPath, each.name)).toSorted() : [at]
    for (const file of files) hash.update(path.relative(root, file)).update(await readFile(file))
  }
  return hash.digest('hex').slice(0, 32)
}

/** As linli.mjs of the project, without the search for Node. */
const starter = `#!/usr/bin/env node
import module from 'node:module'
module.enableCompileCache()
// Packages' own warnings: below node_modules Node leaves them out, in a bundle it does not know where they come from.
process.noDeprecation = true
const [command, file, ...more] = process.argv.slice(2)
// What a hundred commands take is nothing to a gateway: it starts by an entry of its own.
const { main } = await import(command === 'run' && file && !file.startsWith('-') && more.length === 0 ? './${scripts}/${moduleFile('start.ts')}' : './${scripts}/${moduleFile('main.ts')}')
await main()
`

const packagesIn = (made: readonly Metafile[]): readonly string[] => [...new Set(made.flatMap(({ inputs }) => Object.keys(inputs)).flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []))].toSorted()
