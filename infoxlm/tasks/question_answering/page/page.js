// The page: sends question and context to /predict, and marks the answer in the context.
import { ask, at, element, fill, follow, line, press, say, showExamples } from "/common/common.js";

function send() {
  const context = at("context").value;
  ask({ question: at("question").value, context }, (found) => draw(found, context), clear);
}

function clear() {
  at("bars").replaceChildren();
  at("found").hidden = true;
}

function draw(prediction, context) {
  const cut = prediction.truncated ? "; the question was cut to the model's length" : "";
  say((prediction.answer || "The text does not say") + cut);
  // The server counts characters; JavaScript's strings count halves of rarer ones.
  const characters = Array.from(context);
  const rows = [prediction, ...prediction.alternatives].map((answer) => {
    const button = element("button", "", answer.answer || "no answer");
    button.type = "button";
    button.dir = "auto";
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      press(button, at("bars"));
      mark(characters, answer);
    });
    return line(button, "", answer.probability);
  });
  at("bars").replaceChildren(...rows);
  rows[0].querySelector("button").click();
}

function mark(characters, { start, end }) {
  const part = (from, to) => characters.slice(from, to).join("");
  const marked = element("mark", "", part(start, end));
  at("marked").replaceChildren(part(0, start), marked, part(end));
  at("marked").lang = at("context").lang;
  at("found").hidden = start === end; // "no answer" stands nowhere
}

follow(["context", "question"], send);
showExamples(({ language, asked, context, questions }) => {
  fill("context", context, language);
  fill("question", questions[0], asked ?? language);
  send();
});
