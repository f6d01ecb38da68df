/** Words of the desk and the wall alone. */
export const deskZh = {
  kpi: {
    label: '指标', month: '本月', ack: (s: number) => `${s} 秒内接警`, arrive: (m: number) => `${m} 分钟到场`, target: (n: number) => `目标 ${n}%`, median: (time: string) => `中位 ${time}`, kept: (kept: number, n: number) => `${kept} / ${n} 次`,
    protected: '防护完好', ofHomes: (n: number) => `/ ${n} 户`, protection: (partly: number, not: number) => `部分防护 ${partly} · 无防护 ${not}`, visits: '今日应探访', tiers: (a: number, b: number, c: number) => `重点 ${a} · 重要 ${b} · 一般 ${c}`, noVisits: '探访计划未录入', noneDue: '今天没有到期的探访',
    noCases: '无样本', today: '今日告警 · 合并后', mean: '近 28 日均值', hour24: '24 时', closed: '刚刚处理完', noneClosed: '今天还没有结案', hoursSummary: (n: number) => `今日逐时告警数，共 ${n} 条，按红黄蓝堆叠`,
  },
  actions: {
    label: '处置', take: '接警', takeAndHomes: '接警并逐户关照', homes: '逐户关照', takeAndCall: '接警并拨打家中电话', takeAndCallFamily: '接警并拨打家属电话', takeAndCallDesk: '接警并拨打值班席', takeAndSend: '接警并派人', ownedBy: (name: string) => `${name} 处理中`, yours: '由您处理中',
    call: '拨打家中电话', callAgain: '再次拨打家中电话', script: '照着话术问', callFamily: '拨打家属电话', callDesk: '拨打值班席', dispatch: '派人上门', fire: (number: string) => `转 ${number}`, services: '急救、消防', service: { 120: '120 急救', 119: '119 消防' }, outcome: '处置结果',
  },
  keys: { space: '空格', hold: (digit: number) => `长按 ${digit}` },
  unknownCase: '没有这条告警',
  grid: { label: (n: number) => `${n} 个红色待接`, first: '等得最久的在最前', others: (n: number) => `另有 ${n} 个红色待接`, see: '看详情', newRed: (n: number) => `新红色 ${n}` },
  progress: {
    label: '处置进度', took: '接警', called: '电话', notCalled: '还没打', sent: '派人', notSent: '还没派', arrive: '到场', arrived: '已到', left: (time: string) => `还剩 ${time}`, over: (time: string) => `已超 ${time}`, recheck: (time: string) => `${time} 后复查`, recheckDue: '复查到时',
  },
  now: { owner: '接警人', nobody: '待接', spent: '已全部升级，仍未接警', next: (at: string) => `${at} 升级到`, inSeconds: (s: number) => `还有 ${s} 秒`, going: '前往人员', asked: '已通知，还没有人接单' },
  calm: {
    level: '应急响应', title: '当前无红色告警', words: '没有红色不等于人人平安，防护情况见下。', silent: '红色告警有一步叫不到人', silentWords: (steps: string) => `没有人：${steps}。请马上补人。`, unknown: '画面不可信', unknownWords: '现在不知道有没有红色告警。请以电话为准。', longest: '等得最久的黄色', noYellow: '没有未结的黄色',
    see: '查看', protection: '防护', notProtected: (n: number) => `${n} 户防护不全`, allProtected: (n: number) => `${n} 户防护都完好`, last: '最近结案',
    visits: '接下来的探访', noneToday: '今天没有要探访的人', noVisits: '没有要探访的人', noPlan: '没有录入探访计划', due: (day: string, overdue: boolean) => (overdue ? `应于 ${day}，已逾期` : `${day}`), today: (done: number, all: number) => `今天 ${done} / ${all}`, test: '最近一次测试告警', noTest: '两个月内没有测试过',
  },
  outcome: {
    likely: '已按回答和经过预选，请核对后再结案。',
    title: '处置结果', done: '已结案', loading: '正在读取代码表', fields: { cause: '原因', verification: '核实', actions: '处置', outcome: '结果', truth: '真假', reference: '119 / 120 回执号' }, choose: '请选择', fill: '请填写', search: '输入代码或文字',
    noReference: '未给', referenceNote: (reference: string | null) => (reference === null ? '119/120 回执号：未给' : `119/120 回执号：${reference}`), note: '备注（可不填）',
    promised: '已答应老人过会儿再打电话，结案后不再提醒。', active: '现场还在报警，请确认后再结案。', unasked: (n: number) => `名单上还有 ${n} 户没有确认平安，不能写「平安」：请接着联系，或选别的结果。`,
    notReached: '未联系上不能结案：请继续联系，或派人上门。', missing: (fields: string) => `还缺：${fields}`, submit: '结案', reopen: '重新打开', reopenReason: '重新打开的理由',
    release: '放回待接', releaseReason: '放回待接的理由', released: (n: number) => `${n} 号已放回待接`, releasedBy: (who: string, n: number, why: string) => `${who}把 ${n} 号放回待接：${why}`,
  },
  wall: { small: '这个画面是给大屏看的，手机上字太小', home: '去我的页面' },
  map: {
    label: '网格图', title: (grids: number, micros: number) => `${grids} 网格 · ${micros} 微网格`, located: (name: string) => `已定位 ${name}`, sketch: '示意图', centre: '服务中心', person: '响应人员', circle: (n: number) => `${n} 分钟圈`,
    loading: '正在读取网格图', failed: '暂时读不到网格图', calmSummary: '社区网格示意图，当前没有定位的告警', summary: (level: string, place: string) => `社区网格示意图，${level}告警在${place}`,
  },
  people: {
    label: '可派人员', withinBefore: '圈内空闲', withinAfter: '人', key: '键', no: '号', person: '人员', state: '状态', eta: '预计到场', minutesUnit: '分钟', minutes: (n: number) => `${n} 分钟`, none: '没有值班的响应人员',
    choose: (n: number, name: string) => `${n} 选 ${name}`, free: '空闲', busy: '忙', away: '不在', report: { accept: '记接单', depart: '记出发', arrive: '记到场' },
  },
} as const
