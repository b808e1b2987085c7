import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { openSigner } from '../../cloud-sync/ledger/signing.ts'
import { checklistOf, CommissioningDesk, counted, reasonLabel, signCommissioning, telemetryOf, type CheckResult } from '../../firmware-config/commission/index.ts'
import type { Site } from '../cli/rooms.ts'
import type { CheckAnswer } from '../console/api/index.ts'
import type { CommissioningPort } from '../console/commissioning.ts'
import type { Clock } from '../contract/index.ts'
import type { Feed } from '../feed.ts'
import type { Logger } from '../kit/index.ts'
import type { LiveValues } from '../live.ts'
import type { GatewayStatus } from '../status.ts'
import { version } from '../version.ts'

export interface CommissioningParts { readonly site: Site; readonly clock: Clock; readonly log: Logger; readonly live: LiveValues; readonly feed: Feed; status(): GatewayStatus }

/** The page's desk over what the gateway knows. The site file is that of the start: what is tried is what runs. */
export async function commissioningPort({ site, clock, log, live, feed, status }: CommissioningParts): Promise<CommissioningPort & AsyncDisposable> {
  const siteFile = await readFile(site.file).then((text) => createHash('sha256').update(text).digest('hex'), () => '')
  const hasCity = site.uplinks.length > 0
  const desk = new CommissioningDesk({
    folder: path.join(site.store.path, 'commission'), checks: checklistOf(site.connections), hasCity, zone: site.site.timezone, clock, log,
    host: {
      readings: async () => live.readings(), telemetry: async () => telemetryOf(status()),
      listen: (heard) => feed.subscribe((item) => { if (item.kind === 'reading') heard(item.reading) }),
    },
    facts: () => ({ gateway: site.site.id, site: site.site.name, region: site.site.region, version, timeQuality: status().timeQuality, siteFile }),
    sign: async (report) => signCommissioning(report, await openSigner(site.store.path, log)),
  })
  const now = async (): ReturnType<CommissioningPort['now']> => { const { last, ...rest } = await desk.now(); return { ...rest, last: last ? shown(last.result, last.waiting) : null } }
  return {
    now,
    async view() {
      const { session, checks, reports } = await desk.view()
      return {
        session, reports: [...reports], now: await now(),
        checks: checks.map(({ point, deviceId, device, name, unit, place, result }) => ({ point, deviceId, device, name, unit: unit ?? null, place: place ?? null, result: result ? shown(result, false) : null })),
      }
    },
    begin: (by, resume) => desk.begin(by, resume),
    act: (order) => desk.act(order as Parameters<CommissioningDesk['act']>[0]),
    finish: () => desk.finish(),
    discard: () => desk.discard(),
    async report(id) {
      const { report: { commissioning, signature }, before } = await desk.report(id)
      return { report: { id, at: commissioning.endedAt, by: commissioning.by, ...counted(commissioning) }, keyId: signature.keyId, before: before ? { id: before.id, at: Number(before.id), differences: [...before.differences] } : null }
    },
    file: (id, kind) => desk.file(id, kind),
    [Symbol.asyncDispose]: () => desk[Symbol.asyncDispose](),
  }
}

/** `waiting`: for the city's receipt. */
function shown({ point, outcome, before, after, stimulusAt, seenAt, receivedAt, swappedWith, receipt, reason }: CheckResult, waiting: boolean): CheckAnswer {
  return {
    point, outcome, before: before ?? null, after: after ?? null, at: seenAt ?? null, afterMs: seenAt !== undefined && stimulusAt !== undefined ? seenAt - stimulusAt : null,
    toGatewayMs: seenAt !== undefined && receivedAt !== undefined ? receivedAt - seenAt : null, swappedWith: swappedWith ?? null, reason: reason === undefined ? null : reasonLabel(reason),
    receipt: waiting ? 'waiting' : receipt ? 'came' : receipt === null ? 'absent' : 'none', receiptMs: receipt?.afterMs ?? null,
  }
}
