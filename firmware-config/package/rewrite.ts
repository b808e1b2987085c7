import path from 'node:path'

/** A source as the bundle takes it: what it names beside itself is named from the bundle's folder. All paths are relative to the project. */
export interface Rewritten {
  readonly text: string
  /** Files and folders it reads. */
  readonly assets: readonly string[]
  /** Modules it starts in a thread of their own. */
  readonly modules: readonly string[]
  /** Packages it loads when it first needs them. */
  readonly packages: readonly string[]
}

/** The bundle's scripts stand two folders below its root. */
const toRoot = '../../'
/** A CommonJS package that is imported late has only a default in the bundle, where Node finds the names that it exports. */
const withNames = '.then((found)=>Object.keys(found).join()===\'default\'?{...found.default,default:found.default}:found)'
/** Every gateway loads them: a file of their own would only be one more to read, and mqtt-packet twice in the house: what is set in one (`cacheNumbers`) would not hold in the other. */
const always = new Set(['mqtt-packet', 'mqtt/lib/client', 'yaml'])

export const moduleFile = (module: string): string => `${path.basename(module, '.ts')}.js`
export const packageFile = (name: string): string => `${name.replace(/^@/, '').replaceAll('/', '-')}.cjs`

/**
 * Two idioms of the sources: `new URL('x', import.meta.url)` names a file beside the source, and `createRequire(import.meta.url)('x')` loads
 * a package late. So a source says once where its files are, and the bundle cannot forget one. And two kinds of imports, which stand on one
 * line: zod's, and those of Node's own modules.
 */
export function rewriteSource(file: string, source: string): Rewritten {
  const [assets, modules, packages]: string[][] = [[], [], []]
  const text = source
    // By its namespace esbuild sees what is used of it: the rest, most of it messages in forty languages, is left out.
    .replace(/^import \{ z \} from 'zod'$/m, "import * as z from 'zod'")
    .replace(/^import (?:(\w+)|\{([^}]*)\}) from '(node:[^']+)'$/gm, (_, whole: string | undefined, names = '', name: string) => required(whole ?? destructured(names), name))
    .replace(/new URL\('([^']+)', import\.meta\.url\)/g, (_, relative: string) => {
      const named = path.posix.join(path.posix.dirname(file), relative)
      if (named.endsWith('.ts')) { modules!.push(named); return `new URL('./${moduleFile(named)}', import.meta.url)` }
      assets!.push(named)
      return `new URL('${toRoot}${named}', import.meta.url)`
    })
    .replace(/createRequire\(import\.meta\.url\)\('([^']+)'\)/g, (_, name: string) => {
      if (always.has(name)) return `require('${name}')`
      packages!.push(name)
      return `createRequire(import.meta.url)('./${packageFile(name)}')`
    })
    // One Chinese character of a regular expression, which esbuild leaves as it is, and V8 keeps the whole file at two bytes a character.
    .replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/(await |return |=> )import\('([^'.][^']*)'\)/g, (whole, _, name: string) => (name.startsWith('node:') ? whole : whole + withNames))
  return { text, assets: assets!, modules: modules!, packages: packages! }
}

/** An import of `node:http` asks it for every export, and it answers with all of fetch (30 ms, 3 MB); require asks for none. */
const required = (what: string, name: string): string => (what === '' ? '' : `const ${what} = require('${name}')`)

function destructured(names: string): string {
  const kept = names.split(',').map((name) => name.trim()).filter((name) => name !== '' && !name.startsWith('type '))
  return kept.length === 0 ? '' : `{ ${kept.map((name) => name.replace(' as ', ': ')).join(', ')} }`
}
