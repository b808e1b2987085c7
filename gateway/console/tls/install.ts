import { escapeHtml } from '../../kit/html.ts'
import type { Label } from '../../contract/index.ts'
import type { SiteCa } from './site-ca.ts'

type Language = keyof Label

const words = {
  title: { zh: '安装本站证书', en: 'Install this site’s certificate' },
  why: { zh: '装好以后，这台手机或电脑打开值班台就不再提示“不安全”，密码在路上没人能看到。每台设备只装一次。', en: 'Once it is installed, this phone or computer opens the duty desk without a warning, and nobody on the way can read a password. Once for each device.' },
  limits: { zh: '这张证书只能证明下面这些名字和地址，不能用来冒充别的网站：', en: 'It vouches for these names and addresses only; it cannot pass for any other site:' },
  download: { zh: '第一步：下载证书', en: 'Step 1: download the certificate' },
  compare: { zh: '第二步：核对指纹', en: 'Step 2: compare the fingerprint' },
  compareHow: { zh: '请安装人员在网关上运行 linli console-ca，把终端里显示的指纹与您设备上显示的逐段对照。本页也可能被人冒充，请以网关终端上的为准。不一致就不要安装。', en: 'Ask the installer to run linli console-ca on the gateway, and compare what the terminal shows with what your device shows, pair by pair. This page itself could be forged: what counts is the gateway’s own terminal. If they differ, do not install.' },
  sha1: { zh: 'Windows 称“指纹”', en: 'Windows: “Thumbprint”' },
  until: { zh: '有效期到', en: 'Valid until' },
  install: { zh: '第三步：安装', en: 'Step 3: install' },
  open: { zh: '第四步：打开值班台', en: 'Step 4: open the duty desk' },
  openHow: { zh: '先关掉所有浏览器窗口再打开。', en: 'Close all browser windows first.' },
  name: { zh: '证书名称', en: 'Its name' },
} as const satisfies Readonly<Record<string, Label>>

const ways: readonly { readonly name: Label; readonly steps: Readonly<Record<Language, readonly string[]>> }[] = [
  { name: { zh: '安卓、鸿蒙手机', en: 'Android' }, steps: {
    zh: ['下载后打开“设置”，搜索“CA 证书”（通常在“安全”“更多安全设置”“从存储设备安装”里）。', '选“CA 证书”，看过提示后选“仍然安装”。', '选中刚下载的 site-ca.crt。', '在“用户凭据”里点开这张证书，核对 SHA-256 指纹。'],
    en: ['After the download open Settings and search for “CA certificate” (mostly Security › More › Encryption & credentials › Install a certificate).', 'Choose “CA certificate”, read the warning, choose “Install anyway”.', 'Pick site-ca.crt, which you just downloaded.', 'Open it under “User credentials” and compare the SHA-256 fingerprint.'],
  } },
  { name: { zh: '苹果手机、平板', en: 'iPhone, iPad' }, steps: {
    zh: ['请用 Safari 打开本页下载，选“允许”。', '打开“设置”，点最上面的“已下载描述文件”，点“更多详细信息”核对指纹，再点“安装”。', '再到“设置 › 通用 › 关于本机 › 证书信任设置”，打开这张证书的开关。少了这一步仍会提示不安全。'],
    en: ['Open this page in Safari, download, choose “Allow”.', 'Open Settings, tap “Profile Downloaded” at the top, compare the fingerprint under “More Details”, tap “Install”.', 'Then Settings › General › About › Certificate Trust Settings: switch this certificate on. Without that the warning stays.'],
  } },
  { name: { zh: 'Windows 电脑（Edge、Chrome、360 等）', en: 'Windows (Edge, Chrome)' }, steps: {
    zh: ['双击 site-ca.crt，在“详细信息”最下面的“指纹”处核对 SHA-1。', '点“安装证书”，选“当前用户”。', '选“将所有的证书都放入下列存储”，点“浏览”，选“受信任的根证书颁发机构”，完成后选“是”。'],
    en: ['Double-click site-ca.crt and compare “Thumbprint” at the end of “Details” (SHA-1).', '“Install Certificate”, “Current User”.', '“Place all certificates in the following store”, Browse, “Trusted Root Certification Authorities”; finish and answer Yes.'],
  } },
  { name: { zh: '火狐浏览器', en: 'Firefox' }, steps: {
    zh: ['打开“设置 › 隐私与安全 › 查看证书 › 证书颁发机构 › 导入”。', '选 site-ca.crt，点“查看”核对 SHA-256，勾选“信任由此证书颁发机构来标识网站”。'],
    en: ['Settings › Privacy & Security › View Certificates › Authorities › Import.', 'Pick site-ca.crt, compare SHA-256 under “View”, tick “Trust this CA to identify websites”.'],
  } },
  { name: { zh: '统信 UOS、银河麒麟', en: 'Linux (Chromium)' }, steps: {
    zh: ['在浏览器“设置 › 隐私和安全 › 管理证书 › 授权机构”里点“导入”。', '选 site-ca.crt，勾选“信任该证书，以标识网站的身份”，再点开核对 SHA-256。'],
    en: ['Settings › Privacy and security › Manage certificates › Authorities › Import.', 'Pick site-ca.crt, tick “Trust this certificate for identifying websites”, then open it and compare SHA-256.'],
  } },
]

