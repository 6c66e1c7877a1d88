// A page that reconnects just as an interrupted answer goes on can miss the beginning of it, and wait for an end that has
// been: the SDK's handshake for the part before lets the part after through before that is replayed. The agent keeps every
// word, so the page asks it when an answer has ended.

import { getAgentMessages, type useAgentChat } from "@cloudflare/ai-chat/react";
import { useEffect, useRef } from "react";

type Chat = ReturnType<typeof useAgentChat>;

/** Which answer has ended with this message of the agent: a number that grows, or zero while one goes on. */
export function endOfAnswer(data: unknown, last: number): number {
  if (typeof data !== "string" || !data.includes('"cf_agent_use_chat_response"')) return last;
  const { done, replay } = JSON.parse(data) as { done?: boolean; replay?: boolean };
  return done && !replay ? Date.now() : 0;
}

/** Shows what the agent has kept once an answer has `ended`. */
export function useWholeAnswers(name: string, ended: number, busy: boolean, setMessages: Chat["setMessages"], stop: Chat["stop"]) {
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
}
