import { execFile } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { Command } from 'commander'
import { ConfigError } from '../../gateway/kit/errors.ts'
import { bashCompletion, fishCompletion, zshCompletion } from './completions.ts'
import { manPage } from './manual.ts'
import { settle, type Arch } from './stage.ts'

export interface DebParts {
  readonly arch: Arch
  /** What `stage` made. */
  readonly staged: string
  readonly node: string
  readonly nodeLicence: string
  readonly program: Command
  readonly version: string
  readonly epochS: number
  readonly bill: object
  readonly copyright: string
}

const run = promisify(execFile)
const files = path.join(import.meta.dirname, 'files')
const debArch: Readonly<Record<Arch, string>> = { x64: 'amd64', arm64: 'arm64' }
/** Where a file of `files` goes. */
const placed: Readonly<Record<string, string>> = {
  linli: 'usr/bin/linli', devices: 'usr/lib/linli/devices', 'linli.service': 'usr/lib/systemd/system/linli.service', 'linli-devices.service': 'usr/lib/systemd/system/linli-devices.service',
  'linli-devices.path': 'usr/lib/systemd/system/linli-devices.path', '60-linli.rules': 'usr/lib/udev/rules.d/60-linli.rules', 'sysusers.conf': 'usr/lib/sysusers.d/linli.conf', 'linli.env': 'etc/linli/linli.env',
}
const scripts = ['postinst', 'prerm', 'postrm']
const executables = /^(usr\/bin\/linli|usr\/lib\/linli\/(devices|bin\/node)|DEBIAN\/(postinst|prerm|postrm))$/

/** One .deb with Node in it, by dpkg-deb alone. The same parts give the same bytes. Returns its file. */
export async function makeDeb(out: string, work: string, parts: DebParts): Promise<string> {
  const { arch, version, epochS } = parts
  const put = async (file: string, content: string | Uint8Array): Promise<void> => { await mkdir(path.dirname(path.join(work, file)), { recursive: true }); await writeFile(path.join(work, file), content) }
  await cp(parts.staged, path.join(work, 'usr/lib/linli'), { recursive: true })
  await mkdir(path.join(work, 'usr/lib/linli/bin'), { recursive: true })
  await copyFile(parts.node, path.join(work, 'usr/lib/linli/bin/node'))
  await copyFile(parts.nodeLicence, path.join(work, 'usr/lib/linli/LICENSE.node'))
  for (const [from, to] of Object.entries(placed)) await put(to, await readFile(path.join(files, from)))
  const zipped = (text: string): Uint8Array => gzipSync(text, { level: 9 })
  await put('usr/share/man/man1/linli.1.gz', zipped(manPage(parts.program, version, new Date(epochS * 1_000).toISOString().slice(0, 10))))
  await put('usr/share/bash-completion/completions/linli', bashCompletion(parts.program))
  await put('usr/share/zsh/vendor-completions/_linli', zshCompletion(parts.program))
  await put('usr/share/fish/vendor_completions.d/linli.fish', fishCompletion(parts.program))
  await put('usr/share/doc/linli/copyright', parts.copyright)
  await put('usr/share/doc/linli/sbom.cdx.json', `${JSON.stringify(parts.bill, null, 1)}\n`)
  for (const script of scripts) await put(`DEBIAN/${script}`, await readFile(path.join(files, script)))
  await put('DEBIAN/conffiles', '/etc/linli/linli.env\n')
  await put('DEBIAN/control', [
    'Package: linli', `Version: ${version}`, `Architecture: ${debArch[arch]}`, 'Maintainer: Linli maintainers <maintainers@linli.invalid>', `Installed-Size: ${Math.ceil(await sizeOf(work) / 1_024)}`,
    'Depends: libc6 (>= 2.28), libstdc++6, adduser, systemd', 'Recommends: gpiod', 'Section: net', 'Priority: optional',
    'Description: edge gateway for neighbourhood facilities', ' Reads doors, sensors, meters and self-service terminals, decides and alerts', ' locally, and brings every event to the city platform. Node.js is in it.', '',
  ].join('\n'))
  await settle(work, epochS, (file) => executables.test(file))
  const file = path.join(out, `linli_${version}_${debArch[arch]}.deb`)
  await run('dpkg-deb', ['--root-owner-group', '-Zxz', '-z6', '--build', work, file], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SOURCE_DATE_EPOCH: String(epochS) } })
  return file
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(entries.filter((entry) => entry.isFile()).map(async (entry) => (await stat(path.join(entry.parentPath, entry.name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/**
 * One file with everything in it, by pkg: it makes a file of the folder's `bin`, with the folder as a file system inside. Its cache is
 * seeded with the Node that npm brought, under a home of its own, so that nothing is downloaded. Throws ConfigError PACKAGE_TOOL.
 */
export async function makeExecutable(root: string, out: string, home: string, parts: Pick<DebParts, 'arch' | 'staged' | 'node' | 'version'>): Promise<string> {
  const { arch, staged, node } = parts
  const pkg = path.join(root, 'node_modules/@yao-pkg/pkg')
  const { version: has } = JSON.parse(await readFile(path.join(pkg, 'package.json'), 'utf8')) as { readonly version: string }
  const [major = 0, minor = 0] = has.split('.').map(Number)
  // Before, --sea took one script and no files beside it, and asked the network for a checksum.
  if (major < 6 || (major === 6 && minor < 20)) throw new ConfigError('PACKAGE_TOOL', `the single file for ${arch} needs @yao-pkg/pkg 6.20 or newer, which takes a folder; ${has} is installed. Run npm install --save-dev @yao-pkg/pkg@6.23.0`)
  const name = `node-v${process.versions.node}-linux-${arch}`
  const cache = path.join(home, '.pkg-cache/sea')
  await mkdir(path.join(cache, name, 'bin'), { recursive: true })
  // Sentinels: the archive was downloaded and verified, and is unpacked.
  for (const file of [`${name}.tar.gz`, `${name}.tar.gz.ok`, `${name}/bin/node.ok`]) await writeFile(path.join(cache, file), '')
  await copyFile(node, path.join(cache, name, 'bin/node'))
  await chmod(path.join(cache, name, 'bin/node'), 0o755)
  const file = path.join(out, `linli-linux-${arch}`)
  const tools = path.join(home, 'bin')
  await mkdir(tools, { recursive: true })
  // pkg calls `node` by name: the same version makes the blob.
  await symlink(process.execPath, path.join(tools, 'node')).catch(() => {})
  await run(process.execPath, [path.join(pkg, 'lib-es5/bin.js'), '.', '--sea', '-t', `node${process.versions.node}-linux-${arch}`, '--output', file], {
    cwd: staged, env: { HOME: home, PATH: `${tools}:/usr/local/bin:/usr/bin:/bin`, TMPDIR: home }, maxBuffer: 1 << 26,
  })
  // pkg tells of no failure of its own.
  const size = (await stat(file).catch(() => null))?.size ?? 0
  if (size <= (await stat(node)).size) throw new ConfigError('PACKAGE_TOOL', `pkg made no single file for ${arch} of ${staged}; run it by hand in that folder and read what it says`)
  return file
}
