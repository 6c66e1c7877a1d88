// Puts the web platform's fetching, events and data types on the global object.

import { AbortController, AbortSignal } from "./abort.js";
import { Blob, File } from "./blob.js";
import { Body } from "./body.js";
import { Cache, CacheStorage, caches } from "./cache.js";
import {
  CloseEvent, CustomEvent, defineEventHandlers, ErrorEvent, Event, EventTarget, ExtendableEvent, installGlobalScope,
  MessageEvent, PromiseRejectionEvent, reportError, ServiceWorkerGlobalScope, WorkerGlobalScope,
} from "./events.js";
import { EventSource } from "./eventsource.js";
import { fetch, Fetcher } from "./fetch.js";
import { FormData } from "./formdata.js";
import { Headers } from "./headers.js";
import { showAttributes, showEntries } from "./inspectable.js";
import { MessageChannel, MessagePort } from "./message_channel.js";
import { Navigator, navigator } from "./navigator.js";
import { Request } from "./request.js";
import { Response } from "./response.js";
import { URL, URLSearchParams } from "./url.js";
import { URLPattern } from "./urlpattern.js";
import { WebSocket, WebSocketPair, WebSocketRequestResponsePair } from "./websocket.js";
import { expose } from "./webidl.js";

expose({
  AbortController,
  AbortSignal,
  Blob,
  Body,
  Cache,
  CacheStorage,
  CloseEvent,
  CustomEvent,
  ErrorEvent,
  Event,
  EventSource,
  EventTarget,
  ExtendableEvent,
  Fetcher,
  File,
  FormData,
  Headers,
  MessageChannel,
  MessageEvent,
  MessagePort,
  Navigator,
  PromiseRejectionEvent,
  Request,
  Response,
  ServiceWorkerGlobalScope,
  URL,
  URLPattern,
  URLSearchParams,
  WebSocket,
  WebSocketPair,
  WebSocketRequestResponsePair,
  WorkerGlobalScope,
});

Object.assign(globalThis, { caches, fetch, navigator, origin: "null", reportError });

installGlobalScope(globalThis);
defineEventHandlers(ServiceWorkerGlobalScope.prototype, ["error", "unhandledrejection", "rejectionhandled"]);

for (const Class of [
  AbortSignal, Blob, CloseEvent, CustomEvent, ErrorEvent, Event, EventSource, File, MessageEvent, PromiseRejectionEvent,
  Request, Response, URL, URLPattern, WebSocket,
]) {
  showAttributes(Class);
}
for (const Class of [FormData, Headers, URLSearchParams]) showEntries(Class);
