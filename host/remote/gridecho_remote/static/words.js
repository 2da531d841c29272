// What scripts say: each has its sentences in one object, in English; the page may hand over others in the reader's language.
const element = document.getElementById("words");
export const handedOver = element ? JSON.parse(element.textContent) : {};

// say("{count} datagrams", { count: 3 })
export const say = (sentence, fields) => sentence.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
