export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly text: string;
}

/** As much of a browser as a login needs: cookies, redirects, and forms that are filled in and sent. */
export class Browser {
  readonly #cookies: { readonly name: string; readonly value: string; readonly path: string }[] = [];

  open(url: URL): Promise<Page> {
    return this.#request(url);
  }

  /** Sends the one form of the page: its hidden fields as they are, the others with the given values. */
  submit(page: Page, values: Record<string, string>): Promise<Page> {
    const action = /<form[^>]* action="([^"]+)"/.exec(page.text)?.[1];
    if (!action) {
      throw new Error(`${page.url.href} answered ${page.status} without a form: ${page.text.slice(0, 500)}`);
    }
    const form = new URLSearchParams();
    for (const [input] of page.text.matchAll(/<input[^>]*>/g)) {
      const name = / name="([^"]*)"/.exec(input)?.[1];
      const hidden = input.includes('type="hidden"') ? / value="([^"]*)"/.exec(input)?.[1] : undefined;
      if (name) form.set(name, hidden ?? values[name] ?? '');
    }
    for (const [button] of page.text.matchAll(/<button[^>]*>/g)) {
      const name = / name="([^"]*)"/.exec(button)?.[1];
      if (name !== undefined && Object.hasOwn(values, name)) form.set(name, values[name] ?? '');
    }
    return this.#request(new URL(unescapeHtml(action), page.url), form);
  }

  async #request(start: URL, form?: URLSearchParams): Promise<Page> {
    let url = start;
    let body = form;
    for (let redirects = 0; redirects < 10; redirects += 1) {
      const response = await fetch(url, {
        method: body ? 'POST' : 'GET',
        headers: { accept: 'text/html', cookie: this.#cookiesFor(url) },
        ...(body && { body }),
        redirect: 'manual',
      });
      for (const header of response.headers.getSetCookie()) this.#keep(header);
      const text = await response.text();
      const location = response.headers.get('location');
      if (!location) return { url, status: response.status, text };
      url = new URL(location, url);
      // Every redirect of a login (302, 303) is followed by GET.
      body = undefined;
    }
    throw new Error(`Ten redirects in a row, the last one to ${url.href}`);
  }

  /** The server has cookies of one name at several paths at once, and removes them one by one. */
  #keep(header: string): void {
    const [pair = '', ...attributes] = header.split(/; */);
    const attribute = (name: string): string | undefined =>
      attributes.find((text) => text.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
    const name = pair.slice(0, pair.indexOf('='));
    const path = attribute('path') ?? '/';
    const known = this.#cookies.findIndex((cookie) => cookie.name === name && cookie.path === path);
    if (known !== -1) this.#cookies.splice(known, 1);
    const expires = attribute('expires');
    if (expires && Date.parse(expires) < Date.now()) return;
    this.#cookies.push({ name, value: pair.slice(name.length + 1), path });
  }

  // Ports do not separate cookies, and all of a login happens on one host.
  #cookiesFor({ pathname }: URL): string {
    return this.#cookies
      .filter(({ path }) => path === '/' || pathname === path || pathname.startsWith(`${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }
}

function unescapeHtml(text: string): string {
  return text.replaceAll('&amp;', '&');
}
