const disconnect = 14

/**
 * Follows the packet boundaries of an MQTT byte stream and says when a packet claims to be larger than `maxBytes`. The parser itself
 * would collect up to 256 MB before anybody asked who is speaking. [MQTT-2.2.3]: at most four length bytes.
 */
export class PacketSizeGuard {
  readonly #maxBytes: number
  /** Bytes of the present packet's body still to come. */
  #body = 0
  /** Length bytes read so far; -1 before the packet's first byte. */
  #lengthBytes = -1
  #length = 0
  /** A DISCONNECT went by: what follows is a goodbye and no loss. */
  goodbye = false

  constructor(maxBytes: number) { this.#maxBytes = maxBytes }

  /** False: a packet is too large, or its length is none. The stream is of no use after that. */
  accept(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length;) {
      if (this.#body > 0) {
        const skipped = Math.min(this.#body, chunk.length - at)
        this.#body -= skipped
        at += skipped
        continue
      }
      const byte = chunk[at++]!
      if (this.#lengthBytes < 0) {
        this.#lengthBytes = 0
        this.#length = 0
        if (byte >> 4 === disconnect) this.goodbye = true
        continue
      }
      this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++
      if (byte & 0x80 && this.#lengthBytes < 4) continue
      if (byte & 0x80 || this.#length > this.#maxBytes) return false
      this.#body = this.#length
      this.#lengthBytes = -1
    }
    return true
  }
}
