/** The other pages in English. Same keys as pages.zh.ts. */
import type { PagesTexts } from './pages'

export const pagesEn: PagesTexts = {
  skip: 'Skip to the page',
  titles: { residents: 'Residents', resident: 'Resident', devices: 'Devices', duty: 'Duty and coverage', kpi: 'Response figures', handover: 'Hand-over', sim: 'Simulator', tasks: 'Everyday work', family: 'Family' },
  toDesk: 'To the desk', redWaiting: (n) => (n > 1 ? `${n} red alerts nobody has taken` : 'A red alert nobody has taken'), loading: 'Loading', again: 'Try again', print: 'Print', semicolon: '; ', andMore: (n) => ` and ${n} more`, asOf: (ago) => `Figures of ${ago}`, age: (n) => `${n} years`,
  faults: {
    history_unavailable: 'History cannot be read now; live alerts are not affected', forbidden: 'Not for your role', unknown_resident: 'No such resident', not_ready: 'The service is starting', unavailable: 'Not available now', other: 'Cannot be read now; please try later',
  },
  family: {
    call: 'Call home', callCentre: 'Call the centre', steps: 'What happened', waiting: 'waiting', allowed: 'What you may see', classes: { status: 'whether all is well', activity: 'time of the last activity' }, nothing: 'Your relative has not agreed to show this. Please ask them or the centre.', offline: 'Offline: this may be old', at: (time) => `As of ${time}`, protection: 'Devices', protections: { protected: 'all working', partly: 'some not working', not: 'not working' }, past: 'Earlier', noPast: 'Nothing lately', signOut: 'Sign out', number: (n) => `no. ${n}`,
  },
}
