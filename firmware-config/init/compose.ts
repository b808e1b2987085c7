import { currentVersion } from '../site/migrations/index.ts'
import type { PlainObject } from '../site/plain.ts'
import type { Path } from '../site/problems.ts'
import { brokerId, pinsId, sounderDevice, type Answers, type ContactKind } from './answers.ts'

/** A site as plain values, where each part of it was answered, and the secrets that it names and that have to be made. */
export interface Composed {
  readonly site: PlainObject
  /** Where in the answers a path of the site was told. */
  answered(path: Path): Path
  readonly secrets: readonly string[]
}

/** Below the site file's folder. */
export const secretFile = (name: string): string => `secrets/${name}.password`

/** `driverOf`: of a profile, undefined for one that is not there. `store`: the data folder. Pure; whether the result is a good site file is for the site's own check. */
export function compose(answers: Answers, driverOf: (profile: string) => string | undefined, store = './data'): Composed {
  const { site, places, lines, broker, devices, gpio, sounder, people, duty, platform, console } = answers
  const contacts = gpio?.contacts ?? []
  const relay = sounder !== undefined && 'line' in sounder ? sounder.line : undefined
  const pins = gpio !== undefined || relay !== undefined
  const accounts = devices.filter(({ profile, via }) => driverOf(profile) === 'mqtt' && via === undefined)
  const alarms = contacts.filter((contact): contact is Contact & { kind: AlarmKind } => contact.kind !== 'door')
  const doors = contacts.filter(({ kind }) => kind === 'door')
  const whole: PlainObject = bare({
    linli: currentVersion,
    site: bare({ id: site.id, name: site.name, region: site.region, grid: site.grid && bare(site.grid), timezone: site.timezone }),
    store: { path: store },
    console: console && bare({ enabled: true, listen: { host: console.host, port: console.port }, hosts: console.hosts, tls: console.tls, plainHttp: console.plainHttp }),
    places: some(places),
    connections: [
      ...lines.map(({ id, serial, baudRate, parity, host, port }) => bare(serial === undefined ? { id, driver: 'modbus', host, port } : { id, driver: 'modbus', transport: 'rtu', path: serial, baudRate, parity })),
      ...(broker ? [{ id: brokerId, driver: 'mqtt', listen: broker }] : []),
      ...(pins ? [bare({ id: pinsId, driver: 'gpio', chip: gpio?.chip })] : []),
    ],
    devices: [
      ...devices.map(({ id, name, profile, place, line, unitId, via, variables }) => bare({
        id, name, connection: line ?? connectionOf(driverOf(profile)), profile, place, unitId, via, variables, password: accounts.some((account) => account.id === id) ? { file: secretFile(id) } : undefined,
      })),
      ...contacts.map((contact) => contactDevice(contact, gpio!.pull)),
      ...(relay === undefined ? [] : [{ id: sounderDevice, name: { zh: '声光报警', en: 'sounder' }, connection: pinsId, points: { on: { name: { zh: '声响', en: 'sound' }, type: 'boolean', line: relay, direction: 'out', writable: true } } }]),
    ],
    rules: some(alarms.map(({ id, name, kind }) => ({
      id: `${id}-alarm`.slice(-48).replace(/^-/, 'x'), kind: 'condition', inputs: { contact: `${id}.${pointOf[kind]}` }, when: 'contact', severity: severityOf[kind], title: { zh: `${name.zh}${alarmWords[kind].zh}`, en: `${name.en}: ${alarmWords[kind].en}` },
    }))),
    doors: some(doors.map(({ id, name, place }) => bare({ id, name, place, contact: `${id}.open` }))),
    people: some(people.map(bare)),
    shifts: duty.length > 0 ? [{ id: 'front-desk', name: { zh: '值班', en: 'on duty' }, plan: duty.map(({ when, people: who }) => ({ when: [...when], people: who })) }] : undefined,
    sounders: sounder && [{ id: 'house', points: ['point' in sounder ? sounder.point : `${sounderDevice}.on`] }],
    uplinks: platform && [bare({
      id: 'city', url: platform.url, username: platform.username, password: platform.password, ca: platform.ca ?? (platform.certificate ? credential(store, 'ca.pem') : undefined),
      cert: platform.certificate ? credential(store, 'cert.pem') : undefined, key: platform.certificate ? credential(store, 'key.pem') : undefined,
    })],
  })
  return { site: whole, secrets: accounts.map(({ id }) => secretFile(id)), answered: (path) => answered(path, answers, { alarms, doors }) }
}

