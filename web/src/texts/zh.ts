/** 屏幕上的全部中文。别处不写中文（演示数据和服务端送来的话除外）。 */
export const zh = {
  app: {
    name: '智慧康养监测中心', motto: '安心云守护、智养悦生活', demo: '演示数据', simulated: '模拟环境', mark: '【模拟】', skip: '跳到当前告警',
    title: '告警 · 安心', titleRed: (n: number) => `【${n} 红】告警 · 安心`, wallTitle: '监控大屏 · 安心', signInEnds: (at: string) => `登录 ${at} 到期，请提前重新登录`,
    newBuild: '有新版本，空闲时请刷新', reload: '现在刷新',
  },
  nav: { label: '主导航', alerts: '告警', residents: '老人', devices: '设备', tasks: '日常', duty: '排班', kpi: '指标', records: '记录', wall: '大屏' },
  menu: {
    handover: '交班', soundCheck: '声音检查', messages: '消息提醒', keys: '按键一览', shortcutsOn: '单键操作：开', shortcutsOff: '单键操作：关', softphoneOn: '本机拨号：开', softphoneOff: '本机拨号：关', signOut: '退出登录',
  },
  time: {
    hours: (h: number, m: string) => `${h} 小时 ${m} 分`, days: (d: number, h: number) => `${d} 天 ${h} 小时`,
    justNow: '刚刚', secondsAgo: (n: number) => `${n} 秒前`, minutesAgo: (n: number) => `${n} 分钟前`, hoursAgo: (n: number) => `${n} 小时前`,
  },
  levels: {
    red: { name: '红色', short: '红', meaning: '应急响应', pair: ['应急', '响应'] },
    yellow: { name: '黄色', short: '黄', meaning: '健康提醒', pair: ['健康', '提醒'] },
    blue: { name: '蓝色', short: '蓝', meaning: '基础服务', pair: ['基础', '服务'] },
  },
  kinds: {
    smoke: '烟感报警', gas: '燃气报警', co: '一氧化碳报警', sos: 'SOS 呼叫', fall: '跌倒', water: '漏水', bed: '离床异常', door: '门磁异常', device: '设备故障', vitals: '体征异常', activity: '活动异常', other: '告警',
  },
  states: { new: '未接警', acknowledged: '已接警', dispatched: '已派人', attended: '已到场', closed: '已结案' },
  link: {
    region: '连接状态', live: '实时', connecting: '正在连接', connectingWords: '还没有收到画面，现在不能据此判断平安',
    stale: '数据延迟', staleFor: (n: number) => `延迟 ${n} 秒`, staleWords: '正在重连，画面可能不是最新',
    down: '连接中断', downWords: (clock: string) => `画面停在 ${clock}，新告警不会显示`, neverWords: '没有收到过画面，新告警不会显示', downAdvice: '请改用值班手机和备用座机接警',
    advice: { go: '任务请打电话问值班席，点过的步骤会留在手机里', calls: '电话照打，结果先记在纸上', mend: '维修照做，结果先记在纸上', family: '有事请直接打家里电话，有危险打 120 或 119' } as Record<string, string>,
    unloaded: '这部分内容没有加载出来，请检查网络',
    devices: '设备数据中断', devicesWords: '服务器在线，但收不到任何设备的数据；没有新告警不等于平安',
    seconds: (n: string) => `${n} 秒`, ageHint: '最近一条设备数据的时间', wrongClock: '本机时钟不准',
  },
  components: {
    broken: (names: string) => `${names} 停用`, database: '历史库', stream: '消息流', ingest: '接入', rules: '规则', alerts: '告警', notify: '通知', recorder: '记录', api: '接口', diskFull: '磁盘将满',
  },
  sound: {
    word: '声音', off: '未启用', unchecked: '未验证', checked: (at: string) => `已验证 ${at}`, mutedFor: (left: string) => `静音 ${left}`, muteLabel: (now: string) => `声音 ${now}，静音 2 分钟`,
    blocked: '声音未启用', enable: '点此启用声音', blockedWords: '听不到告警声，红色告警会改打值班手机',
  },
  duty: { onDuty: '值班', none: '无人', nobody: '当前无人值班', nobodyWords: '告警会直接升级到值班组长和主任' },
  flood: { title: '告警洪峰', count: (n: number) => `10 分钟内 ${n} 条红黄告警`, words: '蓝色已静音，按原因合并；建议叫第二位值班员' },
  queue: {
    hits: (n: number) => (n === 0 ? '没有符合的。红色一直显示' : `符合 ${n} 条，红色一直显示`),
    label: '告警队列', lane: '红色固定区', waited: '已等待', laneEmpty: '没有待接的红色', inHand: (n: number) => `处理中 ${n}`, elapsed: '用时', waiting: (n: number) => `待处理 ${n}`, orderWords: '按级别、等待时间排序',
    none: '没有未结的告警', moreRed: (red: number, others: number) => `另有 ${red} 个红色${others > 0 ? `、其他 ${others} 条` : ''}`, more: (n: number) => `另有 ${n} 条`, leaf: '翻看', all: '已全部显示', recentBefore: '近 10 分钟', recentAfter: '条红黄告警',
    person: (name: string, age: number) => `${name} ${age} 岁`, nobody: '待接', homes: (n: number) => `${n} 户`, merged: '已合并', search: '按姓名、地址、电话、设备查找', clear: '清除', filter: '筛选', grid: '网格', kind: '类型', allGrids: '全部网格', allKinds: '全部类型', mine: '我接的',
  },
  spoken: (first: string, others: number) => `${first}，另有 ${others} 个`,
  hero: {
    number: (n: number) => `${n} 号`, onset: (clock: string) => `${clock} 触发`, places: (first: string, n: number) => `${first}等 ${n} 处`, battery: (n: number) => ` · 电量 ${n}%`, rung: (from: string, at: string) => `${from} 起，${at} 报警`, times: (n: number) => `共报 ${n} 次`, late: (time: string) => `晚收到 ${time}`, cleared: '现场读数已恢复，仍需人工确认', unknown: '现场读数未知',
    target: (state: string, seconds: number, over: boolean) => `${state} · ${over ? `已超 ${seconds} 秒目标` : `目标 ${seconds} 秒内`}`, owned: (name: string, state: string) => [name, state].filter(Boolean).join(' · '),
    noAddress: '地址未登记', floor: (n: number) => `${n} 楼`, lift: '有电梯', noLift: '无电梯', comma: '，', key: '备用钥匙：', distance: '距中心', metres: '米', age: (n: number) => `${n} 岁`, tags: '注意事项',
  },
  ladder: { label: '升级时间表', arrive: '到场', steps: ['大屏值班席', '全部值班席', '值班组长', '主任、全网格'] },
  strip: {
    label: '同户佐证', title: '同户佐证', last: (n: number) => `近 ${n} 分钟`, more: (n: number) => `另有 ${n} 台`, inference: '推断：', now: '现在', out: (what: string, until: string, by: string) => `${what}停用至 ${until}${by ? `（${by}登记）` : ''}`, and: '；', loading: '正在读取', failed: '暂时读不到此户的设备数据', none: '此户近 60 分钟没有设备数据：不能当作平安',
  },
  script: { label: '处置脚本', title: '处置脚本', step: (n: number, when: string) => `第 ${n} 步 · ${when}`, kept: '电话、健康信息和佐证不向您显示。经过和处置结果在详情里（回车打开）。' },
  call: {
    label: (who: string) => `正在拨打 ${who}`, calling: (who: string) => `正在拨打 ${who}`, home: '家中电话', desk: '值班席', cancel: '没有拨打',
    withThem: '说人在身边，平安', results: { answered: '接通', no_answer: '无人接', busy: '占线', refused: '拒接', wrong_number: '空号' },
  },
  dispatch: { label: '派谁去', hint: '数字键改选', family: (who: string) => `打给${who}`, choose: '还没有选人：按数字键选，再按 D 派出', nobody: '没有可派的人，请打电话找值班组长', send: (n: number) => (n > 1 ? `派出 ${n} 人` : '派出'), cancel: '取消', ring: '只能打电话', ringThem: (who: string) => `消息发不到，请马上打电话：${who}` },
  responder: { offered: '已通知', accepted: '已接单', declined: '去不了', departed: '途中', arrived: '已到场', left: '已交接' },
  roles: {
    operator: '值班员', supervisor: '值班组长', social_worker: '社工', volunteer: '志愿者', grid_worker: '网格员', neighbour: '邻居', doctor: '社区医生', maintenance: '维修员', family: '家属', admin: '管理员', auditor: '审计员', responder: '响应人员',
  },
  notices: {
    region: '操作结果', banners: '提示', close: '关闭', undo: (s: number) => `撤回 ${s} 秒`, undoReason: '误操作', withThem: (who: string) => `已记下：${who}说人在身边，平安`, undone: (n: number) => `${n} 号已撤回`, taken: (n: number) => `已接警 ${n} 号`, called: (who: string, result: string) => `${who}：${result}`,
    sent: (names: string) => `已派 ${names}`, closed: (n: number) => `${n} 号已结案`, reopened: (n: number) => `${n} 号已重新打开`,
  },
  refusals: {
    unreachable: '没有送达，请再按一次；仍不行请改用电话', takenBy: (name: string) => `已由${name}接警`, changed: '告警刚有变化，请看过再按', changedBy: (name: string) => `${name}刚处理过，请看过再按`, closed: '这个告警已结案',
    missing: (fields: string) => `还缺：${fields}`, forbidden: '您没有这个权限', other: (why: string) => `没有成功：${why}`,
  },
} as const
