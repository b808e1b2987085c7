import { execFile } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer, connect, type Socket } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { freePort, listening } from './resources.ts'
import { findTool } from './tools.ts'
import { child } from './resources.ts'

/** Debian's scripts around these only run as root; the programs themselves run as anybody. */
const bin = '/usr/lib/rabbitmq/bin'
export const rabbitQueue = 'linli'

export interface RabbitNode { readonly name: string; readonly mqtt: number; readonly amqp: number; kill(): Promise<void> }
export interface RabbitCluster {
  readonly nodes: readonly RabbitNode[]
  /** One address for all nodes, as a load balancer gives it: a new connection goes to the first that lives. */
  readonly url: string
  ctl(node: RabbitNode, ...args: readonly string[]): Promise<string>
}

/** Three nodes of RabbitMQ with the MQTT plugin, and a quorum queue bound to all records that gateways send (docs/platform/operations.md). */
export async function rabbitCluster(folder: string): Promise<RabbitCluster> {
  await chmod(folder, 0o755)
  const epmd = await freePort()
  const nodes: RabbitNode[] = []
  const common = { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8', ERL_EPMD_PORT: String(epmd), ERL_EPMD_ADDRESS: '127.0.0.1', RABBITMQ_CONF_ENV_FILE: '/dev/null' }
  await writeFile(path.join(folder, '.erlang.cookie'), 'linlitests', { mode: 0o400 })
  const ctl: RabbitCluster['ctl'] = async ({ name }, ...args) => (await promisify(execFile)(path.join(bin, 'rabbitmqctl'), ['-q', '-n', name, ...args], { env: common, timeout: 120_000 })).stdout
  child(findTool('epmd')!, ['-port', String(epmd), '-address', '127.0.0.1'], { stdio: 'ignore' })
  for (const name of ['r1@localhost', 'r2@localhost', 'r3@localhost']) nodes.push(await startNode(name, folder, common))
  await Promise.all(nodes.map((node) => ctl(node, 'await_startup')))
  for (const node of nodes.slice(1)) {
    await ctl(node, 'stop_app')
    await ctl(node, 'join_cluster', nodes[0]!.name)
    await ctl(node, 'start_app')
  }
  const definitions = path.join(folder, 'definitions.json')
  await writeFile(definitions, JSON.stringify({
    queues: [{ name: rabbitQueue, vhost: '/', durable: true, auto_delete: false, arguments: { 'x-queue-type': 'quorum', 'x-quorum-initial-group-size': 3 } }],
    bindings: [{ source: 'amq.topic', vhost: '/', destination: rabbitQueue, destination_type: 'queue', routing_key: 'linli.v1.*.*.up.#', arguments: {} }],
  }))
  await ctl(nodes[0]!, 'import_definitions', definitions)
  return { nodes, url: `mqtt://127.0.0.1:${await balancer(nodes)}`, ctl }
}

async function startNode(name: string, folder: string, common: Readonly<Record<string, string | undefined>>): Promise<RabbitNode> {
  const home = path.join(folder, name)
  await mkdir(home)
  const [amqp, mqtt, dist] = [await freePort(), await freePort(), await freePort()]
  await writeFile(path.join(home, 'rabbitmq.conf'), `listeners.tcp.1 = 127.0.0.1:${amqp}\nmqtt.listeners.tcp.1 = 127.0.0.1:${mqtt}\nmqtt.allow_anonymous = true\nlog.console = false\n`)
  await writeFile(path.join(home, 'enabled_plugins'), '[rabbitmq_mqtt].\n')
  const running = child(path.join(bin, 'rabbitmq-server'), [], {
    stdio: 'ignore', detached: true,
    env: { ...common, RABBITMQ_NODENAME: name, RABBITMQ_NODE_PORT: String(amqp), RABBITMQ_DIST_PORT: String(dist), RABBITMQ_MNESIA_BASE: home, RABBITMQ_LOG_BASE: home, RABBITMQ_CONFIG_FILE: path.join(home, 'rabbitmq.conf'), RABBITMQ_ENABLED_PLUGINS_FILE: path.join(home, 'enabled_plugins') },
  })
  // The server is a child of its script: the group dies as one.
  const kill = async (): Promise<void> => {
    if (running.exitCode !== null || running.signalCode !== null) return
    const gone = new Promise((resolve) => running.once('exit', resolve))
    process.kill(-running.pid!, 'SIGKILL')
    await gone
  }
  onTestFinished(kill)
  await listening(mqtt, 90_000)
  return { name, amqp, mqtt, kill }
}

async function balancer(nodes: readonly RabbitNode[]): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client.on('error', () => {}))
    const attempt = ([node, ...others]: readonly RabbitNode[]): void => {
      if (!node) { client.destroy(); return }
      const upstream = connect(node.mqtt, '127.0.0.1')
      upstream.once('error', () => { upstream.destroy(); attempt(others) })
      upstream.once('connect', () => {
        upstream.removeAllListeners('error')
        sockets.add(upstream.on('error', () => {}))
        client.pipe(upstream).pipe(client)
        client.once('close', () => upstream.destroy())
        upstream.once('close', () => client.destroy())
      })
    }
    attempt(nodes)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  onTestFinished(() => { for (const socket of sockets) socket.destroy(); server.close() })
  return (server.address() as { port: number }).port
}