type Contact = NonNullable<Answers['gpio']>['contacts'][number]
type AlarmKind = Exclude<ContactKind, 'door'>
const pointOf: Readonly<Record<ContactKind, string>> = { door: 'open', smoke: 'alarm', leak: 'alarm', button: 'pressed' }
const severityOf: Readonly<Record<AlarmKind, 1 | 2>> = { smoke: 1, leak: 2, button: 2 }
const alarmWords = { smoke: { zh: '烟雾报警', en: 'smoke alarm' }, leak: { zh: '漏水', en: 'water leak' }, button: { zh: '求助', en: 'somebody calls' } } as const
const pointWords = { door: { zh: '门已开', en: 'door open' }, smoke: { zh: '烟感', en: 'smoke' }, leak: { zh: '水浸', en: 'water' }, button: { zh: '按钮', en: 'button' } } as const

/** Where linli enrol puts them. */
const credential = (store: string, name: string): string => `${store.replace(/^\.\//, '')}/tls/city/${name}`
const connectionOf = (driver: string | undefined): string | undefined => (driver === 'mqtt' ? brokerId : undefined)

/** On = the contact is not as it is at rest. Between line and ground with a pull-up a closed contact is low. */
const contactDevice = ({ id, name, kind, line, place, rest }: Contact, pull: boolean): PlainObject => bare({
  id, name, connection: pinsId, place,
  points: { [pointOf[kind]]: bare({ name: pointWords[kind], type: 'boolean', line, activeLow: rest === 'open' ? true : undefined, pull: pull ? 'up' : undefined, urgent: true }) },
})

/** Keys without a value are left out. */
const bare = (object: object): PlainObject => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as PlainObject
const some = <T extends object>(list: T): T | undefined => (Object.keys(list).length > 0 ? list : undefined)

function answered(path: Path, { lines, devices, gpio, sounder }: Answers, { alarms, doors }: { readonly alarms: readonly Contact[]; readonly doors: readonly Contact[] }): Path {
  const [list, at, ...rest] = path
  const contactAt = (contact: Contact | undefined): Path => ['gpio', 'contacts', gpio?.contacts.indexOf(contact!) ?? 0, ...rest.filter((part) => part === 'id' || part === 'name' || part === 'place')]
  if (list === 'uplinks') return ['platform', ...rest]
  if (list === 'shifts') return rest[0] === 'plan' ? ['duty', ...rest.slice(1)] : ['duty']
  if (list === 'sounders') return ['sounder', ...(sounder !== undefined && 'point' in sounder ? ['point'] : [])]
  if (list === 'console') return at === 'listen' ? ['console', ...rest] : path
  if (typeof at !== 'number') return list === 'store' || list === 'control' ? [] : path
  if (list === 'connections') return at < lines.length ? ['lines', at, ...rest.map((part) => (part === 'path' ? 'serial' : part))] : [rest[0] === 'listen' ? 'broker' : 'gpio', ...rest.slice(1)]
  if (list === 'devices' && at < devices.length) return ['devices', at, ...rest.map((part) => (part === 'connection' ? 'line' : part))]
  if (list === 'devices') return at - devices.length < (gpio?.contacts.length ?? 0) ? ['gpio', 'contacts', at - devices.length, ...(rest[0] === 'points' ? rest.slice(2) : rest)] : ['sounder', ...rest.slice(2)]
  if (list === 'rules') return contactAt(alarms[at])
  if (list === 'doors') return contactAt(doors[at])
  return path
}
