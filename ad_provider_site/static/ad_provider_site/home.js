document.getElementById("ask").onsubmit = async event => {
  event.preventDefault();
  const asin = event.target.asin.value.trim(), context = asin ? { asin } : {};
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  const response = await fetch("/ads", { method: "POST", headers, body: JSON.stringify(context) });
  const answer = await response.json();
  document.getElementById("source").textContent = response.ok ? `Source: ${response.headers.get("X-Data-Source")}` : JSON.stringify(answer);
  const lines = (response.ok ? answer : []).map(ad => {
    const line = document.createElement("li");
    line.textContent = [ad.title, ad.categories.at(-1), ad.sponsored && "sponsored"].filter(Boolean).join(" · ");
    return line;
  });
  document.getElementById("ads").replaceChildren(...lines);
};
