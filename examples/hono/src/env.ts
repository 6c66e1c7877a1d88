/** What the configuration puts into `env`. */
export interface Env {
  TITLE: string;
  COOKIE_SECRET: string;
  ASSETS: { fetch(request: Request): Promise<Response> };
}

export interface App {
  Bindings: Env;
  Variables: { requestId: string };
}
