/** The office's pages in English. Same keys as office.zh.ts. */
import type { OfficeTexts } from './office'

export const officeEn: OfficeTexts = {
  residents: { search: 'Name, address, phone or device', people: 'people', name: 'Name', tier: 'Visits', mind: 'Please note', address: 'Address', grid: 'Micro-grid', protection: 'Protection', none: 'Nobody found', more: (n) => `${n} more: type a few more letters`, leaving: (n, who, day) => `${n} ${n === 1 ? 'photograph is' : 'photographs are'} of people no longer on the community’s list (${who}); deletion begins on ${day}. If the list is wrong, put them back and the photographs stay.` },
  card: {
    title: 'Card', visit: ' visits', sign: 'Last sign of life', protection: 'Protection', together: 'Lives with', noContacts: 'No contacts registered', causes: 'Alerts', window: 'last 28 days', kind: 'Alert', times: 'Times', ended: 'How it ended', noCauses: 'No alerts in 28 days',
    nextVisit: 'Next visit', overdue: 'overdue', noVisits: 'The community has planned no visits', neverVisited: 'Not visited since the plan began', lastVisit: (day, how, by) => `Last: ${[day, how, by].filter(Boolean).join(', ')}`, hows: { door: 'at the door', phone: 'by phone', video: 'by video' }, doorCard: 'Door card', noDoctor: 'not registered',
  },
  photo: { of: (name) => `Photograph of ${name}`, none: 'No photograph', add: 'Add photo', change: 'Change', remove: 'Remove', noConsent: 'No consent to a photo', unreachable: 'Not connected: the photo was not kept', refused: 'The service did not take it: the photo was not kept', unreadable: 'This file cannot be opened: choose a photograph' },
  days: {
    vitals: { heart_rate: 'Heart rate', respiration_rate: 'Breathing' }, perMinute: '/min',
    title: 'Days and vital signs', length: 'Length of time', lengths: { '1': '24 hours', '7': '7 days', '28': '28 days' }, table: 'Table', limits: 'Limits', charts: 'Charts', at: 'Time', what: 'What', mean: 'Mean', least: 'Least', most: 'Most',
    reasonAsk: 'No alert about the person is open at this home (devices, tasks and blue ones do not count). To see health data, please say why; it is recorded.', reasonGive: 'View', reasons: ['Follow-up call', 'Doctor’s visit', 'The family asked', 'Device repair'],
    usual: (low, high) => `usually ${low}–${high}`, noUsual: 'not enough data yet to say what is usual', noData: 'no data', was: (value, at) => `${value} at ${at}`, yes: 'yes', unknown: 'unknown', inferred: 'inferred',
    alarms: 'Alerts', noAlarms: 'No alerts in this time', noLanes: 'No activity data', withheld: { consent: 'not shown, the resident has not agreed that you see it', role: 'not shown to your role' }, hidden: (what, why) => `${what}: ${why}`, hiddenNames: { heart_rate: 'Heart rate', respiration_rate: 'Breathing', in_bed: 'In bed', motion: 'Movement', presence: 'Presence', door_open: 'Front door' },
    sleep: 'Sleep', nights: 'last 14 nights', hours: 'h', ups: (n) => `up ${n}×`, few: 'too little', noNights: 'No belt data in 14 nights', nightMean: (n, hours, ups) => `${n} nights with data: ${hours} h in bed, up ${ups} times on average`,
    vitalSummary: (what, band, gaps, beyond) => `${what}: ${band === null ? 'no usual range yet' : `usually ${band[0]} to ${band[1]}`}, ${gaps} gaps, ${beyond} values beyond`,
  },
  lanes: { bed: 'In bed', kitchen: 'Kitchen', bathroom: 'Bathroom', other: 'Other rooms', door: 'Front door', out: 'Out' },
  devices: {
    homes: 'Homes', filter: 'Show only', sights: { not: 'Not protected', partly: 'Partly', protected: 'Protected', all: 'All' }, home: 'Home', guard: 'Protection', why: 'Why', count: 'Working / all', fine: 'working', never: 'never heard', battery: (n) => `battery ${n}%`, nobody: 'No such homes', showAll: (n) => `Show all ${n}`,
    causes: 'Common causes', causesHint: 'same building, same reason', many: (devices, homes) => `${devices} in ${homes} ${homes === 1 ? 'home' : 'homes'}`, noCauses: 'No widespread faults', batteries: 'Batteries', forecast: (dated, unknown, pending) => `${dated} with a date · ${unknown} cannot be told yet${pending > 0 ? ` · ${pending} to be looked at` : ''}`, showAllOf: (n) => `All ${n}, first to be empty first`, fewer: 'Only the next ones', noBatteries: 'No device has reported a battery',
    strangers: 'Unclaimed devices', unknownKind: 'kind unknown', noStrangers: 'No unclaimed devices', refused: 'Refused messages', day: 'last 24 h', noRefused: 'Nothing was refused',
  },
  duty: {
    rota: 'Rota', before: 'Week before', after: 'Week after', thisWeek: 'This week', roles: 'By role', everybody: 'All', who: 'Who', on: 'on duty', off: 'off duty', always: 'In no shift: taken as always on duty',
    cover: 'Ten-minute coverage', allReached: (minutes) => `somebody can reach every home within ${minutes} minutes`, holes: (n, minutes) => `${n} homes nobody can reach within ${minutes} minutes`, singles: (n) => `, ${n} depend on one person`, mapSummary: (holes, singles) => `Coverage map: ${holes} homes unreached, ${singles} by one person only`, more: 'two or more reach it', one: 'one person reaches it', nobody: 'nobody reaches it',
    ahead: 'Next 12 hours', hours: 'by the rota', noHoleAhead: 'By the rota somebody reaches every home for the next 12 hours', deskEmpty: (at) => `From ${at} nobody is at the desk`, holeAt: (at, n) => `From ${at} nobody reaches ${n} homes`, peopleThere: (n) => `${n} out`, deskThere: (n) => `desk ${n}`, deskNobody: 'desk empty', full: 'all', short: (n) => `${n} short`,
    ladder: 'Who a red alert reaches', ladderHint: 'now', promise: 'promised arrival', nobodyIn: (names, n) => (n > 5 ? `nobody in ${names} and others (${n})` : `nobody in ${names}`), day: '', morePeople: (n) => ` and ${n} more`, standsIn: (name) => `for ${name}`, screens: (screens, audible) => `Screens ${screens} · audible ${audible}`,
  },
  kpi: {
    period: 'Period', periods: { today: 'Today', week: '7 days', month: 'This month', last: 'Last month' }, csv: 'CSV', figures: { ack60: 'Taken in time', ack180: 'Taken at the latest', called60: 'Phoned in time', arrive10: 'On site in time', family60: 'Family told once taken' }, minutes: (n) => `${n} min`, seconds: (n) => `${n} s`, under: 'below target', of: (kept, n) => `${kept} of ${n}`,
    spread: 'distribution', spreadSummary: (words) => `Distribution: ${words}`, median: (time) => `median ${time}`, cases: 'The cases behind it', recount: 'each can be checked', number: 'No.', code: 'Code', at: 'Raised', took: 'Took', kept: 'Kept', never: 'never', yes: 'yes', no: 'no',
    grid: 'Grid', allGrids: 'All grids', rule: 'Rule', allRules: 'All rules', level: 'Level', allLevels: 'All levels', days: 'Day by day', daysHint: 'press a day for its cases', falseShare: 'False alarms', shares: { by_rule: 'Rule', by_device: 'Device', by_home: 'Home' }, judged: 'False / judged', noneJudged: 'No case has been judged yet', falseOf: (n, judged) => `false ${n} of ${judged}`, back: 'Back to the figure', truth: 'Truth', truths: { real: 'real', avoidable: 'false, avoidable', unavoidable: 'false, unavoidable', unknown: 'cannot say', test: 'test' }, openStill: 'open', older: (n) => `${n} older ones are not listed`,
    desk: (n) => `Desk ${n}`, load: 'Load today', today: 'alerts', tenMinutes: 'New in 10 minutes', floodLine: 'is the flood line', visits: 'Visits due', desks: 'Load per desk', alarms: 'Alerts', mean: 'Mean per 10 min', peak: (line) => `Worst 10 min (flood: ${line})`, inFlood: 'In flood', floods: (n) => `${n} ×`, nobody: 'nobody', noLoad: 'No alerts', hint: 'Red alerts only (load: yellow too), drills not counted; no alerts, no figure.',
  },
}
