import type { FC } from "hono/jsx";

const CARDS = [
  ["/notes", "Notes", "Forms, redirects and a signed cookie. Works without any script in the browser."],
  ["/stream", "Stream", "A page that arrives in pieces, while the worker is still writing it."],
  ["/echo", "Echo", "A WebSocket that answers what you send, and what it counts."],
  ["/api", "API", "JSON with validation, and errors that say what is wrong."],
] as const;

export const Home: FC<{ visits: number; greeting: string }> = ({ visits, greeting }) => (
  <>
    <section class="hero">
      <h1>{greeting}</h1>
      <p>
        A small site with everything that a stateless worker needs. {visits === 1 ? "This is your first visit." : `You have been here ${visits} times.`}
      </p>
    </section>
    <section class="cards">
      {CARDS.map(([href, name, text]) => (
        <a class="card" href={href}>
          <h2>{name}</h2>
          <p>{text}</p>
        </a>
      ))}
    </section>
    <p class="quiet">
      Curious what an error looks like while you develop? <a href="/boom">Throw one.</a>
    </p>
  </>
);
