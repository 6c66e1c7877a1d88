import type { FC } from "hono/jsx";

export const Echo: FC = () => (
  <>
    <h1>Echo</h1>
    <form id="say" class="row">
      <input id="text" placeholder="Say something" autocomplete="off" disabled />
      <button disabled>Send</button>
    </form>
    <ol id="log" class="log" aria-live="polite" />
    <script src="/echo.js" />
  </>
);
