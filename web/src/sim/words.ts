/** The words of the simulator's panel; they come with it. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  title: '模拟器', clock: '模拟时钟', speed: (x: number) => `×${x}`, rate: (n: number) => `${n} 条/分`, rateUnknown: '— 条/分', size: (homes: number, devices: number) => `${homes} 户 · ${devices} 台设备`, seed: (n: number) => `种子 ${n}`,
  connected: '已连上消息入口', notConnected: '没有连上消息入口', behind: (n: number) => `落后 ${n} 秒`, away: '模拟器没有应答，正在重试。演示没有启动，或它正在重启。', unknownState: '正在读取模拟器',
  home: '住户', search: '按住户号、地址、姓名查找', found: (shown: number, total: number) => (total > shown ? `${shown} / ${total} 户` : `${total} 户`), none: '没有这样的住户', anyHome: '由种子随机选一户', anyHint: '同一种子，同一户', seedLabel: '种子',
  scenarios: '场景', when: '什么时候开始', whens: { hour: '按场景的时间', now: '马上' },
  groups: { fire: '烟火与燃气', calls: '呼救与跌倒', body: '卧床与体征', days: '起居与外出', water: '用水', lines: '设备与线路', other: '其他' },
  due: (level: string, words: string, within: string) => `${within}内应报${level}「${words}」`, dueNothing: '不应当有告警', dueNow: '白天马上开始时，夜间规则不在时段，可能不报',
  seconds: (n: number) => (n < 120 ? `${n} 秒` : n < 7200 ? `${Math.round(n / 60)} 分钟` : `${Math.round(n / 3600)} 小时`),
  hours: (from: string, to: string) => `${from}–${to} 发生`, lead: (time: string) => `先卧床 ${time}`, lacks: (kinds: string) => `这户没有${kinds}`,
  start: '开始', startOf: (title: string) => `开始：${title}`, started: (title: string, where: string, at: string) => `已安排：${title}，${where}，${at} 开始`, startedHere: (title: string, where: string) => `已开始：${title}，${where}`, command: '同样的命令', copy: '复制', copied: '已复制',
  speedLabel: '快慢', quick: '快进：设备与世界走得快，服务的钟不变。要等几分钟的规则来不及，会显示漏报。', links: { silent: '屏幕收不到', drop: '丢几条', lie: '心跳不实', restart: '连线重启' }, disturbed: (words: string) => `${words}：看各个屏幕怎样发现`, ofDevices: '设备一侧', ofLines: '消息入口与推送', ofScreens: '屏幕一侧', events: (n: number) => `${n} 条`, stillFor: (words: string) => `还有 ${words}`, faults: '故障', fault: '种类', value: '程度', scope: '范围', here: '这一户', everywhere: '全部住户', building: '这一楼', turnOn: '加上故障', inForce: '正在起作用', noFaults: '没有故障', end: '结束', endOf: (words: string) => `结束：${words}`, needsHome: '断网和停电要先选一户', fromBeginning: '启动时就带着故障',
  share: (n: number) => `${Math.round(n * 100)}%`, since: (at: string) => `${at} 起`,
  messages: '消息', noMessages: '还没有发出消息', made: '系统怎么说', ingest: (s: number | null) => (s === null ? '从未收到设备消息' : s > 60 ? `已 ${Math.round(s)} 秒没有设备消息：各屏应显示「设备数据中断」` : `${s.toFixed(1)} 秒前收到设备消息`), lag: (s: number | null) => (s === null ? '推送程序没有动静' : s > 1 ? `最久的一条已等 ${Math.round(s)} 秒` : '没有积压'), lately: '近 10 分钟推送', sentStates: { queued: '在重试', accepted: '对方收下', refused: '对方拒收', failed: '放弃', skipped: '过时未发' }, tries: (n: number) => `第 ${n} 次`, noSent: '还没有推送', outages: '线路告警', noOutages: '没有', parts: { ingest: '消息入口', rules: '规则', alerts: '告警', notify: '推送' }, partOk: '正常', partBad: '不正常', became: (n: string) => `${n} 秒后成案`, retained: '保留', latency: '时延', toAlert: '发生到告警', toScreen: '告警到本屏', samples: (n: number, median: string) => `${n} 次 · 中位 ${median} 秒`, noSamples: '还没有样本', bin: (n: string, count: number) => `${n} 秒内 ${count} 次`, views: '看什么',
  truths: '真相与告警', counts: { found: '发现', late: '迟报', missed: '漏报', for_nothing: '误报', waiting: '等待', median: '中位秒数' },
  truth: '实际发生的事', raised: '服务报了什么', noTruths: '还没有发生什么。选一个场景，点「开始」。', ahead: (n: number) => `还有 ${n} 件未到时间`,
  judged: { nothing: '不用报', found: '发现', late: '迟报', missed: '漏报', waiting: '等待', void: '已提前恢复' }, unheard: '当时断线',
  took: (n: string) => `${n} 秒`, left: (time: string) => `还剩 ${time}`, number: (n: number) => `${n} 号`,
  forNothing: '没有对应事件的告警', forNothingHint: '红黄告警，找不到对应的事', byFault: '可能由故障引起', noForNothing: '没有',
  refused: '模拟器没有接受', unreachable: '连不上服务，没有发出', tooMany: '一分钟内开始得太多，请稍候', list: '真相列表', cards: '场景列表',
  level: { red: '红色', yellow: '黄色', blue: '蓝色' },
  kinds: { smoke: '烟感', gas: '燃气', co: '一氧化碳', sos: '紧急按钮', fall: '跌倒', door: '门磁', motion: '人体感应', 'motion (bathroom)': '卫生间人体感应', 'motion (bedroom)': '卧室人体感应', 'motion (living)': '客厅人体感应', 'motion (kitchen)': '厨房人体感应', presence: '存在感应', bed_belt: '床带', water_leak: '水浸', water_meter: '水表', climate: '温湿度', gateway: '网关', button: '按钮', vibration: '震动' } as Record<string, string>,
  codes: {
    SM1: '烟感报警', SM2: '烟温火情', GS1: '燃气报警', GS2: '燃气浓度高', GS3: '燃气无人应', SOS1: '紧急呼叫', FL1: '跌倒', BD1: '离床未归', BD2: '夜间出门', BD3: '早晨未起', BD7: '床带异常', VT1: '心率过高', VT2: '心率过低', VT7: '呼吸心跳消失',
    DR3: '夜间开门', AC1: '白天久无活动', AC2: '卫生间停留过久', AC3: '早晨无活动', WT1: '漏水', WT3: '长流水', TE1: '电量低', TE3: '设备离线', TE4: '网关断线', TE5: '成片断线',
  } as Record<string, string>,
}

const en: typeof zh = {
  title: 'Simulator', clock: 'Simulated time', speed: (x) => `×${x}`, rate: (n) => `${n} messages/min`, rateUnknown: '— messages/min', size: (homes, devices) => `${homes} homes · ${devices} devices`, seed: (n) => `seed ${n}`,
  connected: 'connected to the way in', notConnected: 'not connected to the way in', behind: (n) => `${n} s behind`, away: 'The simulator does not answer; trying again. The demo is not running, or it is restarting.', unknownState: 'Asking the simulator',
  home: 'Home', search: 'Home number, address or name', found: (shown, total) => (total > shown ? `${shown} of ${total}` : `${total}`), none: 'No such home', anyHome: 'The seed chooses a home', anyHint: 'same seed, same home', seedLabel: 'Seed',
  scenarios: 'Scenarios', when: 'When it begins', whens: { hour: 'At its hour', now: 'At once' },
  groups: { fire: 'Fire and gas', calls: 'Calls and falls', body: 'In bed', days: 'Coming and going', water: 'Water', lines: 'Devices and lines', other: 'Others' },
  due: (level, words, within) => `due within ${within}: ${level}, ${words}`, dueNothing: 'No alert is due', dueNow: 'At once by day, night rules are not in force: it may not be raised',
  seconds: (n) => (n < 120 ? `${n} s` : n < 7200 ? `${Math.round(n / 60)} min` : `${Math.round(n / 3600)} h`),
  hours: (from, to) => `plays at ${from}–${to}`, lead: (time) => `${time} in bed first`, lacks: (kinds) => `no ${kinds} here`,
  start: 'Start', startOf: (title) => `Start: ${title}`, started: (title, where, at) => `Arranged: ${title}, ${where}, begins at ${at}`, startedHere: (title, where) => `Started: ${title}, ${where}`, command: 'The same as a command', copy: 'Copy', copied: 'Copied',
  speedLabel: 'Pace', quick: 'Fast: devices and world run faster, the service’s clock does not. Rules that wait minutes cannot keep up and show as missed.', links: { silent: 'Silent line', drop: 'Lose events', lie: 'Lying heartbeat', restart: 'Line restart' }, disturbed: (words) => `${words}: watch how the screens notice`, ofDevices: 'Devices', ofLines: 'Broker and push', ofScreens: 'Screens', events: (n) => `${n} events`, stillFor: (words) => `${words} left`, faults: 'Faults', fault: 'Kind', value: 'How much', scope: 'Where', here: 'this home', everywhere: 'every home', building: 'this building', turnOn: 'Add fault', inForce: 'In force', noFaults: 'No faults', end: 'End', endOf: (words) => `End: ${words}`, needsHome: 'Choose a home before cutting it off', fromBeginning: 'Faults from the beginning',
  share: (n) => `${Math.round(n * 100)}%`, since: (at) => `since ${at}`,
  messages: 'Messages', noMessages: 'No messages yet', made: 'What it made of it', ingest: (s) => (s === null ? 'no device was ever heard' : s > 60 ? `no device for ${Math.round(s)} s: every screen should say so` : `a device was heard ${s.toFixed(1)} s ago`), lag: (s) => (s === null ? 'the sender is silent' : s > 1 ? `the oldest has waited ${Math.round(s)} s` : 'nothing waits'), lately: 'Pushes of 10 minutes', sentStates: { queued: 'trying again', accepted: 'taken', refused: 'refused', failed: 'given up', skipped: 'out of date' }, tries: (n) => `try ${n}`, noSent: 'Nothing was sent yet', outages: 'Cases about lines', noOutages: 'none', parts: { ingest: 'way in', rules: 'rules', alerts: 'alerts', notify: 'sender' }, partOk: 'well', partBad: 'not well', became: (n) => `a case after ${n} s`, retained: 'retained', latency: 'Latency', toAlert: 'happening to alert', toScreen: 'alert to this screen', samples: (n, median) => `${n} · median ${median} s`, noSamples: 'no samples yet', bin: (n, count) => `within ${n} s: ${count}`, views: 'What to see',
  truths: 'Truth and alerts', counts: { found: 'Found', late: 'Late', missed: 'Missed', for_nothing: 'For nothing', waiting: 'Waiting', median: 'Median s' },
  truth: 'What really happened', raised: 'What was raised', noTruths: 'Nothing has happened yet. Choose a scenario and start it.', ahead: (n) => `${n} still to come`,
  judged: { nothing: 'nothing due', found: 'Found', late: 'Late', missed: 'Missed', waiting: 'Waiting', void: 'over early' }, unheard: 'was cut off',
  took: (n) => `${n} s`, left: (time) => `${time} left`, number: (n) => `no. ${n}`,
  forNothing: 'Raised for nothing', forNothingHint: 'red and yellow, no truth explains them', byFault: 'maybe by a fault', noForNothing: 'none',
  refused: 'The simulator did not accept this', unreachable: 'The service does not answer; nothing was sent', tooMany: 'Too many were started within a minute; please wait', list: 'List of truths', cards: 'List of scenarios',
  level: { red: 'red', yellow: 'yellow', blue: 'blue' },
  kinds: { smoke: 'smoke detector', gas: 'gas detector', co: 'CO detector', sos: 'SOS button', fall: 'fall detector', door: 'door contact', motion: 'motion sensor', 'motion (bathroom)': 'motion sensor in the bathroom', 'motion (bedroom)': 'motion sensor in the bedroom', 'motion (living)': 'motion sensor in the living room', 'motion (kitchen)': 'motion sensor in the kitchen', presence: 'presence sensor', bed_belt: 'bed belt', water_leak: 'leak sensor', water_meter: 'water meter', climate: 'climate sensor', gateway: 'gateway', button: 'button', vibration: 'vibration sensor' },
  codes: {
    SM1: 'smoke', SM2: 'fire', GS1: 'gas', GS2: 'much gas', GS3: 'gas, nobody moves', SOS1: 'SOS', FL1: 'fall', BD1: 'not back in bed', BD2: 'out at night', BD3: 'not up', BD7: 'belt at fault', VT1: 'fast heart', VT2: 'slow heart', VT7: 'breath or pulse lost',
    DR3: 'door at night', AC1: 'long without activity', AC2: 'long in the bathroom', AC3: 'no morning start', WT1: 'leak', WT3: 'water runs on', TE1: 'battery low', TE3: 'device offline', TE4: 'gateway lost', TE5: 'area lost',
  },
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
/** The service's own word of two languages. */
export const both = (said: { zh: string; en: string }): string => (language.value === 'zh' ? said.zh : said.en)
