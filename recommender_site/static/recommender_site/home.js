for (const button of document.querySelectorAll("[data-path]"))
  button.onclick = async () => { await fetch(button.dataset.path, { method: "POST" }); location.reload(); };
