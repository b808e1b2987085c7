// Builds epoll, which onoff needs for GPIO edges, for the Node that runs the gateway, with the headers beside that Node. Wants make and g++.
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const folder = path.join(root, 'node_modules/epoll')
const loads = () => spawnSync(process.execPath, ['-e', 'require("epoll")'], { cwd: root }).status === 0
const say = (text) => console.log(`native: ${text}`)

if (!existsSync(folder)) { say('epoll is not installed; run npm ci'); process.exit(1) }
if (loads()) { say(`epoll already loads in ${process.version}`); process.exit(0) }

// epoll is bound to one Node's ABI: it must be compiled against the headers of exactly this one.
const prefix = path.dirname(path.dirname(realpathSync(process.execPath)))
const npmRoot = process.env.npm_execpath ? path.dirname(path.dirname(process.env.npm_execpath)) : '/usr/lib/node_modules/npm'
const gyp = createRequire(path.join(npmRoot, 'package.json')).resolve('node-gyp/bin/node-gyp.js')
const headers = existsSync(path.join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : []
const build = spawnSync(process.execPath, [gyp, 'rebuild', '--silent', ...headers], { cwd: folder, stdio: 'inherit', env: { ...process.env, npm_config_nodedir: prefix } })
if (build.status === 0 && loads()) say(`epoll built for ${process.version}`)
else { say(`epoll could not be built for ${process.version}; GPIO stays unavailable. Install make and g++, then run it again`); process.exit(1) }
