/** `npm start [-- ARGS]`: the desktop app on the workspace; where it cannot be had, the same app for a browser. */
import { script } from './lib/launch.mjs';
import { openApp } from './lib/open-app.mjs';

script(() => openApp(process.argv.slice(2)));
