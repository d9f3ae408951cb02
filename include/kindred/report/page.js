"use strict";
// The map: the point under the pointer says what it is and shows its picture, cut out of one sprite.
for (const cloud of document.querySelectorAll(".cloud")) {
  const card = cloud.querySelector(".card"), thumbnail = card.firstElementChild, text = card.lastElementChild;
  const { side, sprite, columns } = cloud.dataset, size = 3 * side;
  if (sprite) {
    thumbnail.style.width = thumbnail.style.height = `${size}px`;
    thumbnail.style.backgroundImage = `url(${sprite})`;
    thumbnail.style.backgroundSize = `${columns * size}px auto`;
  }
  cloud.querySelector("input").addEventListener("change", event => cloud.classList.toggle("judged", event.target.checked));
  cloud.addEventListener("pointerover", event => {
    const { line, at } = event.target.dataset;
    card.hidden = line === undefined;
    if (card.hidden) return;
    text.textContent = line;
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
