import type { Json } from '../contract/index.ts'

/** What must not leave the box, as far as its own files tell. */
export interface Known {
  /** Passwords, tokens, phone numbers: as they are. */
  readonly secrets: readonly string[]
  readonly people: readonly { readonly id: string; readonly names: readonly string[] }[]
}

export interface Scrubber {
  text(text: string): string
  /** Every string in it, and whatever stands under a name such as `password`. Shape and numbers stay. */
  json(value: unknown): Json
}

const removed = '[redacted]'
/** Shorter ones are no secrets, and taking them out would leave nothing readable. */
const shortestSecret = 3
const wholeWordBelow = 6
const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
const maxDepth = 40

/** Each takes out one kind of thing. Order matters: what is known first, what only looks like something last. No part that may repeat is without an end: lines are hostile. */
const patterns = {
  pem: (text) => text.replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, removed),
  /** User and password, also unescaped or percent-encoded; one-time addresses; what a query calls a token. */
  url: (text) => text
    .replace(/(:\/\/)[^\s"'<>/?#:@]+:(?!\d{1,5}(?:\/|$))[^\s"'<>]*@/g, `$1${removed}@`)
    .replace(/(:\/\/)[^\s"'<>/?#]*@/g, `$1${removed}@`)
    .replace(/(%3A%2F%2F)\S*?%40/gi, `$1${removed}%40`)
    .replace(/([?&#][\w.-]*(?:token|key|secret|sign|sig|pass|auth|code|ticket|session|open)[\w.-]*=)[^&\s"'#<>]+/gi, `$1${removed}`),
  /** `password=…`, `"token": "…"`, `Authorization: Bearer …`, and their Chinese words. */
  named: (text) => text
    .replace(/(authorization\\?["']?\s*[:=]\s*\\?["']?)[^"'\\\r\n]+/gi, `$1${removed}`)
    .replace(/\b(bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{6,}/gi, `$1 ${removed}`)
    .replace(/([\w.-]{0,24}(?:password|passwd|passphrase|\bpwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|cookie|session)(?:[-_]?(?:id|value))?|密码|口令|密钥|令牌)(\\?["']?\s*[:=：]\s*\\?["']?)(?!\[)[^\s"'\\,;&}\]]+/gi, `$1$2${removed}`),
  pin: (text) => text.replace(/\b(pin(?:\s*code)?\\?["']?\s*[:=]?\s*\\?["']?)\d{4,8}(?!\d)/gi, `$1${removed}`),
  phone: (text) => text
    .replace(/(?<![\dA-Za-z.])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![\d.])/g, '[phone]')
    .replace(/(?<![\dA-Za-z.-])0\d{2,3}-\d{7,8}(?![\d-])/g, '[phone]')
    .replace(/(?<![\dA-Za-z])\+\d{1,3}[- ]?\d{6,12}(?!\d)/g, '[phone]'),
  /** Of a person, a bank, a door. */
  card: (text) => text
    .replace(/(?<![\dA-Za-z.])\d{17}[\dXx](?![\dA-Za-z])/g, '[number]')
    .replace(/(?<![\dA-Za-z.])\d{15,19}(?![\dA-Za-z])/g, '[number]')
    .replace(/((?:\bcard|\bbadge|\buid|卡)(?:[ _-]?(?:no|number|id|nr)|号)?\W{0,4})(?=[0-9A-Fa-f]*\d)[0-9A-Fa-f]{6,16}(?![0-9A-Za-z])/gi, '$1[number]'),
  mail: (text) => text.replace(/[^\s@<>,;"':/()=\\]{1,64}@(?=[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)/g, (found) => (found === `${removed}@` ? found : '[mail]@')),
  /** Claim codes, and the codes of the residents' page. */
  code: (text) => text
    .replace(/(?<![\w-])[2-9A-HJKMNP-TV-Z]{4}(?:-[2-9A-HJKMNP-TV-Z]{4}){2}(?![\w-])/g, '[code]')
    .replace(/(?<![\w-])(?=[0-9a-z]*[g-z])(?=[0-9a-z]*\d)[0-9a-hjkmnp-tv-z]{12}(?![\w-])/g, '[code]'),
  /** Long and random: session tokens, keys in base64 or hexadecimal; not the names of adapters. */
  token: (text) => text
    .replace(/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{20,}={1,2}(?![A-Za-z0-9=])/g, '[token]')
    .replace(/(?<![A-Za-z0-9+_-])(?<!\/dev\/[\w/.-]{0,60})(?=[A-Za-z+_-]*\d)(?=[\d+_-]*[A-Za-z])[A-Za-z0-9+_-]{32,}={0,2}/g, '[token]'),
} as const satisfies Readonly<Record<string, (text: string) => string>>

/** `secrets`, `people`: what is known. `keys`: by the name it stands under. `words`: what somebody wrote. */
export const scrubClasses = ['secrets', 'people', 'keys', 'words', ...Object.keys(patterns) as (keyof typeof patterns)[]] as const
export type ScrubClass = (typeof scrubClasses)[number]

/** `classes`: all, but for a test that shows what each is for. */
export function createScrubber(known: Known, classes: ReadonlySet<ScrubClass> = new Set(scrubClasses)): Scrubber {
  const secrets = classes.has('secrets') ? literal(known.secrets.map((secret) => [secret, '[secret]'])) : null
  const people = classes.has('people') ? literal(known.people.flatMap(({ id, names }) => names.map((name) => [name, `[person ${id}]`] as const)), 2) : null
  const looks = (Object.keys(patterns) as (keyof typeof patterns)[]).filter((name) => classes.has(name)).map((name): (text: string) => string => patterns[name])
  const text = (input: string): string => [...[secrets, people].filter((each) => each !== null), ...looks].reduce((kept, rule) => rule(kept), input)
  const json = (value: unknown, depth = 0): Json => {
    if (depth > maxDepth) return '[too deep]'
    if (typeof value === 'string') return text(value)
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
    if (Array.isArray(value)) return value.map((item) => json(item, depth + 1))
    if (typeof value !== 'object') return null
    return Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[text(key), under(key, item, depth + 1)]])))
  }
  const under = (key: string, value: unknown, depth: number): Json => {
    if (classes.has('keys') && isSecretName(key) && !isReference(value)) return hidden(value)
    if (classes.has('words') && typeof value === 'string' && isFreeText(key, value)) return `[text, ${value.length} characters]`
    return json(value, depth)
  }
  return { text, json: (value) => json(value) }
}

/** `{ env }` and `{ file }` say where a secret is, and so does the path of a key. */
export const isReference = (value: unknown): boolean =>
  (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 1 && ('env' in value || 'file' in value))
  || (typeof value === 'string' && /^[\w./ -]{1,200}\.(pem|key|crt|cer|der)$/.test(value))

const secretWords = new Set(['password', 'passwd', 'pwd', 'passphrase', 'secret', 'token', 'credential', 'credentials', 'authorization', 'auth', 'cookie', 'pin', 'pins', 'phone', 'mobile', 'tel', 'key', 'apikey', 'card', 'claim', 'session'])
/** By its words: `accessToken` and `api-key` are, `monkey` and `keyboard` are not. */
export const isSecretName = (name: string): boolean => name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase().split(/[^a-z]+/).some((word) => secretWords.has(word))

const textNames = new Set(['note', 'remark', 'handover', 'comment', 'message', 'freeText', 'reason'])
/** What a person typed. A reason that is one of our codes is none. */
const isFreeText = (name: string, value: string): boolean => textNames.has(name) && !/^[A-Z][A-Z0-9_]*$/.test(value)

function hidden(value: unknown): Json {
  if (value === null || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map(hidden)
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, isReference(item) ? item as Json : hidden(item)]))
  return removed
}

/** One pass for all of them, the longest first, in every spelling that a log or a file may have. */
function literal(pairs: readonly (readonly [value: string, by: string])[], shortest = shortestSecret): ((text: string) => string) | null {
  const by = new Map<string, string>()
  for (const [value, replacement] of pairs) if ([...value].length >= shortest) for (const spelling of spellings(value)) if (!by.has(spelling)) by.set(spelling, replacement)
  if (by.size === 0) return null
  const parts = [...by.keys()].toSorted((a, b) => b.length - a.length).map((spelling) => (spelling.length < wholeWordBelow && /^[\x20-\x7e]+$/.test(spelling) ? `(?<![A-Za-z0-9])${escape(spelling)}(?![A-Za-z0-9])` : escape(spelling)))
  const pattern = new RegExp(parts.join('|'), 'gu')
  return (text) => text.replace(pattern, (found) => by.get(found) ?? removed)
}

/** As it is, in JSON, in an address, in hexadecimal, and in base64 wherever in a longer text it begins. */
export function spellings(value: string): ReadonlySet<string> {
  const bytes = Buffer.from(value)
  const encoded = safely(() => encodeURIComponent(value)) ?? value
  const all = new Set([value, JSON.stringify(value).slice(1, -1), encoded, encoded.replace(/%[0-9A-F]{2}/g, (part) => part.toLowerCase()), encoded.replaceAll('%20', '+')])
  if (bytes.length >= 4) for (const hex of [bytes.toString('hex'), bytes.toString('hex').toUpperCase()]) all.add(hex)
  if (bytes.length >= 6) {
    for (const shift of [0, 1, 2]) {
      const whole = Buffer.concat([Buffer.alloc(shift), bytes])
      // The first and last character also hold bits of the neighbours.
      const core = whole.toString('base64').replace(/=+$/, '').slice(Math.ceil(shift * 4 / 3), whole.length % 3 === 0 ? undefined : -1)
      for (const form of [core, core.replaceAll('+', '-').replaceAll('/', '_')]) all.add(form)
    }
  }
  return all
}

function safely<T>(make: () => T): T | null { try { return make() } catch { return null } }
