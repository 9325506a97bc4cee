/** What every JavaScript host has but no ES library declares; seen by this layer only. */
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean });
  decode(bytes: Uint8Array): string;
}
declare function structuredClone<T>(value: T): T;
/** Base64, of text whose letters are bytes. */
declare function btoa(bytes: string): string;
declare function atob(text: string): string;