export const installCss = `:root { font-size: 18px; } * { box-sizing: border-box; }
body { margin: 0; background: #eef2f5; color: #13212e; font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; overflow-wrap: anywhere; }
header { background: #0f4c75; color: #fff; padding: 10px 18px; display: flex; justify-content: space-between; gap: 12px; align-items: center; }
header a { color: #fff; font-weight: 600; padding: 10px 4px; }
main { max-width: 820px; margin: 0 auto; padding: 18px; } h1 { font-size: 1.7rem; margin: 0 0 8px; } h2 { font-size: 1.2rem; margin: 0 0 6px; }
section { background: #fff; border: 1px solid #c3ced8; border-radius: 10px; padding: 16px 18px; margin: 14px 0; }
.button { display: inline-block; background: #0f4c75; color: #fff; font-weight: 600; text-decoration: none; border-radius: 10px; padding: 14px 22px; min-height: 56px; }
code { font: .95rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; } dt { font-weight: 600; margin-top: 8px; } dd { margin: 0; }
summary { min-height: 48px; cursor: pointer; font-weight: 600; align-content: center; } details { border-top: 1px solid #c3ced8; } li { margin: 4px 0; }
a:focus-visible, summary:focus-visible { outline: 4px solid #d97706; outline-offset: 2px; }`

/** How a device comes to trust the console: readable without script, and over plain HTTP too, since who has no certificate yet comes that way. */
function page(ca: SiteCa, site: Label, language: Language, home: string): string {
  const t = (word: keyof typeof words): string => escapeHtml(words[word][language])
  const other = language === 'zh' ? 'en' : 'zh'
  const { hosts, networks } = ca.allowed
  const names = [...hosts, ...networks.map(({ address, prefix }) => (prefix >= 32 ? address : `${address}/${prefix}`))].filter((name) => name !== 'localhost' && name !== '127.0.0.1')
  const print = (hex: string): string => `<code>${hex.match(/.{1,12}/g)!.map((part) => escapeHtml(part)).join('<wbr>')}</code>`
  return `<!doctype html>
<html lang="${language === 'zh' ? 'zh-CN' : 'en'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${t('title')}</title><link rel="stylesheet" href="/install.css"></head><body>
<header><span>${escapeHtml(site[language])}</span><a href="?lang=${other}" lang="${other}">${other === 'en' ? 'English' : '中文'}</a></header>
<main><h1>${t('title')}</h1><p>${t('why')}</p><p>${t('limits')} <code>${escapeHtml(names.join('  '))}</code></p>
<section><h2>${t('download')}</h2><p><a class="button" href="/site-ca.crt">site-ca.crt</a></p></section>
<section><h2>${t('compare')}</h2><p>${t('compareHow')}</p><dl><dt>SHA-256</dt><dd>${print(ca.fingerprints.sha256)}</dd><dt>SHA-1 (${t('sha1')})</dt><dd>${print(ca.fingerprints.sha1)}</dd><dt>${t('name')}</dt><dd>${escapeHtml(ca.title)}</dd><dt>${t('until')}</dt><dd>${new Date(ca.until).toISOString().slice(0, 10)}</dd></dl></section>
<section><h2>${t('install')}</h2>${ways.map(({ name, steps }) => `<details><summary>${escapeHtml(name[language])}</summary><ol>${steps[language].map((step) => `<li>${escapeHtml(step)}</li>`).join('')}</ol></details>`).join('')}</section>
<section><h2>${t('open')}</h2><p>${t('openHow')}</p><p><a class="button" href="${escapeHtml(home)}">${escapeHtml(home)}</a></p></section>
</main></body></html>
`
}

export interface InstallFile { readonly type: string; readonly body: string | Buffer }

/** What is at a path of the three; null for any other. `origin`: of the console, as this browser reaches it. */
export function installFile(ca: SiteCa, site: Label, url: string, origin: string): InstallFile | null {
  const { pathname, searchParams } = new URL(url, 'http://-')
  switch (pathname) {
    case '/install': return { type: 'text/html; charset=utf-8', body: page(ca, site, searchParams.get('lang') === 'en' ? 'en' : 'zh', `${origin}/`) }
    case '/install.css': return { type: 'text/css; charset=utf-8', body: installCss }
    // DER, and no attachment: by this type an iPhone and Firefox offer to install it, and others save it under the name in the address.
    case '/site-ca.crt': return { type: 'application/x-x509-ca-cert', body: ca.der }
    default: return null
  }
}
