import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { Connection } from "../../src/http/connections/connection.ts";

/** The times of one connection, with a clock and a socket of the test's own. */

interface FakeSocket {
  bytesWritten: number;
  writableLength: number;
  writableEnded: boolean;
  _handle: { writeQueueSize: number };
}

const nobodyUploads = () => false;

function open(now = 0, isTls = false) {
  const socket: FakeSocket & Pick<Socket, "remoteAddress" | "remotePort"> = {
    bytesWritten: 0,
    writableLength: 0,
    writableEnded: false,
    _handle: { writeQueueSize: 0 },
    remoteAddress: "127.0.0.1",
    remotePort: 5,
  };
  const connection = new Connection(socket as unknown as Socket, { isTls, exceeds: undefined, now });
  return { socket, connection };
}

function response({ headersSent = false, complete = true } = {}): ServerResponse {
  return { headersSent, req: { complete } } as unknown as ServerResponse;
}

describe("a reply that the client does not take", () => {
  test("stalls from the last progress on", () => {
    const { socket, connection } = open();
    expect(connection.stalledFor(1000)).toBe(0);
    Object.assign(socket, { bytesWritten: 5000, writableLength: 5000, _handle: { writeQueueSize: 5000 } });
    expect(connection.stalledFor(2000)).toBe(0);
    expect(connection.stalledFor(3000)).toBe(1000);
    socket._handle.writeQueueSize = 4000; // of one long write, the system took a part
    expect(connection.stalledFor(4000)).toBe(0);
    expect(connection.stalledFor(9000)).toBe(5000);
    Object.assign(socket, { writableLength: 0, _handle: { writeQueueSize: 0 } });
    expect(connection.stalledFor(10_000)).toBe(0);
  });

  test("makes no progress by growing", () => {
    const { socket, connection } = open();
    Object.assign(socket, { bytesWritten: 5000, writableLength: 5000, _handle: { writeQueueSize: 5000 } });
    connection.stalledFor(1000);
    Object.assign(socket, { bytesWritten: 9000, writableLength: 9000 }); // more is waiting behind it
    expect(connection.stalledFor(3000)).toBe(2000);
  });

  test("is also an end that never comes", () => {
    const { socket, connection } = open();
    socket.writableEnded = true;
    connection.stalledFor(1000);
    expect(connection.stalledFor(6000)).toBe(5000);
  });
});

describe("a connection waits for its client", () => {
  test("before its first request and after the last reply", () => {
    const { connection } = open(1000);
    expect([connection.isIdle, connection.idleFor(1500), connection.waitingFor(1500, nobodyUploads)]).toEqual([
      true,
      500,
      500,
    ]);
    const reply = response();
    connection.begin(reply, 2000);
    connection.stalledFor(9000);
    expect([connection.isIdle, connection.idleFor(9000), connection.waitingFor(9000, nobodyUploads)]).toEqual([
      false,
      0,
      0,
    ]);
    connection.finish(reply, 9000);
    expect(connection.idleFor(9100)).toBe(100);
  });

  test("for the rest of a body, unless that is a file", () => {
    const { connection } = open();
    connection.begin(response({ complete: false }), 2000);
    connection.stalledFor(9000);
    expect(connection.waitingFor(9000, nobodyUploads)).toBe(7000);
    expect(connection.waitingFor(9000, () => true)).toBe(0);
  });

  test("to end the TLS handshake, and then for a request", () => {
    const { socket, connection } = open(0, true);
    expect([connection.isInHandshake, connection.idleFor(500), connection.stalledFor(500)]).toEqual([true, 500, 0]);
    connection.secured(socket as unknown as Socket, 600);
    expect([connection.isInHandshake, connection.idleFor(700)]).toEqual([false, 100]);
  });
});

describe("requests of one connection", () => {
  test("begin one after the other", () => {
    const { connection } = open();
    const replies = [response(), response(), response()] as const;
    const begun: number[] = [];
    for (const [index, reply] of replies.entries()) {
      connection.begin(reply, 0);
      connection.inTurn(reply, () => begun.push(index));
    }
    expect(begun).toEqual([0]);
    connection.finish(replies[0], 1);
    expect(begun).toEqual([0, 1]);
    connection.finish(replies[1], 2);
    connection.finish(replies[2], 3);
    expect([begun, connection.isIdle]).toEqual([[0, 1, 2], true]);
  });

  test("do not begin once the connection is closed", () => {
    const { connection } = open();
    const replies = [response(), response(), response()] as const;
    const begun: number[] = [];
    for (const [index, reply] of replies.slice(0, 2).entries()) {
      connection.begin(reply, 0);
      connection.inTurn(reply, () => begun.push(index));
    }
    connection.closed();
    connection.inTurn(replies[2], () => begun.push(2));
    connection.finish(replies[0], 1);
    expect(begun).toEqual([0]);
  });
});
