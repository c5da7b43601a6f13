//! How the report looks: on a screen in the reader's theme, on a phone, on paper.

pub(super) const STYLE: &str = "
:root{--ink:#1c2024;--soft:#565d66;--paper:#fff;--card:#f6f7f9;--line:#d5d9de;--link:#0b5cad;
--error:#a3290b;--warning:#7a5200;--note:#2f5d7c}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#a9b0b8;--paper:#16181b;--card:#1f2226;--line:#3a3f46;
--link:#7ab8ff;--error:#ff9a80;--warning:#f0c060;--note:#9bcbea}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:1.5rem 1.25rem 3rem;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .3rem}h2{font-size:1.3rem;margin:2.4rem 0 .8rem}h3{font-size:1rem;margin:0 0 .4rem}
.question{color:var(--soft);margin:0 0 1rem;font-size:1.05rem}
a{color:var(--link)}nav{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;border-top:1px solid var(--line);padding-top:.7rem}
.summary{display:flex;flex-wrap:wrap;gap:.6rem 1.8rem;margin:0 0 1rem}.summary div{min-width:0}
dt{color:var(--soft);font-size:.8rem}dd{margin:0;font-weight:600;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.93rem}
th,td{text-align:left;padding:.35rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}th.num:first-child{width:1%}.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.verdict{white-space:nowrap}.wide{overflow-x:auto}
.finding{background:var(--card);border-left:5px solid var(--note);padding:.8rem 1rem;margin:0 0 .8rem;border-radius:4px}
.finding p{margin:.3rem 0}.finding.error{border-color:var(--error)}.finding.warning{border-color:var(--warning)}
.badge{font-size:.72rem;font-weight:700;text-transform:uppercase;letter-spacing:.04em;border:1px solid;border-radius:3px;
padding:.05rem .4rem;margin-right:.3rem;color:var(--note);white-space:nowrap}
.error .badge{color:var(--error)}.warning .badge{color:var(--warning)}
.evidence{color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}code{font-size:.88rem}
pre{background:var(--card);border:1px solid var(--line);border-radius:4px;padding:.8rem 1rem;overflow-x:auto;line-height:1.45;font-size:.88rem}
pre code{font-size:inherit}li code{overflow-wrap:anywhere}
.finding pre{margin:.3rem 0;padding:.35rem .6rem;background:var(--paper)}
figure{margin:0 0 1.2rem;background:#fff;border:1px solid var(--line);border-radius:4px}figure div{padding:.4rem;overflow-x:auto}
figure svg{display:block;margin:0 auto;width:100%;min-width:900px;height:auto;max-width:1120px}
figcaption{display:none;padding:.5rem .8rem;border-top:1px solid #d5d9de;color:#1c2024;font-size:.93rem}
@media screen and (max-width:960px){figcaption{display:block}}
footer{margin-top:2.5rem;border-top:1px solid var(--line);color:var(--soft);font-size:.9rem}
@media print{:root{--ink:#000;--soft:#444;--paper:#fff;--card:#f6f7f9;--line:#bbb;--link:#000;--error:#a3290b;--warning:#7a5200;--note:#2f5d7c}
@page{margin:14mm}body{max-width:none;padding:0;font-size:10.5pt}nav{display:none}
figure,.finding,tr{break-inside:avoid}h2,h3{break-after:avoid}figure{border:0}figure div{overflow:visible;padding:0}
figure svg{min-width:0;max-width:100%;max-height:230mm}.wide{overflow:visible}table{font-size:8.5pt}th,td{padding:.2rem .4rem}
pre,.finding pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:8pt}}
";
