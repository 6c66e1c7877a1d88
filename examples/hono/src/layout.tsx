import type { Child, FC } from "hono/jsx";

const PAGES = [
  ["/", "Home"],
  ["/notes", "Notes"],
  ["/stream", "Stream"],
  ["/echo", "Echo"],
  ["/api", "API"],
] as const;

interface Props {
  title: string;
  site: string;
  path: string;
  children?: Child;
}

export const Layout: FC<Props> = ({ title, site, path, children }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>{`${title} · ${site}`}</title>
      <link rel="icon" href="/lagoon.svg" />
      <link rel="stylesheet" href="/style.css" />
    </head>
    <body>
      <header>
        <a class="brand" href="/">
          <img src="/lagoon.svg" alt="" width="32" height="32" />
          {site}
        </a>
        <nav>
          {PAGES.map(([href, name]) => (
            <a href={href} aria-current={href === path ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
      </header>
      <main>{children}</main>
      <footer>Hono on Atoll: one process for the server, one jailed process for this code.</footer>
    </body>
  </html>
);
