// npm run package [-- --arch x64|arm64] [--only deb|executable] [--out FOLDER] [--version V]: the .deb and the single file of each kind of machine, into dist/.
// Offline but for the Node of the other kind of machine, which npm fetches once and the lockfile's hash checks.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

const root = path.resolve(import.meta.dirname, '..')
const own = path.join(root, 'node_modules/.bin/node')
if (Number(process.versions.node.split('.')[0]) < 24) process.exit(spawnSync(own, process.argv.slice(1), { stdio: 'inherit' }).status ?? 1)
spawnSync(own, [path.join(root, 'scripts/console.mjs')], { stdio: 'inherit' })

const { values: asked } = parseArgs({ options: { arch: { type: 'string' }, only: { type: 'string' }, out: { type: 'string', default: path.join(root, 'dist') }, version: { type: 'string' } } })
const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages
const version = asked.version ?? lock[''].version ?? JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version
const epochS = Number(process.env.SOURCE_DATE_EPOCH ?? spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).stdout) || 1_577_836_800
const archs = asked.arch ? [asked.arch] : ['x64', 'arm64']
const out = path.resolve(asked.out)
const work = path.join(out, '.work')
const say = (text) => process.stderr.write(`package: ${text}\n`)

/** The Node of a kind of machine: as npm installed it here, else fetched by npm and checked against the lockfile. */
function nodeFolder(arch) {
  const name = `node-linux-${arch}`
  const here = path.join(root, 'node_modules', name)
  if (existsSync(path.join(here, 'bin/node'))) return here
  const kept = path.join(root, 'build', `${name}-${lock[`node_modules/${name}`].version}`)
  if (existsSync(path.join(kept, 'package/bin/node'))) return path.join(kept, 'package')
  mkdirSync(kept, { recursive: true })
  say(`fetching ${name} with npm …`)
  const packed = spawnSync('npm', ['pack', '--silent', '--prefer-offline', `${name}@${lock[`node_modules/${name}`].version}`], { cwd: kept, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  const file = path.join(kept, packed.stdout.trim().split('\n').at(-1) ?? '')
  const sum = packed.status === 0 ? `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}` : ''
  if (sum !== lock[`node_modules/${name}`].integrity) { rmSync(kept, { recursive: true, force: true }); say(`${name} could not be fetched, or is not what the lockfile says; npm install it, or build with --arch ${process.arch}`); process.exit(1) }
  spawnSync('tar', ['-xzf', file, '-C', kept], { stdio: 'inherit' })
  rmSync(file)
  return path.join(kept, 'package')
}

const [{ bundle }, { stage, settle }, { makeDeb, makeExecutable }, { billOfMaterials, copyrightText }, { program }] = await Promise.all([
  import('../firmware-config/package/bundle.ts'), import('../firmware-config/package/stage.ts'), import('../firmware-config/package/deb.ts'), import('../firmware-config/package/bill.ts'), import('../gateway/cli/main.ts'),
])
rmSync(work, { recursive: true, force: true })
let missed = false
const made = []
for (const arch of archs) {
  const staged = path.join(work, arch, 'staged')
  const found = await bundle(root, staged)
  for (const line of await stage(root, staged, arch, found)) { say(line); missed = true }
  await settle(staged, epochS, () => false)
  const home = nodeFolder(arch)
  const parts = {
    arch, staged, node: path.join(home, 'bin/node'), nodeLicence: path.join(home, 'LICENSE'), program, version, epochS,
    bill: await billOfMaterials(root, found.packages, { version, node: process.versions.node, epochS }), copyright: await copyrightText(root, found.packages),
  }
  if (asked.only !== 'executable') made.push(await makeDeb(out, path.join(work, arch, 'deb'), parts))
  if (asked.only === 'deb') continue
  // The .deb is of use without it.
  try { made.push(await makeExecutable(root, out, path.join(work, 'home'), parts)) } catch (error) { say(error.message); missed = true }
}
if (!process.env.LINLI_KEEP_WORK) rmSync(work, { recursive: true, force: true })
for (const file of made) {
  console.log(`${path.relative(process.cwd(), file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB  sha256 ${createHash('sha256').update(readFileSync(file)).digest('hex')}`)
}
process.exit(missed ? 1 : 0)
