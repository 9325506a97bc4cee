/** Names of the IPC channels between the preload script and the main process. */
export const channels = {
  call: 'basin:call',
  message: 'basin:message',
  closed: 'basin:closed',
  command: 'basin:command',
  chooseFolder: 'basin:choose-folder',
  saveFile: 'basin:save-file',
  connect: 'basin:connect',
  reopen: 'basin:reopen',
  takePaths: 'basin:take-paths',
} as const;
