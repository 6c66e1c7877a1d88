// A page that reconnects just as an interrupted answer goes on can miss the beginning of it, and wait for an end that has
// been: the SDK's handshake for the part before lets the part after through before that is replayed. The agent keeps every
// word, so the page asks it when an answer has ended. It also asks when it has connected and nothing is being answered: an
// answer may have ended after the page read what there was, and before it could hear any more.

import { getAgentMessages, type useAgentChat } from "@cloudflare/ai-chat/react";
import { useEffect, useRef } from "react";

type Chat = ReturnType<typeof useAgentChat>;

/** Which answer has ended with this message of the agent: a number that grows, or zero while one goes on. */
export function endOfAnswer(data: unknown, last: number): number {
  if (typeof data !== "string" || !data.includes('"cf_agent_use_chat_response"')) return last;
  const { done, replay } = JSON.parse(data) as { done?: boolean; replay?: boolean };
  return done && !replay ? Date.now() : 0;
}

/** Whether the agent says with this message that there is no answer to be gone on with. */
export function isIdle(data: unknown): boolean {
  if (typeof data !== "string" || !data.includes('"cf_agent_stream_resume_none"')) return false;
  return (JSON.parse(data) as { reason?: string }).reason === "idle";
}

/** Shows what the agent has kept once an answer has `ended`, and each time that it was found to be `idle`. */
export function useWholeAnswers(name: string, ended: number, idle: number, busy: boolean, setMessages: Chat["setMessages"], stop: Chat["stop"]) {
  // Whether the page has stopped waiting since. If it has not, it never will by itself; if it has, it may wait for another answer.
  const rested = useRef(!busy);
  if (!busy) rested.current = true;
  useEffect(() => {
    if (ended === 0) return;
    rested.current = !busy;
    let over = false;
    void getAgentMessages({ host: location.origin, agent: "Campfire", name }).then(async (kept) => {
      if (over) return;
      if (!rested.current) await stop();
      setMessages((shown) => (kept.length < shown.length ? shown : kept));
    });
    return () => {
      over = true;
    };
  }, [ended]);
  useEffect(() => {
    if (idle === 0 || busy) return;
    let over = false;
    void getAgentMessages({ host: location.origin, agent: "Campfire", name }).then((kept) => {
      if (!over) setMessages((shown) => (kept.length > shown.length ? kept : shown));
    });
    return () => {
      over = true;
    };
  }, [idle]);
}
