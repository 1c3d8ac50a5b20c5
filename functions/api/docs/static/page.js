// One tab a dialect; what is shown is in the address, so that it can be linked to.
const tabs = document.querySelector("#dialects");

function show(documents) {
  const wanted = location.hash.slice(1).split("/")[0];
  const shown = documents.find((d) => d.id === wanted) ?? documents[0];
  for (const tab of tabs.children) {
    tab.setAttribute("aria-current", tab.hash === "#" + shown.id ? "page" : "false");
  }
  document.title = shown.name + ", Roost";
  SwaggerUIBundle({
    url: shown.url,
    dom_id: "#document",
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
}

const documents = await (await fetch("/docs/documents.json")).json();
for (const d of documents) {
  d.id = d.url.split("/")[2];
  const tab = document.createElement("a");
  tab.href = "#" + d.id;
  tab.textContent = d.name;
  tabs.append(tab);
}
addEventListener("hashchange", () => show(documents));
show(documents);
