import type { ServerMessage, Transport } from '../../src-shared/rpc.ts';
import { decodeMessage, encodeMessage } from '../../src-shared/rpc.ts';

/** The served app's connection. Messages sent before the socket is open wait for it. */
export function websocketTransport(url: string): Transport {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  const waiting: Uint8Array<ArrayBuffer>[] = [];
  const messageListeners: ((message: ServerMessage) => void)[] = [];
  const closeListeners: ((reason: string) => void)[] = [];

  socket.addEventListener('open', () => {
    for (const bytes of waiting.splice(0)) socket.send(bytes);
  });
  socket.addEventListener('message', (event: MessageEvent<ArrayBuffer>) => {
    // The engine served this page; its responses have the shape that its own code was typed with.
    const message = decodeMessage(new Uint8Array(event.data)) as ServerMessage;
    for (const listener of messageListeners) listener(message);
  });
  socket.addEventListener('close', (event) => {
    const reason =
      event.reason ||
      (event.code === 1006
        ? 'The engine stopped or cannot be reached.'
        : 'The engine closed the connection.');
    for (const listener of closeListeners) listener(reason);
  });

  return {
    send(message) {
      const bytes = encodeMessage(message) as Uint8Array<ArrayBuffer>;
      if (socket.readyState === WebSocket.CONNECTING) waiting.push(bytes);
      else socket.send(bytes);
    },
    onMessage: (listener) => void messageListeners.push(listener),
    onClose: (listener) => void closeListeners.push(listener),
    close: () => socket.close(),
  };
}
