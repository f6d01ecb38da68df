/** The screens in English. Same keys as zh.ts; names, addresses and what is said to residents stay as they are. */
import type { Texts } from './index'

export const en: Texts = {
  app: {
    name: 'Elder Care Monitoring', motto: 'Watching over you, day and night', demo: 'Demo data', simulated: 'Simulated', mark: '[Simulated] ', skip: 'Skip to the current alert',
    title: 'Alerts · Anxin', titleRed: (n) => `[${n} red] Alerts · Anxin`, wallTitle: 'Wall · Anxin', signInEnds: (at) => `Sign-in ends ${at}: sign in again before`, newBuild: 'New version: reload when it is quiet', reload: 'Reload now',
  },
  nav: { label: 'Main', alerts: 'Alerts', residents: 'Residents', devices: 'Devices', tasks: 'Tasks', duty: 'Duty', kpi: 'Figures', records: 'Records', wall: 'Wall' },
  menu: { handover: 'Hand-over', soundCheck: 'Sound check', messages: 'Messages', keys: 'Keys', shortcutsOn: 'Single keys: on', shortcutsOff: 'Single keys: off', softphoneOn: 'Dial here: on', softphoneOff: 'Dial here: off', signOut: 'Sign out' },
  time: {
    hours: (h, m) => `${h} h ${m} min`, days: (d, h) => `${d} d ${h} h`, justNow: 'just now', secondsAgo: (n) => `${n} s ago`, minutesAgo: (n) => `${n} min ago`, hoursAgo: (n) => `${n} h ago`,
  },
  levels: {
    red: { name: 'Red', short: 'Red', meaning: 'Emergency', pair: ['Emergency', ''] },
    yellow: { name: 'Yellow', short: 'Yellow', meaning: 'Health', pair: ['Health check', ''] },
    blue: { name: 'Blue', short: 'Blue', meaning: 'Service', pair: ['Basic service', ''] },
  },
  kinds: {
    smoke: 'Smoke alarm', gas: 'Gas alarm', co: 'Carbon monoxide', sos: 'SOS call', fall: 'Fall', water: 'Water leak', bed: 'Bed alert', door: 'Door alert', device: 'Device fault', vitals: 'Vital signs', activity: 'Unusual activity', other: 'Alert',
  },
  states: { new: 'Not taken', acknowledged: 'Taken', dispatched: 'Sent', attended: 'On site', closed: 'Closed' },
  link: {
    region: 'Connection', live: 'Live', connecting: 'Connecting', connectingWords: 'No picture yet: do not take this for all is well',
    stale: 'Data delayed', staleFor: (n) => `Delayed ${n} s`, staleWords: 'Reconnecting; this picture may be old',
    down: 'Connection lost', downWords: (clock) => `Picture stopped at ${clock}; new alerts will not show`, neverWords: 'No picture received yet; alerts will not show', downAdvice: 'Use the duty phone and the spare landline',
    advice: { go: 'Ring the desk about tasks; the steps you pressed stay on this phone', calls: 'Go on ringing, and note the outcomes on paper', mend: 'Go on with the repair, and note the result on paper', family: 'Ring them at home; in danger ring 120 or 119' },
    unloaded: 'This part did not load: please check the network',
    devices: 'No device data', devicesWords: 'The server is up but hears no device; silence does not mean safety',
    seconds: (n) => `${n} s`, ageHint: 'Age of the latest device data', wrongClock: 'This clock is wrong',
  },
  components: { broken: (names) => `${names} stopped`, database: 'History', stream: 'Stream', ingest: 'Ingest', rules: 'Rules', alerts: 'Alerts', notify: 'Notify', recorder: 'Recorder', api: 'API', diskFull: 'Disk nearly full' },
  sound: {
    word: 'Sound', off: 'off', unchecked: 'not checked', checked: (at) => `checked ${at}`, mutedFor: (left) => `muted ${left}`, muteLabel: (now) => `Sound ${now}, mute for 2 minutes`,
    blocked: 'Sound is off', enable: 'Click to enable sound', blockedWords: 'Alarms cannot be heard; duty phones ring instead',
  },
  duty: { onDuty: 'On duty', none: 'nobody', nobody: 'Nobody is on duty', nobodyWords: 'Alerts go straight to the shift leader and the director' },
  flood: { title: 'Alert flood', count: (n) => `${n} red or yellow alerts in 10 minutes`, words: 'Blue is silent, causes are merged; consider calling a second operator' },
  queue: {
    hits: (n) => (n === 0 ? 'Nothing fits. Reds always show' : `${n} fit; reds always show`),
    label: 'Alert queue', lane: 'Red lane', waited: 'waiting', laneEmpty: 'no red', inHand: (n) => `In hand ${n}`, elapsed: 'elapsed', waiting: (n) => `Waiting ${n}`, orderWords: 'by level and waiting time',
    none: 'No open alerts', moreRed: (red, others) => `${red} more ${red === 1 ? 'red' : 'reds'}${others > 0 ? `, ${others} others` : ''}`, more: (n) => `${n} more`, leaf: 'to browse', all: 'All shown', recentBefore: 'Last 10 min', recentAfter: 'red or yellow',
    person: (name, age) => `${name}, ${age}`, nobody: 'nobody yet', homes: (n) => `${n} homes`, merged: 'merged', search: 'Name, address, phone or device', clear: 'Clear', filter: 'Filter', grid: 'Grid', kind: 'Kind', allGrids: 'All grids', allKinds: 'All kinds', mine: 'Mine',
  },
  spoken: (first, others) => `${first}, and ${others} more`,
  hero: {
    number: (n) => `No. ${n}`, onset: (clock) => `since ${clock}`, places: (first, n) => `${first} and ${n - 1} more places`, battery: (n) => ` · battery ${n}%`, rung: (from, at) => `since ${from}, alarm ${at}`, times: (n) => `${n} times`, late: (time) => `heard ${time} late`, cleared: 'Reading back to normal; a person must still confirm', unknown: 'Reading unknown',
    target: (state, seconds, over) => `${state} · ${over ? 'over the ' : ''}goal ${over ? 'of ' : ''}${seconds} s`, owned: (name, state) => [name, state].filter(Boolean).join(' · '),
    noAddress: 'No address', floor: (n) => `Floor ${n}`, lift: 'lift', noLift: 'no lift', comma: ', ', key: 'Spare key: ', distance: 'Centre', metres: 'm', age: (n) => `${n}`, tags: 'Please note',
  },
  ladder: { label: 'Escalation', arrive: 'On site', steps: ['Duty desk', 'All desks', 'Shift leader', 'Director, grid'] },
  strip: {
    label: 'Evidence from the same home', title: 'Same home', last: (n) => `last ${n} min`, more: (n) => `${n} more devices`, inference: 'Inferred: ', now: 'now', out: (what, until, by) => `${what}: out of service until ${until}${by ? ` (${by})` : ''}`, and: '; ', loading: 'Loading', failed: 'The home’s device data cannot be read now', none: 'No device data for 60 minutes: do not take this to mean all is well',
  },
  script: { label: 'Script', title: 'Script', step: (n, when) => `Step ${n} · ${when}`, kept: 'Phones, health and evidence are not shown to you. What was done stands in the details (Enter opens them).' },
  call: {
    label: (who) => `Calling ${who}`, calling: (who) => `Calling ${who}`, home: 'home', desk: 'the desk', cancel: 'Not called', withThem: 'Says the person is there and well', results: { answered: 'Answered', no_answer: 'No answer', busy: 'Busy', refused: 'Refused', wrong_number: 'Wrong no.' },
  },
  dispatch: { label: 'Who to send', hint: '1–9: choose', family: (who) => `Ring ${who}`, choose: 'Nobody is chosen: choose by number, then D sends', nobody: 'Nobody to send: ring the shift leader', send: (n) => (n > 1 ? `Send ${n}` : 'Send'), cancel: 'Cancel', ring: 'phone only', ringThem: (who) => `Messages do not reach them, ring now: ${who}` },
  responder: { offered: 'Told', accepted: 'Accepted', declined: 'Cannot', departed: 'On the way', arrived: 'On site', left: 'Handed over' },
  roles: {
    operator: 'Operator', supervisor: 'Shift leader', social_worker: 'Social worker', volunteer: 'Volunteer', grid_worker: 'Grid worker', neighbour: 'Neighbour', doctor: 'Doctor', maintenance: 'Maintenance', family: 'Family', admin: 'Admin', auditor: 'Auditor', responder: 'Responder',
  },
  notices: {
    region: 'Results', banners: 'Notices', close: 'Close', undo: (s) => `Undo ${s} s`, undoReason: 'by mistake', withThem: (who) => `Noted: ${who} says the person is there and well`, undone: (n) => `No. ${n} taken back`, taken: (n) => `Took no. ${n}`, called: (who, result) => `${who}: ${result}`,
    sent: (names) => `Sent ${names}`, closed: (n) => `No. ${n} closed`, reopened: (n) => `No. ${n} open again`,
  },
  refusals: {
    unreachable: 'Not delivered; press again, or use the phone', takenBy: (name) => `Already taken by ${name}`, changed: 'The alert just changed; look, then press again', changedBy: (name) => `${name} just changed it; look, then press again`, closed: 'This alert is closed',
    missing: (fields) => `Missing: ${fields}`, forbidden: 'You may not do this', other: (why) => `Failed: ${why}`,
  },
}
