// Elements, numbers as text, and the server's answers.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}\u00a0%`;

export async function get(address, options) {
  const answer = await fetch(address, options);
  if (answer.status === 401) throw new Error("You are no longer logged in: reload the page.");
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}
