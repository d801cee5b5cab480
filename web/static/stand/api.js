// Calls of the API with the session's cookie and the page's token.
const stand = document.getElementById("stand");
export const slug = stand.dataset.slug;
export const words = JSON.parse(stand.dataset.words);

/** A text in the page's language, with its values filled in. */
export function say(name, values = {}) {
  const text = words[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/** Send JSON. Returns {ok, status, body}; status 0: no answer, and the outcome is unknown. */
export async function call(method, path, body = {}, headers = {}) {
  try {
    const answer = await fetch(`/api/v1${path}`, {
      method,
      credentials: "same-origin",
      headers: {
        "Content-Type": "application/json",
        "Page-Token": stand.dataset.pageToken,
        ...headers,
      },
      body: method === "GET" ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
    if (answer.status === 401) location.reload(); // to the sign-in page, and back here
    const text = await answer.text();
    return { ok: answer.ok, status: answer.status, body: text ? JSON.parse(text) : {} };
  } catch {
    return { ok: false, status: 0, body: {} };
  }
}

/** A page of the stand as a document. Null without an answer. */
export async function page(path) {
  try {
    const answer = await fetch(path, {
      credentials: "same-origin",
      signal: AbortSignal.timeout(20_000),
    });
    if (answer.redirected && answer.url.includes("/sign-in")) location.reload();
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return null;
  }
}
