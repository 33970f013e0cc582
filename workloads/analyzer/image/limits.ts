/** What an image may ask for; more is rejected before it is decoded. */
export interface ImageLimits {
  /** Of the message, in bytes. */
  readonly maxBytes: number;
  /** Width times height, in pixels. */
  readonly maxPixels: number;
  /** One image's decoding may take this long, in seconds. */
  readonly maxSeconds: number;
}
