/** UTF-8 as bodies use it: https://encoding.spec.whatwg.org/#utf-8-encode and #utf-8-decode. */
import { decode, encode } from "atoll:native/utf8";

/** The bytes of a text; lone surrogates become U+FFFD. */
export const encodeUtf8 = (text) => encode(text.toWellFormed());

/** The text of bytes, without a byte order mark. */
export const decodeUtf8 = decode;
