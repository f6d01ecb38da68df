/** The other pages in English. Same keys as pages.zh.ts. */
import type { PagesTexts } from './pages'

export const pagesEn: PagesTexts = {
  skip: 'Skip to the page',
  titles: { residents: 'Residents', resident: 'Resident', devices: 'Devices', duty: 'Duty and coverage', kpi: 'Response figures', handover: 'Hand-over', sim: 'Simulator', tasks: 'Everyday work', records: 'Looks and exports', family: 'Family' },
  toDesk: 'To the desk', redWaiting: (n) => (n > 1 ? `${n} red alerts wait for somebody` : 'A red alert waits for somebody'), loading: 'Loading', again: 'Try again', print: 'Print', printed: (at) => `printed ${at}`, semicolon: '; ', andMore: (n) => ` and ${n} more`, asOf: (ago) => `Figures of ${ago}`, age: (n) => `${n} years`,
  faults: {
    history_unavailable: 'Past records cannot be read just now; live alerts are not affected', forbidden: 'Your role may not see this', unknown_resident: 'No such resident', not_ready: 'The service is starting, please wait', unavailable: 'Not available just now', unreachable: 'The service does not answer', other: 'Cannot be read just now',
  },
  family: {
    practice: 'A practice home: nothing below is real.', call: 'Ring home', callCentre: 'Ring the centre', steps: 'What happened', waiting: 'waiting', notYet: 'not yet', allowed: 'What your relative has agreed to share', classes: { status: 'whether all is well, and any notices', activity: 'when there was last activity' }, nothing: 'Your relative has not yet agreed to share this with the family. Please have a word with them or with the centre.', offline: 'Offline: this may be out of date', at: (time) => `As of ${time}`, protection: 'Devices', protections: { protected: 'all working', partly: 'some not working at the moment', not: 'not working at the moment; the community team will see to it' }, past: 'Earlier notices', noPast: 'No notices lately', signOut: 'Sign out', number: (n) => `no. ${n}`,
  },
}
