/** How other browsers get into an engine that is served. */
import { z } from 'zod';

/** Where a browser reaches a served engine. */
const serverAddressSchema = z.object({
  /** With a token that works once. */
  url: z.string(),
  /** What to type on one's own machine to reach it through SSH. */
  ssh: z.string(),
  port: z.int(),
});
export type ServerAddress = z.infer<typeof serverAddressSchema>;

export const serverRequests = {
  /** A fresh address for one more browser. Refused where the engine is not served. */
  'server.address': { args: z.object({}), response: serverAddressSchema },
} as const;
