// Counts the seconds to the next probe down on the front page, as /status does.
for (const line of document.querySelectorAll("[data-seconds]")) {
  const probe = Date.now() + line.dataset.seconds * 1000;
  const timer = setInterval(() => {
    const left = Math.ceil((probe - Date.now()) / 1000);
    if (left > 0) {
      line.textContent = `next probe in ${left} s`;
      return;
    }
    clearInterval(timer);
    const state = line.previousElementSibling;
    state.className = "half-open";
    state.textContent = "● to be probed (half-open)";
    line.textContent = "the next call is the probe";
  }, 250);
}
