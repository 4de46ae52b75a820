import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** Says to a client that asked first (`Expect: 100-continue`) that its body is wanted. Before a body is read. */
    askForBody(): void;
    /** Whether the client holds its body back until it is asked for it. */
    holdsBodyBack(): boolean;
  }
}

/**
 * Lets a client that asks whether it may send its body know when somebody wants to read it. Node alone says so at
 * once, and curl would send a zip of 500 MB before it hears that its name is wrong.
 */
export function holdContinueBack(app: FastifyInstance): void {
  const asking = new WeakMap<IncomingMessage, ServerResponse>();
  app.server.on("checkContinue", (raw: IncomingMessage, response: ServerResponse) => {
    asking.set(raw, response);
    // A client that is refused may or may not send the body all the same: nobody can tell where its next request begins.
    response.setHeader("connection", "close");
    app.server.emit("request", raw, response);
  });
  app.decorateRequest("askForBody", function () {
    const response = asking.get(this.raw);
    if (response === undefined) return;
    asking.delete(this.raw);
    response.removeHeader("connection");
    response.writeContinue();
  });
  app.decorateRequest("holdsBodyBack", function () {
    return asking.has(this.raw);
  });
}
