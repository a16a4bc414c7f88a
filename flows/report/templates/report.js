(() => {
  const root = document.documentElement;
  const button = document.getElementById("play");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let playing = !calm.matches;
  const show = () => {
    root.classList.toggle("playing", playing);
    root.classList.toggle("paused", !playing);
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-label", playing ? "Pause all films" : "Play all films");
  };
  const set = (value) => {
    playing = value;
    show();
  };
  button.hidden = !document.querySelector(".film");
  button.addEventListener("click", () => set(!playing));
  calm.addEventListener("change", () => set(!calm.matches));
  show();
  // Elements that were parsed later began later: all films go back to frame 0 together.
  for (const animation of document.getAnimations()) animation.currentTime = 0;
})();
