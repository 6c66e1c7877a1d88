// Puts the web platform's fetching, events and data types on the global object.

import { AbortController, AbortSignal } from "./abort.js";
import { Blob, File } from "./blob.js";
import { Body } from "./body.js";
import {
  CloseEvent, CustomEvent, defineEventHandlers, ErrorEvent, Event, EventTarget, ExtendableEvent, installGlobalScope,
  MessageEvent, PromiseRejectionEvent, reportError, ServiceWorkerGlobalScope, WorkerGlobalScope,
} from "./events.js";
import { fetch, Fetcher } from "./fetch.js";
import { FormData } from "./formdata.js";
import { Headers } from "./headers.js";
import { Navigator, navigator } from "./navigator.js";
import { Request } from "./request.js";
import { Response } from "./response.js";
import { URL, URLSearchParams } from "./url.js";
import { WebSocket, WebSocketPair, WebSocketRequestResponsePair } from "./websocket.js";
import { expose } from "./webidl.js";

expose({
  AbortController,
  AbortSignal,
  Blob,
  Body,
  CloseEvent,
  CustomEvent,
  ErrorEvent,
  Event,
  EventTarget,
  ExtendableEvent,
  Fetcher,
  File,
  FormData,
  Headers,
  MessageEvent,
  Navigator,
  PromiseRejectionEvent,
  Request,
  Response,
  ServiceWorkerGlobalScope,
  URL,
  URLSearchParams,
  WebSocket,
  WebSocketPair,
  WebSocketRequestResponsePair,
  WorkerGlobalScope,
});

Object.assign(globalThis, { fetch, navigator, origin: "null", reportError });

installGlobalScope(globalThis);
defineEventHandlers(ServiceWorkerGlobalScope.prototype, ["error", "unhandledrejection", "rejectionhandled"]);
