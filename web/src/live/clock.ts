/**
 * The server's clock, seen from here. Waiting times use it, so a desk whose own clock is wrong still counts right.
 * `offset_ms` = server time minus ours, smoothed; a jump of more than 2 s is taken at once. Pure.
 */
export interface ClockOffset {
  offset_ms: number
  samples: number
}

export const UNSET: ClockOffset = { offset_ms: 0, samples: 0 }
const SMOOTHING = 0.2
const JUMP_MS = 2_000 // one-way delays on a local network stay far below this
export const WRONG_CLOCK_MS = 5_000 // ux.md 6.2: reported from here on

export function hear(clock: ClockOffset, server_ms: number, local_ms: number): ClockOffset {
  const seen = server_ms - local_ms
  if (clock.samples === 0 || Math.abs(seen - clock.offset_ms) > JUMP_MS) return { offset_ms: seen, samples: 1 }
  return { offset_ms: clock.offset_ms + SMOOTHING * (seen - clock.offset_ms), samples: clock.samples + 1 }
}
