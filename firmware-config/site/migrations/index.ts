import { fromVersion1 } from './from-1.ts'
import type { Migration } from './migration.ts'

/** One for each version that was, in their order. A new one comes at the end; none is changed or taken away (README.md). */
export const migrations: readonly Migration[] = [fromVersion1]

/** What `linli:` says in a site file of today. */
export const currentVersion = migrations.length + 1

/** What a key of an older version is called today, and since which version. */
export const renamed: ReadonlyMap<string, { readonly to: string; readonly since: number }> = new Map(migrations.flatMap(({ from, changes }) => changes.flatMap(({ path, to }) => (to === undefined ? [] : [[path.at(-1)!, { to, since: from + 1 }] as const]))))

export const isOlder = (version: unknown): version is number => Number.isInteger(version) && (version as number) >= 1 && (version as number) < currentVersion
