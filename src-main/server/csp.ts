/**
 * The policy of the app's pages, served or on the desktop. Scripts only from here, no frames, no plugins, no forms
 * elsewhere. Inline styles are what SVG figures are made of.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
