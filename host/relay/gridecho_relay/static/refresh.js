// Shows the page's figures anew every two seconds; when the relay is away the last ones stay, dimmed.
const live = document.getElementById("live");

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    live.innerHTML = page.getElementById("live").innerHTML;
    live.style.opacity = 1;
  } catch {
    live.style.opacity = 0.4;
  }
  setTimeout(refresh, 2000);
}

setTimeout(refresh, 2000);
