import type { FC } from "hono/jsx";

const CALLS = [
  ["GET", "/api/time", "what the worker's clock says"],
  ["GET", "/api/notes", "your notes"],
  ["POST", "/api/notes", "a new one, from { \"text\": … }"],
  ["GET", "/api/digest/hello", "SHA-256 of a word"],
  ["GET", "/api/nothing", "a 404 in JSON"],
] as const;

export const Api: FC<{ origin: string }> = ({ origin }) => (
  <>
    <h1>API</h1>
    <table>
      {CALLS.map(([method, path, text]) => (
        <tr>
          <td>
            <code>{method}</code>
          </td>
          <td>{method === "GET" ? <a href={path}>{path}</a> : path}</td>
          <td class="quiet">{text}</td>
        </tr>
      ))}
    </table>
    <pre>{`curl -X POST ${origin}/api/notes -H 'content-type: application/json' -d '{"text":"tide"}'`}</pre>
  </>
);
