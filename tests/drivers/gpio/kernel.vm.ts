import { contractSuite } from './contract.ts'

contractSuite({ name: 'the character device, libgpiod 1', settings: { backend: 'chardev' } })
if (process.env.LINLI_GPIOD2) contractSuite({ name: 'the character device, libgpiod 2', settings: { backend: 'chardev', tools: process.env.LINLI_GPIOD2 } })
contractSuite({ name: 'sysfs', settings: { backend: 'sysfs' } })
