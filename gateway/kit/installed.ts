import path from 'node:path'

/** Where the .deb has its things, as linli.service names them. */
export const installed = { site: '/etc/linli/site.yaml', store: '/var/lib/linli' } as const

/** This site file is the one that the service runs. */
export const isInstalled = (file: string): boolean => path.resolve(file) === installed.site
