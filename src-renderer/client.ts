/** The one way from the screen to the engine. */
import { connect, type Client } from '../src-shared/rpc.ts';
import { desktopTransport } from './transports/desktop.ts';
import { websocketTransport } from './transports/websocket.ts';

export function openClient(): Client {
  if (window.basin) return connect(desktopTransport(window.basin));
  const url = new URL('ws', window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  url.search = '';
  return connect(websocketTransport(url.href));
}
