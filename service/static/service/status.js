const SECONDS = 600, GAP = 5, TIMEOUT = 5000, SOURCES = ["live", "stale", "default"];
const WORDS = { closed: "up", open: "down", "half-open": "to be probed" };
const OVERRIDES = { "force-open": "forced down", "force-close": "forced up", reset: "reset" };
let asOf = "never";

const make = (tag, text, className = "") => Object.assign(document.createElement(tag), { textContent: text, className });

function clock(time) {
  const date = new Date(time), isToday = date.toDateString() === new Date().toDateString();
  return isToday ? date.toLocaleTimeString() : date.toLocaleString();
}

function words(breaker) {
  const said = [], standby = breaker.standby;
  if (standby) said.push(standby.age === null ? "Nothing to answer reads from." : `A ${standby.kind}, ${Math.round(standby.age)} s old.`);
  if (breaker.forced) said.push(`Overridden: ${OVERRIDES[breaker.forced]}.`);
  else if (breaker.state === "open") said.push(`Next probe in ${Math.ceil(breaker.retry_after)} s.`);
  else if (breaker.state === "half-open") said.push("The next call is the probe.");
  if (breaker.last_error) said.push(`Last error: ${breaker.last_error.cause}, ${clock(breaker.last_error.time)}.`);
  return said.join(" ") || "No error so far.";
}

// Which part of the worker processes is in this state, if not all are.
function share(breaker) {
  const all = Object.values(breaker.workers).reduce((sum, number) => sum + number, 0), here = breaker.workers[breaker.state];
  return here < all ? ` in ${here} of ${all} processes` : "";
}

function draw(svg, legend, timeline) {
  const most = Math.max(1, ...timeline.map(second => second.live + second.stale + second.default));
  const slowest = Math.max(0.001, ...timeline.map(second => second.slowest));
  let shapes = "", line = "", before = Infinity;
  for (const second of timeline) {
    const x = SECONDS - 1 - second.ago;
    let y = 100;
    for (const source of SOURCES) {
      const height = second[source] / most * 100;
      if (height) shapes += `<rect class="${source}" x="${x}" y="${y -= height}" width="1" height="${height}"/>`;
    }
    // The line has a gap where there were no requests.
    line += (before - second.ago > GAP ? "M" : "L") + `${x} ${97 - second.slowest / slowest * 94}h0`;
    before = second.ago;
  }
  svg.innerHTML = shapes + `<path d="${line}"/>`;
  const sums = SOURCES.map(source => make("b", `■ ${timeline.reduce((sum, second) => sum + second[source], 0)} ${source}`, source));
  const scales = [`up to ${most} a second`, `— slowest, up to ${(slowest * 1000).toFixed(0)} ms`];
  legend.replaceChildren(...sums, ...(timeline.length ? scales : ["no answers yet"]).map(text => make("span", text)));
}

function show(section, breaker) {
  const state = section.querySelector(".state");
  state.className = `state ${breaker.state}`;
  state.textContent = `● ${WORDS[breaker.state]} (${breaker.state})${share(breaker)}`;
  section.querySelector(".words").textContent = words(breaker);
  draw(section.querySelector("svg"), section.querySelector(".legend"), breaker.timeline);
  const events = section.querySelector(".events"), known = JSON.stringify(breaker.events);
  if (events.known === known) return;  // keeps a selection that somebody wants to copy
  events.known = known;
  section.querySelector("summary").textContent = `State changes (${breaker.events.length})`;
  events.replaceChildren(...breaker.events.map(event => {
    const line = make("li");
    line.append(make("span", clock(event.time)), make("b", `${WORDS[event.from_state]} → ${WORDS[event.to_state]}`),
      make("span", OVERRIDES[event.cause] ?? event.cause), make("code", event.request_id ?? ""));
    return line;
  }));
}

function ask(section, options) {
  return fetch(`/breakers/${section.dataset.name}?workers=all`, { signal: AbortSignal.timeout(TIMEOUT), ...options });
}

async function refresh() {
  let isLost = false;
  try {
    await Promise.all([...document.querySelectorAll(".breaker")].map(async section => {
      const response = await ask(section, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(response.status);
      show(section, await response.json());
    }));
    asOf = new Date().toLocaleTimeString();
  } catch {
    isLost = true;
  }
  document.body.classList.toggle("lost", isLost);
  document.getElementById("fresh").textContent = isLost ? `the service does not answer; retrying. Last answer: ${asOf}` : `as of ${asOf}`;
  setTimeout(refresh, 1000);
}

for (const button of document.querySelectorAll("button"))
  button.onclick = async () => {
    const section = button.closest(".breaker"), result = section.querySelector(".result");
    const named = `${document.querySelector("main").dataset.csrfCookie}=`;
    const token = document.cookie.split("; ").find(cookie => cookie.startsWith(named))?.slice(named.length) ?? "";
    const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": token };
    result.textContent = "…";
    try {
      const response = await ask(section, { method: "POST", headers, body: JSON.stringify({ action: button.value }) });
      const answer = await response.json();
      if (response.ok) show(section, answer);
      const why = response.status === 401 ? "sign in as an operator first." : answer.detail ?? JSON.stringify(answer);
      result.textContent = response.ok ? "Done." : `Not done: ${why}`;
    } catch {
      result.textContent = "The service does not answer.";
    }
  };
refresh();
