// The page: sends the pair to /predict and draws one bar for each label.
"use strict";

const at = (id) => document.getElementById(id);
let newest = 0;

async function ask(event) {
  event?.preventDefault();
  const number = ++newest;
  say("Asking …");
  const headers = { "Content-Type": "application/json" };
  if (at("key").value) headers["Authorization"] = `Bearer ${at("key").value}`;
  const body = JSON.stringify({
    premise: at("premise").value,
    hypothesis: at("hypothesis").value,
    truncate: at("truncate").checked,
  });
  let answer, content;
  try {
    answer = await fetch("/predict", { method: "POST", headers, body });
    content = await answer.json();
  } catch (error) {
    if (number === newest) refuse("The server did not answer. Is it still running?");
    return;
  }
  if (number !== newest) return; // a later question is on its way
  if (answer.status === 401) at("lock").hidden = false;
  if (!answer.ok) {
    const { what, where, remedy } = content.error;
    refuse(`${where}: ${what}. ${remedy}`);
    return;
  }
  draw(content.predictions[0]);
}

function say(text) {
  at("status").textContent = text;
  at("status").classList.remove("refused");
}

function refuse(text) {
  say(text);
  at("status").classList.add("refused");
  at("bars").replaceChildren();
}

function draw(prediction) {
  const { label, probabilities, truncated } = prediction;
  say(truncated ? `${label}; the end was cut to the model's length` : label);
  const rows = Object.entries(probabilities).map(([name, probability]) => {
    const percent = `${(100 * probability).toFixed(1)} %`;
    const row = document.createElement("li");
    if (name === label) row.className = "best";
    const track = element("div", "track", "");
    const bar = element("div", `bar ${name}`, "");
    bar.style.width = percent.replace(" ", "");
    track.append(bar);
    row.append(element("span", "", name), track, element("span", "share", percent));
    return row;
  });
  at("bars").replaceChildren(...rows);
}

function element(tag, style, text) {
  const made = document.createElement(tag);
  made.className = style;
  made.textContent = text;
  return made;
}

async function showExamples() {
  const examples = await (await fetch(`/page/${at("examples").dataset.file}`)).json();
  for (const { language, name, premise, hypothesis } of examples) {
    const button = element("button", "", name);
    button.type = "button";
    button.lang = language;
    button.dir = "auto";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      at("examples").querySelector("[aria-pressed=true]")?.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", "true");
      for (const [id, text] of [["premise", premise], ["hypothesis", hypothesis]]) {
        at(id).lang = language;
        at(id).value = text;
      }
      ask();
    });
    at("examples").append(button);
  }
  // A link such as /#sw opens with that language's example.
  const wanted = location.hash.slice(1);
  if (wanted) at("examples").querySelector(`[lang="${CSS.escape(wanted)}"]`)?.click();
}

at("form").addEventListener("submit", ask);
for (const id of ["premise", "hypothesis"]) {
  at(id).addEventListener("input", () => at(id).removeAttribute("lang"));
}
showExamples();
