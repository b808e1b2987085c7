import { connect, type ConsumeMessage } from 'amqplib'
import { expect, onTestFinished } from 'vitest'
import { createVerifier } from '../../cloud-sync/verify/verifier.ts'
import { event } from '../support/journals.ts'
import { rabbitCluster, rabbitQueue, type RabbitNode } from '../support/rabbitmq.ts'
import { tempFolder } from '../support/resources.ts'
import { itWith } from '../support/tools.ts'
import { realJournal, startUplink } from '../support/uplinks.ts'

/** Everything in the quorum queue, read through a node that lives, until it is empty. */
async function consume({ amqp }: RabbitNode, expected: number): Promise<readonly ConsumeMessage[]> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${amqp}`)
  onTestFinished(() => connection.close().catch(() => {}))
  const channel = await connection.createChannel()
  const all: ConsumeMessage[] = []
  await channel.consume(rabbitQueue, (message) => { if (message) { all.push(message); channel.ack(message) } })
  await expect.poll(() => new Set(all.map(({ content }) => idOf(content))).size, { timeout: 60_000, interval: 100 }).toBeGreaterThanOrEqual(expected)
  return all
}
const idOf = (content: Buffer): string => (JSON.parse(content.toString()) as { id: string }).id

for (const victim of ['the node that the gateway talks to', 'the leader of the queue'] as const) {
  itWith('rabbitmqctl')(`kill -9 of ${victim} in a cluster of three loses nothing that was acknowledged, and nothing that was produced`, async () => {
    const cluster = await rabbitCluster(await tempFolder())
    const [first] = cluster.nodes
    const { journal, reader } = await realJournal()
    const { uplink } = startUplink(journal, reader, { url: cluster.url })
    const total = 6_000
    const produced = (async () => { for (let n = 1; n <= total; n += 20) await journal.commit({ events: Array.from({ length: 20 }, (_, index) => event(n + index)) }) })()
    await expect.poll(() => uplink.status().acked, { timeout: 60_000 }).toBeGreaterThan(500)
    const leader = (await cluster.ctl(first!, 'list_queues', 'name', 'leader', '--no-table-headers')).trim().split(/\s+/)[1]
    const dying = victim === 'the leader of the queue' ? cluster.nodes.find(({ name }) => name === leader)! : first!
    await dying.kill()
    await produced
    await expect.poll(() => Object.values(reader.backlog()).reduce((sum, { records }) => sum + records, 0), { timeout: 120_000, interval: 200 }).toBe(0)
    const verifier = createVerifier({ fromStart: true })
    const numbers = new Set<number>()
    for (const { fields, content } of await consume(cluster.nodes.find((node) => node !== dying)!, total)) {
      const record = verifier.accept(fields.routingKey.replaceAll('.', '/'), content)
      if (record?.stream === 'event') numbers.add(record.data.n as number)
    }
    expect(numbers.size).toBe(total)
    expect(verifier.report()).toMatchObject({ holes: [], chainBreaks: [], invalid: 0 })
  })
}
