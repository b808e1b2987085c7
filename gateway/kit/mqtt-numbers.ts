/** What is wanted of the package mqtt-packet, which every user loads in his own time. */
interface PacketWriter { readonly writeToStream: { cacheNumbers: boolean } }

/** Before the first packet is written: mqtt-packet would make a Buffer of each number from 0 to 65,535 then, 20 ms and 7.5 MB. */
export function withoutNumberTable(packet: PacketWriter): void { packet.writeToStream.cacheNumbers = false }
