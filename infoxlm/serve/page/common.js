// What the pages of all tasks share: asking the server, saying what it answered, examples.

export const at = (id) => document.getElementById(id);
let newest = 0;

// Sends texts to /predict, and draws the answer unless a later question is on its way.
export async function ask(texts, draw, clear) {
  const number = ++newest;
  say("Asking …");
  const headers = { "Content-Type": "application/json" };
  if (at("key").value) headers["Authorization"] = `Bearer ${at("key").value}`;
  const body = JSON.stringify({ ...texts, truncate: at("truncate").checked });
  const refuse = (text) => {
    say(text);
    at("status").classList.add("refused");
    clear();
  };
  let answer, content;
  try {
    answer = await fetch("/predict", { method: "POST", headers, body });
    content = await answer.json();
  } catch (error) {
    if (number === newest) refuse("The server did not answer. Is it still running?");
    return;
  }
  if (number !== newest) return;
  if (answer.status === 401) at("lock").hidden = false;
  if (!answer.ok) {
    const { what, where, remedy } = content.error;
    refuse(`${where}: ${what}. ${remedy}`);
    return;
  }
  draw(content.predictions[0]);
}

export function say(text) {
  at("status").textContent = text;
  at("status").classList.remove("refused");
}

export function element(tag, style, text) {
  const made = document.createElement(tag);
  made.className = style;
  made.textContent = text;
  return made;
}

// A line of the list of answers: what it is, and its probability as a bar and in figures.
export function line(what, style, probability) {
  const percent = `${(100 * probability).toFixed(1)} %`;
  const row = document.createElement("li");
  const track = element("div", "track", "");
  const bar = element("div", `bar ${style}`, "");
  bar.style.width = percent.replace(" ", "");
  track.append(bar);
  row.append(what, track, element("span", "share", percent));
  return row;
}

// One button of a group is pressed; the others are not.
export function press(button, group) {
  group.querySelector("[aria-pressed=true]")?.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-pressed", "true");
}

export function fill(id, text, language) {
  at(id).value = text;
  at(id).lang = language;
}

// Makes a button of each example. A link such as /#sw opens with that language's.
export async function showExamples(choose) {
  const place = at("examples");
  const examples = await (await fetch(`/page/${place.dataset.file}`)).json();
  for (const example of examples) {
    const button = element("button", "", example.name);
    button.type = "button";
    button.lang = example.language;
    button.dir = "auto";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      press(button, place);
      choose(example);
    });
    place.append(button);
  }
  const wanted = location.hash.slice(1);
  if (wanted) place.querySelector(`[lang="${CSS.escape(wanted)}"]`)?.click();
}

// Asks when the form is sent. Texts that are typed are in no language that we know of.
export function follow(fields, send) {
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  for (const id of fields) {
    at(id).addEventListener("input", () => at(id).removeAttribute("lang"));
  }
}
