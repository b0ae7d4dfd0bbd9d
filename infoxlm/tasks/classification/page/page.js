// The page: sends the pair to /predict and draws one bar for each label.
import { ask, at, element, fill, follow, line, say, showExamples } from "/common/common.js";

function send() {
  const pair = { premise: at("premise").value, hypothesis: at("hypothesis").value };
  ask(pair, draw, () => at("bars").replaceChildren());
}

function draw({ label, probabilities, truncated }) {
  say(truncated ? `${label}; the end was cut to the model's length` : label);
  const rows = Object.entries(probabilities).map(([name, probability]) => {
    const row = line(element("span", "", name), name, probability);
    if (name === label) row.className = "best";
    return row;
  });
  at("bars").replaceChildren(...rows);
}

follow(["premise", "hypothesis"], send);
showExamples(({ language, premise, hypothesis }) => {
  fill("premise", premise, language);
  fill("hypothesis", hypothesis, language);
  send();
});
