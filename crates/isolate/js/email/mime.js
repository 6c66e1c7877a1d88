// From the parts of a message to its text (https://www.rfc-editor.org/rfc/rfc2045).

import { bufferSource } from "../webidl.js";
import { encodeUtf8 } from "../encoding.js";
import { toBase64 } from "./base64.js";

const LINE = 76;

/** Text of a header: other than ASCII is encoded (https://www.rfc-editor.org/rfc/rfc2047). */
function headerText(text) {
  const plain = String(text).replace(/[\r\n]+/g, " ");
  return /^[\x20-\x7e]*$/.test(plain) ? plain : `=?UTF-8?B?${toBase64(encodeUtf8(plain))}?=`;
}

/** An address as a header has it. */
function address(value) {
  if (typeof value === "string") return value.replace(/[\r\n]+/g, " ");
  const email = String(value.email).replace(/[\r\n<>]+/g, "");
  return value.name ? `${/^[\x20-\x7e]*$/.test(value.name) ? JSON.stringify(value.name) : headerText(value.name)} <${email}>` : email;
}

const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const lines = (base64) => base64.match(new RegExp(`.{1,${LINE}}`, "g"))?.join("\r\n") ?? "";

function textPart(type, text) {
  return `Content-Type: text/${type}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(toBase64(encodeUtf8(text)))}\r\n`;
}

function attachmentPart({ filename, type, content, disposition = "attachment", contentId }) {
  const bytes = typeof content === "string" ? undefined : bufferSource(content);
  // A string is base64 already.
  const base64 = bytes === undefined ? String(content).replace(/\s+/g, "") : toBase64(bytes);
  const id = contentId === undefined ? "" : `Content-ID: <${headerText(contentId)}>\r\n`;
  const name = headerText(filename).replaceAll('"', "'");
  return (
    `Content-Type: ${headerText(type ?? "application/octet-stream")}; name="${name}"\r\n${id}` +
    `Content-Disposition: ${headerText(disposition)}; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(base64)}\r\n`
  );
}

function multipart(kind, parts) {
  if (parts.length === 1) return parts[0];
  const boundary = `----${crypto.randomUUID()}`;
  const body = parts.map((part) => `--${boundary}\r\n${part}`).join("");
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n${body}--${boundary}--\r\n`;
}

/** All recipients of a message, as addresses. */
export const recipients = ({ to, cc, bcc }) =>
  [to, cc, bcc].flatMap(list).map((value) => (typeof value === "string" ? value : String(value.email)));

/**
 * The message that the parts make.
 * @param {object} message as `send()` takes it
 * @param {string} id its Message-ID
 */
export function compose({ from, to, cc, replyTo, subject, text, html, headers = {}, attachments = [] }, id) {
  const header = [
    ["From", address(from)],
    ["To", list(to).map(address).join(", ")],
    ...(cc === undefined ? [] : [["Cc", list(cc).map(address).join(", ")]]),
    ...(replyTo === undefined ? [] : [["Reply-To", address(replyTo)]]),
    ["Subject", headerText(subject)],
    ["Date", new Date().toUTCString().replace("GMT", "+0000")],
    ["Message-ID", id],
    ...Object.entries(headers).map(([name, value]) => [headerText(name), headerText(value)]),
    ["MIME-Version", "1.0"],
  ];
  const texts = [];
  if (text !== undefined) texts.push(textPart("plain", String(text)));
  if (html !== undefined) texts.push(textPart("html", String(html)));
  if (texts.length === 0) texts.push(textPart("plain", ""));
  const body = multipart("mixed", [multipart("alternative", texts), ...attachments.map(attachmentPart)]);
  return `${header.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n${body}`;
}
