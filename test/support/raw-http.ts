import { connect } from 'node:net';

/** An HTTP answer, taken off the wire as it came. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case; a header that came several times has several values. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/**
 * Sends a request byte for byte as given, which no HTTP client would do with headers sent twice, tabs or `//` in the
 * path. Header lines are latin1, as on the wire.
 */
export async function rawRequest(
  origin: string,
  requestLine: string,
  headers: readonly string[] = [],
  body = '',
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  const length = body === '' ? [] : [`Content-Length: ${String(Buffer.byteLength(body))}`];
  const lines = [
    `${requestLine} HTTP/1.1`,
    `Host: ${hostname}`,
    'Connection: close',
    ...headers,
    ...length,
    '',
    body,
  ];
  const socket = connect(Number(port), hostname);
  socket.setTimeout(5000, () => socket.destroy(new Error(`no answer to ${requestLine}`)));
  socket.write(lines.join('\r\n'), 'latin1');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return parse(Buffer.concat(chunks).toString('latin1'));
}

function parse(answer: string): RawAnswer {
  const end = answer.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = answer.slice(0, end).split('\r\n');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  let body = answer.slice(end + 4);
  if (headers.get('transfer-encoding')?.[0] === 'chunked') body = dechunk(body);
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}

function dechunk(body: string): string {
  let rest = body;
  let text = '';
  for (;;) {
    const line = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (!(size > 0)) return text;
    text += rest.slice(line + 2, line + 2 + size);
    rest = rest.slice(line + 2 + size + 2);
  }
}
