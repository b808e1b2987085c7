import { useEffect, useState } from 'preact/hooks'

/** How many of a long list are drawn: `step` at first and so many more each frame, so that no frame is held up by all of them. */
export function useGradually(total: number, step: number): number {
  const [drawn, setDrawn] = useState(step)
  useEffect(() => {
    if (drawn >= total) return
    const frame = requestAnimationFrame(() => setDrawn(drawn + step))
    return () => cancelAnimationFrame(frame)
  }, [drawn, total])
  return drawn
}
