export { PhotoStore, photoId, type PhotosConfig } from './photo-store.ts'
export { residentLimits, staffLimits } from './recode.ts'
