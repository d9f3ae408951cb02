"use strict";
// Links to sections: in a frame that holds the page itself, as MLflow's does, there is no address to add a section to.
if (!/^(https?|file):$/.test(location.protocol)) {
  for (const link of document.querySelectorAll("nav a")) {
    link.addEventListener("click", event => {
      const section = document.getElementById(link.getAttribute("href").slice(1));
      event.preventDefault();
      section.scrollIntoView();
      section.focus({ preventScroll: true });
    });
  }
}
// The map: the point under the pointer says what it is and shows its picture, cut out of one sprite.
for (const cloud of document.querySelectorAll(".cloud")) {
  const card = cloud.querySelector(".card"), thumbnail = card.firstElementChild, [text, name] = card.querySelectorAll("span");
  const { side, sprite, columns } = cloud.dataset, size = 3 * side;
  if (sprite) {
    thumbnail.style.width = thumbnail.style.height = `${size}px`;
    thumbnail.style.backgroundImage = `url(${sprite})`;
    thumbnail.style.backgroundSize = `${columns * size}px auto`;
  }
  cloud.querySelector("input").addEventListener("change", event => cloud.classList.toggle("judged", event.target.checked));
  cloud.addEventListener("pointerover", event => {
    const { line, at, file } = event.target.dataset;
    card.hidden = line === undefined;
    if (card.hidden) return;
    text.textContent = line;
    name.textContent = file;
    thumbnail.hidden = at === undefined;
    if (!thumbnail.hidden) {
      thumbnail.style.backgroundPosition = `-${(at % columns) * size}px -${Math.floor(at / columns) * size}px`;
    }
    const point = event.target.getBoundingClientRect(), frame = cloud.getBoundingClientRect();
    const x = point.left - frame.left, rightHalf = x > frame.width / 2;
    card.style.left = rightHalf ? "" : `${x + 14}px`;
    card.style.right = rightHalf ? `${frame.width - x + 14}px` : "";
    card.style.top = `${point.top - frame.top}px`;
  });
}
