import type { FastifyReply, FastifyRequest } from 'fastify'
import { ConfigError } from '../kit/index.ts'
import type { ConsoleConfig } from './parts.ts'

/** No inline script or style, no frame around it, nothing from elsewhere. */
const headers = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
} as const

export const setHeaders = (reply: FastifyReply): void => { reply.headers(headers) }
/** For an answer that fastify no longer writes. */
export const rawHeaders = headers

/** A 4xx of its own; `problemOf` gives the status. */
export const refuse = (code: string, message: string): ConfigError => new ConfigError(code, message)

export const isLocal = (address: string | undefined): boolean => address !== undefined && (address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.'))
export const addressOf = (request: FastifyRequest): string => (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')

/**
 * Throws CONSOLE_HOST. A page elsewhere can make its own name point at this box (DNS rebinding); it cannot make the browser send
 * another Host. So a name must be known; an address must be the one that was connected to.
 */
export function checkHost(request: FastifyRequest, { hosts }: ConsoleConfig): void {
  if (isKnownHost(request.headers.host, request.socket.localAddress, hosts)) return
  throw refuse('CONSOLE_HOST', 'this console is not known by that name; use its address, or list the name in the site file under console.hosts')
}

export function isKnownHost(header: string | undefined, connectedTo: string | undefined, hosts: readonly string[]): boolean {
  const name = hostName(header)
  return name !== null && (name === 'localhost' || name === (connectedTo ?? '').replace(/^::ffff:/, '') || hosts.some((host) => host.toLowerCase() === name))
}

/** Without port; null for what is none. */
export function hostName(header: string | undefined): string | null {
  const match = /^(?:\[([0-9a-fA-F:]{2,45})\]|([A-Za-z0-9.-]{1,253}))(?::\d{1,5})?$/.exec(header ?? '')
  return match ? (match[1] ?? match[2]!).toLowerCase() : null
}

/** Throws CONSOLE_ORIGIN: another site's page asks, with this browser's cookie. What sends neither header is no browser. */
export function checkOrigin(request: FastifyRequest, secure: boolean): void {
  const { origin, host } = request.headers
  const from = request.headers['sec-fetch-site']
  if (from !== undefined && from !== 'same-origin' && !(from === 'none' && isReading(request))) throw refuse('CONSOLE_ORIGIN', 'only the console\'s own page may ask this')
  if (origin !== undefined && origin !== `${secure ? 'https' : 'http'}://${host}`) throw refuse('CONSOLE_ORIGIN', 'only the console\'s own page may ask this')
}
export const isReading = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'

/** `__Host-`: of this host alone, over TLS alone. Plain HTTP has no such cookies. */
const cookieName = (secure: boolean): string => (secure ? '__Host-linli' : 'linli')
export function tokenOf(request: FastifyRequest, secure: boolean): string | undefined {
  const name = cookieName(secure)
  return request.headers.cookie?.split(';').map((part) => part.trim()).find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1)
}
export function setCookie(reply: FastifyReply, secure: boolean, token: string | null): void {
  const life = token === null ? 'Max-Age=0' : `Max-Age=${30 * 86_400}`
  reply.header('set-cookie', `${cookieName(secure)}=${token ?? ''}; Path=/; HttpOnly; SameSite=Strict; ${life}${secure ? '; Secure' : ''}`)
}
