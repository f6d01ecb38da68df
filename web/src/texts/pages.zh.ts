/** 大屏和值班席以外各页面的中文：老人、设备、排班、指标、家属、上门手机。与页面一起加载，不算在大屏的首屏里。 */
export const pagesZh = {
  skip: '跳到正文',
  titles: { residents: '老人', resident: '老人', devices: '设备', duty: '排班与覆盖', kpi: '响应指标', handover: '交班', sim: '模拟器', tasks: '日常工作', records: '查阅与导出记录', family: '家人' },
  toDesk: '回到告警', redWaiting: (n: number) => (n > 1 ? `${n} 个红色告警等人处理` : '红色告警等人处理'), loading: '正在读取', again: '再试', print: '打印', printed: (at: string) => `${at} 打印`, semicolon: '；', andMore: (n: number) => `，另有 ${n} 项`, asOf: (ago: string) => `${ago}的数据`, age: (n: number) => `${n} 岁`,
  faults: {
    history_unavailable: '历史库暂时读不到，实时告警不受影响', forbidden: '您的角色不能查看', unknown_resident: '没有这位老人', not_ready: '服务正在启动，请稍候', unavailable: '暂不可用', unreachable: '连不上服务', other: '暂时读不到',
  },
  family: {
    practice: '演练用的住户，下面不是真事。', call: '打电话给家里', callCentre: '打电话给服务中心', steps: '处理经过', waiting: '等待中', notYet: '还没到这一步', allowed: '老人同意您看到', classes: { status: '是否平安、有没有提醒', activity: '最近一次有动静的时间' }, nothing: '老人还没有同意向家属显示情况，请和老人或社区说一声。', offline: '离线，信息可能过时', at: (time: string) => `${time} 的情况`, protection: '设备', protections: { protected: '都在正常工作', partly: '有的暂时没在工作', not: '暂时看护不到，社区会处理' }, past: '以前的提醒', noPast: '最近没有提醒', signOut: '退出', number: (n: number) => `${n} 号`,
  },
}
