document.getElementById("ask").onsubmit = async event => {
  event.preventDefault();
  const asin = event.target.asin.value.trim(), keywords = event.target.keywords.value.split(",").map(term => term.trim()).filter(Boolean);
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const response = await fetch("/ads", { method: "POST", headers, body: JSON.stringify(asin ? { asin, keywords } : { keywords }) });
  const answer = await response.json();
  document.getElementById("source").textContent = response.ok ? `Source: ${response.headers.get("X-Data-Source")}` : JSON.stringify(answer);
  const lines = (response.ok ? answer : []).map(ad => {
    const line = document.createElement("li"), mark = document.createElement("strong");
    mark.textContent = ad.sponsored ? "Sponsored" : "House ad";
    line.append(mark, ` · ${[ad.title, ad.categories.at(-1)].filter(Boolean).join(" · ")}`);
    return line;
  });
  document.getElementById("ads").replaceChildren(...lines);
};
