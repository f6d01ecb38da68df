import { expect, it } from 'vitest'

/** Where a page may interrupt who listens to it (ux.md 10): file, how many places, and why. Whatever else is told is role="status". */
const LOUD: Record<string, [number, string]> = {
  'alerts/CaseDrawer.vue': [1, 'a red that came while a case is open'],
  'calls/CallsPage.vue': [2, 'a red, or a case for this phone; the list of today cannot be read'],
  'desk/DeskPage.vue': [1, 'a red while another part of the desk is in sight'],
  'office/OfficeLayout.vue': [1, 'a red while a page beside the desk is open'],
  'shell/SpokenNews.vue': [1, 'a red, in one sentence'],
  'signin/SignInPage.vue': [1, 'the service cannot be reached'],
  'sim/SimPage.vue': [1, 'the simulator does not answer'],
  'states/Banners.vue': [4, 'link late, link down, no device heard; nobody on duty, so that a red is answered by nobody'],
}

const files = import.meta.glob<string>('../**/*.vue', { query: '?raw', import: 'default', eager: true })

it('only a red and a link that is lost interrupt; form errors and refused steps wait their turn', () => {
  expect(Object.keys(files).length).toBeGreaterThan(60)
  const found = Object.entries(files).flatMap(([path, text]) => {
    const n = (text.match(/\brole="[^"]*alert|aria-live="assertive"/g) ?? []).length
    return n > 0 ? [[new URL(path, 'file:///src/states/').pathname.slice('/src/'.length), n]] : []
  })
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(Object.entries(LOUD).map(([file, [n]]) => [file, n])))
})
