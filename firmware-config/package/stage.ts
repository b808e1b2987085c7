import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readFile, utimes, writeFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe } from '../../gateway/kit/errors.ts'
import type { Bundle } from './bundle.ts'

export type Arch = 'x64' | 'arm64'
const run = promisify(execFile)
const compilers: Readonly<Record<Arch, readonly string[]>> = { x64: process.arch === 'x64' ? ['g++'] : ['x86_64-linux-gnu-g++'], arm64: process.arch === 'arm64' ? ['g++'] : ['aarch64-linux-gnu-g++'] }
const prebuilt: Readonly<Record<Arch, readonly (readonly [string, string])[]>> = {
  x64: [['classic-level.node', 'classic-level/prebuilds/linux-x64/classic-level.node'], ['serialport.node', '@serialport/bindings-cpp/prebuilds/linux-x64/@serialport+bindings-cpp.glibc.node']],
  arm64: [['classic-level.node', 'classic-level/prebuilds/linux-arm64/classic-level.armv8.node'], ['serialport.node', '@serialport/bindings-cpp/prebuilds/linux-arm64/@serialport+bindings-cpp.armv8.glibc.node']],
}
/** The codec of photos reads these by its package's name. */
const wasm = ['@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm', '@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm']

/** What the bundle reads, and the native parts of one kind of machine, beside its scripts. Returns what could not be built, in words. */
export async function stage(root: string, folder: string, arch: Arch, { assets }: Bundle): Promise<readonly string[]> {
  for (const asset of assets) await cp(path.join(root, asset), path.join(folder, asset), { recursive: true, filter: (file) => !/\.(ts|md)$/.test(file) })
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as Record<'name' | 'version' | 'description' | 'license', string>
  const { name, version, description, license } = manifest
  const pkg = { sea: true, assets: ['lib/**/*', 'native/*', 'node_modules/**/*', ...assets.map((asset) => `${asset.replace(/\/$/, '')}{,/**/*}`)] }
  await writeFile(path.join(folder, 'package.json'), `${JSON.stringify({ name, version, description, license, type: 'module', bin: { linli: 'linli.mjs' }, pkg }, null, 2)}\n`)
  const modules = path.join(root, 'node_modules')
  const native = path.join(folder, 'native')
  await mkdir(native, { recursive: true })
  for (const [to, from] of prebuilt[arch]) await cp(path.join(modules, from), path.join(native, to))
  for (const file of wasm) await cp(path.join(modules, file), path.join(folder, 'node_modules', file))
  return compileEpoll(modules, path.join(native, 'epoll.node'), arch)
}

/** onoff's edge events (GPIO through sysfs). Bound to one Node's ABI, and shipped by nobody: compiled here with that Node's headers. */
async function compileEpoll(modules: string, out: string, arch: Arch): Promise<readonly string[]> {
  const headers = path.join(modules, `node-linux-${process.arch}`, 'include/node')
  const [compiler] = compilers[arch]
  try {
    await run(compiler!, ['-O2', '-shared', '-fPIC', '-std=c++20', '-w', '-s', '-DNODE_GYP_MODULE_NAME=epoll', '-DBUILDING_NODE_EXTENSION', '-DV8_DEPRECATION_WARNINGS=0',
      `-I${headers}`, `-I${path.join(modules, 'nan')}`, path.join(modules, 'epoll/src/epoll.cc'), '-o', out])
    return []
  } catch (cause) {
    return [`${arch}: the native part of onoff was not built (${describe(cause).split('\n')[0]}); GPIO through sysfs is missing in it, the character device works. Install ${compiler}`]
  }
}

/** Every file and folder gets one time and plain rights, so that the same input gives the same package. */
export async function settle(folder: string, epochS: number, executable: (file: string) => boolean): Promise<void> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of found.toReversed()) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) continue
    await chmod(file, entry.isDirectory() || executable(path.relative(folder, file)) ? 0o755 : 0o644)
    await utimes(file, epochS, epochS)
  }
  await utimes(folder, epochS, epochS)
}
