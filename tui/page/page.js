// The terminal takes keys at once, without a click.
const looking = setInterval(() => {
  const field = document.querySelector(".xterm-helper-textarea");
  if (field && document.body.classList.contains("-first-byte")) {
    field.focus();
    clearInterval(looking);
  }
}, 50);
