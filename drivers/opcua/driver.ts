import type { Driver } from '../../gateway/contract/index.ts'
import { describe, DriverError } from '../../gateway/kit/index.ts'
import { openLink } from './link.ts'
import { survey } from './nodes.ts'
import type { OpcuaAddress, OpcuaConnection, OpcuaDevice } from './schema.ts'
import { OpcuaSession } from './session.ts'
import { bare } from './status.ts'

/** OPC UA client: one channel, one session, one subscription a connection. */
export const opcuaDriver: Driver<OpcuaConnection, OpcuaDevice, OpcuaAddress> = {
  name: 'opcua',
  async connect(config, kit, signal) {
    const link = await openLink(config.id, config.settings, kit, signal)
    try {
      return new OpcuaSession(config, kit, link, await survey(link.session, config, kit.clock))
    } catch (cause) {
      await link.close(true)
      signal.throwIfAborted()
      throw new DriverError('OPCUA_CONNECT_FAILED', `connection ${config.id}: ${config.settings.endpoint} opened a session and does not answer reads (${describe(cause)}); look at the server`, { cause: bare(cause), retriable: true })
    }
  },
}
