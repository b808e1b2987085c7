import type { z } from 'zod'
import type { Path } from './problems.ts'

/** The keys a schema knows at a place, over all branches: what a misspelt key may have meant. */
export function keysAt(schema: z.core.$ZodType, path: Path): readonly string[] {
  const places = path.reduce<readonly z.core.$ZodType[]>((schemas, part) => schemas.flatMap((each) => child(each, part)), [schema])
  return [...new Set(places.flatMap(objects).flatMap((object) => Object.keys(object._zod.def.shape)))]
}

export function child(schema: z.core.$ZodType, part: string | number): readonly z.core.$ZodType[] {
  return unwrap(schema).flatMap(({ _zod: { def } }) => {
    if (def.type === 'object') return Object.hasOwn(def.shape, part) ? [def.shape[part]!] : []
    if (def.type === 'array') return [def.element]
    return def.type === 'record' ? [def.valueType] : []
  })
}

const objects = (schema: z.core.$ZodType): readonly z.core.$ZodObject[] => unwrap(schema).filter((each) => each._zod.def.type === 'object') as z.core.$ZodObject[]

/** Through optional, default, union and the like, down to what holds keys. */
export function unwrap(schema: z.core.$ZodType): readonly z.core.$ZodTypes[] {
  const each = schema as z.core.$ZodTypes
  const { def } = each._zod
  switch (def.type) {
    case 'optional': case 'nullable': case 'default': case 'prefault': case 'readonly': case 'nonoptional': case 'catch': return unwrap(def.innerType)
    case 'pipe': return [...unwrap(def.in), ...unwrap(def.out)]
    case 'union': return def.options.flatMap(unwrap)
    case 'intersection': return [...unwrap(def.left), ...unwrap(def.right)]
    default: return [each]
  }
}
