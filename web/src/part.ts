/** Parts that nobody touched anything for: fetched before they are needed, or by the page itself. */

let asked = 0
/** Whether one is on its way: that it does not come is not told, for nobody waits for an answer (main.ts). */
export const unasked = (): boolean => asked > 0

/** Asks until it is there: a phone that was in a cellar at the first try has it afterwards all the same. */
export async function untilThere<T>(part: () => Promise<T>): Promise<T> {
  for (let wait_ms = 2_000; ; wait_ms = Math.min(2 * wait_ms, 16_000)) {
    asked += 1
    try {
      return await part()
    } catch {
      // again
    } finally {
      asked -= 1
    }
    await new Promise((go) => setTimeout(go, wait_ms))
  }
}
