/** A case in full in English. Same keys as case.zh.ts. */
import type { CaseTexts } from './case'

export const caseEn: CaseTexts = {
  tiers: { key: 'Key', important: 'Important', general: 'General' },
  drawer: { related: 'Same home:', relatedArea: 'Of these homes:', print: 'Print', repair: 'Open a maintenance order', close: 'Close', tabsLabel: 'Case', tabs: { script: 'Script', evidence: 'Evidence', history: 'History', resident: 'Resident' } },
  script: { questions: 'Ask', recheck: (time) => `Re-check in ${time}: then ring again`, writer: (who) => `${who} is writing them down`, yes: 'Yes', no: 'No', none: 'No script for this kind of alert; follow the duty manual.' },
  evidence: { title: 'Evidence', rule: (rule, version) => `rule ${rule} version ${version}`, cleared: (clock) => `cleared ${clock}`, device: 'Device', quantity: 'Reading', value: 'Value', at: 'Time', received: 'Received', limits: 'Limits then', yes: 'yes', no: 'no' },
  history: { title: 'History', told: (at) => `(told at ${at})`, loading: 'Loading', failed: 'The history cannot be read now', deliveries: 'Messages', noDeliveries: 'No message sent yet', person: 'Person', channel: 'Channel', state: 'State', channels: { webpush: 'Browser', wecombot: 'WeCom', dingtalk: 'DingTalk', feishu: 'Feishu', lark: 'Feishu', schan: 'WeChat', sms: 'SMS', voice: 'Voice call', mailto: 'E-mail', mailtos: 'E-mail', json: 'Webhook', jsons: 'Webhook', unknown: 'No address' } },
  photos: { title: 'Photos of the scene', of: (who, at) => `Photo of the scene by ${who} at ${at}`, remove: 'Delete', sure: 'Delete for good', failed: 'Not deleted; please try later' },
  deliveries: { queued: 'queued', accepted: 'accepted', refused: 'refused', failed: 'failed' },
  timeline: {
    raised: 'Raised', joined: 'Joined', escalated: 'Escalated', acknowledged: 'Taken', called: 'Call', dispatched: 'Sent', accepted: 'Accepted', declined: 'Declined', departed: 'Left',
    arrived: 'Arrived', noted: 'Note', held: 'Held', reopened: 'Opened again', undone: 'Taken back', closed: 'Closed', resumed: 'Loud again',
    finding_changed: 'Updated', finding_cleared: 'Reading cleared', finding_unknown: 'Cannot tell', level_raised: 'Raised a level', level_lowered: 'Contradicted: a level down', reminded: 'Told again', nobody_there: 'Nobody on duty', told: 'Messages sent', handed_over: 'Handed over', vouched: 'Says the person is there', checked: 'Homes checked', hold_ended: 'Hold ended',
  },
  again: {
    idle: 'taken, nothing done', no_answer: 'no answer, nobody sent', not_accepted: 'sent, nobody accepted', nobody_going: 'whoever was sent cannot go', nobody_there: 'left the home, nobody is there', hold_ended: 'hold over, nothing done', nobody_on_duty: 'nobody to send', again: 'another alarm', level_raised: 'graver now, to be taken again', given_back: 'given back', needs_120: '120 needed on site', recheck: 're-check due, to be rung again',
  },
  soundCheck: {
    title: 'Sound check', words: 'Play the red alarm once, then say whether you hear it.', ask: 'Did you hear it?', play: 'Play the red alarm', again: 'Play again', heard: 'I heard it', notHeard: 'Nothing', later: 'Later',
    bad: 'No sound: check the loudspeaker, its volume and cable, then play again. Red alerts ring the duty phones as well.',
  },
  quantities: {
    heart_rate: 'heart rate', respiration_rate: 'respiration', in_bed: 'in bed', movement: 'movement', signal_quality: 'signal quality', smoke: 'smoke', smoke_level: 'smoke level', gas: 'gas', gas_level: 'gas level', co: 'CO', co_level: 'CO level', temperature: 'temperature', humidity: 'humidity',
    sos: 'call', fall: 'fall', door_open: 'door open', motion: 'motion', presence: 'presence', water_leak: 'water leak', water_total: 'water', battery: 'battery', battery_low: 'battery low', voltage: 'voltage', tamper: 'tamper', fault: 'fault', muted: 'muted', self_test: 'self-test', link_quality: 'link',
    life_sign: 'sign of life', life_sign_withdrawn: 'sign of life taken back', alive: 'sensor alive', silence: 'last heard', known: 'first heard', mode: 'mode', usual_door_gap: 'own long pause of the door (min)', usual_away: 'own long outing (min)', usual_night: 'own usual night (min)',
  },
  resident: { healthHidden: 'Notes about health are not shown to you (administrators see them while an alert about the person is open)', title: 'Resident', none: 'No resident registered', home: 'Home', address: 'Address', floor: 'Floor', key: 'Spare key', phone: 'Landline', contacts: 'Contacts', call: 'Call', withThem: 'Says they are with them', told: 'People told' },
  emergency: { title: 'Tell 119 / 120', up: 'Floor', door: 'Spare key', inside: 'Who is there', nearby: 'Same building', back: 'Ring back', unknown: 'not registered', noKey: 'no spare key registered' },
}
