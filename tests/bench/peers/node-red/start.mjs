// Node-RED without its editor, on flows and functions of the bench; its folder goes when the process does.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import RED from 'node-red'

export async function startRed(nodes, functionGlobalContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'linli-node-red-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(path.join(folder, 'flows.json'), JSON.stringify([{ id: 'tab', type: 'tab', label: 'bench' }, ...nodes]))
  RED.init(createServer(), { userDir: folder, flowFile: 'flows.json', disableEditor: true, httpAdminRoot: false, httpNodeRoot: false, telemetry: { enabled: false }, logging: { console: { level: 'off' } }, functionGlobalContext })
  await RED.start()
}
