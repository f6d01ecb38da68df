/** Small choices of one desk, kept in its browser. */
import { customRef, type Ref } from 'vue'

export function flag(name: string, otherwise: boolean): Ref<boolean> {
  const key = `anxin.${name}`
  let value = otherwise
  try {
    value = JSON.parse(localStorage.getItem(key) ?? String(otherwise)) === true
  } catch {
    value = otherwise
  }
  return customRef((track, trigger) => ({
    get() {
      track()
      return value
    },
    set(next) {
      value = next
      try {
        localStorage.setItem(key, String(next))
      } catch {
        // holds until the page is left
      }
      trigger()
    },
  }))
}
