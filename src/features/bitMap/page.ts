/** The HTML that the panel's webview starts from. Pure, so that the tests open the very same page in a browser. */

export interface PageSources {
  /** What the webview calls its own origin. */
  cspSource: string;
  /** Fresh for every page. */
  nonce: string;
  script: string;
  style: string;
  worker: string;
  /** Of the user, as VS Code names it. */
  language: string;
  /** Texts in that language by the English ones; empty: English. */
  texts: Record<string, string>;
}

export function pageHtml({ cspSource, nonce, script, style, worker, language, texts }: PageSources): string {
  // The toolkit finds the nonce for its one style element in the meta element below. The worker is a blob made of
  // the script that connect-src lets the page fetch.
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} 'nonce-${nonce}'`,
    `font-src ${cspSource}`,
    `img-src ${cspSource} data:`,
    `connect-src ${cspSource}`,
    `worker-src blob:`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${escape(language)}">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OMPQ bit map</title>
<link rel="stylesheet" href="${escape(style)}">
</head>
<body>
<div id="ompq" data-worker="${escape(worker)}" data-texts="${escape(JSON.stringify(texts))}"></div>
<script nonce="${nonce}" src="${escape(script)}"></script>
</body>
</html>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}
