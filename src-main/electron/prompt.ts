/** Electron has no box to type into: a small window of our own asks for the address of an engine. */
import { BrowserWindow } from 'electron';

const page = `<!doctype html><meta charset="utf-8"><title>Connect to engine</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; form-action basin-prompt:">
<style>body{font:13px system-ui,sans-serif;margin:18px;background:#fbfbfa;color:#1d1c1a}input{width:100%;box-sizing:border-box;
font:12px monospace;padding:6px 8px;margin:8px 0 12px}button{padding:5px 12px}</style>
<form action="basin-prompt://answer" method="get"><label>Address that <code>basin serve</code> printed on the other machine
<input name="address" autofocus placeholder="http://127.0.0.1:8000/?token=..."></label><button>Connect</button></form>`;

/** The address typed, or null when the window was closed. */
export function askForAddress(parent: BrowserWindow | undefined): Promise<string | null> {
  return new Promise((resolve) => {
    const box = new BrowserWindow({
      width: 560,
      height: 170,
      resizable: false,
      minimizable: false,
      autoHideMenuBar: true,
      title: 'Connect to engine',
      ...(parent ? { parent, modal: true } : {}),
      webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false },
    });
    let answer: string | null = null;
    // The form's submission is a navigation that the guard stops; its query is what was typed.
    box.webContents.on('will-navigate', (event, url) => {
      event.preventDefault();
      answer = new URL(url).searchParams.get('address');
      box.close();
    });
    box.on('closed', () => resolve(answer));
    void box.loadURL(`data:text/html;charset=utf-8,${encodeURIComponent(page)}`);
  });
}
